//! Handshakes that do not succeed.

use super::{IK, Kind, Net, XX, accept_one, client, connect, join, listen, public, server};
use sealock_net::{Address, ConnectError, ConnectOptions, ListenOptions};
use sealock_proto::drive::{DriveError, Retryable};
use sealock_proto::session::{Alert, Error, Peers};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

fn session_error(error: ConnectError) -> Error {
    match error {
        ConnectError::Session { error: DriveError::Protocol(error), .. } => error,
        other => panic!("{other:?}"),
    }
}

/// A key that is not in the list is refused, and both ends say so.
pub fn stranger_is_refused<S: Net, C: Net>(kind: Kind) {
    let only = server().with_peers(Peers::Only(vec![public(9)]));
    let listener = listen::<S>(kind, only, ListenOptions::default());
    let accepted = accept_one::<S>(&listener);
    // With XX the client is established before the server judges its key.
    let mut client = connect::<C>(&S::address(&listener), client(XX)).unwrap();
    let refused = C::block_on(client.next()).unwrap_err();
    assert!(matches!(refused, DriveError::Protocol(Error::Refused(Alert::PeerNotAllowed))), "{refused:?}");
    let refused = join(accepted).unwrap_err();
    assert!(matches!(refused, DriveError::Protocol(Error::PeerNotAllowed)), "{refused:?}");
    assert_eq!(S::stats(&listener).handshakes, 0);
}

/// A server with another key than expected: with IK it does not answer, with XX the client refuses it.
pub fn wrong_peer_is_refused<S: Net, C: Net>(kind: Kind) {
    let cases = [
        (client(IK).with_remote_static(public(9)), Error::Unanswered),
        (client(XX).with_peers(Peers::Only(vec![public(9)])), Error::PeerNotAllowed),
    ];
    for (config, expected) in cases {
        let listener = listen::<S>(kind, server(), ListenOptions::default());
        let accepted = accept_one::<S>(&listener);
        let error = connect::<C>(&S::address(&listener), config).map(|_| ()).unwrap_err();
        // Silence may also be that of a server that went away.
        assert_eq!(error.is_retryable(), expected == Error::Unanswered);
        assert_eq!(session_error(error), expected);
        match join(accepted).unwrap_err() {
            DriveError::Protocol(Error::BadMac1) => assert_eq!(expected, Error::Unanswered),
            DriveError::Protocol(Error::Refused(Alert::PeerNotAllowed)) => {
                assert_eq!(expected, Error::PeerNotAllowed);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A client that says nothing is given up, and others get in meanwhile.
pub fn silent_client_times_out<S: Net, C: Net>(_: Kind) {
    let short = server().with_handshake_timeout(Duration::from_millis(100));
    let listener = listen::<S>(Kind::Tcp, short, ListenOptions::default());
    let Address::Tcp(address) = S::address(&listener) else { panic!("not TCP") };
    let silent = accept_one::<S>(&listener);
    let mut stream = TcpStream::connect(address).unwrap();
    let error = join(silent).unwrap_err();
    assert!(matches!(error, DriveError::Protocol(Error::HandshakeTimeout)), "{error:?}");
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    assert_eq!(said, sealock_proto::session::alert_packet(Alert::Timeout));
}

/// An address where nobody listens: the error names it, and the system's reason.
pub fn connecting_to_nobody_names_address_and_cause<S: Net, C: Net>(_: Kind) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = Kind::Unix.address();
    let cases = [(Address::from(free), ErrorKind::ConnectionRefused), (nowhere, ErrorKind::NotFound)];
    for (to, kind) in cases {
        let error = connect::<C>(&to, client(XX)).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(&to.to_string()), "{error}");
        assert!(error.is_retryable());
        match error {
            ConnectError::Io { address, error } => assert_eq!((address, error.kind()), (to, kind)),
            other => panic!("{other:?}"),
        }
    }
}

/// An address where nobody accepts: connecting ends at its timeout, or at once where the system says so.
pub fn connecting_takes_a_bounded_time<S: Net, C: Net>(kind: Kind) {
    let (domain, local) = match kind.address() {
        Address::Unix(path) => (Domain::UNIX, SockAddr::unix(path).unwrap()),
        _ => (Domain::IPV4, SocketAddr::from(([127, 0, 0, 1], 0)).into()),
    };
    let listening = Socket::new(domain, Type::STREAM, None).unwrap();
    listening.bind(&local).unwrap();
    listening.listen(1).unwrap();
    let local = listening.local_addr().unwrap();
    let address = match local.as_socket() {
        Some(address) => address.into(),
        None => Address::unix(local.as_pathname().unwrap()),
    };
    let queued: Vec<_> = (0..64)
        .map(|_| {
            let socket = Socket::new(domain, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&local);
            socket
        })
        .collect();
    let options = ConnectOptions::default().with_timeout(Duration::from_millis(100));
    let config = client(XX).build().unwrap();
    let error = C::block_on(C::connect(&address, &config, &options)).map(|_| ()).unwrap_err();
    assert!(error.is_retryable());
    match error {
        ConnectError::Io { error, .. } if kind == Kind::Tcp => assert_eq!(error.kind(), ErrorKind::TimedOut),
        ConnectError::Io { .. } => {}
        other => panic!("{other:?}"),
    }
    drop(queued);
}
