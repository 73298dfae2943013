//! Tickets are sealed, opened and spent without an allocation; the filter allocates at construction only.

use allocation_counter::measure;
use sealock_proto::entropy::{Jitter, Seed};
use sealock_proto::resume::{
    Lifetime, Spent, SpentTickets, TicketContent, TicketKey, TicketKeys, resumption_psk,
};
use std::time::Duration;

const CAPACITY: usize = 100;

fn filter() -> SpentTickets {
    SpentTickets::new(CAPACITY, Duration::ZERO).unwrap()
}

#[test]
fn the_memory_a_filter_reports_is_the_memory_allocated() {
    for capacity in [1, 100, 1000] {
        let mut spent = None;
        let info = measure(|| spent = SpentTickets::new(capacity, Duration::ZERO).ok());
        let memory = spent.unwrap().memory();
        assert_eq!(info.bytes_current as usize + size_of::<SpentTickets>(), memory, "{capacity}");
    }
}

#[test]
fn sealing_opening_and_spending_allocate_nothing() {
    let seed = Seed::new(&mut [1; 32]);
    let mut keys = TicketKeys::new(TicketKey::derive(&seed, 0), Lifetime::default()).unwrap();
    let protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let (mut spent, mut jitter) = (filter(), Jitter::new(1));
    let (mut accepted, mut twice, mut in_doubt) = (0, 0, 0);
    let info = measure(|| {
        for n in 1..5_000_u64 {
            let unix = Duration::from_secs(n);
            let psk = resumption_psk(&[1; 32], b"hash", &protocol, n as u32);
            let content = TicketContent { psk, protocol, began: unix, peer: None, context: [0; 32] };
            let mut id = [0; 16];
            id[..8].copy_from_slice(&jitter.next_u64().to_le_bytes());
            // Some come late.
            let issued = Duration::from_secs(n - jitter.next_u64() % 400.min(n));
            let ticket = keys.seal(issued, id, &content);
            let opened = keys.open(unix, ticket.as_bytes()).unwrap();
            for _ in 0..2 {
                match spent.spend(&opened) {
                    Ok(()) => accepted += 1,
                    Err(Spent::Twice) => twice += 1,
                    Err(_) => in_doubt += 1,
                }
            }
            if n % 1000 == 0 {
                keys.rotate(TicketKey::derive(&seed, n));
            }
        }
    });
    assert!(accepted > 1000 && twice > 1000 && in_doubt > 500, "{accepted} {twice} {in_doubt}");
    assert_eq!(spent.len(), CAPACITY);
    assert_eq!(info.count_total, 0);
}
