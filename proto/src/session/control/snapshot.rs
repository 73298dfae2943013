//! What a snapshot holds of the block, and the block of a session that goes on (docs/wire.md, section 9).

use super::opening::Keys;
use super::{Control, Drain, Timer};
use crate::entropy::Seed;
use crate::heartbeat::Heartbeat;
use crate::noise::SendCipher;
use crate::session::SessionInfo;
use crate::session::config::Config;
use crate::session::snapshot::{Common, Notices, SnapshotError};
use crate::session::stats::Traffic;
use crate::time::Instant;
use crate::timer::Timers;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

impl Control {
    /// Whether the session may go on elsewhere.
    pub(in crate::session) fn may_export(&self) -> Result<(), SnapshotError> {
        self.may_lease()?;
        // A ping is sent anew, and a restore changes the key.
        if self.drain == Drain::No { Ok(()) } else { Err(SnapshotError::Ending) }
    }

    /// Whether it is worth recovering.
    pub(in crate::session) fn may_lease(&self) -> Result<(), SnapshotError> {
        let ends = self.failure.is_some() | self.over | self.close_sent | self.peer_closed;
        if ends || self.close_owed.is_some() { Err(SnapshotError::Ending) } else { Ok(()) }
    }

    /// `None` before the session is established.
    pub(in crate::session) fn copy(&self, info: &SessionInfo, now: Instant) -> Option<Common> {
        // What drains is at its end, whoever goes on with it.
        let end = self.timers.get(Timer::Lifetime).or((self.drain != Drain::No).then_some(now));
        let ends = self.config.lifetime < Duration::MAX;
        let left = end.filter(|_| ends).map(|end| end.saturating_since(now));
        let Self { pings, pongs, throttled, pong_owed, .. } = *self;
        Some(Common {
            role: self.config.role,
            protocol: info.protocol,
            resumed: info.resumed,
            peer: info.peer,
            identity: info.identity,
            exporter: self.exporter.clone()?,
            left,
            pings,
            pongs,
            throttled,
            pong_owed,
        })
    }

    /// The block of a session that goes on.
    pub(in crate::session) fn restored(
        config: &Arc<Config>,
        info: SessionInfo,
        common: &Common,
        seed: &Seed,
        now: Instant,
    ) -> Self {
        let keys = Keys::new(seed, now);
        let mut timers = Timers::new();
        timers.set(Timer::Rekey, now + config.rekey.age);
        timers.set(Timer::Lifetime, now + config.lifetime.min(common.left.unwrap_or(Duration::MAX)));
        let jitter = keys.seed.jitter("ping");
        Self {
            config: Arc::clone(config),
            opening: None,
            heartbeat: config.heartbeat.map(|config| Heartbeat::new(config, jitter, now)),
            keys: Some(Box::new(keys)),
            info: Some(info),
            exporter: Some(common.exporter.clone()),
            tickets: None,
            awaits_proof: false,
            announced: true,
            failure: None,
            over: false,
            close_owed: None,
            close_sent: false,
            peer_closed: false,
            drain: Drain::No,
            peer_drained: false,
            beating: true,
            pong_owed: common.pong_owed,
            rekey_owed: false,
            timers,
            pings: common.pings,
            pongs: common.pongs,
            throttled: common.throttled,
        }
    }

    pub(in crate::session) const fn with_peer_drained(mut self) -> Self {
        self.peer_drained = true;
        self
    }

    /// Holds the sending key of a restored session until the peer is told.
    pub(in crate::session) fn with_sender(
        mut self,
        cipher: SendCipher,
        notices: Notices,
        traffic: Traffic,
    ) -> Self {
        if let Some(keys) = &mut self.keys {
            (keys.send, keys.restored) = (Some(cipher), Some((notices, traffic)));
        }
        self
    }
}
