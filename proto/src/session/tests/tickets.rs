//! Sessions resumed with tickets (docs/wire.md, sections 1.3 and 8).

use super::pair::*;
use super::snapshot::{export, hand_over, restore};
use crate::entropy::Seed;
use crate::guard::{Answer, Question, Refusal};
use crate::noise::{Protocol, PublicKey};
use crate::resume::{ClientTicket, Lifetime, TicketKey, TicketKeys};
use crate::session::{Config, ConfigError, Error, Event, FrameFault, Padding, Peers, Session};
use crate::time::Instant;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

const UNIX: Duration = Duration::from_secs(1_800_000_000);
const NNPSK0: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";

fn keys(n: u8) -> Arc<TicketKeys> {
    let key = TicketKey::derive(&Seed::new(&mut [n; 32]), 0);
    Arc::new(TicketKeys::new(key, Lifetime::default()).unwrap())
}

/// Configurations for `name`, with tickets.
fn ends(name: &str) -> (Config, Config) {
    let (a, b) = configs(name);
    (a, b.with_tickets(keys(1)))
}

/// A pair whose ends have a clock, `seed` apart from others, the initiator with `ticket`.
fn pair((a, b): (Config, Config), seed: u8, unix: Duration, ticket: Option<&ClientTicket>) -> Pair {
    let mut pair = Pair::new(a, b);
    let seeded = |n: u8| Seed::new(&mut [n; 32]);
    let config = Arc::clone(pair.a.session.config());
    pair.a.session = match ticket {
        Some(ticket) => Session::resume(&config, ticket, seeded(2 * seed), Instant::ZERO).unwrap(),
        None => Session::new(&config, seeded(2 * seed), Instant::ZERO).unwrap(),
    };
    let config = Arc::clone(pair.b.session.config());
    pair.b.session = Session::new(&config, seeded(2 * seed + 1), Instant::ZERO).unwrap();
    for end in [&mut pair.a, &mut pair.b] {
        end.session.control.set_unix_time(unix);
    }
    pair.b.session.control.set_asking();
    pair
}

/// Lets the pair run; `fresh` says whether a ticket was not used before. Gives the names of the questions.
fn run(pair: &mut Pair, fresh: bool) -> Vec<&'static str> {
    let mut asked = Vec::new();
    loop {
        pair.pump();
        let Some(question) = pair.b.session.question() else { break };
        let (name, answer) = match question {
            Question::FirstMessage { .. } => ("first", Answer::Proceed),
            Question::Ticket { .. } if fresh => ("ticket", Answer::Proceed),
            Question::Ticket { .. } => ("ticket", Answer::Refuse(Refusal::Replayed)),
            Question::Identity(_) => ("identity", Answer::Proceed),
            Question::Fresh(_) => ("fresh", Answer::Proceed),
            Question::Proven(_) => ("proven", Answer::Proceed),
        };
        asked.push(name);
        pair.b.session.answer(pair.now, answer).unwrap();
        pair.b.read(pair.now);
    }
    asked
}

/// The ticket of a session in `name`.
fn ticket(name: &str) -> ClientTicket {
    let mut pair = pair(ends(name), 1, UNIX, None);
    run(&mut pair, true);
    assert_eq!(pair.a.seen, [Event::Established, Event::Ticket], "{name}: {:?}", pair.a.error);
    pair.a.session.take_ticket().unwrap()
}

fn state(pair: &Pair) -> [(Option<Protocol>, bool, Option<PublicKey>); 2] {
    [&pair.a, &pair.b].map(|end| {
        let info = end.session.info();
        (info.map(|i| i.protocol), info.is_some_and(|i| i.resumed), info.and_then(|i| i.peer))
    })
}

