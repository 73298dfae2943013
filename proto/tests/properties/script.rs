//! A session's life as its owners make it: messages at random instants, then a close.

use crate::protocol::{Protocol, messages, saw_end};
use sealock_proto::entropy::Jitter;
use sealock_proto::sim::{Pair, Side, SimError};
use sealock_proto::time::Instant;
use std::time::Duration;

/// What owners do, and when.
pub(crate) struct Script {
    steps: Vec<(Instant, Side, usize)>,
    salt: u64,
}

/// What each side's machine accepted.
#[derive(Default)]
pub(crate) struct Accepted {
    pub(crate) a: Vec<Vec<u8>>,
    pub(crate) b: Vec<Vec<u8>>,
}

impl Script {
    /// `count` messages within about four seconds. One in eight has up to `large` bytes, the others up to 300.
    pub(crate) fn random(seed: u64, count: usize, large: usize) -> Self {
        let mut random = Jitter::new(seed);
        let gap = Duration::from_secs(8) / count as u32;
        // The handshake comes first.
        let mut at = Instant::ZERO + Duration::from_millis(600);
        let steps = (0..count).map(|_| {
            at += random.up_to(gap);
            let side = if random.next_u64() % 2 == 0 { Side::A } else { Side::B };
            let most = if random.next_u64() % 8 == 0 { large } else { 300 };
            (at, side, random.next_u64() as usize % (most + 1))
        });
        Self { steps: steps.collect(), salt: seed }
    }

    /// When the last message is sent.
    pub(crate) fn end(&self) -> Instant {
        self.steps.last().map_or(Instant::ZERO, |step| step.0)
    }

    /// Plays it with a close by `a` at the end and a minute more. `drive` takes the pair to an instant.
    pub(crate) fn play_with<P: Protocol>(
        &self,
        pair: &mut Pair<P::Machine, P::Machine>,
        mut drive: impl FnMut(&mut Pair<P::Machine, P::Machine>, Instant) -> Result<(), SimError>,
    ) -> Result<Accepted, String> {
        let mut accepted = Accepted::default();
        for (n, (at, side, size)) in self.steps.iter().enumerate() {
            drive(pair, *at).map_err(|error| pair.explain(error))?;
            let message = bytes(*size, self.salt.wrapping_add(n as u64));
            match side {
                Side::A if pair.a(|m, now, tx| P::send(m, now, &message, tx)) => accepted.a.push(message),
                Side::B if pair.b(|m, now, tx| P::send(m, now, &message, tx)) => accepted.b.push(message),
                _ => {}
            }
        }
        let end = self.end() + Duration::from_secs(1);
        drive(pair, end).map_err(|error| pair.explain(error))?;
        pair.a(P::close);
        drive(pair, end + Duration::from_secs(2)).map_err(|error| pair.explain(error))?;
        pair.drive_until(end + Duration::from_secs(60)).map_err(|error| pair.explain(error))?;
        Ok(accepted)
    }

    /// Plays it as a driver would.
    pub(crate) fn play<P: Protocol>(
        &self,
        pair: &mut Pair<P::Machine, P::Machine>,
    ) -> Result<Accepted, String> {
        self.play_with::<P>(pair, |pair, at| pair.drive_until(at))
    }
}

/// `len` bytes that follow from `salt`.
pub(crate) fn bytes(len: usize, salt: u64) -> Vec<u8> {
    let mut random = Jitter::new(salt);
    let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| random.next_u64().to_le_bytes()).collect();
    bytes.truncate(len);
    bytes
}

/// Everything accepted arrived, once and in order, both ends saw the end and closed the stream without an error.
pub(crate) fn complete<P: Protocol>(
    pair: &Pair<P::Machine, P::Machine>,
    accepted: &Accepted,
) -> Result<(), String> {
    if pair.a.error().is_some() || pair.b.error().is_some() {
        return Err(pair.explain(format_args!("errors: {:?}, {:?}", pair.a.error(), pair.b.error())));
    }
    if messages::<P>(&pair.b) != accepted.a || messages::<P>(&pair.a) != accepted.b {
        return Err(pair.explain("other messages arrived than were accepted"));
    }
    if !saw_end::<P>(&pair.a) || !saw_end::<P>(&pair.b) || !pair.is_closed() {
        return Err(pair.explain("the session did not end"));
    }
    Ok(())
}

/// What arrived was accepted, in order from the first; an end that saw the session end in the ordinary way has all of it.
pub(crate) fn truthful<P: Protocol>(
    pair: &Pair<P::Machine, P::Machine>,
    accepted: &Accepted,
) -> Result<(), String> {
    for (end, accepted, side) in [(&pair.b, &accepted.a, Side::B), (&pair.a, &accepted.b, Side::A)] {
        let arrived = messages::<P>(end);
        if arrived.len() > accepted.len() || arrived.iter().zip(accepted).any(|(got, sent)| got != sent) {
            return Err(pair.explain(format_args!("{side} was given a message that was not sent")));
        }
        if saw_end::<P>(end) && arrived.len() < accepted.len() {
            return Err(pair.explain(format_args!("{side} was told that all is well and misses messages")));
        }
    }
    Ok(())
}
