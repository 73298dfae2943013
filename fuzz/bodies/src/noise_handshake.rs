//! Two honest parties and a network that changes handshake messages.
//!
//! Byte 0 of an input chooses the pattern, byte 1 cipher, hash and (bit 3) whether it is a fallback where it can be,
//! else (bit 4) whether it has a KEM where it can, byte 2 the places of pre-shared keys (bit `n` for `pskn`). Then comes for every message: the length of its payload (if odd, the message is read in parts), what
//! happens to it, and a position.
//!
//! A changed message is accepted only where nothing authenticates it, and then the next that is authenticated
//! fails, so parties that both finish have seen the same. A failure is final. Without changes both finish with
//! equal hashes and each reads what the other seals.

use crate::input::Input;
use crate::keys::{protocol, public, secret};
use sealock_proto::noise::pattern::{PATTERNS, Token};
use sealock_proto::noise::{
    CipherError, Handshake, HandshakeError, HandshakeParams, KemSeed, Protocol, Provider, Psk, ReadPart, Role,
};
use sealock_proto::noise::{SecretKey, TAG_LEN, Transport};
use std::ops::Range;

const CIPHERS: [&str; 2] = ["ChaChaPoly", "AESGCM"];
const HASHES: [&str; 4] = ["BLAKE2s", "BLAKE2b", "SHA256", "SHA512"];

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let (protocol, psks) = choose(&mut input);
    let mut sides = [Role::Initiator, Role::Responder].map(|role| party(protocol, role, psks));
    let mut transcript: Vec<Vec<u8>> = Vec::new();
    // The parties have seen different bytes.
    let mut tampered = false;

    for index in 0..protocol.message_count() {
        let [first, second] = &mut sides;
        let to_second = protocol.writer(index) == Role::Initiator;
        let (writer, reader) = if to_second { (first, second) } else { (second, first) };
        let payload = vec![index as u8; usize::from(input.byte())];
        let Some(original) = write(writer, &payload, tampered) else { return };
        refuses_out_of_turn(writer, reader);
        let mut message = original.clone();
        if !mutate(&mut input, &mut message, &transcript) {
            // Lost: nobody can go on.
            assert!(!writer.is_my_turn() && !reader.is_finished());
            return;
        }
        transcript.push(original.clone());
        tampered |= message != original;
        let through = index + usize::from(protocol.is_fallback());
        let authenticated =
            psks != 0 || protocol.pattern().messages[..=through].iter().any(|m| has_more_than_keys(m));
        match read(reader, &mut message, payload.len() % 2 == 1) {
            Ok(range) => {
                assert!(
                    !(tampered && authenticated),
                    "message {index} of {protocol} was changed and accepted"
                );
                assert!(tampered || message[range] == payload, "another payload");
            }
            Err(error) => {
                assert!(tampered, "message {index} of {protocol} is refused unchanged: {error}");
                let [first, second] = sides;
                let failed = if to_second { second } else { first };
                stays_poisoned(failed, &original);
                return;
            }
        }
    }
    assert!(!tampered, "{protocol} finished although a message was changed");
    for (side, role) in sides.iter().zip([Role::Initiator, Role::Responder]) {
        let peer = role.peer();
        let known = protocol.needs_remote_static(role) || protocol.sends_static(peer);
        assert_eq!(side.remote_static(), known.then(|| public(peer)), "the peer's static key");
        assert_eq!((side.is_finished(), side.is_my_turn(), side.next_overhead()), (true, false, 0));
    }
    let [initiator, responder] = sides.map(|side| side.split().expect("finished"));
    assert_eq!(initiator.hash, responder.hash);
    transport(&mut input, protocol, initiator, responder);
}