#[test]
fn a_session_gives_a_ticket_that_resumes_it_with_the_same_peers_and_gives_another() {
    for (name, shown) in [(XX, true), (IK, true), (NN, false)] {
        let first = ticket(name);
        assert_eq!(first.protocol, protocol(name));
        assert_eq!(first.expires, UNIX + Duration::from_secs(24 * 3600));
        for chunk in [1, usize::MAX] {
            let mut pair = pair(ends(name), 2, UNIX + Duration::from_secs(60), Some(&first));
            pair.chunk = chunk;
            let asked = run(&mut pair, true);
            let expected = if shown {
                vec!["first", "ticket", "fresh", "proven"]
            } else {
                vec!["first", "ticket", "fresh"]
            };
            assert_eq!(asked, expected, "{name}");
            let peer = |n| shown.then(|| public(n));
            let resumed = |n| (Some(protocol(NNPSK0)), true, peer(n));
            assert_eq!(state(&pair), [resumed(2), resumed(1)], "{name}");
            pair.a.send(b"there");
            pair.b.send(b"back");
            pair.pump();
            assert_eq!((pair.b.messages(), pair.a.messages()), (vec![&b"there"[..]], vec![&b"back"[..]]));
            let second = pair.a.session.take_ticket().unwrap();
            assert_ne!(second.ticket.as_bytes(), first.ticket.as_bytes());
            assert_eq!(second.protocol, protocol(name), "what it goes back to");
            assert!(pair.a.session.take_ticket().is_none(), "once");
        }
    }
}

#[test]
fn a_ticket_that_is_not_accepted_leads_to_the_full_handshake_on_the_same_connection() {
    type Change = fn((Config, Config)) -> (Config, Config);
    let same: Change = |ends| ends;
    let cases: [(&str, Change, bool, Duration); 5] = [
        ("used before", same, false, UNIX),
        ("expired", same, true, UNIX + Duration::from_secs(24 * 3600)),
        ("of a server with another clock", same, true, UNIX - Duration::from_secs(61)),
        ("sealed with another key", |(a, _)| (a, configs(XX).1.with_tickets(keys(2))), true, UNIX),
        ("to a responder without tickets", |(a, _)| (a, configs(XX).1), true, UNIX),
    ];
    let first = ticket(XX);
    for (what, change, fresh, unix) in cases {
        let mut pair = pair(change(ends(XX)), 3, unix, Some(&first));
        run(&mut pair, fresh);
        let full = |n| (Some(protocol(XX)), false, Some(public(n)));
        assert_eq!(state(&pair), [full(2), full(1)], "{what}: {:?} {:?}", pair.a.error, pair.b.error);
        pair.a.send(b"there");
        pair.pump();
        assert_eq!(pair.b.messages(), [b"there"], "{what}");
    }
}

