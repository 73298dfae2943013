use super::*;
use crate::entropy::Seed;
use crate::noise::pattern::PATTERNS;
use crate::noise::{NAME_LEN, Protocol, Psk, PublicKey};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

const NAME: &str = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
const HOUR: Duration = Duration::from_secs(3600);
const NOW: Duration = Duration::from_secs(1_800_000_000);
const NANO: Duration = Duration::from_nanos(1);

fn seed() -> Seed {
    Seed::new(&mut [7; 32])
}

fn keys() -> TicketKeys {
    TicketKeys::new(TicketKey::derive(&seed(), 0), Lifetime::new(HOUR).with_skew(Duration::from_secs(5)))
        .unwrap()
}

fn content() -> TicketContent {
    TicketContent {
        psk: Psk::new(&mut [0xaa; 32]),
        protocol: NAME.parse().unwrap(),
        peer: Some(PublicKey([0xbb; 32])),
        began: NOW,
        context: [0xcc; 32],
    }
}

fn ticket(number: u8) -> Ticket {
    keys().seal(NOW, [number; 16], &content())
}

fn opened(number: u8, issued: Duration) -> Opened {
    keys().open(issued, keys().seal(issued, [number; 16], &content()).as_bytes()).unwrap()
}

fn client() -> ClientTicket {
    ClientTicket {
        ticket: ticket(1),
        psk: Psk::new(&mut [0xaa; 32]),
        protocol: NAME.parse().unwrap(),
        responder: Some(PublicKey([0xdd; 32])),
        expires: NOW + HOUR,
    }
}

#[test]
fn a_ticket_gives_back_what_it_says() {
    for (peer, context) in [
        (None, [0; 32]),
        (Some(PublicKey([1; 32])), [0; 32]),
        (None, [2; 32]),
        (Some(PublicKey([0; 32])), [2; 32]),
    ] {
        let content = TicketContent { peer, context, ..content() };
        let opened = keys().open(NOW, keys().seal(NOW, [9; 16], &content).as_bytes()).unwrap();
        assert_eq!((opened.id, opened.issued, opened.expires), ([9; 16], NOW, NOW + HOUR));
        assert_eq!((opened.content.peer, opened.content.context), (peer, context));
        assert_eq!(opened.content.began, NOW);
        assert_eq!(opened.content.psk.as_bytes(), &[0xaa; 32]);
        assert_eq!(opened.content.protocol, content.protocol);
    }
}

#[test]
fn every_protocol_name_fits_and_comes_back() {
    let kems = [("", ""), ("hfs+", "+MLKEM768")].into_iter().take(if cfg!(feature = "pq") { 2 } else { 1 });
    let mut longest = 0;
    for (hfs, kem) in kems {
        for pattern in PATTERNS.iter().filter(|pattern| hfs.is_empty() || !pattern.one_way) {
            let places: Vec<String> =
                (0..=pattern.messages.len()).map(|place| format!("psk{place}")).collect();
            let name =
                format!("Noise_{}{hfs}{}_25519{kem}_ChaChaPoly_BLAKE2b", pattern.name, places.join("+"));
            let protocol: Protocol = name.parse().unwrap();
            assert_eq!(Protocol::from_padded(&protocol.to_padded()), Some(protocol), "{name}");
            longest = longest.max(name.len());
        }
    }
    assert!(!cfg!(feature = "pq") || longest == NAME_LEN, "{longest}");
}

#[test]
fn a_chain_of_tickets_ends_a_week_after_the_full_handshake() {
    for (began, expires) in [
        (NOW, NOW + HOUR),
        (NOW + HOUR - Lifetime::MAX, NOW + HOUR),
        (NOW + NANO - Lifetime::MAX, NOW + NANO),
    ] {
        let ticket = keys().seal(NOW, [1; 16], &TicketContent { began, ..content() });
        let open = |unix| keys().open(unix, ticket.as_bytes());
        assert_eq!(open(expires - NANO).unwrap().expires, expires, "{began:?}");
        assert_eq!(open(expires).unwrap_err(), TicketError::Expired, "{began:?}");
    }
}

#[test]
fn two_tickets_share_no_more_than_the_name_of_their_key() {
    let [a, b] = [1, 2].map(ticket);
    assert_eq!(a.as_bytes()[..8], b.as_bytes()[..8]);
    let same = a.as_bytes()[24..].iter().zip(&b.as_bytes()[24..]).filter(|(a, b)| a == b).count();
    assert!(same < 10, "{same} bytes");
    assert!(!a.as_bytes().windows(4).any(|window| {
        [[0xaa; 4], [0xbb; 4], [0xcc; 4]].contains(&[window[0], window[1], window[2], window[3]])
    }));
}

