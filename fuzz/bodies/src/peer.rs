//! A peer made by hand from docs/wire.md and the Noise module alone: it can seal whatever it likes.

use crate::keys::{ephemeral, protocol, public, secret};
use sealock_proto::guard::{FirstDigest, GateKey};
use sealock_proto::noise::{Handshake, HandshakeParams, Provider, Psk, RecvCipher, Role, SendCipher};

/// The hello that offers the protocols `names`.
pub(crate) fn hello(names: &[&str]) -> Vec<u8> {
    let mut hello = b"SLCK\x01".to_vec();
    hello.push(u8::try_from(names.len()).expect("a count fits a byte"));
    for name in names {
        hello.push(u8::try_from(name.len()).expect("a name fits a byte"));
        hello.extend_from_slice(name.as_bytes());
    }
    hello
}

/// Bytes of a mac1.
pub(crate) const MAC: usize = 16;

/// The digest of a first flight, hello and packet, that offers `names` to the peer that plays the responder. All have the
/// same pattern.
pub(crate) fn digest(flight: &[u8], names: &[&str]) -> FirstDigest {
    let known = protocol(names[0]).needs_remote_static(Role::Initiator);
    let key = known.then(|| public(Role::Responder));
    GateKey::new(key.as_ref(), b"").digest(&[flight])
}

/// `bytes` with the right mac1 put in behind the first packet, if they begin with a hello that offers one of `names` first
/// and a packet.
pub(crate) fn with_mac1_inside(bytes: &[u8], names: &[&str]) -> Vec<u8> {
    let Some((name, len)) = first_flight(bytes) else { return bytes.to_vec() };
    let Some(name) = names.iter().find(|known| known.as_bytes() == name) else { return bytes.to_vec() };
    let (flight, rest) = bytes.split_at(len);
    [&with_mac1(flight.to_vec(), &[name])[..], rest].concat()
}

/// The name that the hello at the front of `bytes` offers first, and the length of hello and packet.
fn first_flight(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let mut at = 6;
    for _ in 0..*bytes.get(5)? {
        at += 1 + usize::from(*bytes.get(at)?);
    }
    let head = bytes.get(at..at + 2)?;
    let len = at + 2 + usize::from(u16::from_be_bytes([head[0], head[1]]));
    let name = bytes.get(7..)?.get(..usize::from(*bytes.get(6)?))?;
    (len <= bytes.len()).then_some((name, len))
}

/// `flight` with its mac1.
pub(crate) fn with_mac1(mut flight: Vec<u8>, names: &[&str]) -> Vec<u8> {
    let mac1 = digest(&flight, names).mac1();
    flight.extend_from_slice(&mac1);
    flight
}

/// A packet with `body`.
pub(crate) fn packet(body: &[u8]) -> Vec<u8> {
    let mut packet = u16::try_from(body.len()).expect("a body fits a packet").to_be_bytes().to_vec();
    packet.extend_from_slice(body);
    packet
}

/// The handshake of the peer that plays `role` in `name`, which alone is offered.
pub(crate) fn handshake(name: &str, role: Role, psks: &[Psk]) -> Handshake {
    handshake_behind(&[&hello(&[name]), &[0]], name, role, psks)
}

/// The same where `before` went over the wire before: the hello, the choice, the digest of what is passed over.
pub(crate) fn handshake_behind(before: &[&[u8]], name: &str, role: Role, psks: &[Psk]) -> Handshake {
    let protocol = protocol(name);
    let own = secret(role);
    Handshake::new(HandshakeParams {
        protocol,
        role,
        prologue: &[&[&b"sealock session"[..]], before].concat(),
        local_static: Some(&own).filter(|_| protocol.needs_local_static(role)),
        remote_static: Some(public(role.peer())).filter(|_| protocol.needs_remote_static(role)),
        remote_ephemeral: None,
        psks,
        ephemeral: ephemeral(),
        kem_seed: None,
        provider: Provider::default(),
    })
    .expect("the keys fit the pattern")
}

/// The next handshake message of `noise`, as a packet.
pub(crate) fn next_packet(noise: &mut Handshake, payload: &[u8]) -> Vec<u8> {
    let mut body = vec![0; noise.next_overhead() + payload.len()];
    noise.write(payload, &mut body).expect("the peer's turn");
    packet(&body)
}

/// A peer with the keys of an established session.
pub(crate) struct Peer {
    send: SendCipher,
    recv: RecvCipher,
}

impl Peer {
    /// Goes through the handshake. `exchange` hands packets to the session and gives what it transmitted so far.
    pub(crate) fn connect(
        name: &str,
        role: Role,
        mut exchange: impl FnMut(&[u8]) -> Vec<u8>,
    ) -> (Self, usize) {
        let mut noise = handshake(name, role, &[]);
        let mut out = Vec::new();
        let mut read = 0;
        let mut first = role == Role::Initiator;
        if first {
            out = hello(&[name]);
        } else {
            read = hello(&[name]).len();
        }
        let mut behind_first = role == Role::Responder;
        let mut stream = exchange(&[]);
        while !noise.is_finished() {
            if noise.is_my_turn() {
                out.extend_from_slice(&next_packet(&mut noise, b""));
                if std::mem::take(&mut first) {
                    out = with_mac1(out, &[name]);
                }
                stream = exchange(&out);
                out.clear();
            } else {
                let len = usize::from(u16::from_be_bytes([stream[read], stream[read + 1]]));
                let mut body = stream[read + 2..read + 2 + len].to_vec();
                noise.read(&mut body).expect("the session's handshake message");
                read += 2 + len;
                if std::mem::take(&mut behind_first) {
                    read += MAC;
                }
            }
        }
        let transport = noise.split().expect("finished");
        let both = transport.send.zip(transport.recv).expect("an interactive pattern");
        (Self { send: both.0, recv: both.1 }, read)
    }

    /// `plain` as a record, whatever it says.
    pub(crate) fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut body = plain.to_vec();
        let tag = self.send.seal(&[], &mut body).expect("few records of moderate size");
        body.extend_from_slice(&tag);
        packet(&body)
    }

    /// The key changes behind the record sealed last.
    pub(crate) fn rekey(&mut self) {
        self.send.rekey();
    }

    /// Opens every record in `stream`, which is whole.
    pub(crate) fn open_all(&mut self, mut stream: &[u8]) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        while let Some((head, rest)) = stream.split_first_chunk::<2>() {
            let (body, rest) = rest.split_at(usize::from(u16::from_be_bytes(*head)));
            let mut body = body.to_vec();
            let len = self.recv.open(&[], &mut body).expect("the session's record authenticates");
            body.truncate(len);
            records.push(body);
            stream = rest;
        }
        records
    }
}
