//! Arbitrary compressed frames at an open WebSocket client.
//!
//! Byte 0 of an input chooses whether messages refer to each other (bit 0) and are handed out in chunks (bit 1), byte 1
//! the size of a read. The rest makes frames: the first byte of a head, the size of the payload, the payload.
//!
//! At once and in pieces give the same messages and the same end; no message is larger than allowed, or is text and not
//! UTF-8; the scratch stays small whatever is inflated. What came out arrives again if it is sent compressed.

use crate::input::Input;
use crate::ws_end::seed;
use sealock_proto::buf::{Scratch, TxBuf};
use sealock_proto::time::Instant;
use sealock_proto::ws::{
    Config, DeflateConfig, DeflateParams, Delivery, Error, Event, Kind, Role, WebSocket,
};
use std::sync::Arc;

const MAX_MESSAGE: usize = 5_000;
/// What is handed out at once in chunks.
const MAX_CHUNK: usize = 16 * 1024;

/// The messages, the last perhaps not complete, and why there are no more.
type Outcome = (Vec<(Kind, Vec<u8>, bool)>, Option<Error>);

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let Some((&[how, size], rest)) = input.split_first_chunk::<2>() else { return };
    let (alone, delivery) = (how & 1 == 0, if how & 2 == 0 { Delivery::Messages } else { Delivery::Chunks });
    let deflate = DeflateConfig::default()
        .with_server_no_context_takeover(alone)
        .with_client_no_context_takeover(alone)
        .with_min_size(0);
    let config = Config::default().with_max_message(MAX_MESSAGE).with_heartbeat(None);
    let config = config.with_delivery(delivery).with_deflate(Some(deflate)).build().expect("in range");
    let stream = frames(rest);
    let whole = receive(&config, alone, &stream, stream.len().max(1));
    let pieces = receive(&config, alone, &stream, usize::from(size).max(1));
    // What comes before a fault inside of a message may be handed out before it is found.
    let complete = |(messages, error): &Outcome| {
        (messages.iter().filter(|message| message.2).cloned().collect::<Vec<_>>(), *error)
    };
    assert_eq!(complete(&whole), complete(&pieces), "at once, and in pieces of {size}");
    send_back(&config, alone, &whole.0);
}

fn open(config: &Arc<Config>, role: Role, alone: bool) -> WebSocket {
    let params = DeflateParams {
        server_no_context_takeover: alone,
        client_no_context_takeover: alone,
        ..DeflateParams::default()
    };
    WebSocket::upgraded(config, role, &seed(), Instant::ZERO).with_deflate(params)
}

fn frames(input: &[u8]) -> Vec<u8> {
    let (mut input, mut stream) = (Input::new(input), Vec::new());
    while !input.is_empty() {
        let (first, size) = (input.byte(), usize::from(input.byte() % 126));
        let payload = input.take(size);
        stream.extend([first, payload.len() as u8]);
        stream.extend(payload);
    }
    stream
}

fn receive(config: &Arc<Config>, alone: bool, stream: &[u8], size: usize) -> Outcome {
    let (mut ws, mut scratch) = (open(config, Role::Client, alone), Scratch::new());
    let (mut buf, mut messages) = (Vec::new(), Vec::<(Kind, Vec<u8>, bool)>::new());
    for piece in stream.chunks(size) {
        buf.extend_from_slice(piece);
        loop {
            let recv = match ws.recv_with(Instant::ZERO, &mut buf, &mut scratch) {
                Ok(recv) => recv,
                Err(error) => return (messages, Some(error)),
            };
            let (consumed, more) = (recv.consumed, recv.event.is_some());
            let (kind, payload, last) = match recv.event {
                Some(Event::Message { kind, payload }) => (kind, payload.to_vec(), true),
                Some(Event::Chunk { kind, payload, last }) => (kind, payload.to_vec(), last),
                _ => (Kind::Binary, Vec::new(), false),
            };
            match messages.last_mut().filter(|message| !message.2) {
                Some(message) if more => {
                    message.1.extend(payload);
                    message.2 = last;
                }
                None if last || !payload.is_empty() => messages.push((kind, payload, last)),
                _ => {}
            }
            assert!(scratch.capacity() <= MAX_CHUNK, "{} bytes of scratch", scratch.capacity());
            buf.drain(..consumed);
            if !more {
                break;
            }
        }
    }
    (messages, None)
}

fn send_back(config: &Arc<Config>, alone: bool, messages: &[(Kind, Vec<u8>, bool)]) {
    let (mut ws, mut tx) = (open(config, Role::Server, alone), TxBuf::new(config.tx_limit()));
    let mut stream = Vec::new();
    let complete: Vec<_> = messages.iter().filter(|message| message.2).cloned().collect();
    for (kind, payload, _) in &complete {
        assert!(payload.len() <= MAX_MESSAGE, "a message of {} bytes", payload.len());
        assert!(*kind == Kind::Binary || std::str::from_utf8(payload).is_ok(), "text that is none");
        ws.send(Instant::ZERO, *kind, payload, &mut tx).expect("room for a message");
        stream.extend_from_slice(tx.sealed());
        tx.consume(usize::MAX);
    }
    assert_eq!(receive(config, alone, &stream, stream.len().max(1)), (complete, None));
}
