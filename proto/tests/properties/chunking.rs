//! P1: any split of the input bytes gives the same events.

use crate::protocol::Protocol;
use crate::script::{Script, complete};
use sealock_proto::sim::{Link, check};

/// However the bytes are cut, the same events come at the same instants.
pub(crate) fn any_split_gives_the_same_events<P: Protocol>(protocol: &P, name: &str) {
    check(name, 0..6, |seed| {
        let large = if seed == 0 { 8000 } else { protocol.max_message() };
        let script = Script::random(seed, 24, large);
        let run = |chunks| {
            let mut pair = protocol
                .pair(seed)
                .with_links(Link::new(seed).with_chunks(chunks), Link::new(!seed).with_chunks(chunks));
            let accepted = script.play::<P>(&mut pair)?;
            complete::<P>(&pair, &accepted)?;
            Ok::<_, String>((pair.a.take_events(), pair.b.take_events()))
        };
        let whole = run(0)?;
        let sizes: &[usize] = if seed == 0 { &[1, 2, 3] } else { &[50, 1460, 65_537] };
        for chunks in sizes {
            if run(*chunks)? != whole {
                return Err(format!("chunks of up to {chunks} bytes make a difference"));
            }
        }
        Ok(())
    });
}
