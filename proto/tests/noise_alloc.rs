//! Handshakes and transport allocate nothing after `Handshake::new`, which makes room for the expanded state of
//! AES keys (and of ring's) and for a KEM's key: they are too large to carry about. What AWS-LC's own allocator does is not counted.

use sealock_proto::noise::pattern::PATTERNS;
use sealock_proto::noise::{
    CipherError, Handshake, HandshakeError, HandshakeParams, KemSeed, Protocol, Provider, Psk, RecvCipher,
    Role, SecretKey, SendCipher, TAG_LEN,
};

/// Heap allocations of this thread while `work` runs.
fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

fn secret(byte: u8) -> SecretKey {
    SecretKey::new(&mut [byte; 32])
}

fn start(protocol: Protocol, role: Role, provider: Provider) -> Handshake {
    let (local, remote) = (secret(role as u8 + 1), secret(role.peer() as u8 + 1));
    let psks: [Psk; 5] = core::array::from_fn(|i| Psk::new(&mut [i as u8; 32]));
    Handshake::new(HandshakeParams {
        protocol,
        role,
        prologue: &[b"one", b"two"],
        local_static: protocol.needs_local_static(role).then_some(&local),
        remote_static: protocol.needs_remote_static(role).then(|| remote.public()),
        remote_ephemeral: protocol
            .needs_remote_ephemeral(role)
            .then(|| secret(role.peer() as u8 + 3).public()),
        psks: &psks[..protocol.psk_count()],
        ephemeral: secret(role as u8 + 3),
        kem_seed: protocol.is_hfs().then(|| KemSeed::new(&mut [5; 32], &mut [6; 32])),
        provider,
    })
    .unwrap()
}

fn started(protocol: Protocol, provider: Provider) -> (Handshake, Handshake) {
    (start(protocol, Role::Initiator, provider), start(protocol, Role::Responder, provider))
}

fn finish((a, b): &mut (Handshake, Handshake)) {
    let mut buffer = [0; 1536];
    while !a.is_finished() {
        let (writer, reader) = if a.is_my_turn() { (&mut *a, &mut *b) } else { (&mut *b, &mut *a) };
        let len = writer.write(b"payload", &mut buffer).unwrap();
        reader.read(&mut buffer[..len]).unwrap();
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new([1_u8; 64])))), 1);
}

/// aws-lc-rs hands out what X25519 agrees on in a `Vec`.
fn agreement_allocates(provider: Provider) -> bool {
    provider.name() == "AWS-LC"
}

#[test]
fn no_handshake_allocates() {
    let mut protocols = 0;
    for pattern in &PATTERNS {
        for (modifiers, cipher) in [
            ("", "ChaChaPoly"),
            ("psk0+psk1", "ChaChaPoly"),
            ("psk1", "AESGCM"),
            ("fallback+psk1", "ChaChaPoly"),
            ("hfs+psk1", "ChaChaPoly"),
        ] {
            let kem = if modifiers.contains("hfs") { "+MLKEM768" } else { "" };
            let name = format!("Noise_{}{modifiers}_25519{kem}_{cipher}_BLAKE2b", pattern.name);
            // A build without AES-GCM or KEM has no such protocol; not every pattern has those modifiers.
            let Ok(protocol) = Protocol::parse(&name) else { continue };
            protocols += 1;
            for provider in Provider::ALL.iter().filter(|provider| !agreement_allocates(**provider)) {
                let mut ends = started(protocol, *provider);
                let count = allocations(|| finish(&mut ends));
                assert_eq!(count, 0, "{name}, {provider}");
            }
        }
    }
    let with_kem = if cfg!(feature = "pq") { 35 } else { 0 };
    assert!(protocols >= 2 * PATTERNS.len() + 28 + with_kem, "{protocols}");
}

#[test]
fn a_refused_handshake_message_allocates_nothing() {
    let protocol = Protocol::parse("Noise_IK_25519_ChaChaPoly_BLAKE2s").unwrap();
    let count = allocations(|| {
        let mut responder = start(protocol, Role::Responder, Provider::default());
        assert_eq!(responder.read(&mut [7; 96]), Err(HandshakeError::Decrypt));
        let text = std::hint::black_box(responder.read(&mut [7; 96]));
        assert_eq!(text, Err(HandshakeError::Poisoned));
    });
    assert_eq!(count, 0);
}

#[test]
fn neither_the_split_nor_transport_allocates() {
    for cipher in ["ChaChaPoly", "AESGCM"] {
        let Ok(protocol) = Protocol::parse(&format!("Noise_NN_25519_{cipher}_BLAKE2s")) else { continue };
        for provider in Provider::ALL {
            let mut ends = started(protocol, *provider);
            finish(&mut ends);
            let (a, b) = ends;
            let mut ends = None;
            let count = allocations(|| ends = Some((a.split().unwrap(), b.split().unwrap())));
            assert_eq!(count, 0, "{cipher}, {provider}");
            let (mut a, mut b) = ends.unwrap();
            let (send, recv) = (a.send.as_mut().unwrap(), b.recv.as_mut().unwrap());
            let count = allocations(|| carry_records(send, recv));
            assert_eq!(count, 0, "{cipher}, {provider}");
        }
    }
}

fn carry_records(send: &mut SendCipher, recv: &mut RecvCipher) {
    let mut record = [0; 100 + TAG_LEN];
    for round in 0..100 {
        let (text, tag) = record.split_at_mut(100);
        tag.copy_from_slice(&send.seal(b"ad", text).unwrap());
        assert_eq!(recv.open(b"ad", &mut record), Ok(100));
        assert_eq!(recv.open(b"ad", &mut record), Err(CipherError::Decrypt));
        if round % 10 == 0 {
            send.rekey();
            recv.rekey();
        }
    }
}
