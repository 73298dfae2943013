//! WebSocket: frames in and out of place, openings that are valid up to some point, and owners.

use super::Seed;
use crate::{ws_frames, ws_upgrade};

pub(super) fn all() -> Vec<Seed> {
    let mut seeds = frames();
    seeds.extend(requests());
    seeds.extend(answers());
    seeds.extend(DEFLATED.iter().map(|(name, bytes)| ("ws_deflate", (*name).to_owned(), bytes.to_vec())));
    seeds.extend(PAIRS.iter().map(|(name, bytes)| ("ws_pair", (*name).to_owned(), bytes.to_vec())));
    seeds
}

/// The examples of RFC 7692, section 7.2.3, and what is near them: first byte of a head, size, payload.
const DEFLATED: &[(&str, &[u8])] = &[
    ("hello", b"\x00\x02\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"),
    ("fragments", b"\x03\x01\x41\x03\xf2\x48\xcd\x89\x00\x80\x04\xc9\xc9\x07\x00"),
    ("context", b"\x01\x03\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00"),
    ("stored", b"\x02\x04\xc2\x0b\x00\x05\x00\xfa\xffHello\x00"),
    ("final-block", b"\x01\x05\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"),
    ("two-blocks", b"\x00\x06\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
    ("nothing", b"\x02\x01\xc1\x01\x00\x81\x00\x81\x01a"),
    // Zeros, several thousand from a few bytes.
    ("bomb", b"\x02\x07\xc2\x12\xec\xc1\x01\x01\x00\x00\x00\x80\x90\xfe\xaf\xee\x08\x0a\x00\x00\x00\x00"),
    // Found by the fuzzer: a second stream that refers to the first.
    ("after-the-end", b"\xfb\x00\xc1\x09\x0b\x00\x01\x7e\x00\x23\x05\x81\x01\x00"),
    ("corrupt", b"\x00\x01\xc2\x01\x07"),
    ("not-utf8", b"\x00\x02\xc1\x07\x00\x01\x00\xfe\xff\xff\x00"),
];

const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// Bits of the second byte of a frame in an input.
const FILLED: u8 = 4;
const WRONG_MASK: u8 = 8;
const CUT: u8 = 16;

/// The first byte of a head, how it is written, the payload; a filled one is its byte and its size.
type Frame<'a> = (u8, u8, &'a [u8]);

