//! Whoever computes, the bytes are the same: whole handshakes, their transport and their failures.

use sealock_proto::entropy::Jitter;
use sealock_proto::noise::pattern::PATTERNS;
use sealock_proto::noise::{
    CipherError, Handshake, HandshakeError, HandshakeParams, KemSeed, Protocol, Provider, Psk, Role,
    SecretKey, TAG_LEN, Transport,
};

fn secret(byte: u8) -> SecretKey {
    SecretKey::new(&mut [byte; 32])
}

fn start(protocol: Protocol, role: Role, provider: Provider) -> Handshake {
    let (local, remote) = (secret(role as u8 + 1), secret(role.peer() as u8 + 1));
    let psks: [Psk; 5] = core::array::from_fn(|i| Psk::new(&mut [i as u8; 32]));
    Handshake::new(HandshakeParams {
        protocol,
        role,
        prologue: &[b"providers"],
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

/// Both ends of a handshake, the initiator first.
fn ends(protocol: Protocol, providers: [Provider; 2]) -> [Handshake; 2] {
    [start(protocol, Role::Initiator, providers[0]), start(protocol, Role::Responder, providers[1])]
}

/// Every ordered pair of those compiled in.
fn pairs() -> impl Iterator<Item = [Provider; 2]> {
    Provider::ALL.iter().flat_map(|a| Provider::ALL.iter().map(|b| [*a, *b]))
}

fn protocols() -> Vec<Protocol> {
    let mut protocols = Vec::new();
    for pattern in &PATTERNS {
        for (modifiers, suite) in [
            ("", "ChaChaPoly_BLAKE2s"),
            ("psk1", "AESGCM_BLAKE2b"),
            ("fallback+psk1", "ChaChaPoly_BLAKE2s"),
            ("hfs+psk1", "ChaChaPoly_BLAKE2s"),
        ] {
            let kem = if modifiers.contains("hfs") { "+MLKEM768" } else { "" };
            let name = format!("Noise_{}{modifiers}_25519{kem}_{suite}", pattern.name);
            // A build without AES-GCM or KEM has no such protocol; not every pattern has those modifiers.
            protocols.extend(Protocol::parse(&name));
        }
    }
    protocols
}

/// Runs a handshake and gives everything that went over the wire.
fn finish(ends: &mut [Handshake; 2]) -> Vec<u8> {
    let (mut wire, mut message) = (Vec::new(), [0; 1536]);
    loop {
        let [a, b] = &mut *ends;
        if a.is_finished() {
            break;
        }
        let (writer, reader) = if a.is_my_turn() { (a, b) } else { (b, a) };
        let len = writer.write(b"payload", &mut message).unwrap();
        wire.extend_from_slice(&message[..len]);
        let payload = reader.read(&mut message[..len]).unwrap();
        assert_eq!(&message[payload], b"payload");
    }
    wire
}

/// Sends a record each way where the pattern has it, with a rekey between; gives what went over the wire.
fn exchange([a, b]: [Transport; 2]) -> Vec<u8> {
    let mut wire = Vec::new();
    for (send, recv) in [(a.send, b.recv), (b.send, a.recv)] {
        let (Some(mut send), Some(mut recv)) = (send, recv) else { continue };
        for text in [&b""[..], b"one", &[7; 1000]] {
            let mut record = text.to_vec();
            let tag = send.seal(b"ad", &mut record).unwrap();
            record.extend_from_slice(&tag);
            wire.extend_from_slice(&record);
            assert_eq!(recv.open(b"ad", &mut record), Ok(text.len()));
            assert_eq!(&record[..text.len()], text);
            assert_eq!(recv.open(b"ad", &mut record[..TAG_LEN - 1]), Err(CipherError::TooShort));
            send.rekey();
            recv.rekey();
        }
    }
    wire
}

#[test]
fn ends_with_different_providers_understand_each_other_in_the_same_bytes() {
    for protocol in protocols() {
        let mut expected = None;
        for providers in pairs() {
            let mut ends = ends(protocol, providers);
            assert_eq!(ends.each_ref().map(Handshake::provider), providers);
            let handshake = finish(&mut ends);
            let transports = ends.map(|end| end.split().unwrap());
            let hash = transports[0].hash;
            for (transport, provider) in transports.iter().zip(providers) {
                assert!(transport.send.as_ref().is_none_or(|send| send.provider() == provider));
                assert!(transport.recv.as_ref().is_none_or(|recv| recv.provider() == provider));
            }
            let seen = (handshake, hash, exchange(transports));
            let expected = expected.get_or_insert_with(|| seen.clone());
            assert!(seen == *expected, "{protocol}, {providers:?}");
        }
    }
}

/// What `provider`'s responder says of a first message, and what becomes of the bytes.
fn refusal(protocol: Protocol, provider: Provider, message: &[u8]) -> (HandshakeError, Vec<u8>) {
    let mut message = message.to_vec();
    let error = start(protocol, Role::Responder, provider).read(&mut message).unwrap_err();
    (error, message)
}

#[test]
fn a_bad_handshake_message_is_the_same_error_for_all() {
    let protocol = Protocol::parse("Noise_IK_25519_ChaChaPoly_BLAKE2s").unwrap();
    let mut good = [0; 128];
    let len = start(protocol, Role::Initiator, Provider::RustCrypto).write(b"hello", &mut good).unwrap();
    let good = &good[..len];
    let mut cases = vec![
        (good[..95].to_vec(), HandshakeError::TooShort),
        ([&[0; 32], &good[32..]].concat(), HandshakeError::WeakKey),
        ([good, &[0]].concat(), HandshakeError::Decrypt),
    ];
    for seed in 0..100 {
        let mut random = Jitter::new(seed);
        let mut message = good.to_vec();
        let bit = random.next_u64() as usize % (8 * len);
        // The agreement ignores the highest bit of the ephemeral key; the hash does not.
        message[bit / 8] ^= 1 << (bit % 8);
        cases.push((message, HandshakeError::Decrypt));
    }
    for (message, expected) in cases {
        let first = refusal(protocol, Provider::RustCrypto, &message);
        assert_eq!(first.0, expected, "{message:x?}");
        for provider in Provider::ALL {
            assert_eq!(refusal(protocol, *provider, &message), first, "{provider}");
        }
    }
}
