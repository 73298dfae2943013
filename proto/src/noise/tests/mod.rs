//! Rule tests of the Noise engine, one file a subject. Vectors and interop are in the crate's `tests` folder.

pub(crate) mod audit;
mod exporter;
mod fallback;
mod handshake;
#[cfg(feature = "pq")]
mod hfs;
mod keys;
mod names;
mod patterns;
mod security;
mod staged;
mod transport;

use super::pattern::{PATTERNS, Pattern, Token};
use super::*;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Every protocol of `suite`: each pattern, as it is and with `fallback` and `hfs` where they may be, with each set of psk
/// places.
fn every_protocol(suite: &str) -> Vec<String> {
    let mut names = Vec::new();
    for pattern in &PATTERNS {
        let fallback = begins_with_a_pre_message(pattern);
        let hfs = cfg!(feature = "pq") && !pattern.one_way;
        for (modifier, _) in
            [("", true), ("fallback", fallback), ("hfs", hfs)].into_iter().filter(|(_, may)| *may)
        {
            let messages = pattern.messages.len() - usize::from(modifier == "fallback");
            let kem = if modifier == "hfs" { "+MLKEM768" } else { "" };
            for set in 0..1_u32 << (messages + 1) {
                let places = (0..=messages).filter(|place| set >> place & 1 == 1);
                let psks = places.map(|place| format!("psk{place}"));
                let own = [modifier].into_iter().filter(|name| !name.is_empty()).map(String::from);
                let all: Vec<_> = own.chain(psks).collect();
                names.push(format!("Noise_{}{}_25519{kem}_{suite}", pattern.name, all.join("+")));
            }
        }
    }
    names
}

/// Whether a fallback can turn the first message into a pre-message (section 10.2).
fn begins_with_a_pre_message(pattern: &Pattern) -> bool {
    pattern.messages[0].iter().all(|token| matches!(token, Token::E | Token::S))
}

/// What one side starts from, for tests to change.
struct Setup {
    protocol: Protocol,
    role: Role,
    prologue: Vec<u8>,
    local_static: Option<SecretKey>,
    remote_static: Option<PublicKey>,
    remote_ephemeral: Option<PublicKey>,
    psks: Vec<Psk>,
    kem: bool,
    kem_seed: [u8; 32],
}

impl Setup {
    /// Exactly the keys that `name` asks for; both sides of it understand each other.
    fn new(name: &str, role: Role) -> Self {
        let protocol = Protocol::parse(name).unwrap();
        Self {
            protocol,
            role,
            prologue: b"test".to_vec(),
            local_static: protocol.needs_local_static(role).then(|| static_key(role)),
            remote_static: protocol.needs_remote_static(role).then(|| static_key(role.peer()).public()),
            remote_ephemeral: protocol
                .needs_remote_ephemeral(role)
                .then(|| ephemeral_key(role.peer()).public()),
            psks: (0..protocol.psk_count()).map(|i| Psk::new(&mut [0x70 + i as u8; 32])).collect(),
            kem: protocol.is_hfs(),
            kem_seed: [0x80 + role as u8; 32],
        }
    }

    fn start(&self) -> Result<Handshake, SetupError> {
        Handshake::new(HandshakeParams {
            protocol: self.protocol,
            role: self.role,
            prologue: &[&self.prologue],
            local_static: self.local_static.as_ref(),
            remote_static: self.remote_static,
            remote_ephemeral: self.remote_ephemeral,
            psks: &self.psks,
            ephemeral: ephemeral_key(self.role),
            kem_seed: self.kem.then(|| KemSeed::new(&mut { self.kem_seed }, &mut [0x90; 32])),
            provider: Provider::default(),
        })
    }
}

fn static_key(role: Role) -> SecretKey {
    SecretKey::new(&mut [0x20 + role as u8; 32])
}

fn ephemeral_key(role: Role) -> SecretKey {
    SecretKey::new(&mut [0x50 + role as u8; 32])
}

fn side(name: &str, role: Role) -> Handshake {
    Setup::new(name, role).start().unwrap()
}

/// Both sides of `name`, nothing exchanged yet.
fn pair(name: &str) -> (Handshake, Handshake) {
    (side(name, Role::Initiator), side(name, Role::Responder))
}

/// Writes the next message with an empty payload, whoever's turn it is.
fn write_next(a: &mut Handshake, b: &mut Handshake, payload: &[u8]) -> Vec<u8> {
    let writer = if a.is_my_turn() { a } else { b };
    let mut message = alloc::vec![0; writer.next_overhead() + payload.len()];
    let len = writer.write(payload, &mut message).unwrap();
    assert_eq!(len, message.len());
    message
}

/// Exchanges the next message.
fn step(a: &mut Handshake, b: &mut Handshake, payload: &[u8]) -> Result<(), HandshakeError> {
    let from_a = a.is_my_turn();
    let mut message = write_next(a, b, payload);
    let range = if from_a { b } else { a }.read(&mut message)?;
    assert_eq!(&message[range], payload);
    Ok(())
}

/// Exchanges messages until `count` are through.
fn pair_after(name: &str, count: usize) -> (Handshake, Handshake) {
    let (mut a, mut b) = pair(name);
    for _ in 0..count {
        step(&mut a, &mut b, b"payload").unwrap();
    }
    (a, b)
}

/// Both sides' transports.
fn transports(name: &str) -> (Transport, Transport) {
    let (a, b) = pair_after(name, Protocol::parse(name).unwrap().message_count());
    (a.split().unwrap(), b.split().unwrap())
}