fn frames() -> Vec<Seed> {
    let large: Frame<'_> = (FIN | BINARY, FILLED, &[7, 0x10, 0]);
    let cases: &[(&str, u8, &[Frame<'_>])] = &[
        ("nothing", 0, &[]),
        (
            "messages",
            0,
            &[(FIN | TEXT, 0, "é€".as_bytes()), (FIN | BINARY, 0, b""), large, (FIN | TEXT, 0, b"")],
        ),
        ("messages-client", 1, &[(FIN | TEXT, 0, "𝄞".as_bytes()), large, (FIN | CLOSE, 0, b"\x03\xe8bye")]),
        ("fragments", 0, &[(TEXT, 0, b"\xce"), (FIN | PING, 0, b"p"), (0, 0, b"\xba"), (FIN, 0, b"z")]),
        ("fragments-chunks", 2, &[(TEXT, 0, b"\xce"), (FIN | PONG, 0, b"p"), (0, 0, b""), (FIN, 0, b"\xba")]),
        (
            "fragments-many",
            4,
            &[(BINARY, 0, b"1"), (0, 0, b"2"), (0, 0, b"3"), (0, 0, b""), (0, 0, b"5"), (FIN, 0, b"6")],
        ),
        ("text-not-utf8", 0, &[(FIN | TEXT, 0, b"ok \xff")]),
        ("text-ends-early", 3, &[(TEXT, 0, b"a\xf0\x9d"), (FIN, 0, b"\x84")]),
        ("text-surrogate", 1, &[(TEXT, CUT, b"\xed\xa0")]),
        ("too-large", 4, &[(FIN | BINARY, FILLED, &[1, 2, 0x59])]),
        ("too-large-together", 5, &[(BINARY, FILLED, &[1, 2, 0]), (FIN, FILLED, &[2, 2, 0])]),
        (
            "too-large-announced",
            0,
            &[(FIN | BINARY, FILLED | CUT, &[1, 0x75, 0x30]), (FIN, FILLED | CUT, &[1, 0, 1])],
        ),
        ("cut", 0, &[(FIN | TEXT, CUT, b"begins")]),
        ("cut-chunks", 3, &[(BINARY, CUT, b"")]),
        (
            "pings",
            6,
            &[(FIN | PING, 0, b"1"), (FIN | PING, 0, b""), (FIN | PONG, 0, b"3"), (FIN | PING, 0, b"4")],
        ),
        ("ping-long", 0, &[(FIN | PING, FILLED, &[1, 0, 126])]),
        ("ping-fragment", 1, &[(PING, 0, b"1")]),
        ("continues-nothing", 0, &[(FIN, 0, b"1")]),
        ("inside", 1, &[(TEXT, 0, b"1"), (FIN | TEXT, 0, b"2")]),
        ("reserved-bit", 0, &[(FIN | 0x20 | TEXT, 0, b"1")]),
        ("compressed", 0, &[(FIN | 0x40 | TEXT, 0, b"1")]),
        ("reserved-opcode", 1, &[(FIN | 3, 0, b"1")]),
        ("mask", 0, &[(FIN | TEXT, WRONG_MASK, b"1")]),
        ("mask-client", 1, &[(FIN | TEXT, WRONG_MASK, b"1")]),
        ("length-long-form", 0, &[(FIN | TEXT, 1, b"1")]),
        ("length-longest-form", 1, &[(FIN | TEXT, 2, b"1")]),
        ("length-of-64-bits", 1, &[(FIN | TEXT, 3, b"1")]),
        ("close", 0, &[(FIN | CLOSE, 0, b"\x0f\xa0done"), (FIN | TEXT, 0, b"late")]),
        ("close-empty", 3, &[(BINARY, 0, b"1"), (FIN | CLOSE, 0, b"")]),
        ("close-half", 0, &[(FIN | CLOSE, 0, b"\x03")]),
        ("close-code", 1, &[(FIN | CLOSE, 0, b"\x03\xed")]),
        ("close-text", 0, &[(FIN | CLOSE, 0, b"\x03\xe8\xff")]),
    ];
    let seed = |(name, variant, frames): &(&str, u8, &[Frame<'_>])| {
        let mut input = vec![*variant, 1, 0];
        debug_assert_eq!(input.len(), ws_frames::HEADER);
        for (first, how, payload) in *frames {
            input.extend([*first, *how]);
            match payload {
                [fill, size @ ..] if how & FILLED != 0 => input.extend([size, &[*fill]].concat()),
                payload => {
                    input.extend((payload.len() as u16).to_be_bytes());
                    input.extend(*payload);
                }
            }
        }
        ("ws_frames", (*name).to_owned(), input)
    };
    let mut seeds: Vec<Seed> = cases.iter().map(seed).collect();
    let raw = [&[1, 3, 1][..], b"\x81\x05hello\x01\x02ab\x89\x01p\x80\x01c\x88\x02\x03\xe8"].concat();
    seeds.push(("ws_frames", "raw".to_owned(), raw));
    seeds
}

fn requests() -> Vec<Seed> {
    const GOOD: [&str; 6] = [
        "GET /chat?a=b HTTP/1.1",
        "Host: example.org",
        "Upgrade: websocket",
        "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    ];
    let with = |changes: &[(usize, &str)], more: &[&str]| {
        let mut lines = GOOD.map(str::to_owned);
        changes.iter().for_each(|(at, line)| lines[*at] = (*line).to_owned());
        [&lines[..], &more.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()].concat().join("\r\n")
            + "\r\n\r\n"
    };
    let frame = "\u{1}";
    [
        ("request", 0, with(&[], &[])),
        ("request-refused", 2, with(&[], &["Origin: http://elsewhere.example"])),
        (
            "request-subprotocols",
            0,
            with(&[], &["Sec-WebSocket-Protocol: chat, b c", "Sec-WebSocket-Protocol: x"]),
        ),
        ("request-early-frames", 0, with(&[], &[]) + frame),
        ("request-bare-line-feeds", 0, with(&[], &[]).replace("\r\nHost", "\nHost")),
        ("request-post", 0, with(&[(0, "POST / HTTP/1.1")], &[])),
        ("request-old", 0, with(&[(0, "GET / HTTP/1.0")], &[])),
        ("request-no-host", 0, with(&[(1, "X: y")], &[])),
        ("request-no-upgrade", 0, with(&[(2, "Upgrade: h2c")], &[])),
        ("request-no-connection", 0, with(&[(3, "Connection: close")], &[])),
        ("request-key", 0, with(&[(4, "Sec-WebSocket-Key: c2hvcnQ=")], &[])),
        ("request-version", 0, with(&[(5, "Sec-WebSocket-Version: 8")], &[])),
        ("request-body", 0, with(&[], &["Content-Length: 5"])),
        ("request-two-hosts", 0, with(&[], &["Host: example.com"])),
        ("request-long", 0, with(&[], &[&format!("X: {}", "y".repeat(1000))])),
        ("request-fields", 0, with(&[], &["X: y"; 60])),
        ("request-cut", 0, with(&[], &[])[..60].to_owned()),
        ("request-tls", 0, "\u{16}\u{3}\u{1}\0\u{5}hello".to_owned()),
    ]
    .into_iter()
    .map(|(name, choice, text)| upgrade(name, choice, text.as_bytes()))
    .collect()
}

fn answers() -> Vec<Seed> {
    let frame = [&ws_upgrade::answer(&[])[..], b"\x81\x02hi\x88\x00"].concat();
    let text = |text: &str| text.as_bytes().to_vec();
    [
        ("answer", ws_upgrade::answer(&[])),
        ("answer-frames", frame),
        ("answer-subprotocol", ws_upgrade::answer(&["Sec-WebSocket-Protocol: superchat"])),
        ("answer-subprotocol-other", ws_upgrade::answer(&["Sec-WebSocket-Protocol: other"])),
        ("answer-extension", ws_upgrade::answer(&["Sec-WebSocket-Extensions: permessage-deflate"])),
        ("answer-accept-twice", ws_upgrade::answer(&["Sec-WebSocket-Accept: x"])),
        ("answer-accept-wrong", text("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n")),
        ("answer-redirect", text("HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\nbody")),
        ("answer-old", text("HTTP/1.0 200 OK\r\n\r\n")),
        ("answer-cut", text("HTTP/1.1 101")),
        ("answer-not-http", text("SSH-2.0-x\r\n\r\n")),
    ]
    .into_iter()
    .map(|(name, bytes)| upgrade(name, 1, &bytes))
    .collect()
}

fn upgrade(name: &str, choice: u8, bytes: &[u8]) -> Seed {
    let mut input = vec![choice, 7];
    debug_assert_eq!(input.len(), ws_upgrade::HEADER);
    input.extend_from_slice(bytes);
    ("ws_upgrade", name.to_owned(), input)
}

const B: u8 = 0x80;
/// Of a binary message.
const X: u8 = 0x40;

/// Configurations, buffers and links first, then operations.
const PAIRS: [(&str, &[u8]); 14] = [
    ("nothing", &[]),
    ("messages", &[0, 2, 2, 0, 0, 0, 0, 7, 0, 0, 90, B | X, 0, 9, 7, X | 2, 80, 0, 6, 0, 100, 13, 0]),
    (
        "chunks",
        &[
            3,
            1,
            1,
            5,
            20,
            37,
            9,
            7,
            3,
            0,
            7,
            3,
            0,
            9,
            3,
            128,
            11,
            7,
            B | X | 3,
            0,
            7,
            B | X | 4,
            255,
            255,
            6,
            1,
            0,
        ],
    ),
    (
        "chunks-cut-text",
        &[0, 2, 2, 0, 0, 0, 0, 7, 3, 0, 1, 3, 0, 2, 3, 0, 3, 3, 128, 0, 3, 0, 4, 4, 128, 3, 6, 0, 9],
    ),
    ("too-large", &[0, 3, 3, 0, 0, 0, 0, 7, X | 2, 200, 0, 2, 255, 255, 6, 0, 1]),
    ("out-of-turn", &[0, 2, 2, 0, 0, 0, 0, 7, 3, 0, 10, 0, 0, 10, X | 3, 0, 9, 4, 200, 3, 0, 0, 1, 7]),
    ("no-text", &[0, 2, 2, 0, 0, 0, 0, 7, 14, 0, 0, 0, 10, 7]),
    ("close", &[0, 2, 2, 2, 90, 1, 40, 5, 3, 232, 0, 1, 0, B | 13, 2, B | 1, 0, 50, 7, 6, 1, 0, 13, 1]),
    ("close-both", &[0, 2, 2, 2, 90, 2, 90, 5, 3, 232, 13, 2, B | 13, 0, 0, 0, 9, 6, 1, 0]),
    ("early", &[0, 0, 0, 2, 90, 2, 90, 0, 0, 9, B | 1, 0, 9, B | 13, 0, 7, 13, 0]),
    ("stall", &[0, 1, 1, 0, 9, 0, 9, 5, 0, 100, 0, 9, 9, 8, 20, 0, 0, 0, 7, 14, 200, 30, 0, 15]),
    (
        "deaf",
        &[
            0,
            1,
            1,
            32,
            0,
            32,
            0,
            7,
            B | 9,
            X | 1,
            10,
            0,
            X | 1,
            10,
            0,
            X | 1,
            10,
            0,
            5,
            1,
            0,
            B | 10,
            7,
            11,
            5,
            0,
            9,
            12,
        ],
    ),
    ("reset", &[0, 2, 2, 0, 9, 0, 9, 5, 0, 100, 0, 0, 50, 14, 240, 5, 0, 1]),
    ("cut", &[0, 2, 2, 0, 9, 0, 9, 5, 0, 100, 0, 0, 50, 14, 241, B, 0, 50, 5, 0, 1]),
];
