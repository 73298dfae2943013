//! Arbitrary frames at an open WebSocket connection.
//!
//! Byte 0 of an input chooses the end and its configuration (one of `VARIANTS`), byte 1 the size of a read, byte 2
//! whether the rest is the stream itself (odd) or makes frames: the first byte of a head; a byte that says how long the
//! length is (bits 0 and 1), whether one byte fills the payload (bit 2), whether the mask bit is wrong (bit 3) and whether
//! more is announced than comes (bit 4); two bytes of size; the payload.
//!
//! What an end makes of the stream, at once and in pieces, is what the model makes of it: the same messages, the same
//! end, the same rule broken, the Pongs and the Close it owes. No message is larger than allowed or is text and not
//! UTF-8, because none of the model's is.

use crate::input::Input;
use crate::ws_end::{Seen, WsEnd, seed};
use crate::ws_model::{self, Fault, Limits, Message, Model};
use sealock_proto::limit::Rate;
use sealock_proto::time::Instant;
use sealock_proto::ws::{CloseCode, Config, Delivery, Error, Event, Role, WebSocket};
use std::sync::{Arc, OnceLock};

/// Bytes of an input before the frames.
pub const HEADER: usize = 3;

pub(crate) struct Variant {
    pub(crate) role: Role,
    delivery: Delivery,
    limits: Limits,
}

const WIDE: Limits = Limits { message: 100_000, frame: 1 << 30, fragments: 1 << 17, controls: None };
const TIGHT: Limits = Limits { message: 1000, frame: 600, fragments: 5, controls: Some(3) };

const fn variant(role: Role, delivery: Delivery, limits: Limits) -> Variant {
    Variant { role, delivery, limits }
}

/// The configurations under test.
pub(crate) const VARIANTS: [Variant; 8] = [
    variant(Role::Server, Delivery::Messages, WIDE),
    variant(Role::Client, Delivery::Messages, WIDE),
    variant(Role::Server, Delivery::Chunks, WIDE),
    variant(Role::Client, Delivery::Chunks, WIDE),
    variant(Role::Server, Delivery::Messages, TIGHT),
    variant(Role::Client, Delivery::Messages, TIGHT),
    variant(Role::Server, Delivery::Chunks, TIGHT),
    variant(Role::Client, Delivery::Chunks, TIGHT),
];

impl Variant {
    fn config(&self) -> Arc<Config> {
        let Limits { message, frame, fragments, controls } = self.limits;
        let rate = controls.map(|burst| Rate::new(1, burst as u64).expect("not zero"));
        let config =
            Config::default().with_delivery(self.delivery).with_control_rate(rate).with_heartbeat(None);
        let config = config.with_max_message(message).with_max_frame(frame);
        config.with_max_fragments(fragments as u32).build().expect("a variant of the table above")
    }

    fn masked(&self) -> bool {
        self.role == Role::Server
    }
}

fn configs() -> &'static [Arc<Config>] {
    static CONFIGS: OnceLock<Vec<Arc<Config>>> = OnceLock::new();
    CONFIGS.get_or_init(|| VARIANTS.iter().map(Variant::config).collect())
}

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let Some((&[variant, size, raw], rest)) = input.split_first_chunk::<HEADER>() else { return };
    let number = usize::from(variant) % VARIANTS.len();
    let (variant, config) = (&VARIANTS[number], &configs()[number]);
    let stream = if raw & 1 == 1 { rest.to_vec() } else { frames(variant.masked(), rest) };
    let model = ws_model::read(variant.masked(), &stream, &variant.limits);
    for size in [stream.len().max(1), usize::from(size).max(1)] {
        let ws = WebSocket::upgraded(config, variant.role, &seed(), Instant::ZERO);
        let mut end = WsEnd::new(ws, config.rx_limit());
        end.feed(&stream, size);
        check_seen(variant.delivery, &model, &end);
        check_sent(variant, &model, &end);
    }
}

