//! What a listener refuses, and what the refused are told.

use super::{Kind, Net, XX, accept_one, client, connect, join, listen, server, task};
use crate::driver::until;
use sealock_net::{Address, ConnectError, ListenOptions};
use sealock_proto::drive::{DriveError, Retryable};
use sealock_proto::limit::{AdmissionConfig, KeyedConfig};
use sealock_proto::session::{Alert, CloseCode, Error};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

fn open() -> AdmissionConfig {
    AdmissionConfig::default().with_keyed(None)
}

/// Accepts and runs handshakes in their own tasks, for as long as the test runs; sessions wait for their end.
fn serve<S: Net>(admission: AdmissionConfig) -> Arc<S::Listener> {
    let listener = listen::<S>(Kind::Tcp, server(), ListenOptions::default().with_admission(admission));
    let accepting = Arc::clone(&listener);
    task::<S, _>(async move {
        loop {
            let incoming = S::accept(&accepting).await;
            task::<S, _>(async move {
                if let Ok(mut session) = S::handshake(incoming).await {
                    while let Ok(Some(_)) = session.next().await {}
                }
            });
        }
    });
    listener
}

fn silent<S: Net>(listener: &Arc<S::Listener>) -> TcpStream {
    let Address::Tcp(address) = S::address(listener) else { panic!("not TCP") };
    TcpStream::connect(address).unwrap()
}

fn refused<C: Net>(address: &Address, alert: Alert) {
    let error = connect::<C>(address, client(XX)).map(|_| ()).unwrap_err();
    assert!(error.is_retryable());
    match error {
        ConnectError::Session { error: DriveError::Protocol(error), .. } => {
            assert_eq!(error, Error::Refused(alert));
        }
        other => panic!("{other:?}"),
    }
}

/// One handshake at a time: others are busy-refused, and let in once it has ended.
pub fn handshakes_are_limited<S: Net, C: Net>(_: Kind) {
    let listener = serve::<S>(open().with_max_handshakes(1));
    let slow = silent::<S>(&listener);
    until(|| S::stats(&listener), |stats| stats.handshakes == 1);
    refused::<C>(&S::address(&listener), Alert::Busy);
    drop(slow);
    until(|| S::stats(&listener), |stats| stats.handshakes == 0);
    connect::<C>(&S::address(&listener), client(XX)).unwrap();
    let stats = S::stats(&listener);
    assert_eq!((stats.admitted, stats.too_many_handshakes), (2, 1));
}

/// A session keeps its place until both of its halves are gone.
pub fn sessions_are_limited<S: Net, C: Net>(kind: Kind) {
    let options = ListenOptions::default().with_admission(open().with_max_sessions(1));
    let listener = listen::<S>(kind, server(), options);
    let accepted = accept_one::<S>(&listener);
    let mut first = connect::<C>(&S::address(&listener), client(XX)).unwrap();
    let (mut receiver, sender) = join(accepted).unwrap().split();
    // Refused ones are dealt with inside of accept.
    let next = accept_one::<S>(&listener);
    refused::<C>(&S::address(&listener), Alert::Busy);
    let ending = task::<S, _>(async move { receiver.finish().await.unwrap() });
    assert_eq!(C::block_on(first.close(CloseCode::NORMAL, "")).unwrap().undelivered, 0);
    assert_eq!(join(ending).undelivered, 0);
    refused::<C>(&S::address(&listener), Alert::Busy);
    drop(sender);
    connect::<C>(&S::address(&listener), client(XX)).unwrap();
    join(next).unwrap();
    let stats = S::stats(&listener);
    assert_eq!((stats.admitted, stats.too_many_sessions, stats.sessions), (2, 2, 0));
}

/// A source that keeps failing is refused; one that succeeds is forgiven.
pub fn attempts_are_limited<S: Net, C: Net>(_: Kind) {
    let keyed = KeyedConfig::default().with_attempts(2).with_cool_down(Duration::from_secs(600));
    let listener = serve::<S>(AdmissionConfig::default().with_keyed(Some(keyed)));
    for done in 1..=5 {
        connect::<C>(&S::address(&listener), client(XX)).unwrap();
        // The client is established before the server is, which forgives.
        until(|| S::stats(&listener), |stats| stats.admitted == done && stats.handshakes == 0);
    }
    for done in 6..=7 {
        drop(silent::<S>(&listener));
        until(|| S::stats(&listener), |stats| stats.admitted == done);
    }
    refused::<C>(&S::address(&listener), Alert::TooManyAttempts);
    let stats = S::stats(&listener);
    assert_eq!((stats.admitted, stats.too_many_attempts), (7, 1));
}
