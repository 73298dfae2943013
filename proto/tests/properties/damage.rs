//! P4 and P7: what somebody on the path, or a hostile peer, can do.

use crate::protocol::Protocol;
use crate::script::{Script, bytes, truthful};
use sealock_proto::entropy::Jitter;
use sealock_proto::machine::Machine;
use sealock_proto::sim::{Fault, Link, Pair, Side, check};
use sealock_proto::time::Instant;

/// Random bytes into a fresh machine: each call consumes, asks or fails, and nothing is delivered.
pub(crate) fn noise_ends_the_session<P: Protocol>(protocol: &P, name: &str) {
    check(name, 0..300, |seed| {
        let side = if seed % 2 == 0 { Side::A } else { Side::B };
        let mut machine = protocol.machine(side, seed);
        let mut input = bytes(seed as usize * 7 % 2000, seed);
        let mut calls = input.len() + 2;
        loop {
            calls = calls.checked_sub(1).ok_or("more calls than bytes")?;
            match machine.recv(Instant::ZERO, &mut input) {
                Ok(recv) if recv.event.is_some() => return Err("an event from noise".into()),
                Ok(recv) => {
                    let consumed = recv.consumed;
                    input.drain(..consumed);
                    if consumed == 0 {
                        return Ok(());
                    }
                }
                Err(_) => return Ok(()),
            }
        }
    });
}

/// A few faults of any kind at any place, in both directions: no panic, no more than a few calls a byte, no buffer past
/// its bound, no message that was not sent, and both ends come to an end.
pub(crate) fn damage_ends_the_session<P: Protocol>(protocol: &P, name: &str) {
    check(name, 0..300, |seed| {
        let mut random = Jitter::new(seed);
        let script = Script::random(seed, 16, 9000);
        let mut link = |salt: u64| {
            let mut link = Link::new(seed ^ salt).with_chunks(3000);
            for _ in 0..=random.next_u64() % 3 {
                // Half of them in the first records.
                let within = if random.next_u64() % 2 == 0 { 400 } else { 20_000 };
                let offset = random.next_u64() % within;
                link.strike(offset, fault(&mut random, offset));
            }
            link
        };
        let mut pair = protocol.pair(seed).with_links(link(1), link(2));
        let accepted = script.play_with::<P>(&mut pair, |pair, until| {
            pair.drive_until(until)?;
            pair.drive_bounded(10)
        })?;
        if protocol.is_authenticated() {
            truthful::<P>(&pair, &accepted)?;
        }
        if pair.is_closed() { Ok(()) } else { Err(pair.explain("still waiting a minute later")) }
    });
}

fn fault(random: &mut Jitter, offset: u64) -> Fault {
    let len = 1 + random.next_u64() % 200;
    match random.next_u64() % 7 {
        0 => Fault::Flip(1 << (random.next_u64() % 8)),
        1 => Fault::Truncate,
        2 => Fault::Remove(len),
        3 => Fault::Replay { from: offset.saturating_sub(len), to: offset },
        4 => Fault::Splice(bytes(len as usize, random.next_u64())),
        // A well-formed alert, as anybody can write.
        5 => Fault::Splice(vec![0, 2, 0, (len % 10) as u8]),
        _ => Fault::Reset,
    }
}

/// Every bit of a short session, in either direction: both ends come to an end. Where the protocol authenticates, never a
/// message that was not sent, and whoever received the changed bit does not take the session for well ended.
pub(crate) fn a_flipped_bit_gives_no_wrong_event<P: Protocol>(protocol: &P, name: &str) {
    let script = Script::random(3, 6, 300);
    let play = |pair: &mut Pair<_, _>| script.play::<P>(pair);
    let mut clean = protocol.pair(3);
    play(&mut clean).unwrap();
    let lengths = [clean.a_to_b.written(), clean.b_to_a.written()];
    let bits = 8 * lengths.into_iter().sum::<u64>();
    check(name, 0..bits, |seed| {
        let (offset, flip) = (seed / 8, Fault::Flip(1 << (seed % 8)));
        let mut pair = protocol.pair(3);
        let forth = offset < lengths[0];
        if forth {
            pair.a_to_b.strike(offset, flip);
        } else {
            pair.b_to_a.strike(offset - lengths[0], flip);
        }
        let accepted = play(&mut pair)?;
        if !pair.is_closed() {
            return Err(pair.explain("still waiting a minute later"));
        }
        if !protocol.is_authenticated() {
            return Ok(());
        }
        truthful::<P>(&pair, &accepted)?;
        let (receiver, struck) =
            if forth { (&pair.b, pair.a_to_b.struck().len()) } else { (&pair.a, pair.b_to_a.struck().len()) };
        if struck > 0 && receiver.error().is_none() {
            return Err(pair.explain("a changed bit went unnoticed"));
        }
        Ok(())
    });
}
