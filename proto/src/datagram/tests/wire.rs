//! An initiator written from `docs/wire-datagram.md`, with nothing of the session's code, and the endpoint it talks to.

use super::*;
use crate::guard::GateKey;
use crate::noise::{Handshake, HandshakeParams, Protocol, Provider, RecvCipher, SendCipher};
use alloc::vec;

const OWN: u64 = 0x0102_0304_0506_0708;
const APPLICATION: &[u8] = b"the application's bytes";

/// The keys of a session, by hand.
struct Hand {
    theirs: u64,
    send: SendCipher,
    recv: RecvCipher,
    hash: Vec<u8>,
}

impl Hand {
    fn seal(&mut self, frame: &[u8]) -> Vec<u8> {
        let mut head = vec![0x13];
        head.extend(self.theirs.to_be_bytes());
        head.extend(self.send.nonce().to_be_bytes());
        let mut text = frame.to_vec();
        let tag = self.send.seal(&head, &mut text).unwrap();
        [&head[..], &text, &tag].concat()
    }

    /// Opens packets of the numbers 0, 1, 2 in turn.
    fn open(&mut self, own: u64, packet: &[u8]) -> Vec<u8> {
        let (head, record) = packet.split_at(17);
        assert_eq!(head, [&[0x13], &own.to_be_bytes()[..], &self.recv.nonce().to_be_bytes()].concat());
        let mut record = record.to_vec();
        let len = self.recv.open(head, &mut record).unwrap();
        record[..len].to_vec()
    }
}

fn handshake(name: &str, prologue: &[&[u8]], ephemeral: u8) -> Handshake {
    Handshake::new(HandshakeParams {
        protocol: Protocol::parse(name).unwrap(),
        role: Role::Initiator,
        prologue,
        local_static: Some(&secret(A)),
        remote_static: Some(public(B)),
        remote_ephemeral: None,
        kem_seed: None,
        psks: &[],
        ephemeral: SecretKey::new(&mut [ephemeral; 32]),
        provider: Provider::default(),
    })
    .unwrap()
}

fn hand(mut noise: Handshake, answer: &[u8]) -> Hand {
    let mut message = answer.to_vec();
    let payload = noise.read(&mut message).unwrap();
    let theirs = u64::from_be_bytes(message[payload].try_into().unwrap());
    let transport = noise.split().unwrap();
    let hash = transport.hash.as_bytes().to_vec();
    Hand { theirs, send: transport.send.unwrap(), recv: transport.recv.unwrap(), hash }
}

#[test]
fn an_initiator_written_from_the_document_is_understood() {
    let mut net = Net::new(config(IK, A), config(IK, B).with_prologue(APPLICATION));
    let give = |net: &mut Net, bytes: Vec<u8>| {
        net.deliver(&Packet { from: address(A), to: address(B), bytes });
        net.wire.pop_front().map(|packet| packet.bytes)
    };

    // Sections 1 and 2.
    let mut noise = handshake(IK, &[b"sealock datagram first", &OWN.to_be_bytes(), APPLICATION], 40);
    let mut message = vec![0; 200];
    let len = noise.write(b"", &mut message).unwrap();
    let mut packet = [&[0x11, 0], &OWN.to_be_bytes()[..], &message[..len]].concat();
    let context = [IK.as_bytes(), b" ", APPLICATION].concat();
    let mac1 = GateKey::new(Some(&public(B)), &context).digest(&[&packet]).mac1();
    packet.extend(mac1);
    packet.extend([0; 16]);
    let answer = give(&mut net, packet).unwrap();
    assert_eq!(answer[..10], [&[0x11, 1], &OWN.to_be_bytes()[..]].concat());
    let mut session = hand(noise, &answer[10..]);
    assert!(net.events[B].is_empty());

    // Section 3: a Ping establishes the session and is answered.
    let ping = session.seal(&[&[1], &0_u64.to_be_bytes()[..]].concat());
    let pong = give(&mut net, ping).unwrap();
    assert_eq!(session.open(OWN, &pong), [&[2], &0_u64.to_be_bytes()[..]].concat());
    let b = net.peer(B).unwrap();
    let message = session.seal(b"\0hello");
    assert_eq!(give(&mut net, message), None);
    assert_eq!(net.messages[B], [b"hello"]);
    let back = net.seal(B, b, b"back");
    assert_eq!(session.open(OWN, &back.bytes), b"\0back");

    // Section 4: other keys, by a handshake inside.
    let own = OWN + 1;
    let prologue = [&b"sealock datagram rekey"[..], &own.to_be_bytes(), &session.hash, APPLICATION].concat();
    let mut noise = handshake(IK, &[&prologue], 41);
    let mut message = vec![0; 200];
    let len = noise.write(b"", &mut message).unwrap();
    let frame = [&[0x11, 0], &own.to_be_bytes()[..], &message[..len]].concat();
    let packet = session.seal(&frame);
    let answer = give(&mut net, packet).unwrap();
    let answer = session.open(OWN, &answer);
    assert_eq!(answer[..10], [&[0x11, 1], &own.to_be_bytes()[..]].concat());
    let mut other = hand(noise, &answer[10..]);
    // The old keys serve until the new ones were heard.
    let back = net.seal(B, b, b"old");
    assert_eq!(session.open(OWN, &back.bytes), b"\0old");
    let message = other.seal(b"\0new");
    give(&mut net, message);
    let back = net.seal(B, b, b"new");
    assert_eq!(other.open(own, &back.bytes), b"\0new");
    let late = session.seal(b"\0late");
    give(&mut net, late);
    assert_eq!(net.messages[B], [&b"hello"[..], b"new", b"late"]);

    let close = other.seal(&[3, 1, 2]);
    give(&mut net, close);
    assert_eq!(net.ended(B), [EndReason::Closed(0x0102)]);
}
