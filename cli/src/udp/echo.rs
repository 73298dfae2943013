//! Every message of every peer back to it.

use super::connected;
use crate::runtime::{Runtime, Udp};
use crate::{out, units};
use anyhow::Result;
use sealock_proto::datagram::{Event, PeerId};
use sealock_proto::drive::DatagramIncoming as Incoming;
use std::collections::BTreeMap;

/// What a peer sent.
#[derive(Default)]
struct Sent {
    messages: u64,
    bytes: u64,
}

pub(super) async fn run<R: Runtime>(mut socket: Udp<R>) -> Result<()> {
    let mut buffer = vec![0; socket.buffer_len()];
    let mut peers: BTreeMap<PeerId, Sent> = BTreeMap::new();
    let protocol = socket.machine().config().protocol();
    loop {
        match socket.next(&mut buffer).await? {
            Incoming::Message { peer, payload } => {
                let sent = peers.entry(peer).or_default();
                sent.messages += 1;
                sent.bytes += payload.len() as u64;
                // A session that ended meanwhile is told of by an event, and what is not sent is lost as any datagram.
                let _ = socket.send(peer, payload).await;
            }
            Incoming::Event(Event::Established { peer, established }) => {
                peers.insert(peer, Sent::default());
                out::note(connected(established.key, protocol));
            }
            Incoming::Event(Event::Ended { peer, reason }) => {
                let Sent { messages, bytes } = peers.remove(&peer).unwrap_or_default();
                out::note(format_args!(
                    "{} messages, {} bytes sent back: {reason}",
                    units::count(messages),
                    units::count(bytes)
                ));
            }
            _ => {}
        }
    }
}
