//! Noise written down from the specification once more, as plainly as can be: no roles, no buffers, no errors. It knows
//! the secrets of both sides and gives what goes over the wire. Shares nothing with the engine but primitives.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use x25519_dalek::{PublicKey, StaticSecret};

/// A hash function with blocks of 64 and outputs of 32 bytes, over its arguments joined.
pub(crate) type Hash = fn(&[&[u8]]) -> [u8; 32];

/// BLAKE2s (section 12.7).
pub(crate) fn blake2s(parts: &[&[u8]]) -> [u8; 32] {
    use blake2::Digest;
    blake2::Blake2s256::digest(parts.concat()).into()
}

/// SHA-256 (section 12.5).
#[cfg(feature = "sha2")]
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(parts.concat()).into()
}

/// The secrets of a side, whether or not the pattern uses them.
#[derive(Clone, Copy)]
pub(crate) struct Side {
    pub(crate) s: [u8; 32],
    pub(crate) e: [u8; 32],
}

/// A handshake to write down. Alice is the side on the left of the specification's patterns.
pub(crate) struct Script<'a> {
    pub(crate) name: &'a str,
    pub(crate) hash: Hash,
    pub(crate) prologue: &'a [u8],
    pub(crate) alice: Side,
    pub(crate) bob: Side,
    pub(crate) psks: &'a [[u8; 32]],
    pub(crate) kem: Option<Kem>,
    /// Whose key of which kind both know beforehand: `("->", "e")` is Alice's ephemeral key.
    pub(crate) before: &'a [(&'a str, &'a str)],
    /// Each message's direction, tokens and payload.
    pub(crate) messages: &'a [(&'a str, &'a str, &'a [u8])],
}

/// What a KEM puts into a handshake: Alice's public key, Bob's ciphertext for it, the secret in that.
#[derive(Clone)]
pub(crate) struct Kem {
    pub(crate) key: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
    pub(crate) secret: [u8; 32],
}

/// What came of it.
pub(crate) struct Transcript {
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) hash: [u8; 32],
    /// The keys of the two directions, first that of the side which wrote first.
    pub(crate) keys: [[u8; 32]; 2],
}

/// The public key of `secret`.
pub(crate) fn public(secret: [u8; 32]) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(secret)).to_bytes()
}

fn dh(secret: [u8; 32], public_of: [u8; 32]) -> [u8; 32] {
    StaticSecret::from(secret).diffie_hellman(&PublicKey::from(public(public_of))).to_bytes()
}

/// `ENCRYPT` with ChaChaPoly (section 12.3).
pub(crate) fn encrypt(key: [u8; 32], n: u64, ad: &[u8], text: &[u8]) -> Vec<u8> {
    let nonce: [u8; 12] = [[0; 4].as_slice(), &n.to_le_bytes()].concat().try_into().unwrap();
    let cipher = chacha20poly1305::ChaCha20Poly1305::new(&key.into());
    let mut out = text.to_vec();
    let tag = cipher.encrypt_inout_detached(&nonce.into(), ad, out.as_mut_slice().into()).unwrap();
    out.extend(tag);
    out
}

/// `HMAC-HASH` (RFC 2104).
fn hmac(hash: Hash, key: [u8; 32], text: &[&[u8]]) -> [u8; 32] {
    let pad = |byte: u8| -> Vec<u8> {
        let mut block = key.to_vec();
        block.resize(64, 0);
        block.iter().map(|b| b ^ byte).collect()
    };
    hash(&[&pad(0x5c), &hash(&[&pad(0x36), &text.concat()])])
}

/// The three outputs of `HKDF` (section 4.3).
fn hkdf(hash: Hash, ck: [u8; 32], input: &[u8]) -> [[u8; 32]; 3] {
    let temp = hmac(hash, ck, &[input]);
    let one = hmac(hash, temp, &[&[1]]);
    let two = hmac(hash, temp, &[&one, &[2]]);
    [one, two, hmac(hash, temp, &[&two, &[3]])]
}

/// The variables of sections 5.1 and 5.2.
struct State {
    hash: Hash,
    h: [u8; 32],
    ck: [u8; 32],
    k: Option<[u8; 32]>,
    n: u64,
}

impl State {
    fn mix_hash(&mut self, data: &[u8]) {
        self.h = (self.hash)(&[&self.h, data]);
    }

    fn mix_key(&mut self, input: &[u8]) {
        let [ck, k, _] = hkdf(self.hash, self.ck, input);
        (self.ck, self.k, self.n) = (ck, Some(k), 0);
    }

    fn mix_key_and_hash(&mut self, input: &[u8]) {
        let [ck, h, k] = hkdf(self.hash, self.ck, input);
        self.mix_hash(&h);
        (self.ck, self.k, self.n) = (ck, Some(k), 0);
    }

    fn encrypt_and_hash(&mut self, text: &[u8]) -> Vec<u8> {
        let out = match self.k {
            None => text.to_vec(),
            Some(k) => {
                self.n += 1;
                encrypt(k, self.n - 1, &self.h, text)
            }
        };
        self.mix_hash(&out);
        out
    }
}

/// Writes the handshake down (section 5.3; psk tokens: section 9.2; a KEM: the HFS extension, section 4).
pub(crate) fn transcript(script: &Script<'_>) -> Transcript {
    let hash = script.hash;
    let name = script.name.as_bytes();
    let mut h = [0; 32];
    match name.len() {
        0..=32 => h[..name.len()].copy_from_slice(name),
        _ => h = hash(&[name]),
    }
    let mut state = State { hash, h, ck: h, k: None, n: 0 };
    state.mix_hash(script.prologue);
    let side = |direction| if direction == "->" { script.alice } else { script.bob };
    let psk_mode = !script.psks.is_empty();
    for (direction, key) in script.before {
        let side = side(*direction);
        state.mix_hash(&public(if *key == "e" { side.e } else { side.s }));
        if *key == "e" && psk_mode {
            state.mix_key(&public(side.e));
        }
    }
    let mut psks = script.psks.iter();
    let kem = || script.kem.clone().unwrap();
    let mut messages = Vec::new();
    let (a, b) = (script.alice, script.bob);
    for (direction, tokens, payload) in script.messages {
        let side = side(*direction);
        let mut message = Vec::new();
        for token in tokens.split(", ") {
            match token {
                "e" => {
                    message.extend(public(side.e));
                    state.mix_hash(&public(side.e));
                    if psk_mode {
                        state.mix_key(&public(side.e));
                    }
                }
                "s" => message.extend(state.encrypt_and_hash(&public(side.s))),
                "ee" => state.mix_key(&dh(a.e, b.e)),
                "es" => state.mix_key(&dh(a.e, b.s)),
                "se" => state.mix_key(&dh(a.s, b.e)),
                "ss" => state.mix_key(&dh(a.s, b.s)),
                "psk" => state.mix_key_and_hash(psks.next().unwrap()),
                "e1" => message.extend(state.encrypt_and_hash(&kem().key)),
                "ekem1" => {
                    message.extend(state.encrypt_and_hash(&kem().ciphertext));
                    state.mix_key(&kem().secret);
                }
                other => panic!("no token: {other}"),
            }
        }
        message.extend(state.encrypt_and_hash(payload));
        messages.push(message);
    }
    let [first, second, _] = hkdf(hash, state.ck, &[]);
    Transcript { messages, hash: state.h, keys: [first, second] }
}
