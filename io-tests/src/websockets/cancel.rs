//! Futures that are dropped whenever they wait.

use super::{Layer, Net, WebSocket, pair};
use crate::driver::{join, task};
use crate::scenarios::{at_most, impatient, message};
use sealock_proto::ws::{CloseCode, Config, Event, Kind};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;

const SMALL: usize = 3_000;
/// More than may be queued behind another message.
const LARGE: usize = 700_000;
/// Large messages that no stream's buffers hold.
const FLOOD: usize = 60;

/// At either end: large messages are dropped at every one of their first polls, small ones, pieces, flushes and the wait
/// for what comes at each poll. What arrives is what was accepted, in order, each message once and whole.
pub fn dropped_futures_tear_lose_and_repeat_nothing<S: Net, C: Net>(layer: &Layer) {
    let quiet = || Config::default().with_heartbeat(None);
    let (server, client) = pair::<S, C>(layer, quiet(), quiet());
    drop_futures::<C, S>(client, server);
    let (server, client) = pair::<S, C>(layer, quiet(), quiet());
    drop_futures::<S, C>(server, client);
}

fn drop_futures<From: Net, To: Net>(mut from: WebSocket<From>, mut to: WebSocket<To>) {
    let (listen, listens) = mpsc::channel();
    let sending = task::<From, _>(async move {
        let mut accepted = Vec::new();
        // Nobody reads yet, so that in the end one has to wait, and is dropped.
        loop {
            let number = accepted.len();
            assert!(number < FLOOD, "the stream takes everything");
            let Some(outcome) = at_most(1, from.send(Kind::Binary, &message(number, LARGE))).await else {
                break;
            };
            outcome.unwrap();
            accepted.push((number, LARGE));
        }
        listen.send(()).unwrap();
        let mut number = accepted.len();
        for polls in 1..=7 {
            number += 1;
            let large = message(number, LARGE);
            if let Some(outcome) = at_most(polls, from.send(Kind::Binary, &large)).await {
                outcome.unwrap();
                accepted.push((number, LARGE));
            }
            for _ in 0..5 {
                number += 1;
                let small = message(number, SMALL);
                impatient(&mut from, async |from| from.send(Kind::Binary, &small).await).await.unwrap();
                accepted.push((number, SMALL));
            }
            number += 1;
            let pieces = message(number, LARGE);
            let mut rest = pieces.chunks(LARGE / 3).peekable();
            while let Some(piece) = rest.next() {
                let last = rest.peek().is_none();
                impatient(&mut from, async |from| from.sender.send_chunk(Kind::Binary, piece, last).await)
                    .await
                    .unwrap();
            }
            accepted.push((number, LARGE));
            impatient(&mut from, async |from| from.flush().await).await.unwrap();
        }
        // A message is given up last of all, or not.
        number += 1;
        for _ in 0..2 {
            if let Some(outcome) = at_most(1, from.send(Kind::Binary, &message(number, LARGE))).await {
                outcome.unwrap();
                accepted.push((number, LARGE));
            }
        }
        let closed = from.close(CloseCode::NORMAL, "").await.unwrap();
        assert_eq!(closed.undelivered, 0);
        assert_eq!(from.stats().sent.messages, accepted.len() as u64);
        accepted
    });
    listens.recv().unwrap();
    let got = To::block_on(async {
        let mut got = Vec::new();
        loop {
            let event = poll_fn(|cx| match pin!(to.next()).poll(cx) {
                Poll::Ready(event) => {
                    Poll::Ready(event.unwrap().map(|event| event.map(|bytes| bytes.to_vec())))
                }
                Poll::Pending => Poll::Pending,
            });
            match event.await {
                Some(Event::Message { payload, .. }) => got.push(payload),
                Some(Event::Closed { code, .. }) => assert_eq!(code, CloseCode::NORMAL),
                Some(other) => panic!("{other:?}"),
                None => break got,
            }
        }
    });
    let accepted = join(sending);
    assert_eq!(got.len(), accepted.len());
    for ((number, len), got) in accepted.into_iter().zip(got) {
        assert!(got == message(number, len), "message {number} of {len} bytes");
    }
}
