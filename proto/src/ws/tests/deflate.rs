//! Messages that are compressed (RFC 7692), both ways.

use super::peer::{BINARY, CONT, FIN, PING, Peer, TEXT, binary, text};
use crate::buf::TxBuf;
use crate::time::Instant;
use crate::ws::{
    Accept, Broadcast, CloseCode, Config, DeflateConfig, DeflateParams, Delivery, Error, Event, FrameFault,
    Kind, Role, SendError, UpgradeRequest,
};
use alloc::vec::Vec;

/// Added to an opcode: compressed.
const RSV1: u8 = 0x40;
const ROLES: [Role; 2] = [Role::Client, Role::Server];
/// "Hello" as the RFC compresses it (section 7.2.3.1).
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";

fn takes_over() -> DeflateConfig {
    DeflateConfig::default().with_server_no_context_takeover(false).with_client_no_context_takeover(false)
}

fn config(deflate: DeflateConfig) -> Config {
    Config::default().with_deflate(Some(deflate))
}

/// One end, opened by somebody else, where messages refer to each other.
fn open(role: Role, config: Config) -> Peer {
    let mut peer = Peer::open(role, config.with_deflate(Some(takes_over())));
    peer.agree(DeflateParams::default());
    peer
}

/// Both ends, opened over HTTP.
fn pair(client: Config, server: Config) -> (Peer, Peer) {
    let request = UpgradeRequest::new("example.org", "/").unwrap();
    let (mut client, mut server) = (Peer::client(client, &request), Peer::server(server));
    server.give(&client.out());
    server.ws.accept(Instant::ZERO, &Accept::new(), &mut server.tx).unwrap();
    client.give(&server.out());
    assert_eq!(client.ws.deflate(), server.ws.deflate());
    (client, server)
}

/// Text in which much comes back.
fn prose(bytes: usize) -> Vec<u8> {
    (0..)
        .flat_map(|n: u32| alloc::format!("line {} of {}; ", n * n, n % 7).into_bytes())
        .take(bytes)
        .collect()
}

/// Bytes that do not compress.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    core::iter::repeat_with(next).take(bytes).collect()
}

#[test]
fn every_size_arrives_as_it_was_with_and_without_context() {
    for deflate in [DeflateConfig::default(), takes_over()] {
        let (mut client, mut server) = pair(config(deflate), config(deflate));
        for size in [0, 1, 63, 64, 1_000, 1_000, 70_000, 300_000] {
            let message = prose(size);
            for upward in [true, false] {
                let (from, to) = if upward { (&mut client, &mut server) } else { (&mut server, &mut client) };
                from.send(Kind::Text, &message);
                from.send(Kind::Binary, &message);
                let wire = from.out();
                assert!(size < 1_000 || wire.len() < size, "{size}: {} bytes", wire.len());
                let want = [text(core::str::from_utf8(&message).unwrap()), binary(&message)];
                assert_eq!(to.give(&wire), want, "{size} bytes");
                assert_eq!(to.ws.stats().received.message_bytes, from.ws.stats().sent.message_bytes);
            }
        }
    }
}

