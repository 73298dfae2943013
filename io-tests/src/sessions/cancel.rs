//! Futures that are dropped whenever they wait.

use super::{Kind, Net, XX, client, join, message, pair, server, task};
use crate::scenarios::{at_most, impatient};
use sealock_proto::session::Event;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

const SMALL: usize = 3_000;
const LARGE: usize = 700_000;

/// A large message is dropped at every one of its first polls, small ones are sent by futures dropped at each
/// poll: what arrives is what was accepted, in order, each message once and whole.
pub fn dropped_futures_tear_lose_and_repeat_nothing<S: Net, C: Net>(kind: Kind) {
    let (mut server, mut client) = pair::<S, C>(kind, server(), client(XX));
    let (accept, accepted) = mpsc::channel();
    let sending = task::<C, _>(async move {
        let mut number = 0;
        for polls in 1..=7 {
            number += 1;
            let large = message(number, LARGE);
            if let Some(outcome) = at_most(polls, client.send(&large)).await {
                outcome.unwrap();
                accept.send((number, LARGE)).unwrap();
            }
            for _ in 0..5 {
                number += 1;
                let small = message(number, SMALL);
                impatient(&mut client, async |client| client.send(&small).await).await.unwrap();
                accept.send((number, SMALL)).unwrap();
            }
            impatient(&mut client, async |client| client.flush().await).await.unwrap();
        }
        // A message is begun and given up last of all.
        let given_up = message(0, LARGE);
        if let Some(outcome) = at_most(1, client.send(&given_up)).await {
            outcome.unwrap();
            accept.send((0, LARGE)).unwrap();
        }
        client.drain(Duration::from_secs(20)).await.unwrap();
        while client.next().await.unwrap().is_some() {}
        client.stats().sent
    });
    let got = S::block_on(async {
        let mut got = Vec::new();
        loop {
            let event = poll_fn(|cx| match pin!(server.next()).poll(cx) {
                Poll::Ready(event) => {
                    Poll::Ready(event.unwrap().map(|event| event.map(|bytes| bytes.to_vec())))
                }
                Poll::Pending => Poll::Pending,
            })
            .await;
            match event {
                Some(Event::Message(bytes)) => got.push(bytes),
                Some(Event::Draining) => server.drain(Duration::from_secs(20)).await.unwrap(),
                Some(_) => {}
                None => break got,
            }
        }
    });
    let sent = join(sending);
    let expected: Vec<_> = accepted.iter().collect();
    assert_eq!(got.len(), expected.len());
    for ((number, len), got) in expected.iter().zip(got) {
        assert!(got == message(*number, *len), "message {number} of {len} bytes");
    }
    assert_eq!(sent.messages, expected.len() as u64);
}