/// The protocol, and the places of its pre-shared keys as a mask.
fn choose(input: &mut Input<'_>) -> (Protocol, u8) {
    let pattern = &PATTERNS[usize::from(input.byte()) % PATTERNS.len()];
    let suite = usize::from(input.byte());
    let (cipher, hash) = (CIPHERS[suite % 2], HASHES[suite / 2 % 4]);
    let fallback = suite & 8 != 0 && !has_more_than_keys(pattern.messages[0]);
    let hfs = suite & 16 != 0 && !fallback && !pattern.one_way;
    let (modifier, kem) = match (fallback, hfs) {
        (true, _) => (Some("fallback"), ""),
        (_, true) => (Some("hfs"), "+MLKEM768"),
        _ => (None, ""),
    };
    let messages = pattern.messages.len() - usize::from(fallback);
    let mask = input.byte() & ((2 << messages) - 1);
    let psks = (0..=messages).filter(|n| mask >> n & 1 == 1).map(|n| format!("psk{n}"));
    let modifiers: Vec<String> = modifier.map(str::to_owned).into_iter().chain(psks).collect();
    let name = format!("Noise_{}{}_25519{kem}_{cipher}_{hash}", pattern.name, modifiers.join("+"));
    let protocol = protocol(&name);
    assert_eq!((protocol.to_string(), protocol.psk_count()), (name, mask.count_ones() as usize));
    assert_eq!(protocol.is_hfs(), hfs);
    assert_eq!((protocol.is_fallback(), protocol.message_count()), (fallback, messages));
    (protocol, mask)
}

fn party(protocol: Protocol, role: Role, psks: u8) -> Handshake {
    let psks: Vec<Psk> = (0..psks.count_ones() as u8).map(|n| Psk::new(&mut [30 + n; 32])).collect();
    let own = secret(role);
    Handshake::new(HandshakeParams {
        protocol,
        role,
        prologue: &[b"fuzz"],
        local_static: Some(&own).filter(|_| protocol.needs_local_static(role)),
        remote_static: Some(public(role.peer())).filter(|_| protocol.needs_remote_static(role)),
        remote_ephemeral: Some(ephemeral(role.peer()).public())
            .filter(|_| protocol.needs_remote_ephemeral(role)),
        psks: &psks,
        ephemeral: ephemeral(role),
        kem_seed: protocol.is_hfs().then(|| KemSeed::new(&mut [role as u8 + 21; 32], &mut [23; 32])),
        provider: Provider::default(),
    })
    .expect("the keys fit the pattern")
}

fn ephemeral(role: Role) -> SecretKey {
    SecretKey::new(&mut [if role == Role::Initiator { 11 } else { 12 }; 32])
}

/// The next message; `None` if a changed key made that impossible.
fn write(writer: &mut Handshake, payload: &[u8], tampered: bool) -> Option<Vec<u8>> {
    let needed = writer.next_overhead() + payload.len();
    let mut message = vec![0; needed];
    let small = writer.write(payload, &mut message[1..]);
    assert_eq!(small, Err(HandshakeError::OutputTooSmall { needed }), "no room, and nothing is spoilt");
    let written = writer.write(payload, &mut message);
    if written == Err(HandshakeError::WeakKey) && tampered {
        assert_eq!(writer.write(payload, &mut message), Err(HandshakeError::Poisoned));
        return None;
    }
    assert_eq!(written, Ok(needed));
    Some(message)
}

/// Reads at once or in parts, between which other calls are refused and do no harm.
fn read(reader: &mut Handshake, message: &mut [u8], in_parts: bool) -> Result<Range<usize>, HandshakeError> {
    if !in_parts {
        return reader.read(message);
    }
    if let ReadPart::Payload(range) = reader.read_part(message)? {
        return Ok(range);
    }
    assert!(!reader.is_my_turn() && !reader.is_finished() && reader.remote_static().is_some());
    assert_eq!(reader.write(b"", &mut [0; 128]), Err(HandshakeError::NotMyTurn));
    assert_eq!(reader.read_part(&mut message[1..]), Err(HandshakeError::OtherMessage));
    match reader.read_part(message)? {
        ReadPart::Payload(range) => Ok(range),
        ReadPart::Static(key) => panic!("{key} is read twice"),
    }
}

