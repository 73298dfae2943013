//! P2 and P3: deadlines are complete, and each can be acted on.

use crate::protocol::Protocol;
use crate::script::{Script, complete, truthful};
use sealock_proto::entropy::Jitter;
use sealock_proto::sim::{Link, check};
use sealock_proto::time::Instant;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn links(seed: u64) -> (Link, Link) {
    let link = |seed| {
        Link::new(seed).with_latency(7 * MS).with_jitter(9 * MS).with_rate(2_000_000).with_chunks(9000)
    };
    (link(seed), link(!seed))
}

/// Whether a machine is asked only at the instants it names or at every millisecond as well: the same bytes, the same
/// events at the same nanosecond.
pub(crate) fn polling_more_often_changes_nothing<P: Protocol>(protocol: &P, name: &str) {
    check(name, 0..3, |seed| {
        let script = Script::random(seed, 30, 20_000);
        let run = |every: Option<Duration>| {
            let (forth, back) = links(seed);
            let mut pair = protocol.pair(seed).with_links(forth, back);
            let accepted = script.play_with::<P>(&mut pair, |pair, until| {
                while let Some(every) = every.filter(|every| pair.now() + *every < until) {
                    pair.drive_for(every)?;
                    pair.poke()?;
                }
                pair.drive_until(until)
            })?;
            complete::<P>(&pair, &accepted)?;
            let prints = (pair.trace().digest(), pair.a_to_b.digest(), pair.b_to_a.digest());
            Ok::<_, String>((prints, pair.explain("")))
        };
        let (asked, often) = (run(None)?, run(Some(MS))?);
        if asked.0 == often.0 {
            Ok(())
        } else {
            Err(format!("asked:{}\nevery millisecond:{}", asked.1, often.1))
        }
    });
}

/// A deadline is handled less than a millisecond late, and so is each that follows from it: pings, misses, the end. There
/// are fewer than this in a row.
const LATE: Duration = Duration::from_millis(40);

/// Owners that ask only at the instants they are told and owners that ask every millisecond and look at no deadline: the
/// same events, and where nothing arrives any more the same end, as far as milliseconds can tell.
pub(crate) fn polling_by_the_clock_alone_is_the_same<P: Protocol>(protocol: &P, name: &str) {
    check(name, 0..6, |seed| {
        let script = Script::random(seed, 30, 20_000);
        // When nothing is under way, which a millisecond could make arrive before it or behind.
        let cut = [None, Some(Instant::ZERO), Some(Instant::ZERO + 400 * MS)][seed as usize % 3];
        let run = |ticks: Duration| {
            // Without jitter: its draws follow the writes.
            let link = |seed| {
                let link = Link::new(seed).with_latency(7 * MS).with_rate(2_000_000).with_chunks(9000);
                cut.into_iter().fold(link, |link, cut| link.with_stall(cut, Instant::MAX))
            };
            let mut pair = protocol.pair(seed).with_links(link(seed), link(!seed)).with_ticks(ticks);
            let accepted = script.play_with::<P>(&mut pair, |pair, until| {
                pair.drive_until(Instant::from_nanos(until.as_nanos().next_multiple_of(1_000_000)))
            })?;
            if cut.is_none() {
                complete::<P>(&pair, &accepted)?;
            }
            Ok::<_, String>(pair)
        };
        let (asked, polled) = (run(Duration::ZERO)?, run(MS)?);
        for (asked, polled) in [(&asked.a, &polled.a), (&asked.b, &polled.b)] {
            let near = |x: Instant, y: Instant| x.saturating_since(y).max(y.saturating_since(x)) <= LATE;
            let (x, y) = (asked.events(), polled.events());
            if x.len() != y.len() || x.iter().zip(y).any(|(x, y)| x.event != y.event || !near(x.at, y.at)) {
                return Err(format!("asked: {x:?}\nevery millisecond: {y:?}"));
            }
            let kinds = [asked.error(), polled.error()].map(|error| error.map(std::mem::discriminant));
            let ends = (asked.closed_at(), polled.closed_at());
            if kinds[0] != kinds[1] || !matches!(ends, (Some(x), Some(y)) if near(x, y)) {
                return Err(format!("ends: {ends:?}, errors: {:?} and {:?}", asked.error(), polled.error()));
            }
        }
        Ok(())
    });
}

/// Wherever one direction or both are cut, before, in or after the handshake: no deadline is left behind or lies in the
/// past (the simulator sees to that), and both machines come to an end by themselves.
pub(crate) fn nothing_waits_for_ever<P: Protocol>(protocol: &P, name: &str) {
    check(name, 0..150, |seed| {
        let mut random = Jitter::new(seed);
        let script = Script::random(seed, 10, 2000);
        let (mut forth, mut back) = links(seed);
        let cut = Instant::ZERO + random.up_to(if seed % 4 == 0 { 60 * MS } else { 10_000 * MS });
        if seed % 3 != 0 {
            forth.stall(cut, Instant::MAX);
        }
        if seed % 3 != 1 {
            back.stall(cut, Instant::MAX);
        }
        let mut pair = protocol.pair(seed).with_links(forth, back);
        let accepted = script.play::<P>(&mut pair)?;
        truthful::<P>(&pair, &accepted)?;
        if !pair.is_closed() {
            return Err(pair.explain("cut off and still waiting a minute later"));
        }
        if pair.next_wake().is_some() {
            return Err(pair.explain("a deadline outlives its machine"));
        }
        Ok(())
    });
}
