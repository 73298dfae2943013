//! Ten thousand sessions in one process on one clock.
#![cfg(feature = "aes-gcm")]

use sealock_proto::entropy::{Jitter, Seed};
use sealock_proto::heartbeat::Dead;
use sealock_proto::session::{CloseCode, Config, Error, Event, Session};
use sealock_proto::sim::{Link, Pair, PairId, World, check};
use sealock_proto::time::Instant;
use std::sync::Arc;
use std::time::Duration;

const SESSIONS: u64 = 10_000;
const S: Duration = Duration::from_secs(1);

/// What happens to the stream of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lives,
    /// Nothing arrives for 8 s: long, but not death.
    Stalls,
    /// From then on nothing arrives, at `a`, at `b`, or at either.
    Cut {
        a_hears: bool,
        b_hears: bool,
        at: Instant,
    },
}

fn fate(random: &mut Jitter) -> Fate {
    match random.next_u64() % 20 {
        0 | 1 => {
            let at = Instant::ZERO + S + random.up_to(30 * S);
            let hears = random.next_u64() % 3;
            Fate::Cut { a_hears: hears == 0, b_hears: hears == 1, at }
        }
        2 | 3 => Fate::Stalls,
        _ => Fate::Lives,
    }
}

fn pair(configs: &[Arc<Config>; 2], seed: u64, fate: Fate, random: &mut Jitter) -> Pair<Session, Session> {
    let session = |end: usize| {
        let mut bytes = [end as u8; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Session::new(&configs[end], Seed::new(&mut bytes), Instant::ZERO).unwrap()
    };
    let mut link = |salt| Link::new(seed ^ salt).with_latency(random.up_to(Duration::from_millis(80)));
    let (mut forth, mut back) = (link(1), link(2));
    match fate {
        Fate::Lives => {}
        Fate::Stalls => {
            let from = Instant::ZERO + 2 * S + random.up_to(30 * S);
            forth.stall(from, from + 8 * S);
            back.stall(from, from + 8 * S);
        }
        Fate::Cut { a_hears, b_hears, at } => {
            for (link, hears) in [(&mut back, a_hears), (&mut forth, b_hears)] {
                if !hears {
                    link.stall(at, Instant::MAX);
                }
            }
        }
    }
    // Enough for what is sent here, and quickly filled with zeros.
    Pair::new(session(0), session(1)).with_links(forth, back).with_rx_limits(512, 512).with_trace(0)
}

/// What an end must have come to.
fn verdict(pair: &Pair<Session, Session>, fate: Fate) -> Result<(), String> {
    for (end, hears) in [
        (&pair.a, !matches!(fate, Fate::Cut { a_hears: false, .. })),
        (&pair.b, !matches!(fate, Fate::Cut { b_hears: false, .. })),
    ] {
        let silent = matches!(end.error(), Some(Error::Dead(Dead::Silent { .. })));
        let told = end
            .events()
            .iter()
            .any(|seen| matches!(&seen.event, Event::Closed { code, .. } if *code == CloseCode::PEER_SILENT));
        let ok = match fate {
            Fate::Cut { at, .. } => {
                let found = end.closed_at().is_some_and(|closed| closed > at && closed <= at + 31 * S);
                found && if hears { told && end.error().is_none() } else { silent }
            }
            _ => {
                let stats = end.machine().stats();
                // All pings are answered, but perhaps for the last.
                let pongs = stats.pongs >= 2 && (fate == Fate::Stalls || stats.pongs + 1 >= stats.pings);
                pongs && !end.is_closed() && end.error().is_none() && end.events().len() == 2
            }
        };
        if !ok {
            return Err(format!("{fate:?}: {:?} at {:?}", end.error(), end.closed_at()));
        }
    }
    Ok(())
}

#[test]
fn every_half_open_peer_among_ten_thousand_is_found_and_nobody_else() {
    check("every_half_open_peer", [1], |seed| {
        // The suite that is fastest in a build that is not optimised.
        let protocol = "Noise_NN_25519_AESGCM_BLAKE2s".parse().unwrap();
        let configs =
            [Config::initiator(protocol).build().unwrap(), Config::responder(&[protocol]).build().unwrap()];
        let mut random = Jitter::new(seed);
        let mut world = World::new();
        let fates: Vec<(PairId, Fate)> = (0..SESSIONS)
            .map(|n| {
                let fate = fate(&mut random);
                (world.add(pair(&configs, seed << 32 | n, fate, &mut random)), fate)
            })
            .collect();
        world.drive_for(S).map_err(|error| error.to_string())?;
        for (id, _) in &fates {
            let sent = world.with(*id, |pair| {
                pair.a(|session, now, tx| session.send(now, b"ahoy", tx))?;
                pair.b(|session, now, tx| session.send(now, b"ahoy", tx))
            });
            sent.unwrap().map_err(|error| error.to_string())?;
        }
        // The last is cut at 31 s and found by 62 s.
        world.drive_until(Instant::ZERO + 62 * S).map_err(|error| error.to_string())?;
        for (id, fate) in &fates {
            verdict(world.pair(*id).unwrap(), *fate).map_err(|what| format!("{id:?} {what}"))?;
        }
        let cut = fates.iter().filter(|(_, fate)| matches!(fate, Fate::Cut { .. })).count();
        if cut < 500 { Err(format!("only {cut} were cut")) } else { Ok(()) }
    });
}
