//! What padding does to the lengths that are seen on the way.

use crate::process::{Stdin, run, start};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// What a client sends to `echo` and gets from it through a relay, both as seen on the way.
struct Seen {
    sent: Vec<u8>,
    answered: Vec<u8>,
}

/// Copies `from` to `to` until its end; what it was.
fn copy(mut from: TcpStream, mut to: TcpStream) -> Vec<u8> {
    let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(n @ 1..) = from.read(&mut chunk) {
        all.extend_from_slice(&chunk[..n]);
        if to.write_all(&chunk[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    all
}

/// Sends `message` to an echo that pads as `there` says, through a relay that looks on.
fn echoed(there: &[&str], here: &[&str], message: &[u8]) -> Seen {
    let mut echo = start(&[&["listen", "127.0.0.1:0", "--echo"], there].concat(), Stdin::Open);
    let (behind, _) = echo.listening();
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = relay.local_addr().unwrap().to_string();
    let relaying = thread::spawn(move || {
        let (client, _) = relay.accept().unwrap();
        let server = TcpStream::connect(behind).unwrap();
        let (back, front) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let answers = thread::spawn(|| copy(back, front));
        let sent = copy(client, server);
        Seen { sent, answered: answers.join().unwrap() }
    });
    let done = run(&[&["connect", &address], here].concat(), message).expect(0, &[]);
    assert_eq!(done.out, message);
    relaying.join().unwrap()
}

/// The lengths of packets from `at` on (docs/wire.md, section 1.4).
fn lengths(stream: &[u8], mut at: usize) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let Some(length) = stream.get(at..at + 2) {
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        lengths.push(length);
        at += 2 + length;
    }
    assert_eq!(at, stream.len(), "whole packets");
    lengths
}

impl Seen {
    /// Of the records behind the handshake of NX: one packet each way, the client's between hello and mac1.
    fn records(&self) -> (Vec<usize>, Vec<usize>) {
        let names = usize::from(self.sent[5]);
        let hello = (0..names).fold(6, |at, _| at + 1 + usize::from(self.sent[at]));
        let first = usize::from(u16::from_be_bytes([self.sent[hello], self.sent[hello + 1]]));
        (lengths(&self.sent, hello + 2 + first + 16), lengths(&self.answered, 0).split_off(1))
    }
}

#[test]
fn each_end_pads_what_it_sends_as_it_is_told() {
    for driver in ["tokio", "smol", "std"] {
        let here = ["--padding", "constant:1KiB", "--driver", driver];
        let (sent, answered) = echoed(&["--padding", "block:64"], &here, b"hi").records();
        assert!(!sent.is_empty() && sent.iter().all(|length| *length == 1024), "{sent:?}");
        assert!(!answered.is_empty() && answered.iter().all(|length| length % 64 == 0), "{answered:?}");
    }
}

#[test]
fn lengths_show_without_padding_and_less_so_with_padme() {
    let longest = |padding: &str, message| {
        *echoed(&[], &["--padding", padding], message).records().0.iter().max().unwrap()
    };
    let plain = [[1_u8; 1030].as_slice(), &[1; 1040]].map(|message| longest("none", message));
    assert_eq!(plain[1] - plain[0], 10);
    let padded = [[1_u8; 1030].as_slice(), &[1; 1040]].map(|message| longest("padme", message));
    assert_eq!(padded, [1088, 1088]);
}
