//! Handshakes with another implementation of Noise, both ways round: every pattern, suite and psk placement.
#![cfg(all(feature = "aes-gcm", feature = "sha2"))]

use sealock_proto::noise::pattern::PATTERNS;
use sealock_proto::noise::{
    Handshake, HandshakeParams, Protocol, Provider, Psk, PublicKey, Role, SecretKey, TAG_LEN, Transport,
};

const PROLOGUE: &[u8] = b"interop";
const SUITES: [&str; 8] = [
    "ChaChaPoly_BLAKE2s",
    "ChaChaPoly_BLAKE2b",
    "ChaChaPoly_SHA256",
    "ChaChaPoly_SHA512",
    "AESGCM_BLAKE2s",
    "AESGCM_BLAKE2b",
    "AESGCM_SHA256",
    "AESGCM_SHA512",
];

/// The static key of a side: the same bytes whichever implementation plays it.
const fn static_bytes(role: Role) -> [u8; 32] {
    match role {
        Role::Initiator => [0x31; 32],
        Role::Responder => [0x32; 32],
    }
}

fn psk_bytes(place: usize) -> [u8; 32] {
    [0x70 + place as u8; 32]
}

/// `XXpsk0+psk3` and so on: the pattern's name with each set of places, up to `most` of them.
fn placements(name: &str, messages: usize, most: u32) -> Vec<(String, Vec<usize>)> {
    let sets = (0..1_u32 << (messages + 1)).filter(|set| set.count_ones() <= most);
    sets.map(|set| {
        let places: Vec<usize> = (0..=messages).filter(|place| set >> place & 1 == 1).collect();
        let modifiers: Vec<String> = places.iter().map(|place| format!("psk{place}")).collect();
        (format!("{name}{}", modifiers.join("+")), places)
    })
    .collect()
}

fn ours(protocol: Protocol, role: Role, places: &[usize]) -> Handshake {
    let local = SecretKey::new(&mut static_bytes(role));
    let psks: Vec<Psk> = places.iter().map(|place| Psk::new(&mut psk_bytes(*place))).collect();
    Handshake::new(HandshakeParams {
        protocol,
        role,
        prologue: &[PROLOGUE],
        local_static: protocol.needs_local_static(role).then_some(&local),
        remote_static: protocol.needs_remote_static(role).then(|| static_public(role.peer())),
        remote_ephemeral: None,
        psks: &psks,
        ephemeral: SecretKey::new(&mut [0x45; 32]),
        kem_seed: None,
        provider: Provider::default(),
    })
    .unwrap()
}

fn static_public(role: Role) -> PublicKey {
    SecretKey::new(&mut static_bytes(role)).public()
}

/// The other implementation, or `None` where it does not know the protocol.
fn theirs(name: &str, protocol: Protocol, role: Role, places: &[usize]) -> Option<snow::HandshakeState> {
    let (local, remote) = (static_bytes(role), static_public(role.peer()));
    let psks: Vec<[u8; 32]> = places.iter().map(|place| psk_bytes(*place)).collect();
    let mut builder = snow::Builder::new(name.parse().ok()?).prologue(PROLOGUE).unwrap();
    if protocol.needs_local_static(role) {
        builder = builder.local_private_key(&local).unwrap();
    }
    if protocol.needs_remote_static(role) {
        builder = builder.remote_public_key(remote.as_bytes()).unwrap();
    }
    for (place, psk) in places.iter().zip(&psks) {
        builder = builder.psk(*place as u8, psk).unwrap();
    }
    let built = match role {
        Role::Initiator => builder.build_initiator(),
        Role::Responder => builder.build_responder(),
    };
    Some(built.unwrap())
}