/// The frames that `input` asks for.
fn frames(masked: bool, input: &[u8]) -> Vec<u8> {
    let mut input = Input::new(input);
    let mut stream = Vec::new();
    while !input.is_empty() {
        let (first, how, size) = (input.byte(), input.byte(), input.size());
        let payload =
            if how & 4 == 0 { input.take(size % 300).to_vec() } else { vec![input.byte(); size % 5000] };
        let announced = payload.len() + if how & 16 == 0 { 0 } else { 70_000 };
        let masked = masked != (how & 8 != 0);
        let bit = u8::from(masked) << 7;
        stream.push(first);
        match (how & 3, u8::try_from(announced), u16::try_from(announced)) {
            (0, Ok(len @ 0..126), _) => stream.push(bit | len),
            (0 | 1, _, Ok(len)) => {
                stream.push(bit | 126);
                stream.extend(len.to_be_bytes());
            }
            (how, ..) => {
                stream.push(bit | 127);
                // A length that nothing has, too.
                let high = if how == 3 { 0x80 << 56 } else { 0 };
                stream.extend((announced as u64 | high).to_be_bytes());
            }
        }
        let mask = if masked { [0x11, size as u8, 0x80, 0xff] } else { [0; 4] };
        stream.extend(mask.iter().filter(|_| masked));
        stream.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
    stream
}

fn check_seen(delivery: Delivery, model: &Model, end: &WsEnd) {
    let (messages, partial) = joined(&end.seen);
    assert!(messages == model.messages, "{} messages, not {}", messages.len(), model.messages.len());
    let begun = model.partial.as_ref();
    match (delivery, partial) {
        (_, None) => {}
        (Delivery::Messages, Some(_)) => panic!("a piece of a message"),
        (Delivery::Chunks, Some((kind, bytes))) => {
            let (want, whole) = begun.expect("a message that nobody began");
            assert!(kind == *want && whole.starts_with(&bytes), "a piece that was not sent");
            // What breaks a rule is not handed out.
            assert!(model.fault.is_some() || bytes == *whole, "bytes were kept back");
        }
    }
    let closed = end.seen.iter().find_map(|event| match event {
        Event::Closed { code, reason } => Some((*code, reason.clone())),
        _ => None,
    });
    assert_eq!(closed, model.closed);
    let fault = end.error.map(|error| match error {
        Error::Frame(_) => Fault::Frame,
        Error::NotUtf8 => Fault::Text,
        Error::FrameTooLarge { .. } => Fault::FrameSize,
        Error::MessageTooLarge { .. } => Fault::MessageSize,
        Error::TooManyFragments { .. } => Fault::Fragments,
        Error::ControlFlood => Fault::Flood,
        other => panic!("{other:?} of frames"),
    });
    assert_eq!(fault, model.fault, "{:?}", end.error);
}

/// The messages of all events, and the one that is not complete.
fn joined(seen: &[Seen]) -> (Vec<Message>, Option<Message>) {
    let (mut messages, mut partial) = (Vec::new(), None::<Message>);
    for event in seen {
        match event {
            Event::Message { kind, payload } => messages.push((*kind, payload.clone())),
            Event::Chunk { kind, payload, last } => {
                let (begun, bytes) = partial.get_or_insert((*kind, Vec::new()));
                assert_eq!(begun, kind, "a message of two kinds");
                bytes.extend(payload);
                if *last {
                    messages.extend(partial.take());
                }
            }
            Event::Closed { .. } => {}
            other => panic!("{other:?} of an open connection"),
        }
    }
    (messages, partial)
}

/// What was answered: Pings, and the end with its code.
fn check_sent(variant: &Variant, model: &Model, end: &WsEnd) {
    let sent = ws_model::read(!variant.masked(), &end.sent, &WIDE);
    assert_eq!((sent.fault, sent.rest, sent.messages.len(), sent.pings.len()), (None, 0, 0, 0));
    let mut pings = model.pings.iter();
    assert!(sent.pongs.iter().all(|pong| pings.any(|ping| ping == pong)), "a Pong that answers nothing");
    let code = match (&model.closed, model.fault) {
        (Some((code, _)), _) => Some(*code),
        (None, Some(Fault::Frame)) => Some(CloseCode::PROTOCOL_ERROR),
        (None, Some(Fault::Text)) => Some(CloseCode::INVALID_DATA),
        (None, Some(Fault::FrameSize | Fault::MessageSize)) => Some(CloseCode::TOO_BIG),
        (None, Some(Fault::Fragments | Fault::Flood)) => Some(CloseCode::POLICY),
        (None, None) => {
            assert_eq!(sent.pongs.last(), model.pings.last(), "the newest Ping is answered");
            None
        }
    };
    assert_eq!(sent.closed.map(|(code, _)| code), code);
}