#[test]
fn the_examples_of_the_rfc_are_read_whole_and_byte_by_byte() {
    let cut = |at: usize| HELLO.split_at(at);
    let (first, rest) = cut(3);
    for role in ROLES {
        let end = open(role, Config::default());
        for (what, wire) in [
            ("7.2.3.1", end.frame(FIN | RSV1 | TEXT, HELLO)),
            (
                "7.2.3.1 in fragments",
                [end.frame(RSV1 | TEXT, first), end.frame(FIN | PING, b""), end.frame(FIN | CONT, rest)]
                    .concat(),
            ),
            ("an empty last fragment", [end.frame(RSV1 | TEXT, HELLO), end.frame(FIN | CONT, b"")].concat()),
            ("7.2.3.3", end.frame(FIN | RSV1 | TEXT, b"\x00\x05\x00\xfa\xffHello\x00")),
            ("7.2.3.4", end.frame(FIN | RSV1 | TEXT, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00")),
            ("7.2.3.4 without what follows", end.frame(FIN | RSV1 | TEXT, b"\xf3\x48\xcd\xc9\xc9\x07\x00")),
            (
                "7.2.3.5",
                end.frame(FIN | RSV1 | TEXT, b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
            ),
            ("not compressed", end.frame(FIN | TEXT, b"Hello")),
        ] {
            assert_eq!(open(role, Config::default()).give(&wire), [text("Hello")], "{what}");
            assert_eq!(open(role, Config::default()).give_slowly(&wire).unwrap(), [text("Hello")], "{what}");
        }
        // 7.2.3.2: the second refers to the first.
        let mut end = open(role, Config::default());
        let wire =
            [end.frame(FIN | RSV1 | TEXT, HELLO), end.frame(FIN | RSV1 | TEXT, b"\xf2\x00\x11\x00\x00")]
                .concat();
        assert_eq!(end.give(&wire), [text("Hello"), text("Hello")]);
        // 7.2.3.6: nothing.
        let wire = end.frame(FIN | RSV1 | TEXT, b"\x00");
        assert_eq!(end.give(&wire), [text("")]);
    }
}

#[test]
fn a_message_that_inflates_to_too_much_is_refused_before_it_takes_memory() {
    for (delivery, most) in [(Delivery::Messages, 2_002), (Delivery::Chunks, 16 * 1024)] {
        let mut sender = open(Role::Client, Config::default());
        sender.send(Kind::Binary, &[0; 1 << 20]);
        let bomb = sender.out();
        assert!(bomb.len() < 3_000);
        let mut end = open(Role::Server, Config::default().with_max_message(1_000).with_delivery(delivery));
        // What is too large on the wire already is refused for that.
        let small = end.frame(FIN | RSV1 | BINARY, &[0; 1_500]);
        assert!(matches!(end.try_give(&small), Err(Error::MessageTooLarge { max: 1_396, .. })));
        let mut end = open(Role::Server, Config::default().with_max_message(2_000).with_delivery(delivery));
        assert!(matches!(end.try_give(&bomb), Err(Error::MessageTooLarge { max: 2_000, .. })));
        assert!(end.scratch.capacity() <= most, "{}", end.scratch.capacity());
        assert!(end.frames_out().last().unwrap().1.starts_with(&1009_u16.to_be_bytes()));
    }
}

#[test]
fn a_message_of_exactly_the_largest_size_is_taken() {
    let max = |bytes| Config::default().with_max_message(bytes);
    for size in [1, 4_096, 16 * 1024, 50_000] {
        // What does not compress becomes longer.
        let noise = noise(size);
        for message in [prose(size), noise] {
            let (mut from, mut to) = (open(Role::Client, max(size)), open(Role::Server, max(size)));
            from.ws.send_chunk(Instant::ZERO, Kind::Binary, &message, true, &mut from.tx).unwrap();
            assert_eq!(to.give(&from.out()), [binary(&message)], "{size} bytes");
        }
    }
}

#[test]
fn what_breaks_a_rule_of_compression_fails_the_connection_with_the_code_for_it() {
    let not_utf8 = {
        let mut end = open(Role::Client, Config::default());
        end.ws.send(Instant::ZERO, Kind::Binary, &[0xff; 100], &mut end.tx).unwrap();
        let mut wire = end.out();
        wire[0] = FIN | RSV1 | TEXT;
        wire
    };
    let end = open(Role::Server, Config::default());
    let reserved = Error::Frame(FrameFault::ReservedBits);
    for (what, wire, want, code) in [
        (
            "a continuation",
            [end.frame(RSV1 | TEXT, HELLO), end.frame(FIN | RSV1 | CONT, b"")].concat(),
            reserved,
            1002,
        ),
        ("a control frame", end.frame(FIN | RSV1 | PING, b""), reserved, 1002),
        ("another reserved bit", end.frame(FIN | 0x20 | TEXT, HELLO), reserved, 1002),
        (
            "a new message inside of one",
            [end.frame(RSV1 | TEXT, HELLO), end.frame(FIN | RSV1 | TEXT, HELLO)].concat(),
            Error::Frame(FrameFault::InsideMessage),
            1002,
        ),
        ("a block of no kind", end.frame(FIN | RSV1 | BINARY, b"\x07"), Error::Corrupt, 1007),
        (
            "a reference to nothing",
            end.frame(FIN | RSV1 | BINARY, b"\xf2\x00\x11\x00\x00"),
            Error::Corrupt,
            1007,
        ),
        ("no UTF-8", not_utf8, Error::NotUtf8, 1007),
    ] {
        let mut end = open(Role::Server, Config::default());
        assert_eq!(end.try_give(&wire).unwrap_err(), want, "{what}");
        assert_eq!(end.try_give(b"").unwrap_err(), want, "{what}: the same again");
        let last = end.frames_out().pop().unwrap();
        assert!(last.1.starts_with(&u16::to_be_bytes(code)), "{what}: {last:?}");
    }
}

#[test]
fn nothing_is_compressed_that_was_not_agreed_on() {
    let with = config(DeflateConfig::default());
    for (client, server) in [(with.clone(), Config::default()), (Config::default(), with)] {
        let (mut client, mut server) = pair(client, server);
        assert_eq!(client.ws.deflate(), None);
        client.send(Kind::Binary, &[0; 1000]);
        let wire = client.out();
        assert!(wire.len() > 1000);
        assert_eq!(server.give(&wire), [binary(&[0; 1000])]);
        let compressed = server.frame(FIN | RSV1 | TEXT, HELLO);
        assert_eq!(server.try_give(&compressed).unwrap_err(), Error::Frame(FrameFault::ReservedBits));
    }
}

#[test]
fn a_caller_that_lends_no_scratch_is_told() {
    let mut end = open(Role::Server, Config::default());
    let mut wire = end.frame(FIN | RSV1 | TEXT, HELLO);
    assert_eq!(end.ws.recv(Instant::ZERO, &mut wire).unwrap_err(), Error::NoScratch);
    assert_eq!(Error::NoScratch.close_code(), Some(CloseCode::INTERNAL_ERROR));
}

#[test]
fn chunks_are_compressed_as_they_are_sent_and_handed_out_in_bounded_pieces() {
    let message = prose(100_000);
    let noise = noise(5_000);
    for (deflate, slowly) in [(DeflateConfig::default(), false), (takes_over(), false), (takes_over(), true)]
    {
        let receiver = config(deflate).with_delivery(Delivery::Chunks);
        let (mut client, mut server) = pair(config(deflate), receiver);
        let mut wire = Vec::new();
        for _ in 0..2 {
            for piece in [&message[..10], &message[10..90_000], &noise, b"", &message[90_000..], b""] {
                client.ws.send_chunk(Instant::ZERO, Kind::Binary, piece, false, &mut client.tx).unwrap();
                wire.extend(client.out());
            }
            client.ws.send_chunk(Instant::ZERO, Kind::Binary, b"", true, &mut client.tx).unwrap();
            wire.extend(client.out());
        }
        assert!(wire.len() < 100_000);
        let seen = if slowly { server.give_slowly(&wire).unwrap() } else { server.give(&wire) };
        let (mut got, mut ends) = (Vec::new(), 0);
        for event in seen {
            let Event::Chunk { kind: Kind::Binary, payload, last } = event else { panic!("{event:?}") };
            assert!(payload.len() <= 16 * 1024 && (last || !payload.is_empty()));
            got.extend(payload);
            ends += usize::from(last);
        }
        let want = [&message[..90_000], &noise, &message[90_000..]].concat().repeat(2);
        assert!(got == want && ends == 2);
    }
}

#[test]
fn every_setting_is_seen_on_the_wire() {
    let sent = |deflate: DeflateConfig, message: &[u8]| {
        let (mut client, mut server) = pair(config(deflate), config(deflate));
        let mut sizes = Vec::new();
        for _ in 0..2 {
            server.send(Kind::Binary, message);
            let wire = server.out();
            sizes.push((wire[0] & RSV1 != 0, wire.len()));
            assert_eq!(client.give(&wire), [binary(message)]);
        }
        sizes
    };
    let message = prose(5_000);
    let alone = sent(DeflateConfig::default(), &message);
    assert!(alone[0].0 && alone[0] == alone[1], "each stands alone");
    let context = sent(takes_over(), &message);
    assert!(context[1].1 * 5 < context[0].1, "the second refers to the first: {context:?}");
    assert!(!sent(DeflateConfig::default().with_min_size(5_001), &message)[0].0);
    assert!(sent(DeflateConfig::default().with_min_size(5_000), &message)[0].0);
    let level = |level| sent(DeflateConfig::default().with_level(level), &message)[0].1;
    assert!(level(9) < level(1));
    // What lies 600 bytes back is out of reach of a window of 512.
    let noise = noise(600);
    let window = |bits| sent(takes_over().with_server_max_window_bits(bits), &noise.repeat(2))[0].1;
    assert!(window(9) > 1_100 && window(12) < 700, "{} {}", window(9), window(12));
}

#[test]
fn a_client_keeps_to_the_window_it_was_asked_for() {
    let noise = noise(600);
    for (bits, fits) in [(9, false), (12, true)] {
        let (mut client, mut server) =
            pair(config(takes_over()), config(takes_over().with_client_max_window_bits(bits)));
        client.send(Kind::Binary, &noise.repeat(2));
        let wire = client.out();
        assert_eq!(wire.len() < 700, fits);
        assert_eq!(server.give(&wire), [binary(&noise.repeat(2))]);
    }
    // A window smaller than the codec has: nothing is compressed.
    let mut client = Peer::open(Role::Client, config(takes_over()));
    client.agree(DeflateParams { client_max_window_bits: Some(8), ..DeflateParams::default() });
    client.send(Kind::Binary, &[0; 1000]);
    assert!(client.out().len() > 1000);
}

#[test]
fn a_message_without_room_changes_nothing() {
    for deflate in [DeflateConfig::default(), takes_over()] {
        let (mut client, mut server) = pair(config(deflate), config(deflate));
        client.tx = TxBuf::new(4_000);
        let (mut sent, mut full) = (Vec::new(), 0);
        for n in 0..100_u8 {
            let message = [prose(1_000), Vec::from([n; 30])].concat();
            while let Err(error) = client.ws.send(Instant::ZERO, Kind::Binary, &message, &mut client.tx) {
                assert_eq!(error, SendError::Full);
                full += 1;
                let wire = client.out();
                assert!(!wire.is_empty(), "an empty buffer takes it");
                assert_eq!(server.give(&wire), core::mem::take(&mut sent));
            }
            sent.push(binary(&message));
        }
        assert!(full > 0);
        assert_eq!(server.give(&client.out()), sent);
        // One that no buffer of this size takes, whatever it becomes, stays out, and those behind it arrive.
        let noise = noise(9_000);
        let refused = client.ws.send(Instant::ZERO, Kind::Binary, &noise, &mut client.tx);
        assert_eq!(refused, Err(SendError::Full));
        client.send(Kind::Binary, &noise[..2_000]);
        assert_eq!(server.give(&client.out()), [binary(&noise[..2_000])]);
    }
}

#[test]
fn a_broadcast_is_compressed_once_and_sent_as_each_connection_can_take_it() {
    let (news, own) = (prose(5_000), prose(3_000));
    let shared = Config::default().with_deflate(Some(takes_over())).build().unwrap();
    let broadcast = Broadcast::new(Kind::Binary, &news).unwrap().with_deflate(&shared);
    let narrow = takes_over().with_client_max_window_bits(10).with_server_max_window_bits(10);
    for (client, small) in [
        (config(takes_over()), true),
        (config(DeflateConfig::default()), true),
        (config(narrow), false),
        (Config::default(), false),
    ] {
        let (mut client, mut server) = pair(client, config(takes_over()));
        for _ in 0..2 {
            server.send(Kind::Binary, &own);
            assert_eq!(client.give(&server.out()), [binary(&own)]);
            server.ws.send_broadcast(Instant::ZERO, &broadcast, &mut server.tx).unwrap();
            let wire = server.out();
            assert_eq!(wire.len() < 2_500, small, "{}", wire.len());
            assert_eq!(client.give(&wire), [binary(&news)]);
        }
    }
    let noise = noise(900);
    let plain = Broadcast::new(Kind::Binary, &noise).unwrap();
    assert_eq!(plain.clone().with_deflate(&shared), plain, "it became no smaller");
}

#[test]
fn what_a_codec_fails_at_is_sent_as_it_is_or_not_at_all_and_the_codec_begins_anew() {
    for deflate in [DeflateConfig::default(), takes_over()] {
        let (mut client, mut server) = pair(config(deflate), config(deflate));
        let message = prose(2_000);
        let (first, second) = message.split_at(1_000);
        for _ in 0..3 {
            client.send(Kind::Binary, &message);
            let wire = client.out();
            assert!(wire.len() < message.len(), "compressed again");
            assert_eq!(server.give(&wire), [binary(&message)]);

            client.ws.send.break_codec();
            client.send(Kind::Binary, &message);
            let wire = client.out();
            assert!(wire.len() > message.len(), "as it is");
            assert_eq!(server.give(&wire), [binary(&message)]);

            let chunk = |client: &mut Peer, piece: &[u8], last| {
                client.ws.send_chunk(Instant::ZERO, Kind::Binary, piece, last, &mut client.tx)
            };
            chunk(&mut client, first, false).unwrap();
            let mut wire = client.out();
            client.ws.send.break_codec();
            assert_eq!(chunk(&mut client, second, true), Err(SendError::Codec));
            assert_eq!(client.out(), b"", "nothing of it");
            chunk(&mut client, second, true).unwrap();
            wire.extend(client.out());
            assert!(wire.len() < message.len());
            assert_eq!(server.give(&wire), [binary(&message)]);
        }
    }
}