#[test]
fn every_change_to_a_ticket_is_noticed() {
    let ticket = ticket(1);
    for at in 0..TICKET_LEN {
        let mut bytes = *ticket.as_bytes();
        bytes[at] ^= 0x10;
        let want = if at < 8 { TicketError::UnknownKey } else { TicketError::Damaged };
        assert_eq!(keys().open(NOW, &bytes).err(), Some(want), "byte {at}");
    }
    for len in (0..TICKET_LEN).chain([TICKET_LEN + 1]) {
        let mut bytes = ticket.as_bytes().to_vec();
        bytes.resize(len, 0);
        assert_eq!(keys().open(NOW, &bytes).err(), Some(TicketError::Length), "{len} bytes");
    }
}

#[test]
fn a_ticket_is_good_from_its_issue_less_the_skew_until_its_lifetime_is_over() {
    let skew = Duration::from_secs(5);
    for (unix, want) in [
        (NOW - skew - NANO, Some(TicketError::Early)),
        (NOW - skew, None),
        (NOW, None),
        (NOW + HOUR - NANO, None),
        (NOW + HOUR, Some(TicketError::Expired)),
        (Duration::MAX, Some(TicketError::Expired)),
        (Duration::ZERO, Some(TicketError::Early)),
    ] {
        assert_eq!(keys().open(unix, ticket(1).as_bytes()).err(), want, "{unix:?}");
    }
}

#[test]
fn a_key_opens_until_the_second_rotation_after_it() {
    let (mut keys, ticket) = (keys(), ticket(1));
    for (number, opens) in [(1, true), (1, true), (2, false)] {
        keys.rotate(TicketKey::derive(&seed(), number));
        let error = keys.open(NOW, ticket.as_bytes()).err();
        assert_eq!(error, (!opens).then_some(TicketError::UnknownKey), "rotation {number}");
    }
}

#[test]
fn servers_with_the_same_keys_open_each_others_tickets() {
    let key = |byte| TicketKey::new(&mut [byte; 32]);
    let server = |byte| TicketKeys::new(key(byte), Lifetime::default()).unwrap();
    let ticket = server(1).seal(NOW, [1; 16], &content());
    for (other, opens) in [(server(1), true), (server(2), false), (server(2).with_previous(key(1)), true)] {
        assert_eq!(other.open(NOW, ticket.as_bytes()).is_ok(), opens);
    }
}

#[test]
fn a_lifetime_out_of_range_is_refused() {
    for (lifetime, want) in [
        (Duration::ZERO, Some(LifetimeError::Zero)),
        (NANO, None),
        (Lifetime::MAX, None),
        (Lifetime::MAX + NANO, Some(LifetimeError::TooLong)),
    ] {
        assert_eq!(TicketKeys::new(TicketKey::derive(&seed(), 0), Lifetime::new(lifetime)).err(), want);
    }
}

#[test]
fn the_default_lifetime_is_a_day_with_a_minute_of_skew() {
    let keys = TicketKeys::new(TicketKey::derive(&seed(), 0), Lifetime::default()).unwrap();
    let ticket = keys.seal(NOW, [1; 16], &content());
    let (day, minute) = (24 * HOUR, HOUR / 60);
    assert!(keys.open(NOW + day - NANO, ticket.as_bytes()).is_ok());
    assert_eq!(keys.open(NOW + day, ticket.as_bytes()).err(), Some(TicketError::Expired));
    assert!(keys.open(NOW - minute, ticket.as_bytes()).is_ok());
    assert_eq!(keys.open(NOW - minute - NANO, ticket.as_bytes()).err(), Some(TicketError::Early));
}

#[test]
fn a_ticket_is_spent_once_and_what_is_forgotten_is_refused() {
    let at = |seconds| NOW + Duration::from_secs(seconds);
    let mut spent = SpentTickets::new(2, NOW).unwrap();
    for (number, issued, want) in [
        (1, NOW, Err(Spent::InDoubt)), // as old as the filter
        (1, at(10), Ok(())),
        (1, at(10), Err(Spent::Twice)),
        (2, at(20), Ok(())),
        (3, at(15), Ok(())), // 1 is forgotten
        (1, at(10), Err(Spent::InDoubt)),
        (4, at(10), Err(Spent::InDoubt)),
        (5, at(11), Ok(())), // is the oldest and forgotten itself
        (5, at(11), Err(Spent::InDoubt)),
        (3, at(15), Err(Spent::Twice)),
        (6, at(12), Ok(())),
        (7, at(15), Ok(())), // as old as 3, of which the higher id stays
        (7, at(15), Err(Spent::Twice)),
        (3, at(15), Err(Spent::InDoubt)),
    ] {
        assert_eq!(spent.spend(&opened(number, issued)), want, "ticket {number}");
    }
    assert_eq!((spent.len(), spent.floor()), (2, Some(at(15))));
}

#[test]
fn a_filter_that_was_kept_knows_all_and_a_fresh_one_refuses_what_is_older() {
    let (old, new) = (opened(1, NOW + NANO), opened(2, NOW + 2 * NANO));
    let mut spent = SpentTickets::new(4, NOW).unwrap();
    spent.spend(&old).unwrap();
    let mut kept = SpentTickets::restore(4, &spent.save()).unwrap();
    assert_eq!((kept.spend(&old), kept.spend(&new)), (Err(Spent::Twice), Ok(())));
    let mut fresh = SpentTickets::new(4, NOW + 2 * NANO).unwrap();
    assert_eq!([fresh.spend(&old), fresh.spend(&new)], [Err(Spent::InDoubt); 2]);
    let smaller = SpentTickets::restore(1, &kept.save()).unwrap();
    assert_eq!((smaller.len(), smaller.floor()), (1, Some(NOW + NANO)));
}

