//! Datagram sessions on a bad path, and from another address: what the path delivers arrives, once.

use super::bounded;
use super::numbered;
use super::pair::{LIMIT, both};
use super::path::{Path, Toll};
use super::{Verdict, seen};
use crate::keyfile;
use crate::runtime::{Runtime, Udp};
use anyhow::{Context, Result, bail, ensure};
use sealock_proto::datagram::{Config, EndReason, Event, PeerId, Peers, Stats};
use sealock_proto::drive::{DatagramIncoming as Incoming, DatagramIo};
use sealock_proto::noise::{Protocol, Provider, PublicKey, SecretKey};
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

const MESSAGES: u64 = 300;
/// Longer than whatever is no message.
const SIZE: usize = 600;
/// For the answer to one message; that to another, which was late, does as well.
const PAUSE: Duration = Duration::from_millis(1);
/// Nothing is under way after this time.
const QUIET: Duration = Duration::from_millis(100);

/// What the end that accepts counted.
struct Arrived {
    messages: u64,
    stats: Stats,
}

pub(super) fn run<A: Runtime, B: Runtime>() -> Result<Verdict> {
    let key = keyfile::temporary_key()?;
    let public = key.public();
    let (theirs, ours) = (config(key)?, config(keyfile::temporary_key()?)?);
    let (bound, address) = mpsc::sync_channel(1);
    let responding = bounded::begin(LIMIT, move || {
        A::run(async {
            let socket = A::bind_udp(loopback(), &theirs)?;
            bound.send(A::udp_address(socket.io())?)?;
            answer::<A>(socket).await
        })
    });
    let path = Path::to(address.recv().context("there is no socket")?, MESSAGES / 2)?;
    let entry = path.entry();
    let initiating = bounded::begin(LIMIT, move || {
        B::run(async { send::<B>(B::bind_udp(loopback(), &ours)?, entry, public).await })
    });
    let (arrived, answers) = both(responding, initiating)?;
    let toll = path.end();
    let Toll { lost, doubled, overtaken, passed } = toll;
    let good = lost + passed == MESSAGES
        && [arrived.messages, answers] == [passed; 2]
        && arrived.stats.discards.replayed == doubled
        && arrived.stats.moved == 1;
    seen(
        good && lost.min(doubled).min(overtaken) > 0,
        format!(
            "{} of {passed} that the path let through arrived, each once: of {MESSAGES}\n\
             it lost {lost}, doubled {doubled}, delayed {overtaken}; the address changed {} time",
            arrived.messages, arrived.stats.moved
        ),
    )
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn config(key: SecretKey) -> Result<Arc<Config>> {
    let protocol = Protocol::parse("Noise_IK_25519_ChaChaPoly_BLAKE2s")?;
    let config = Config::new(protocol).with_static_key(key).with_peers(Peers::Any);
    Ok(config.with_provider(Provider::fastest()).build()?)
}

/// Sends every message back until the peer closes.
async fn answer<R: Runtime>(mut socket: Udp<R>) -> Result<Arrived> {
    let mut buffer = vec![0; socket.buffer_len()];
    let mut taken = vec![false; MESSAGES as usize];
    loop {
        match socket.next(&mut buffer).await? {
            Incoming::Message { peer, payload } => {
                let number = numbered::read(payload).and_then(|number| usize::try_from(number).ok());
                let taken =
                    number.and_then(|number| taken.get_mut(number)).context("not a message of ours")?;
                ensure!(!std::mem::replace(taken, true), "a message arrived twice");
                socket.send(peer, payload).await?;
            }
            Incoming::Event(Event::Ended { reason: EndReason::Closed(_), .. }) => {
                let messages = taken.iter().filter(|taken| **taken).count() as u64;
                return Ok(Arrived { messages, stats: socket.machine().stats() });
            }
            Incoming::Event(Event::Ended { reason, .. }) => bail!("{reason}"),
            Incoming::Event(_) => {}
        }
    }
}

/// Sends the messages, one after the other; how many answers came.
async fn send<R: Runtime>(mut socket: Udp<R>, to: SocketAddr, key: PublicKey) -> Result<u64> {
    let peer = socket.connect(to, Some(key))?;
    let mut buffer = vec![0; socket.buffer_len()];
    match socket.next(&mut buffer).await? {
        Incoming::Event(Event::Established { .. }) => {}
        other => bail!("{other:?} instead of a session"),
    }
    let mut message = vec![0; SIZE];
    let mut answers = 0;
    for number in 0..MESSAGES {
        numbered::write(&mut message, number);
        socket.send(peer, &message).await?;
        answers += u64::from(answered::<R>(&mut socket, PAUSE, &mut buffer).await?);
    }
    hear_out::<R>(&mut socket, peer, &mut answers, &mut buffer).await?;
    Ok(answers)
}

/// Whether an answer came in time.
async fn answered<R: Runtime>(socket: &mut Udp<R>, time: Duration, buffer: &mut [u8]) -> Result<bool> {
    let until = socket.io().now() + time;
    match socket.next_until(until, buffer).await? {
        Some(Incoming::Message { .. }) => Ok(true),
        Some(Incoming::Event(event)) => bail!("{event:?}"),
        None => Ok(false),
    }
}

/// Waits for the answers that are under way, then closes.
async fn hear_out<R: Runtime>(
    socket: &mut Udp<R>,
    peer: PeerId,
    answers: &mut u64,
    buffer: &mut [u8],
) -> Result<()> {
    while answered::<R>(socket, QUIET, buffer).await? {
        *answers += 1;
    }
    socket.close(peer, 0).await;
    Ok(())
}
