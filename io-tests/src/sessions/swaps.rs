//! A listener's keys replaced while its sessions are busy.

use super::guard::{echo, works};
use super::{IK, Kind, Net, Session, client, connect, join, public, secret, server, task};
use crate::driver::until;
use crate::scenarios::message;
use sealock_net::ListenOptions;
use sealock_proto::limit::AdmissionConfig;
use sealock_proto::session::{Event, RekeyPolicy};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Sends numbered messages until told to stop, some ahead of their answers, and counts the answers, which must be those
/// messages in order.
fn exchange<C: Net>(mut session: Session<C>, stop: Arc<AtomicBool>) -> JoinHandle<usize> {
    const AHEAD: usize = 8;
    task::<C, _>(async move {
        let (mut sent, mut got) = (0, 0);
        loop {
            while !stop.load(Ordering::Relaxed) && sent < got + AHEAD {
                session.send(&message(sent, 200)).await.unwrap();
                sent += 1;
            }
            session.flush().await.unwrap();
            if got == sent {
                return got;
            }
            match session.next().await.unwrap() {
                Some(Event::Message(answer)) => assert_eq!(*answer, message(got, 200)),
                other => panic!("{other:?}"),
            }
            got += 1;
        }
    })
}

/// Nothing is lost, doubled or out of order while the listener's key changes again and again and every session rekeys
/// every few records.
pub fn keys_are_replaced_under_load<S: Net, C: Net>(_: Kind) {
    const FIRST: u8 = 20;
    const SWAPS: u8 = 10;
    let rekey = RekeyPolicy::default().with_records(3);
    let server = |n| server().with_rekey(rekey).with_static_key(secret(n));
    let client = |n| client(IK).with_rekey(rekey).with_remote_static(public(n));
    let admission = AdmissionConfig::default().with_keyed(None);
    let listener = echo::<S>(server(FIRST), ListenOptions::default().with_admission(admission));
    let address = S::address(&listener);
    let stop = Arc::new(AtomicBool::new(false));
    let begin = |n| exchange::<C>(connect::<C>(&address, client(n)).unwrap(), Arc::clone(&stop));
    let mut busy = vec![begin(FIRST)];
    for n in FIRST + 1..=FIRST + SWAPS {
        let next = server(n).with_previous_static_key(secret(n - 1));
        S::set_service(&listener, next.build().unwrap());
        busy.extend([begin(n - 1), begin(n)]);
    }
    works::<C>(&mut connect::<C>(&address, client(FIRST + SWAPS)).unwrap(), b"one more");
    stop.store(true, Ordering::Relaxed);
    let answers: Vec<usize> = busy.into_iter().map(join).collect();
    // The first one was busy through all swaps: it must have rekeyed many times.
    assert!(answers[0] > 100, "{answers:?}");
    until(|| S::stats(&listener), |stats| stats.sessions == 0);
}