/// After a message was written neither side may do what is not its turn, and asking does no harm.
fn refuses_out_of_turn(writer: &mut Handshake, reader: &mut Handshake) {
    let expected = if writer.is_finished() { HandshakeError::Finished } else { HandshakeError::NotMyTurn };
    assert_eq!(writer.write(b"", &mut [0; 128]), Err(expected));
    assert_eq!(reader.write(b"", &mut [0; 128]), Err(HandshakeError::NotMyTurn));
    if writer.is_finished() {
        assert_eq!(writer.read(&mut [0; 128]), Err(HandshakeError::Finished));
    }
}

/// What the network does to `message`; false if it loses it.
fn mutate(input: &mut Input<'_>, message: &mut Vec<u8>, earlier: &[Vec<u8>]) -> bool {
    let (what, at) = (input.byte(), input.size());
    let place = at % message.len();
    match what % 8 {
        1 => message[place] ^= 1 << (what >> 5),
        2 => message.truncate(place),
        3 => message.resize(message.len() + 1 + at % 70_000, what),
        4 => message.rotate_left(place),
        5 => {
            if let Some(other) = earlier.get(at % earlier.len().max(1)) {
                message.clone_from(other);
            }
        }
        6 => message[place..].fill(0),
        7 => return false,
        _ => {}
    }
    true
}

fn stays_poisoned(mut failed: Handshake, original: &[u8]) {
    assert_eq!(failed.read(&mut original.to_vec()), Err(HandshakeError::Poisoned), "the right message now");
    assert_eq!(failed.write(b"", &mut [0; 128]), Err(HandshakeError::Poisoned));
    assert_eq!((failed.is_my_turn(), failed.is_finished(), failed.remote_static()), (false, false, None));
    assert!(matches!(failed.split(), Err(HandshakeError::Poisoned)));
}

fn transport(input: &mut Input<'_>, protocol: Protocol, mut initiator: Transport, mut responder: Transport) {
    let both_ways = !protocol.is_one_way();
    assert_eq!((initiator.recv.is_some(), responder.send.is_some()), (both_ways, both_ways));
    for _ in 0..2 {
        exchange(input, &mut initiator, &mut responder);
        exchange(input, &mut responder, &mut initiator);
    }
}

/// A record that arrives changed counts as never received; then it arrives as it was sent.
fn exchange(input: &mut Input<'_>, from: &mut Transport, to: &mut Transport) {
    let Some((send, recv)) = from.send.as_mut().zip(to.recv.as_mut()) else { return };
    let (what, at) = (input.byte(), input.size());
    let text = vec![what; usize::from(what)];
    let mut record = text.clone();
    let tag = send.seal(b"ad", &mut record).expect("short");
    record.extend_from_slice(&tag);
    let place = at % record.len();
    let mut changed = record.clone();
    if what & 1 == 0 {
        changed[place] ^= 1
    } else {
        changed.truncate(place)
    }
    let (mut left, nonce) = (changed.clone(), recv.nonce());
    let refused = recv.open(b"ad", &mut changed);
    assert!(matches!(refused, Err(CipherError::Decrypt | CipherError::TooShort)), "{refused:?}");
    if refused == Err(CipherError::Decrypt) {
        let text = left.len() - TAG_LEN;
        left[..text].fill(0);
    }
    assert_eq!((changed, recv.nonce()), (left, nonce), "a record that is refused leaves zeros and the nonce");
    assert_eq!(recv.open(b"ad", &mut record), Ok(text.len()));
    assert_eq!(&record[..text.len()], text);
    if what & 2 == 2 {
        send.rekey();
        recv.rekey();
    }
    assert_eq!(send.nonce(), recv.nonce());
}

fn has_more_than_keys(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| !matches!(token, Token::E | Token::S))
}
