//! What is said when things go wrong, and with which exit code.

use crate::process::{Dir, Stdin, Stdout, run, spawn, start};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

const DRIVERS: [&str; 3] = ["tokio", "smol", "std"];
const NOBODY: &str = "1111111111111111111111111111111111111111111111111111111111111111";

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for driver in DRIVERS {
        run(&["listen", &address, "--driver", driver], b"").expect(1, &[&address, "in use", "hint: "]);
    }
}

#[test]
fn a_peer_that_cannot_be_reached_is_named() {
    // Bound and dropped: nothing listens there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for driver in DRIVERS {
        let connect = ["connect", "--driver", driver];
        run(&[&connect[..], &[&address]].concat(), b"").expect(1, &[&address, "refused", "sealock listen"]);
        run(&[&connect[..], &["unix:/nowhere/socket"]].concat(), b"").expect(1, &["unix:/nowhere/socket"]);
    }
}

#[test]
fn a_listener_with_another_key_is_not_talked_to() {
    let mut listener = start(&["listen", "127.0.0.1:0", "--echo"], Stdin::Open);
    let (address, _) = listener.listening();
    for driver in DRIVERS {
        let told = run(&["connect", &address, "--peer", NOBODY, "--driver", driver], b"secret");
        assert_eq!(told.expect(1, &[&address, "another key"]).out, b"");
    }
    assert!(!listener.stop().err.contains("6 bytes"));
}

#[test]
fn a_stranger_is_refused_and_told_so() {
    let dir = Dir::new();
    let ((friend, friends), (stranger, _)) = (dir.key("friend"), dir.key("stranger"));
    for driver in DRIVERS {
        let listen = ["listen", "127.0.0.1:0", "--peer", &friends, "--driver", driver];
        let mut listener = start(&listen, Stdin::Bytes(b"for friends".to_vec()));
        let (address, _) = listener.listening();
        let connect = ["connect", &address, "--driver", driver];
        let refused = run(&[&connect[..], &["--key", &stranger]].concat(), b"");
        assert_eq!(refused.expect(1, &["not allowed", "sealock pubkey"]).out, b"");
        run(&connect, b"").expect(1, &["protocol not allowed", "--key"]);
        // The listener goes on waiting for somebody it knows.
        let friend = run(&[&connect[..], &["--key", &friend]].concat(), b"");
        assert_eq!(friend.expect(0, &[]).out, b"for friends");
        listener.end().expect(0, &["refused a peer"]);
    }
}

#[test]
fn another_pre_shared_key_is_refused() {
    let dir = Dir::new();
    let (one, other) = (dir.path("one"), dir.path("other"));
    run(&["keygen", "--psk", &one], b"").expect(0, &[]);
    run(&["keygen", "--psk", &other], b"").expect(0, &[]);
    let mut listener = start(&["listen", "127.0.0.1:0", "--echo", "--psk-file", &one], Stdin::Open);
    let (address, _) = listener.listening();
    run(&["connect", &address, "--psk-file", &other], b"").expect(1, &["--psk-file"]);
    run(&["connect", &address], b"").expect(1, &["--psk-file"]);
}

#[test]
fn what_is_not_sealock_is_noticed_at_both_ends() {
    for reply in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"", b"SSH-2.0-x\r\n"] {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap().to_string();
        let answer = thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(reply).unwrap();
        });
        run(&["connect", &address], b"").expect(1, &[&address, "is it really"]);
        answer.join().unwrap();
    }
    let mut listener = start(&["listen", "127.0.0.1:0", "--echo"], Stdin::Open);
    let (address, _) = listener.listening();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    listener.line("does not speak the sealock protocol");
}

#[test]
fn a_message_that_is_too_large_is_refused_by_its_receiver() {
    let listen = ["listen", "127.0.0.1:0", "--max-message", "1000"];
    let mut listener = start(&listen, Stdin::Bytes(vec![]));
    let (address, _) = listener.listening();
    run(&["connect", &address], &[7; 5000]).expect(1, &["message too large"]);
    listener.end().expect(1, &["5000 bytes", "1000", "--max-message"]);
}

#[test]
fn a_peer_that_goes_silent_is_given_up() {
    for driver in DRIVERS {
        // Nobody reads what the listener prints, so that in the end it takes no more.
        let listen = ["listen", "127.0.0.1:0", "--driver", driver];
        let mut listener = spawn(&listen, Stdin::Open, Stdout::Stuck);
        let (address, _) = listener.listening();
        let connect = ["connect", &address, "--silence", "600ms", "--driver", driver];
        run(&connect, &vec![7; 32 << 20]).expect(1, &["silent", "3 pings", "--silence"]);
    }
}

#[test]
fn a_peer_that_is_silent_from_the_beginning_is_given_up() {
    // The system accepts, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    for driver in DRIVERS {
        for command in [&["connect"][..], &["ws", "connect"]] {
            let start = Instant::now();
            let connect = [command, &[&address, "--silence", "300ms", "--driver", driver]].concat();
            run(&connect, b"").expect(1, &[&address, "handshake", "is it really"]);
            assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        }
    }
}

#[test]
fn an_impossible_command_line_is_a_usage_error() {
    let dir = Dir::new();
    let (key, _) = dir.key("a.key");
    for (args, said) in [
        (&["connect"][..], "ADDR"),
        (&["connect", "127.0.0.1"], "host:port"),
        (&["connect", "127.0.0.1:1", "--pattern", "XX"], "--key"),
        (&["connect", "127.0.0.1:1", "--pattern", "IK", "--key", &key], "--peer"),
        (&["connect", "127.0.0.1:1", "--peer", "12"], "64 hex digits"),
        (&["connect", "127.0.0.1:1", "--driver", "fast"], "tokio"),
        (&["connect", "127.0.0.1:1", "--max-message", "0"], "1GiB"),
        (&["listen", "127.0.0.1:0", "--echo", "--keep"], "--keep"),
        (&["bench", "127.0.0.1:1", "--size", "many"], "16KiB"),
        (&["bench", "127.0.0.1:1", "--size", "2MiB", "--max-message", "1MiB"], "--max-message"),
        (&["frobnicate"], "frobnicate"),
    ] {
        run(args, b"").expect(2, &[said]);
    }
}
