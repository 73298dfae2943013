//! P5 and P8: what is accepted arrives.

use crate::protocol::{Protocol, messages};
use crate::script::{Script, bytes, complete};
use sealock_proto::entropy::Jitter;
use sealock_proto::sim::{Link, check};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Sizes around every power of two, and the largest, both ways, as they were and in order.
pub(crate) fn every_size_arrives<P: Protocol>(protocol: &P, name: &str) {
    check(name, [1], |seed| {
        let mut pair = protocol.pair(seed);
        pair.drive_for(Duration::from_secs(1)).map_err(|error| pair.explain(error))?;
        let max = protocol.max_message();
        let around = (0..usize::BITS).flat_map(|n| [(1_usize << n) - 1, 1 << n, (1 << n) + 1]);
        let sizes = around.take_while(|size| *size < max).chain([max - 1, max]);
        let sent: Vec<_> = sizes.map(|size| bytes(size, size as u64)).collect();
        for message in &sent {
            let accepted = pair.a(|m, now, tx| P::send(m, now, message, tx))
                && pair.b(|m, now, tx| P::send(m, now, message, tx));
            if !accepted {
                return Err(format!("{} bytes were not accepted", message.len()));
            }
            pair.drive().map_err(|error| pair.explain(error))?;
        }
        let arrived = messages::<P>(&pair.a) == sent && messages::<P>(&pair.b) == sent;
        if arrived { Ok(()) } else { Err(pair.explain("other messages arrived")) }
    });
}

/// Owners that leave out `poll_transmit` now and then, for up to 200 ms.
pub(crate) fn late_transmits_lose_nothing<P: Protocol>(protocol: &P, name: &str) {
    check(name, 0..60, |seed| {
        let mut random = Jitter::new(!seed);
        let script = Script::random(seed, 30, 4000);
        let mut pair = protocol.pair(seed).with_links(
            Link::new(seed).with_latency(3 * MS).with_capacity(3000),
            Link::new(!seed).with_latency(5 * MS).with_capacity(3000),
        );
        let accepted = script.play_with::<P>(&mut pair, |pair, until| {
            while pair.now() < until {
                // Once the handshake is over: what it waits for is time-limited.
                let open = pair.now().as_nanos() > 500_000_000;
                pair.a.transmits(!open || random.next_u64() % 2 == 0);
                pair.b.transmits(!open || random.next_u64() % 2 == 0);
                let next = pair.now() + MS + random.up_to(199 * MS);
                pair.drive_until(next.min(until))?;
            }
            pair.a.transmits(true);
            pair.b.transmits(true);
            pair.drive()
        })?;
        complete::<P>(&pair, &accepted)
    });
}
