//! Tickets.
//!
//! Byte 0 of an input chooses: operations on a server beside the model that `proto`'s property test has; bytes that
//! somebody takes for a ticket, a saved ticket or a saved filter; or the content of a ticket.

#[path = "../../../proto/tests/support/tickets.rs"]
mod model;

use crate::input::Input;
use sealock_proto::entropy::Seed;
use sealock_proto::noise::{Protocol, Psk, PublicKey};
use sealock_proto::resume::{
    ClientTicket, Lifetime, SpentTickets, TICKET_LEN, TicketContent, TicketKey, TicketKeys,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    match input.byte() % 3 {
        0 => model::run(&mut input, &mut BTreeMap::new()),
        1 => arbitrary(input.take(usize::MAX)),
        _ => content(&mut input),
    }
}

fn keys() -> TicketKeys {
    let key = TicketKey::derive(&Seed::new(&mut [6; 32]), 1);
    TicketKeys::new(key, Lifetime::default()).expect("the default")
}

/// Nobody has the key, so nothing opens. What reads as saved is what would have been written.
fn arbitrary(bytes: &[u8]) {
    let keys = keys();
    assert!(keys.open(Duration::from_secs(9), bytes).is_err());
    // As far as the cipher, for once.
    let mut ticket = [0; TICKET_LEN];
    ticket[..8].copy_from_slice(TicketKey::derive(&Seed::new(&mut [6; 32]), 1).id());
    ticket[8..].iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    assert!(keys.open(Duration::from_secs(9), &ticket).is_err());
    if let Ok(ticket) = ClientTicket::from_bytes(bytes) {
        assert_eq!(*ticket.to_bytes(), bytes);
    }
    if let Ok(spent) = SpentTickets::restore(1000, bytes) {
        let again = SpentTickets::restore(1000, &spent.save()).expect("its own bytes");
        assert_eq!((again.len(), again.floor()), (spent.len(), spent.floor()));
    }
}

/// Whatever a ticket says comes back, and sealing it again gives the same bytes.
fn content(input: &mut Input<'_>) {
    const PROTOCOLS: [&str; 3] = [
        "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s",
        "Noise_I1K1psk0+psk1+psk2+psk3_25519_ChaChaPoly_BLAKE2b",
        "Noise_KK_25519_AESGCM_SHA512",
    ];
    let (flags, name) = (input.byte(), input.pick(&PROTOCOLS));
    let unix = Duration::from_nanos(input.word());
    let mut bytes = || std::array::from_fn(|_| input.byte());
    let content = TicketContent {
        psk: Psk::new(&mut bytes()),
        protocol: name.parse::<Protocol>().expect("a protocol"),
        began: unix,
        peer: Some(PublicKey(bytes())).filter(|_| flags & 1 == 1),
        context: bytes(),
    };
    let keys = keys();
    let ticket = keys.seal(unix, [7; 16], &content);
    let opened = keys.open(unix, ticket.as_bytes()).expect("its own ticket");
    assert_eq!((opened.issued, opened.content.protocol), (unix, content.protocol));
    assert_eq!((opened.content.peer, opened.content.context), (content.peer, content.context));
    assert_eq!(opened.content.began, content.began);
    assert_eq!(keys.seal(unix, [7; 16], &opened.content), ticket);
}
