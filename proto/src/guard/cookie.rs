//! Cookies: who gets which, and whether one is good. Keeps nothing about anybody.

use super::crypto::{self, Secret};
use super::key::{Cookie, Mac};
use crate::entropy::Seed;
use crate::time::{Instant, nanos};
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

/// How long cookies of one kind are given out (WireGuard section 5.4.7: the secret changes every two minutes).
const ROTATION: Duration = Duration::from_secs(120);

/// Makes cookies and recognizes them, without remembering any.
///
/// A cookie is a MAC of an IP address, a port and the number of the period of 120 s it was made in, under a secret.
/// It is good in its own period and the next: for 120 to 240 s. Periods count from [`Instant::ZERO`].
///
/// An IPv4-mapped address (`::ffff:a.b.c.d`, RFC 4291 section 2.5.5.2) is the IPv4 address that it carries. Flow label
/// and scope of an IPv6 address do not count.
pub struct CookieJar {
    secret: Secret,
}

impl CookieJar {
    /// A jar whose secret comes from `seed`. Two of the same seed make the same cookies.
    #[must_use]
    pub fn new(seed: &Seed) -> Self {
        Self { secret: seed.derive("cookie jar") }
    }

    /// The cookie for `source` at `now`.
    #[must_use]
    pub fn issue(&self, now: Instant, source: SocketAddr) -> Cookie {
        self.cookie(period(now), source)
    }

    /// Whether `mac2` shows that `source` has received a cookie lately: it is the second MAC of the message that `mac1`
    /// belongs to. All zeros are none. Takes the same time for every `mac2` but that.
    #[must_use]
    pub fn verify(&self, now: Instant, source: SocketAddr, mac1: &Mac, mac2: &Mac) -> bool {
        if *mac2 == [0; 16] {
            return false;
        }
        let period = period(now);
        let good = |period| crypto::equal(&self.cookie(period, source).mac2(mac1), mac2);
        // In the first period the one before is the same.
        good(period) | good(period.saturating_sub(1))
    }

    fn cookie(&self, period: u64, source: SocketAddr) -> Cookie {
        let (number, port) = (period.to_le_bytes(), source.port().to_le_bytes());
        // One length for each family, so that no two sources have the same parts.
        let mac = match source.ip().to_canonical() {
            IpAddr::V4(ip) => crypto::mac(&self.secret, &[&number, &port, &ip.octets()]),
            IpAddr::V6(ip) => crypto::mac(&self.secret, &[&number, &port, &ip.octets()]),
        };
        Cookie::new(crypto::half(&mac))
    }
}

fn period(now: Instant) -> u64 {
    now.as_nanos() / nanos(ROTATION)
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieJar(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    const MAC1: Mac = [3; 16];
    const S: u64 = 1_000_000_000;

    fn jar() -> CookieJar {
        CookieJar::new(&Seed::new(&mut [1; 32]))
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * S)
    }

    fn source(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_cookie_is_good_for_the_period_it_was_made_in_and_the_next() {
        let source = source("192.0.2.1:9");
        for (made, shown, good) in [
            (0, 0, true),
            (0, 239, true),
            (0, 240, false),
            (119, 239, true),
            (119, 240, false),
            (120, 359, true),
            (120, 360, false),
            (120, 119, false),
            (480, 360, false),
        ] {
            let mac2 = jar().issue(at(made), source).mac2(&MAC1);
            assert_eq!(jar().verify(at(shown), source, &MAC1, &mac2), good, "made {made}, shown {shown}");
        }
        let mac2 = jar().issue(Instant::MAX, source).mac2(&MAC1);
        assert!(jar().verify(Instant::MAX, source, &MAC1, &mac2));
    }

    #[test]
    fn a_cookie_is_bound_to_address_and_port() {
        for (a, b, same) in [
            ("192.0.2.1:9", "192.0.2.1:9", true),
            ("192.0.2.1:9", "192.0.2.1:10", false),
            ("192.0.2.1:9", "192.0.2.1:2304", false),
            ("192.0.2.1:9", "192.0.2.2:9", false),
            ("192.0.2.1:9", "[::ffff:192.0.2.1]:9", true),
            ("192.0.2.1:9", "[::192.0.2.1]:9", false),
            ("[2001:db8::1]:9", "[2001:db8::1]:9", true),
            ("[2001:db8::1]:9", "[2001:db8::2]:9", false),
            ("[fe80::1%1]:9", "[fe80::1%2]:9", true),
        ] {
            let mac2 = jar().issue(at(1), source(a)).mac2(&MAC1);
            assert_eq!(jar().verify(at(1), source(b), &MAC1, &mac2), same, "{a} {b}");
        }
    }

    #[test]
    fn a_second_mac_is_bound_to_its_message_and_its_jar() {
        let source = source("192.0.2.1:9");
        let mac2 = jar().issue(at(1), source).mac2(&MAC1);
        assert!(!jar().verify(at(1), source, &[4; 16], &mac2));
        assert!(!CookieJar::new(&Seed::new(&mut [2; 32])).verify(at(1), source, &MAC1, &mac2));
        for bit in 0..128 {
            let mut changed = mac2;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!jar().verify(at(1), source, &MAC1, &changed), "bit {bit}");
        }
        assert!(!jar().verify(at(1), source, &MAC1, &[0; 16]));
    }

    #[test]
    fn nothing_is_printed() {
        assert_eq!(format!("{:?}", jar()), "CookieJar(..)");
    }
}
