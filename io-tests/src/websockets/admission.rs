//! What a listener refuses, and what the refused are told.

use super::opening::refused;
use super::{Layer, Net, accept_one, connect, listen, raw};
use crate::driver::{join, task, until};
use sealock_net::ListenOptions;
use sealock_net::ws::Endpoint;
use sealock_proto::limit::{AdmissionConfig, KeyedConfig};
use sealock_proto::ws::{Accept, CloseCode, Config};
use std::sync::Arc;
use std::time::Duration;

const BUSY: u16 = 503;
const TOO_MANY: u16 = 429;

fn open() -> AdmissionConfig {
    AdmissionConfig::default().with_keyed(None)
}

/// Accepts everybody in their own tasks, for as long as the test runs; connections wait for their end.
fn serve<S: Net>(admission: AdmissionConfig) -> (Arc<S::Listener>, Endpoint) {
    let options = ListenOptions::default().with_admission(admission);
    let (listener, endpoint) = listen::<S>(&Layer::Plain, Config::default(), options);
    let accepting = Arc::clone(&listener);
    task::<S, _>(async move {
        loop {
            let incoming = S::accept(&accepting).await;
            task::<S, _>(async move {
                if let Ok(asked) = S::request(incoming).await {
                    let mut ws = asked.accept(&Accept::new()).await.unwrap();
                    while let Ok(Some(_)) = ws.next().await {}
                }
            });
        }
    });
    (listener, endpoint)
}

fn status<C: Net>(endpoint: &Endpoint) -> u16 {
    refused::<C>(endpoint, Config::default()).unwrap().response().unwrap().status()
}

/// One handshake at a time: others are told to come back, and let in once it has ended.
pub fn handshakes_are_limited<S: Net, C: Net>() {
    let (listener, endpoint) = serve::<S>(open().with_max_handshakes(1));
    let slow = raw::dial(&S::address(&listener));
    until(|| S::stats(&listener), |stats| stats.handshakes == 1);
    assert_eq!(status::<C>(&endpoint), BUSY);
    drop(slow);
    until(|| S::stats(&listener), |stats| stats.handshakes == 0);
    connect::<C>(&endpoint, Config::default()).unwrap();
    let stats = S::stats(&listener);
    assert_eq!((stats.admitted, stats.too_many_handshakes), (2, 1));
}

/// A connection keeps its place until both of its halves are gone.
pub fn connections_are_limited<S: Net, C: Net>() {
    let options = ListenOptions::default().with_admission(open().with_max_sessions(1));
    let (listener, endpoint) = listen::<S>(&Layer::Plain, Config::default(), options);
    let accepted = accept_one::<S>(&listener);
    let mut first = connect::<C>(&endpoint, Config::default()).unwrap();
    let (mut receiver, sender) = join(accepted).unwrap().split();
    // Refused ones are dealt with inside of accept.
    let next = accept_one::<S>(&listener);
    assert_eq!(status::<C>(&endpoint), BUSY);
    let ending = task::<S, _>(async move { receiver.finish().await.unwrap() });
    assert_eq!(C::block_on(first.close(CloseCode::NORMAL, "")).unwrap().undelivered, 0);
    assert_eq!(join(ending).undelivered, 0);
    assert_eq!(status::<C>(&endpoint), BUSY);
    drop(sender);
    connect::<C>(&endpoint, Config::default()).unwrap();
    drop(join(next).unwrap());
    let stats = S::stats(&listener);
    assert_eq!((stats.admitted, stats.too_many_sessions, stats.sessions), (2, 2, 0));
}

/// A source that keeps failing is refused; one that succeeds is forgiven.
pub fn attempts_are_limited<S: Net, C: Net>() {
    let keyed = KeyedConfig::default().with_attempts(2).with_cool_down(Duration::from_secs(600));
    let (listener, endpoint) = serve::<S>(AdmissionConfig::default().with_keyed(Some(keyed)));
    for done in 1..=5 {
        connect::<C>(&endpoint, Config::default()).unwrap();
        // The client has its answer before the server is told that it left, which forgives.
        until(|| S::stats(&listener), |stats| stats.admitted == done && stats.handshakes == 0);
    }
    for done in 6..=7 {
        drop(raw::dial(&S::address(&listener)));
        until(|| S::stats(&listener), |stats| stats.admitted == done);
    }
    assert_eq!(status::<C>(&endpoint), TOO_MANY);
    let stats = S::stats(&listener);
    assert_eq!((stats.admitted, stats.too_many_attempts), (7, 1));
}
