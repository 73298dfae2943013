//! Whether a first message is looked at, answered with a cookie, or refused. One of many under load costs a few hashes.

use super::cookie::CookieJar;
use super::key::{Cookie, Mac};
use super::load::{Load, LoadConfig, LoadError};
use crate::entropy::Seed;
use crate::limit::{Gcra, Rate, RateError};
use crate::time::Instant;
use core::fmt;
use core::net::SocketAddr;

/// Settings of a [`CookieGate`]: what is load, and two budgets, so that who cannot be reached at its address never
/// takes what is meant for those who can.
///
/// By default [`LoadConfig::default`]; under load 1,000 handshakes a second of verified sources with 250 at once, and
/// 100,000 cookies a second with 25,000 at once for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateConfig {
    load: LoadConfig,
    verified: (u64, u64),
    cookies: (u64, u64),
}

impl GateConfig {
    /// What is load. Without it everybody may proceed.
    #[must_use]
    pub const fn with_load(self, load: LoadConfig) -> Self {
        Self { load, ..self }
    }

    /// Handshakes of verified sources under load: a second on average, and at once; each at least 1. A listener that
    /// cannot do more than this does not begin more.
    #[must_use]
    pub const fn with_verified(self, per_second: u64, burst: u64) -> Self {
        Self { verified: (per_second, burst), ..self }
    }

    /// Cookies given out under load: a second on average, and at once; each at least 1. They cost a few hashes each. Where
    /// sources can be forged, as in datagrams, a flood faster than this leaves no cookies for those who can be reached.
    #[must_use]
    pub const fn with_cookies(self, per_second: u64, burst: u64) -> Self {
        Self { cookies: (per_second, burst), ..self }
    }
}

impl Default for GateConfig {
    fn default() -> Self {
        Self { load: LoadConfig::default(), verified: (1_000, 250), cookies: (100_000, 25_000) }
    }
}

/// Which field of a [`GateConfig`] is out of range.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateError {
    /// A field of `load`.
    Load(LoadError),
    /// A number of `verified` is zero.
    Verified(RateError),
    /// A number of `cookies` is zero.
    Cookies(RateError),
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => write!(f, "gate: {error}"),
            Self::Verified(error) => write!(f, "gate: verified: {error}"),
            Self::Cookies(error) => write!(f, "gate: cookies: {error}"),
        }
    }
}

impl core::error::Error for GateError {}

/// What a [`CookieGate`] says about a first message.
#[must_use = "what may not proceed must not cost anything"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateAnswer {
    /// Go on with the handshake.
    Proceed,
    /// Give the sender this cookie and forget the message.
    Cookie(Cookie),
    /// Too many; forget the message.
    Busy,
}

/// What a [`CookieGate`] has counted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateStats {
    /// Messages that went on because there was no load.
    pub unloaded: u64,
    /// Messages of verified sources that went on under load.
    pub verified: u64,
    /// Messages that were answered with a cookie.
    pub cookies: u64,
    /// Messages of verified sources beyond their budget.
    pub busy_verified: u64,
    /// Messages of other sources beyond the budget for cookies.
    pub busy_unverified: u64,
}

/// A listener's gate. Ask it about each first message whose first MAC is right, before any key agreement.
///
/// It allocates nothing, ever. A `now` earlier than one given before counts as that one.
///
/// ```
/// use sealock_proto::entropy::Seed;
/// use sealock_proto::guard::{CookieGate, GateAnswer, GateConfig};
/// use sealock_proto::time::Instant;
///
/// // In earnest the 32 bytes come from a cryptographically secure source.
/// let mut gate = CookieGate::new(GateConfig::default(), &Seed::new(&mut [1; 32]))?;
/// let (now, source, mac1) = (Instant::ZERO, "192.0.2.1:4000".parse().ok(), [7; 16]);
/// assert_eq!(gate.ask(now, source, &mac1, &[0; 16], 0), GateAnswer::Proceed);
///
/// // 1,000 handshakes are in progress: the sender must come back with the second MAC.
/// let GateAnswer::Cookie(cookie) = gate.ask(now, source, &mac1, &[0; 16], 1_000) else { panic!("load") };
/// assert_eq!(gate.ask(now, source, &mac1, &cookie.mac2(&mac1), 1_000), GateAnswer::Proceed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CookieGate {
    jar: CookieJar,
    load: Load,
    verified: Gcra,
    cookies: Gcra,
    latest: Instant,
    stats: GateStats,
}

