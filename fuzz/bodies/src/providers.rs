//! All cryptographic providers against each other.
//!
//! An input: which cipher, the two ends' 32-byte ephemeral keys, then operations of three bytes: what to do and a
//! size. Every provider runs the same handshake with itself, then the same records; each opens what the first sealed.
//!
//! All give the same bytes and the same errors, and leave the same bytes behind a refusal. A public key from the
//! input is agreed on, or refused, by all alike.

use crate::input::Input;
use crate::keys::protocol;
use sealock_proto::noise::{Handshake, HandshakeError, HandshakeParams, Protocol, Provider, Role, SecretKey};
use sealock_proto::noise::{RecvCipher, SendCipher, TAG_LEN};

const PROTOCOLS: [&str; 2] = ["Noise_NN_25519_ChaChaPoly_BLAKE2s", "Noise_NN_25519_AESGCM_BLAKE2s"];
const MOST_OPERATIONS: usize = 32;

/// Runs one input.
///
/// # Panics
/// If two providers differ.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let protocol = protocol(input.pick(&PROTOCOLS));
    let keys: [[u8; 32]; 2] = std::array::from_fn(|_| std::array::from_fn(|_| input.byte()));
    let answers = Provider::ALL.iter().map(|provider| answer(protocol, *provider, keys));
    same(&answers.collect::<Vec<_>>());
    let mut ends: Vec<_> = Provider::ALL.iter().map(|provider| ends(protocol, *provider, keys[0])).collect();
    for _ in 0..MOST_OPERATIONS {
        if input.is_empty() {
            break;
        }
        let (operation, size) = (input.byte(), input.size());
        let ad = &[operation; 64][..size % 64];
        match operation % 4 {
            0 | 1 => carry(&mut ends, ad, size),
            2 => refuse(&mut ends, ad, size, operation),
            _ => ends.iter_mut().for_each(|(send, recv)| {
                send.rekey();
                recv.rekey();
            }),
        }
    }
}

fn same<T: PartialEq + std::fmt::Debug>(each: &[T]) {
    for (one, provider) in each.iter().zip(Provider::ALL) {
        assert!(*one == each[0], "{provider}: {one:?} instead of {:?}", each[0]);
    }
}

fn party(protocol: Protocol, role: Role, provider: Provider, mut key: [u8; 32]) -> Handshake {
    let ephemeral = SecretKey::new(&mut key);
    let (prologue, psks) = (&[][..], &[][..]);
    let (local_static, remote_static, remote_ephemeral) = (None, None, None);
    Handshake::new(HandshakeParams {
        protocol,
        role,
        prologue,
        local_static,
        remote_static,
        remote_ephemeral,
        psks,
        ephemeral,
        kem_seed: None,
        provider,
    })
    .expect("NN has no other keys")
}

/// What a responder with the first key answers to the second as a public key.
fn answer(
    protocol: Protocol,
    provider: Provider,
    [own, mut public]: [[u8; 32]; 2],
) -> Result<Vec<u8>, HandshakeError> {
    let mut responder = party(protocol, Role::Responder, provider, own);
    responder.read(&mut public)?;
    let mut message = vec![0; 128];
    let len = responder.write(b"answer", &mut message)?;
    message.truncate(len);
    Ok(message)
}

/// One direction of a session under `provider`.
fn ends(protocol: Protocol, provider: Provider, key: [u8; 32]) -> (SendCipher, RecvCipher) {
    let mut initiator = party(protocol, Role::Initiator, provider, key);
    let mut responder = party(protocol, Role::Responder, provider, [9; 32]);
    let mut message = [0; 128];
    let len = initiator.write(b"", &mut message).expect("room");
    responder.read(&mut message[..len]).expect("a good message");
    let len = responder.write(b"", &mut message).expect("room");
    initiator.read(&mut message[..len]).expect("a good message");
    let (initiator, responder) = (initiator.split().expect("finished"), responder.split().expect("finished"));
    (initiator.send.expect("both ways"), responder.recv.expect("both ways"))
}

/// Every provider seals the same text; gives ciphertext and tag.
fn seal(ends: &mut [(SendCipher, RecvCipher)], ad: &[u8], len: usize) -> Result<Vec<u8>, ()> {
    let text: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
    let sealed = ends.iter_mut().map(|(send, _)| {
        let mut record = text.clone();
        let tag = send.seal(ad, &mut record)?;
        record.extend_from_slice(&tag);
        Ok(record)
    });
    let sealed: Vec<Result<_, sealock_proto::noise::CipherError>> = sealed.collect();
    same(&sealed);
    let fits = len <= sealock_proto::noise::MAX_MESSAGE - TAG_LEN;
    assert_eq!(sealed[0].is_ok(), fits, "{len} bytes");
    sealed.into_iter().next().and_then(Result::ok).ok_or(())
}

fn carry(ends: &mut [(SendCipher, RecvCipher)], ad: &[u8], len: usize) {
    let Ok(record) = seal(ends, ad, len) else { return };
    open(ends, ad, &record, true);
}

/// Every provider refuses the record with something changed, then opens it unchanged.
fn refuse(ends: &mut [(SendCipher, RecvCipher)], ad: &[u8], len: usize, how: u8) {
    let Ok(record) = seal(ends, ad, len % 300) else { return };
    let mut changed = record.clone();
    let at = len % changed.len();
    match how / 4 % 3 {
        0 => changed[at] ^= 1 << (how / 12 % 8),
        1 => changed.truncate(at),
        _ => changed.push(how),
    }
    open(ends, ad, &changed, false);
    open(ends, ad, &record, true);
}

fn open(ends: &mut [(SendCipher, RecvCipher)], ad: &[u8], record: &[u8], good: bool) {
    let opened = ends.iter_mut().map(|(_, recv)| {
        let mut record = record.to_vec();
        (recv.open(ad, &mut record), record, recv.nonce())
    });
    let opened: Vec<_> = opened.collect();
    same(&opened);
    assert_eq!(opened[0].0.is_ok(), good, "{} bytes", record.len());
}