#[test]
fn a_ticket_is_worth_what_its_full_handshake_would_be() {
    let only = |n: u8| Peers::Only(vec![public(n)]);
    let blake2b = "Noise_XX_25519_ChaChaPoly_BLAKE2b";
    type Case = (&'static str, ClientTicket, (Config, Config), bool, Option<Error>);
    // What is shown, to whom, and whether it resumes; the rest of the opening is that of a stranger.
    let cases: [Case; 7] = [
        ("as it was", ticket(XX), ends(XX), true, None),
        ("a peer that is listed", ticket(XX), (ends(XX).0, ends(XX).1.with_peers(only(1))), true, None),
        (
            "a peer that is not listed any more",
            ticket(XX),
            (ends(XX).0, ends(XX).1.with_peers(only(3))),
            false,
            Some(Error::PeerNotAllowed),
        ),
        ("of nobody in particular", ticket(NN), ends(XX), false, None),
        (
            "of nobody in particular, where peers are listed",
            ticket(NN),
            (ends(XX).0, ends(XX).1.with_peers(only(1))),
            false,
            None,
        ),
        ("of another suite", ticket(blake2b), ends(XX), false, None),
        (
            "of another prologue",
            ticket(XX),
            (ends(XX).0.with_prologue(b"2"), ends(XX).1.with_prologue(b"2")),
            false,
            None,
        ),
    ];
    for (what, shown, ends, resumes, error) in cases {
        // A client that shows it in any case.
        let shown = ClientTicket { protocol: protocol(XX), responder: Some(public(2)), ..shown };
        let mut pair = pair(ends, 7, UNIX, Some(&shown));
        let asked = run(&mut pair, true);
        assert_eq!(asked.contains(&"ticket"), resumes, "{what}");
        assert_eq!(pair.b.error, error, "{what}");
        let resumed = pair.b.session.info().map(|info| info.resumed);
        assert_eq!(resumed, error.is_none().then_some(resumes), "{what}: {:?}", pair.a.error);
    }
}

#[cfg(feature = "pq")]
#[test]
fn a_session_with_a_kem_is_resumed_with_one_and_no_other_is() {
    let hfs = "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_BLAKE2s";
    for (of, resumes) in [(hfs, true), (XX, false)] {
        let shown = ClientTicket { protocol: protocol(hfs), ..ticket(of) };
        let mut pair = pair(ends(hfs), 8, UNIX, Some(&shown));
        run(&mut pair, true);
        let used = if resumes { "Noise_NNhfs+psk0_25519+MLKEM768_ChaChaPoly_BLAKE2s" } else { hfs };
        assert_eq!(state(&pair).map(|end| (end.0, end.1)), [(Some(protocol(used)), resumes); 2], "{of}");
    }
}

#[test]
fn a_protocol_that_is_itself_the_one_of_tickets_keeps_its_own_key() {
    let keyed = || {
        let psk = || crate::noise::Psk::new(&mut [5; 32]);
        let (a, b) = ends(NNPSK0);
        (a.with_psk(psk()), b.with_psk(psk()))
    };
    let mut first = pair(keyed(), 1, UNIX, None);
    run(&mut first, true);
    let ticket = first.a.session.take_ticket().unwrap();
    for fresh in [true, false] {
        let mut pair = pair(keyed(), 9, UNIX, Some(&ticket));
        assert!(run(&mut pair, fresh).contains(&"ticket"));
        assert_eq!(state(&pair), [(Some(protocol(NNPSK0)), fresh, None); 2], "{:?}", pair.a.error);
    }
}

#[test]
fn a_ticket_is_left_out_beside_a_fallback_which_goes_on_from_ik() {
    let first = ticket(IK);
    for known in [2, 9] {
        let (a, b) = ends(IK);
        let ends = (a.with_remote_static(public(known)).with_fallback(), b.with_fallback());
        let shown = ClientTicket { responder: Some(public(known)), ..first.clone() };
        let mut pair = pair(ends, 10, UNIX, Some(&shown));
        assert!(!run(&mut pair, true).contains(&"ticket"));
        assert_eq!(pair.a.session.info().map(|info| info.resumed), Some(false), "{:?}", pair.a.error);
    }
}

#[test]
fn a_ticket_is_left_out_where_the_payload_asks_for_more_than_it_gives() {
    let first = ticket(IK);
    // What the first message of IK gives, and what the last of NNpsk0 gives nobody.
    let of_ik = protocol(IK).payload_security(0).unwrap();
    let of_xx = crate::noise::PayloadSecurity::new(2, 1);
    for end in ["initiator", "responder"] {
        let (a, b) = ends(IK);
        let ends = match end {
            "initiator" => (a.with_handshake_payload(b"early", of_ik), b),
            _ => (a, b.with_handshake_payload(b"early", of_xx)),
        };
        let mut pair = pair(ends, 11, UNIX, Some(&first));
        assert!(!run(&mut pair, true).contains(&"ticket"), "{end}");
        let receiver = if end == "initiator" { &pair.b } else { &pair.a };
        let payloads = receiver.seen.iter().filter(|event| matches!(event, Event::HandshakePayload { .. }));
        assert_eq!(payloads.count(), 1, "{end}: {:?}", pair.a.error);
    }
}

#[test]
fn a_responder_that_does_not_ask_or_has_no_clock_neither_gives_nor_accepts_tickets() {
    let first = ticket(XX);
    for (asks, clock) in [(false, true), (true, false)] {
        let mut pair = Pair::new(ends(XX).0, ends(XX).1);
        let config = Arc::clone(pair.a.session.config());
        pair.a.session = Session::resume(&config, &first, Seed::new(&mut [9; 32]), Instant::ZERO).unwrap();
        if asks {
            pair.b.session.control.set_asking();
        }
        if clock {
            pair.b.session.control.set_unix_time(UNIX);
        }
        run(&mut pair, true);
        assert!(pair.a.is_established() && !pair.a.session.info().unwrap().resumed);
        assert!(!pair.a.seen.contains(&Event::Ticket));
    }
}

#[test]
fn a_ticket_that_does_not_fit_the_configuration_is_left_out() {
    let of_xx = ticket(XX);
    let blake2b = "Noise_XX_25519_ChaChaPoly_BLAKE2b";
    let (a, _) = configs(blake2b);
    let b = configs(blake2b).1.with_tickets(keys(1));
    let stranger = |(a, b): (Config, Config)| (a.with_peers(Peers::Only(vec![public(7)])), b);
    for (what, ends, error) in [
        ("another protocol", (a, b), None),
        ("another responder", stranger(ends(XX)), Some(Error::PeerNotAllowed)),
    ] {
        let mut pair = pair(ends, 4, UNIX, Some(&of_xx));
        let asked = run(&mut pair, true);
        assert!(!asked.contains(&"ticket"), "{what}");
        assert_eq!(pair.a.error, error, "{what}");
    }
    assert_eq!(ends(XX).0.with_tickets(keys(1)).build().unwrap_err(), ConfigError::TicketsAtInitiator);
}

#[test]
fn a_payload_is_sent_with_the_resumed_handshake_and_again_with_the_full_one_and_delivered_once() {
    let first = ticket(XX);
    for (fresh, index) in [(true, 0), (false, 0)] {
        let (a, b) = ends(XX);
        let weak = crate::noise::PayloadSecurity::default();
        let mut pair = pair((a.with_handshake_payload(b"early", weak), b), 5, UNIX, Some(&first));
        run(&mut pair, fresh);
        let used = pair.b.session.info().unwrap().protocol;
        let security = used.payload_security(index).unwrap();
        let early = pair.b.seen.iter().filter(|event| !matches!(event, Event::Question | Event::Established));
        let expected = Event::HandshakePayload { payload: b"early".to_vec(), security };
        assert_eq!(early.collect::<Vec<_>>(), [&expected], "fresh {fresh}");
    }
}

#[test]
fn a_ticket_comes_once_and_from_the_responder() {
    let body = [7; 229];
    let frame = [&[5, 0x40, 229][..], &body].concat();
    let mut backwards = Pair::established(NN);
    backwards.a.forge(&frame);
    backwards.pump();
    assert_eq!(backwards.b.error, Some(Error::Frame(FrameFault::OutOfPlace)));
    let mut twice = Pair::established(NN);
    twice.b.forge(&frame);
    twice.pump();
    assert_eq!((twice.a.error, twice.a.seen.last()), (None, Some(&Event::Ticket)));
    twice.b.forge(&frame);
    twice.pump();
    assert_eq!(twice.a.error, Some(Error::Frame(FrameFault::OutOfPlace)));
    let mut short = Pair::established(NN);
    short.b.forge(&[5, 2, 0, 0]);
    short.pump();
    assert_eq!(short.a.error, Some(Error::Frame(FrameFault::BodyLength)));
}

#[test]
fn a_ticket_fits_a_record_of_every_padding() {
    for padding in [Padding::Constant(512), Padding::Block(2), Padding::Padme] {
        let (a, b) = ends(XX);
        let mut pair = pair((a.with_padding(padding), b.with_padding(padding)), 6, UNIX, None);
        run(&mut pair, true);
        assert!(pair.a.seen.contains(&Event::Ticket), "{padding:?}");
    }
}

#[test]
fn a_session_that_was_resumed_goes_on_after_a_hand_over_and_no_other_protocol_does() {
    let first = ticket(XX);
    let (a, b) = ends(XX);
    let mut pair = pair((a.with_snapshots(), b.with_snapshots()), 12, UNIX, Some(&first));
    run(&mut pair, true);
    let config = Arc::clone(pair.b.session.config());
    hand_over(&mut pair.b, &config, 1, pair.now);
    pair.a.send(b"there");
    pair.b.send(b"back");
    pair.pump();
    assert_eq!((pair.a.messages(), pair.b.messages()), (vec![&b"back"[..]], vec![&b"there"[..]]));
    assert!(pair.b.session.info().unwrap().resumed);
    pair.b.session.poll_transmit(pair.now, &mut pair.b.tx);
    let snapshot = export(&mut pair.b, &config, 2).unwrap();
    for (other, allowed) in [(XX, true), (IK, true), ("Noise_XX_25519_ChaChaPoly_BLAKE2b", false)] {
        let config = configs(other).1.with_snapshots().build().unwrap();
        assert_eq!(restore(&config, &snapshot, 3, pair.now).is_ok(), allowed, "{other}");
    }
}
