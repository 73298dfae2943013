//! `--udp`: a datagram session on standard input and output, or an echo. A message is a datagram, which may be lost.

mod echo;
mod pipe;
mod policy;

use crate::args::{Connect, Ends, Listen};
use crate::failure::Usage;
use crate::runtime::{Runtime, Udp};
use crate::{dial, out, stdin};
use anyhow::{Context, Result, bail};
use async_channel::Receiver;
use sealock_proto::datagram::{Event, PeerId};
use sealock_proto::drive::DatagramIncoming as Incoming;
use sealock_proto::noise::{Protocol, PublicKey, Role};
use sealock_tokio::Address;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

pub(crate) fn listen<R: Runtime>(args: &Listen) -> Result<()> {
    let (config, public) = policy::accepting(&args.session, &args.admission)?;
    let address = resolve(&dial::listening_address(&args.address)?)?;
    R::run(async {
        let mut socket = R::bind_udp(address, &config)?;
        out::note(format_args!("listening on {} as {public} (UDP)", R::udp_address(socket.io())?));
        if args.echo {
            return echo::run::<R>(socket).await;
        }
        let (peer, key) = established::<R>(&mut socket).await?;
        out::note(connected(key, config.protocol()));
        pipe::run::<R>(socket, peer, &input(args.ends, config.max_message()), args.ends).await
    })
}

pub(crate) fn connect<R: Runtime>(args: &Connect) -> Result<()> {
    let config = policy::connecting(&args.session, args.peer)?;
    let to = resolve(&dial::address(&args.address)?)?;
    let any = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    R::run(async {
        let mut socket = R::bind_udp(SocketAddr::new(any, 0), &config)?;
        socket.connect(to, args.peer)?;
        let established = established::<R>(&mut socket).await;
        let (peer, key) = established.with_context(|| format!("no session with {to}"))?;
        if args.peer.is_none() {
            dial::tell_peer(key, config.protocol());
        }
        // Not read before somebody is there to take it.
        pipe::run::<R>(socket, peer, &input(args.ends, config.max_message()), args.ends).await
    })
}

fn input(ends: Ends, max: usize) -> Receiver<Vec<u8>> {
    if ends.recv_only { stdin::none() } else { stdin::chunks(max) }
}

/// The first session there is, and whose.
async fn established<R: Runtime>(socket: &mut Udp<R>) -> Result<(PeerId, Option<PublicKey>)> {
    let mut buffer = vec![0; socket.buffer_len()];
    loop {
        match socket.next(&mut buffer).await? {
            Incoming::Event(Event::Established { peer, established }) => return Ok((peer, established.key)),
            Incoming::Event(Event::Ended { reason, .. }) => bail!("{reason}"),
            // Nothing else comes before.
            _ => {}
        }
    }
}

fn connected(key: Option<PublicKey>, protocol: Protocol) -> String {
    match key.filter(|_| protocol.needs_local_static(Role::Initiator)) {
        Some(key) => format!("{key} is connected ({protocol})"),
        None => format!("a peer without a key is connected ({protocol})"),
    }
}

/// The first of the addresses that a name has.
fn resolve(address: &Address) -> Result<SocketAddr> {
    let Address::Tcp(name) = address else {
        return Err(
            Usage("--udp needs HOST:PORT: there are no datagrams on Unix sockets here".to_owned()).into()
        );
    };
    let mut found = name.to_socket_addrs().with_context(|| format!("cannot look up {name}"))?;
    found.next().with_context(|| format!("{name} has no address"))
}