impl CookieGate {
    /// A gate with full budgets.
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: GateConfig, seed: &Seed) -> Result<Self, GateError> {
        let bucket = |(per_second, burst)| Rate::new(per_second, burst).map(Gcra::new);
        Ok(Self {
            jar: CookieJar::new(seed),
            load: Load::new(config.load).map_err(GateError::Load)?,
            verified: bucket(config.verified).map_err(GateError::Verified)?,
            cookies: bucket(config.cookies).map_err(GateError::Cookies)?,
            latest: Instant::ZERO,
            stats: GateStats::default(),
        })
    }

    /// What to do with a first message from `source`, with `backlog` handshakes in progress. `mac2` is zeros where the
    /// sender has no cookie. No `source`: one that needs no cookie to be verified, such as a Unix socket.
    pub fn ask(
        &mut self,
        now: Instant,
        source: Option<SocketAddr>,
        mac1: &Mac,
        mac2: &Mac,
        backlog: usize,
    ) -> GateAnswer {
        self.latest = self.latest.max(now);
        let now = self.latest;
        self.load.on_handshake(now);
        let (answer, count) = if !self.load.is_loaded(now, backlog) {
            (GateAnswer::Proceed, &mut self.stats.unloaded)
        } else {
            match source.filter(|source| !self.jar.verify(now, *source, mac1, mac2)) {
                None if self.verified.try_take(now, 1).is_ok() => {
                    (GateAnswer::Proceed, &mut self.stats.verified)
                }
                None => (GateAnswer::Busy, &mut self.stats.busy_verified),
                Some(source) if self.cookies.try_take(now, 1).is_ok() => {
                    (GateAnswer::Cookie(self.jar.issue(now, source)), &mut self.stats.cookies)
                }
                Some(_) => (GateAnswer::Busy, &mut self.stats.busy_unverified),
            }
        };
        *count = count.saturating_add(1);
        answer
    }

    /// What has been counted so far.
    #[must_use]
    pub const fn stats(&self) -> GateStats {
        self.stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use core::time::Duration;

    const MAC1: Mac = [3; 16];
    const NONE: Mac = [0; 16];

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    /// Load from one handshake in progress on; 2 verified a second, 1 cookie.
    fn config() -> GateConfig {
        let load = LoadConfig::default().with_backlog(1);
        GateConfig::default().with_load(load).with_verified(2, 2).with_cookies(1, 1)
    }

    fn gate(config: GateConfig) -> CookieGate {
        CookieGate::new(config, &Seed::new(&mut [1; 32])).unwrap()
    }

    fn source(n: u16) -> Option<SocketAddr> {
        Some(SocketAddr::from(([192, 0, 2, 1], n)))
    }

    /// A second MAC for `source`, from a gate of the same seed.
    fn mac2(now: Instant, source: Option<SocketAddr>) -> Mac {
        CookieJar::new(&Seed::new(&mut [1; 32])).issue(now, source.unwrap()).mac2(&MAC1)
    }

    fn is_cookie(answer: GateAnswer) -> bool {
        matches!(answer, GateAnswer::Cookie(_))
    }

    #[test]
    fn the_field_out_of_range_is_named() {
        let load = LoadConfig::default().with_backlog(0);
        for (config, error, name) in [
            (config().with_load(load), GateError::Load(LoadError::Backlog), "load: backlog"),
            (config().with_verified(0, 1), GateError::Verified(RateError::PerSecond), "verified"),
            (config().with_verified(1, 0), GateError::Verified(RateError::Burst), "burst"),
            (config().with_cookies(0, 1), GateError::Cookies(RateError::PerSecond), "cookies"),
            (config().with_cookies(1, 0), GateError::Cookies(RateError::Burst), "burst"),
        ] {
            let found = CookieGate::new(config, &Seed::new(&mut [1; 32])).err();
            assert_eq!(found, Some(error));
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn without_load_everybody_proceeds_whatever_the_budgets() {
        let mut gate = gate(config());
        for n in 0..50 {
            assert_eq!(gate.ask(at(0), source(n), &MAC1, &NONE, 0), GateAnswer::Proceed);
        }
        assert_eq!(gate.stats(), GateStats { unloaded: 50, ..GateStats::default() });
    }

    #[test]
    fn under_load_a_stranger_gets_a_cookie_and_with_it_proceeds() {
        let mut gate = gate(config());
        let GateAnswer::Cookie(cookie) = gate.ask(at(0), source(1), &MAC1, &NONE, 1) else { panic!("load") };
        let mac2 = cookie.mac2(&MAC1);
        assert!(!is_cookie(gate.ask(at(1_000), source(2), &MAC1, &[9; 16], 0)), "no load any more");
        assert_eq!(gate.ask(at(1_000), source(1), &MAC1, &mac2, 1), GateAnswer::Proceed);
        assert!(is_cookie(gate.ask(at(1_000), source(2), &MAC1, &mac2, 1)), "another's cookie");
    }

    #[test]
    fn each_kind_has_a_budget_of_its_own() {
        for (verified, cookies) in [((2, 2), (1, 1)), ((1, 3), (5, 2))] {
            let mut gate =
                gate(config().with_verified(verified.0, verified.1).with_cookies(cookies.0, cookies.1));
            let good = mac2(at(0), source(1));
            for _ in 0..cookies.1 {
                assert!(is_cookie(gate.ask(at(0), source(1), &MAC1, &NONE, 1)));
            }
            assert_eq!(gate.ask(at(0), source(1), &MAC1, &NONE, 1), GateAnswer::Busy);
            for _ in 0..verified.1 {
                assert_eq!(gate.ask(at(0), source(1), &MAC1, &good, 1), GateAnswer::Proceed);
            }
            assert_eq!(gate.ask(at(0), source(1), &MAC1, &good, 1), GateAnswer::Busy);
            assert_eq!(gate.ask(at(0), None, &MAC1, &NONE, 1), GateAnswer::Busy, "counts as verified");
            let want = GateStats {
                verified: verified.1,
                cookies: cookies.1,
                busy_verified: 2,
                busy_unverified: 1,
                ..GateStats::default()
            };
            assert_eq!(gate.stats(), want);
            // Budgets refill at their rates.
            let (a, b) = (at(1_000 / verified.0), at(1_000 / cookies.0));
            assert_eq!(gate.ask(a.max(b), source(1), &MAC1, &good, 1), GateAnswer::Proceed);
            assert!(is_cookie(gate.ask(a.max(b), source(1), &MAC1, &NONE, 1)));
        }
    }

    #[test]
    fn who_has_no_address_needs_no_cookie() {
        let mut gate = gate(config());
        assert_eq!(gate.ask(at(0), None, &MAC1, &NONE, 1), GateAnswer::Proceed);
        assert_eq!(gate.stats().verified, 1);
    }

    #[test]
    fn the_handshakes_asked_about_are_load_themselves() {
        let load = LoadConfig::default().with_burst(3);
        let mut gate = gate(config().with_load(load));
        for n in 0..3 {
            assert_eq!(gate.ask(at(0), source(n), &MAC1, &NONE, 0), GateAnswer::Proceed);
        }
        assert!(is_cookie(gate.ask(at(0), source(9), &MAC1, &NONE, 0)));
    }

    #[test]
    fn a_clock_that_steps_back_makes_no_cookie_good_again() {
        let mut gate = gate(config());
        let old = mac2(at(0), source(1));
        assert!(is_cookie(gate.ask(at(240_000), source(1), &MAC1, &old, 1)));
        assert_eq!(gate.ask(at(0), source(1), &MAC1, &old, 1), GateAnswer::Busy);
    }
}