#[test]
fn what_a_filter_did_not_write_is_not_restored() {
    let saved = {
        let mut spent = SpentTickets::new(4, NOW).unwrap();
        spent.spend(&opened(1, NOW + NANO)).unwrap();
        spent.save()
    };
    let changed = |at: usize, to| {
        let mut bytes = saved.clone();
        bytes[at] = to;
        bytes
    };
    for (capacity, bytes, want) in [
        (4, saved.clone(), None),
        (4, changed(0, 2), Some(RestoreError::Version)),
        (4, changed(1, 2), Some(RestoreError::Damaged)),
        (4, saved[..saved.len() - 1].to_vec(), Some(RestoreError::Damaged)),
        (4, Vec::new(), Some(RestoreError::Damaged)),
        (0, saved.clone(), Some(RestoreError::Capacity(CapacityError))),
        (SpentTickets::MAX_CAPACITY + 1, saved.clone(), Some(RestoreError::Capacity(CapacityError))),
    ] {
        assert_eq!(SpentTickets::restore(capacity, &bytes).err(), want, "{capacity} {bytes:?}");
    }
}

#[test]
fn a_saved_ticket_comes_back_and_a_damaged_one_is_named() {
    let saved = client().to_bytes();
    let back = ClientTicket::from_bytes(&*saved).unwrap();
    assert_eq!(*back.to_bytes(), *saved);
    assert!(back.is_fresh(NOW + HOUR - NANO) && !back.is_fresh(NOW + HOUR));
    let without = ClientTicket { responder: None, ..client() }.to_bytes();
    assert_eq!(ClientTicket::from_bytes(&*without).unwrap().responder, None);
    let changed = |at: usize, to| {
        let mut bytes = saved.to_vec();
        bytes[at] = to;
        bytes
    };
    for (bytes, want) in [
        (Vec::new(), ClientTicketError::Length),
        (saved[..saved.len() - 1].to_vec(), ClientTicketError::Length),
        (changed(0, 0), ClientTicketError::Version),
        (changed(1, 0), ClientTicketError::Damaged),
        (changed(1, 2), ClientTicketError::Damaged),
        (changed(74, b'n'), ClientTicketError::UnknownProtocol),
        (changed(145, b'n'), ClientTicketError::UnknownProtocol),
    ] {
        assert_eq!(ClientTicket::from_bytes(&bytes).err(), Some(want), "{bytes:?}");
    }
}

#[test]
fn a_resumption_key_differs_by_everything_it_is_bound_to() {
    let protocol: Protocol = NAME.parse().unwrap();
    let other: Protocol = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b".parse().unwrap();
    let psks = [
        resumption_psk(&[1; 32], b"hash", &protocol, 0),
        resumption_psk(&[2; 32], b"hash", &protocol, 0),
        resumption_psk(&[1; 32], b"hasH", &protocol, 0),
        resumption_psk(&[1; 32], b"hash", &other, 0),
        resumption_psk(&[1; 32], b"hash", &protocol, 1),
    ];
    for (i, a) in psks.iter().enumerate() {
        assert!(psks[..i].iter().all(|b| a.as_bytes() != b.as_bytes()), "{i}");
    }
    assert_eq!(resumption_psk(&[1; 32], b"hash", &protocol, 0).as_bytes(), psks[0].as_bytes());
}

#[test]
fn no_secret_of_a_ticket_is_printed_and_wrapping_a_key_wipes_the_source() {
    let mut bytes = [0xaa; 32];
    let key = TicketKey::new(&mut bytes);
    assert_eq!(bytes, [0; 32]);
    let (keys, opened) = (keys(), opened(1, NOW));
    let mut spent = SpentTickets::new(1, NOW).unwrap();
    let _ = spent.spend(&opened);
    for text in [
        format!("{key:?}"),
        format!("{keys:?}"),
        format!("{:?}", content()),
        format!("{opened:?}"),
        format!("{:?}", client()),
        format!("{:?}", ticket(1)),
        format!("{spent:?}"),
    ] {
        for secret in ["170", "aa, aa", "aaaa", "204"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn errors_say_what_to_do() {
    use TicketError as T;
    let tickets = [T::Length, T::UnknownKey, T::Damaged, T::Expired, T::Early, T::UnknownProtocol];
    let texts = tickets.iter().map(|error| format!("{error}"));
    let texts = texts.chain([Spent::Twice, Spent::InDoubt].iter().map(|error| format!("{error}")));
    let texts: Vec<String> = texts.collect();
    assert!(texts.iter().all(|text| text.contains("do not resume")), "{texts:?}");
}