/// A whole session between the two with our side in `role`; false if the other side lacks the protocol.
fn session(name: &str, places: &[usize], role: Role) -> bool {
    let protocol = Protocol::parse(name).unwrap();
    let Some(mut theirs) = theirs(name, protocol, role.peer(), places) else { return false };
    let mut ours = ours(protocol, role, places);
    let (mut wire, mut plain) = ([0; 256], [0; 256]);
    for number in 0..protocol.message_count() {
        let payload = [number as u8; 20];
        if ours.is_my_turn() {
            let len = ours.write(&payload, &mut wire).unwrap();
            let len = theirs.read_message(&wire[..len], &mut plain).unwrap();
            assert_eq!(plain[..len], payload, "{name} message {number}");
        } else {
            let overhead = ours.next_overhead();
            let len = theirs.write_message(&payload, &mut wire).unwrap();
            assert_eq!(len, overhead + payload.len(), "{name} message {number}");
            let range = ours.read(&mut wire[..len]).unwrap();
            assert_eq!(wire[range], payload, "{name} message {number}");
        }
    }
    if protocol.sends_static(role.peer()) || protocol.needs_remote_static(role) {
        assert_eq!(ours.remote_static(), Some(static_public(role.peer())), "{name}");
    }
    let hash = theirs.get_handshake_hash().to_vec();
    let ours = ours.split().unwrap();
    assert_eq!(ours.hash.as_bytes(), hash, "{name}");
    transport(name, ours, theirs.into_transport_mode().unwrap());
    true
}

/// Messages in each direction that the pattern allows, before and after a rekey.
fn transport(name: &str, ours: Transport, mut theirs: snow::TransportState) {
    let (mut send, mut recv) = (ours.send, ours.recv);
    let (mut wire, mut plain) = ([0; 64], [0; 64]);
    for round in 0..4 {
        let message = [round; 33];
        if let Some(send) = &mut send {
            let (text, rest) = wire.split_at_mut(message.len());
            text.copy_from_slice(&message);
            rest[..TAG_LEN].copy_from_slice(&send.seal(&[], text).unwrap());
            let len = theirs.read_message(&wire[..message.len() + TAG_LEN], &mut plain).unwrap();
            assert_eq!(plain[..len], message, "{name} transport");
        }
        if let Some(recv) = &mut recv {
            let len = theirs.write_message(&message, &mut wire).unwrap();
            let len = recv.open(&[], &mut wire[..len]).unwrap();
            assert_eq!(wire[..len], message, "{name} transport");
        }
        if round == 1 {
            if let Some(send) = &mut send {
                send.rekey();
                theirs.rekey_incoming();
            }
            if let Some(recv) = &mut recv {
                recv.rekey();
                theirs.rekey_outgoing();
            }
        }
    }
}

/// Runs both ways round; gives how many sessions there were and the names the other side lacks.
fn run(cases: impl IntoIterator<Item = (String, Vec<usize>)>) -> (usize, Vec<String>) {
    let (mut sessions, mut lacking) = (0, Vec::new());
    for (name, places) in cases {
        if session(&name, &places, Role::Initiator) && session(&name, &places, Role::Responder) {
            sessions += 2;
        } else {
            lacking.push(name);
        }
    }
    (sessions, lacking)
}

#[test]
fn every_pattern_with_every_suite_and_no_or_one_psk() {
    let cases = PATTERNS.iter().flat_map(|pattern| {
        placements(pattern.name, pattern.messages.len(), 1).into_iter().flat_map(|(name, places)| {
            SUITES.map(|suite| (format!("Noise_{name}_25519_{suite}"), places.clone()))
        })
    });
    let (sessions, lacking) = run(cases);
    assert_eq!((sessions, lacking.len()), (2832, 0), "{lacking:?}");
}

#[test]
fn every_pattern_with_every_set_of_psks() {
    let cases = PATTERNS.iter().flat_map(|pattern| {
        let sets = placements(pattern.name, pattern.messages.len(), u32::MAX);
        sets.into_iter().map(|(name, places)| (format!("Noise_{name}_25519_ChaChaPoly_BLAKE2s"), places))
    });
    let (sessions, lacking) = run(cases);
    assert_eq!((sessions, lacking.len()), (1112, 0), "{lacking:?}");
}
