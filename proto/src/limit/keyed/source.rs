//! Who an attempt is counted against.

use core::net::IpAddr;

/// Where an attempt comes from, as far as a limiter can tell sources apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    V4([u8; 4]),
    V6([u8; 8]),
    Identity([u8; 32]),
}

impl Source {
    /// An IPv4 address, or the /64 an IPv6 address lies in: a host chooses the other 64 bits itself (RFC 4291
    /// section 2.5.1) and could otherwise be 2^64 sources. An IPv4-mapped address (`::ffff:a.b.c.d`, RFC 4291
    /// section 2.5.5.2) counts as the IPv4 address it carries.
    #[must_use]
    pub fn from_ip(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V4(v4) => Kind::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, h, ..] = v6.octets();
                Kind::V6([a, b, c, d, e, f, g, h])
            }
        })
    }

    /// A peer known by its public key.
    #[must_use]
    pub const fn from_identity(key: [u8; 32]) -> Self {
        Self(Kind::Identity(key))
    }

    /// A tag for the kind of source, and its bytes. No two sources share both.
    pub(super) fn encode(&self) -> (u8, &[u8]) {
        match &self.0 {
            Kind::V4(bytes) => (4, bytes),
            Kind::V6(bytes) => (6, bytes),
            Kind::Identity(bytes) => (32, bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_grouped_by_who_controls_them() {
        let ip = |text: &str| Source::from_ip(text.parse().unwrap());
        for (a, b, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("192.0.2.1", "::192.0.2.1", false),
        ] {
            assert_eq!(ip(a) == ip(b), same, "{a} {b}");
        }
    }

    #[test]
    fn an_identity_is_never_an_address() {
        let zero = Source::from_identity([0; 32]);
        assert_ne!(zero, Source::from_ip("0.0.0.0".parse().unwrap()));
        assert_ne!(zero.encode().0, Source::from_ip("::".parse().unwrap()).encode().0);
    }
}
