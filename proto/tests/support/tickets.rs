//! Tickets issued, shown, shown again and spoilt, over rotations and restarts of the server, beside a model that keeps
//! every ticket there ever was. Shared by a property test and the fuzz target `tickets`.
//!
//! Bytes are decisions; behind the last byte everything is 0.

use crate::input::Input;
use sealock_proto::entropy::Seed;
use sealock_proto::noise::{Protocol, PublicKey};
use sealock_proto::resume::{
    ClientTicket, Lifetime, Spent, SpentTickets, TicketContent, TicketError, TicketKey, TicketKeys,
    resumption_psk,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// What must happen often in many runs together, or they show little.
#[allow(dead_code)] // The fuzzer does not ask.
pub(crate) const OFTEN: [&str; 9] = [
    "accepted",
    "accepted after a rotation",
    "accepted after a restart",
    "refused twice",
    "refused in doubt",
    "expired",
    "early",
    "key forgotten",
    "spoilt",
];

const SECOND: Duration = Duration::from_secs(1);
const SKEW: Duration = Duration::from_secs(2);
const PROTOCOL: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";

/// A ticket as the world knows it.
struct Known {
    client: ClientTicket,
    id: [u8; 16],
    issued: Duration,
    key: u64,
    spent: bool,
    restarts: u32,
}

/// The server, and beside it what it should know.
struct Server {
    keys: TicketKeys,
    key: u64,
    spent: SpentTickets,
    capacity: usize,
    /// What the filter remembers.
    remembered: Vec<(Duration, [u8; 16])>,
    floor: Duration,
    restarts: u32,
}

fn key(number: u64) -> TicketKey {
    TicketKey::derive(&Seed::new(&mut [5; 32]), number)
}

/// The keys of a server that starts after `number` rotations.
fn keys(number: u64, lifetime: Duration) -> TicketKeys {
    let lifetime = Lifetime::new(lifetime).with_skew(SKEW);
    let keys = TicketKeys::new(key(number), lifetime).expect("a lifetime in range");
    match number.checked_sub(1) {
        Some(before) => keys.with_previous(key(before)),
        None => keys,
    }
}

/// Runs operations: two bytes choose the settings, then come two or more for each.
pub(crate) fn run(input: &mut Input<'_>, tally: &mut BTreeMap<&'static str, u64>) {
    let capacity = input.pick(&[1, 2, 3, 8, 100]);
    let lifetime = SECOND * input.pick(&[1, 20, 60, 3600]);
    let mut saw = |what| *tally.entry(what).or_default() += 1;
    let mut now = Duration::from_secs(1000);
    let mut latest = now;
    let mut tickets: Vec<Known> = Vec::new();
    let mut server = Server {
        keys: keys(0, lifetime),
        key: 0,
        spent: SpentTickets::new(capacity, now).expect("a capacity in range"),
        capacity,
        remembered: Vec::new(),
        floor: now,
        restarts: 0,
    };
    while !input.is_empty() {
        let step = input.byte();
        now = match step {
            // A clock that is set back, by more than clocks may differ or less.
            250.. => now - Duration::from_secs(u64::from(step - 249)),
            200.. => now + SECOND * u32::from(step - 200),
            _ => now + Duration::from_millis(u64::from(step)),
        };
        latest = latest.max(now);
        match input.byte() % 16 {
            0..6 => {
                let known = issue(&server, tickets.len(), now, lifetime);
                tickets.push(known);
            }
            6..12 if !tickets.is_empty() => {
                // Mostly one of the last.
                let back = input.below(4 + tickets.len() / 2).min(tickets.len() - 1);
                let at = tickets.len() - 1 - back;
                saw(show(&mut server, &mut tickets[at], now, lifetime));
            }
            12 if !tickets.is_empty() => {
                let at = input.below(tickets.len());
                spoil(&server, &tickets[at], now, input);
                saw("spoilt");
            }
            13 => {
                server.key += 1;
                server.keys.rotate(key(server.key));
            }
            14 => {
                server.keys = keys(server.key, lifetime);
                // A clock that is behind at a start cannot be found out.
                now = latest;
                server.spent = SpentTickets::new(capacity, now).expect("a capacity in range");
                (server.capacity, server.floor) = (capacity, now);
                server.remembered.clear();
                server.restarts += 1;
            }
            15 => {
                server.keys = keys(server.key, lifetime);
                server.capacity = input.pick(&[1, 2, 3, 8, 100]);
                let saved = server.spent.save();
                server.spent = SpentTickets::restore(server.capacity, &saved).expect("its own bytes");
                server.forget();
                server.restarts += 1;
            }
            _ => {}
        }
        assert_eq!(server.spent.floor(), Some(server.floor));
        assert_eq!(server.spent.len(), server.remembered.len());
    }
}

impl Server {
    /// Forgets what is issued first until the rest fits.
    fn forget(&mut self) {
        self.remembered.sort_unstable_by(|a, b| b.cmp(a));
        while self.remembered.len() > self.capacity {
            let (issued, _) = self.remembered.pop().expect("more than the capacity");
            self.floor = self.floor.max(issued);
        }
    }
}

fn issue(server: &Server, number: usize, now: Duration, lifetime: Duration) -> Known {
    let mut id = [0; 16];
    // Few of the first bytes, by which the filter sorts.
    id[..2].copy_from_slice(&[(number % 3) as u8, 0]);
    id[8..].copy_from_slice(&(number as u64).to_be_bytes());
    let protocol: Protocol = PROTOCOL.parse().expect("a protocol");
    let psk = resumption_psk(&[1; 32], b"hash", &protocol, number as u32);
    let peer = Some(PublicKey([2; 32])).filter(|_| number % 2 == 0);
    let content = TicketContent { psk: psk.clone(), protocol, began: now, peer, context: [3; 32] };
    let ticket = server.keys.seal(now, id, &content);
    let client = ClientTicket { ticket, psk, protocol, responder: peer, expires: now + lifetime };
    let saved = client.to_bytes();
    let client = ClientTicket::from_bytes(&*saved).expect("its own bytes");
    assert_eq!(*client.to_bytes(), *saved);
    Known { client, id, issued: now, key: server.key, spent: false, restarts: server.restarts }
}

/// Shows a ticket to the server and says what came of it.
fn show(server: &mut Server, known: &mut Known, now: Duration, lifetime: Duration) -> &'static str {
    let opened = match server.keys.open(now, known.client.ticket.as_bytes()) {
        Ok(opened) => opened,
        Err(error) => {
            let (want, what) = if server.key - known.key > 1 {
                (TicketError::UnknownKey, "key forgotten")
            } else if known.issued > now + SKEW {
                (TicketError::Early, "early")
            } else {
                assert!(now >= known.issued + lifetime, "a fresh ticket was not opened: {error}");
                (TicketError::Expired, "expired")
            };
            assert_eq!(error, want);
            return what;
        }
    };
    assert!(server.key - known.key <= 1 && known.issued <= now + SKEW && now < known.issued + lifetime);
    assert_eq!((opened.id, opened.issued, opened.expires), (known.id, known.issued, known.issued + lifetime));
    assert_eq!(opened.content.peer, known.client.responder);
    if opened.issued > now {
        // What the guard does: see there.
        return "early";
    }
    let again = server.remembered.iter().any(|(_, id)| *id == known.id);
    match server.spent.spend(&opened) {
        Ok(()) => {
            assert!(!known.spent, "a ticket was accepted twice");
            assert!(known.issued > server.floor);
            known.spent = true;
            server.remembered.push((known.issued, known.id));
            server.forget();
            match (server.restarts > known.restarts, server.key > known.key) {
                (true, _) => "accepted after a restart",
                (_, true) => "accepted after a rotation",
                _ => "accepted",
            }
        }
        Err(Spent::Twice) => {
            assert!(again);
            "refused twice"
        }
        Err(error) => {
            assert_eq!(error, Spent::InDoubt);
            assert!(!again && known.issued <= server.floor, "a fresh ticket was refused");
            "refused in doubt"
        }
    }
}

/// A ticket that was changed, cut or is too long opens nowhere.
fn spoil(server: &Server, known: &Known, now: Duration, input: &mut Input<'_>) {
    let mut bytes = known.client.ticket.as_bytes().to_vec();
    let (at, mask) = (input.below(bytes.len()), input.byte());
    let want = match mask {
        0 => {
            bytes.truncate(at);
            TicketError::Length
        }
        _ => {
            bytes[at] ^= mask;
            let unknown = at < 8 || server.key - known.key > 1;
            if unknown { TicketError::UnknownKey } else { TicketError::Damaged }
        }
    };
    assert_eq!(server.keys.open(now, &bytes).err(), Some(want));
}
