//! Whose sessions a listener takes, and how many.

use crate::process::{Dir, Ended, Running, Stdin, run, start};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const DRIVERS: [&str; 3] = ["tokio", "smol", "std"];

fn echo(more: &[&str]) -> (Running, String) {
    let mut listener = start(&[&["listen", "127.0.0.1:0", "--echo"], more].concat(), Stdin::Open);
    let (address, _) = listener.listening();
    (listener, address)
}

fn connect(address: &str, key: &str) -> Ended {
    run(&["connect", address, "--key", key], b"hello")
}

#[test]
fn a_key_that_is_denied_is_refused_even_if_it_is_allowed() {
    let dir = Dir::new();
    let ((good, good_public), (bad, bad_public)) = (dir.key("good"), dir.key("bad"));
    for driver in DRIVERS {
        let deny = ["--deny", &bad_public, "--driver", driver];
        for more in [&[][..], &["--peer", &good_public, "--peer", &bad_public]] {
            let (mut listener, address) = echo(&[&deny, more].concat());
            connect(&address, &bad).expect(1, &["not allowed", "--deny"]);
            listener.line("refused a peer");
            connect(&address, &good).expect(0, &[]);
            // Nobody gets around it by showing no key.
            run(&["connect", &address], b"").expect(1, &["protocol not allowed"]);
        }
    }
}

#[test]
fn sessions_at_once_have_a_limit_for_all_and_for_each_key() {
    let dir = Dir::new();
    let ((a, _), (b, _)) = (dir.key("a"), dir.key("b"));
    for driver in DRIVERS {
        for (limit, others) in [("--max-sessions", "busy"), ("--max-sessions-per-peer", "")] {
            let (mut listener, address) = echo(&[limit, "1", "--driver", driver]);
            let first = start(&["connect", &address, "--key", &a], Stdin::Open);
            listener.line("is connected");
            connect(&address, &a).expect(1, &["busy", "try again later"]);
            let other = connect(&address, &b);
            if others.is_empty() {
                other.expect(0, &[])
            } else {
                other.expect(1, &[others])
            };
            first.stop();
            listener.line(": 0 messages");
            connect(&address, &a).expect(0, &[]);
        }
    }
}

#[test]
fn the_newest_session_of_a_key_ends_the_oldest_where_that_is_asked_for() {
    let dir = Dir::new();
    let (key, _) = dir.key("a");
    for driver in DRIVERS {
        let (mut listener, address) =
            echo(&["--max-sessions-per-peer", "1", "--newest-wins", "--driver", driver]);
        let first = start(&["connect", &address, "--key", &key], Stdin::Open);
        listener.line("is connected");
        connect(&address, &key).expect(0, &[]);
        first.end().expect(1, &["replaced by a newer session of this key"]);
    }
}

#[test]
fn a_key_that_begins_too_many_sessions_waits_and_others_do_not() {
    let dir = Dir::new();
    let ((a, _), (b, _)) = (dir.key("a"), dir.key("b"));
    for driver in DRIVERS {
        let (_listener, address) = echo(&["--attempts", "2/60s", "--driver", driver]);
        for _ in 0..2 {
            connect(&address, &a).expect(0, &[]);
        }
        connect(&address, &a).expect(1, &["too many attempts", "try again later"]);
        connect(&address, &b).expect(0, &[]);
    }
}

#[test]
fn a_client_that_says_nothing_is_given_up_after_the_handshake_timeout() {
    for driver in DRIVERS {
        let (mut listener, address) = echo(&["--handshake-timeout", "200ms", "--driver", driver]);
        let _quiet = TcpStream::connect(address).unwrap();
        let begin = Instant::now();
        listener.line("the handshake was not complete in time");
        assert!(begin.elapsed() < Duration::from_secs(8), "the default is 10 s: {:?}", begin.elapsed());
    }
}

#[test]
fn rules_that_cannot_be_kept_are_usage_errors() {
    for (options, said) in [
        (&["--max-sessions", "5"][..], "--echo"),
        (&["--echo", "--newest-wins"], "--max-sessions-per-peer"),
        (&["--echo", "--max-sessions", "0"], "1 to 1000000"),
        (&["--attempts", "5"], "COUNT/TIME"),
        (&["--attempts", "5/1m", "--pattern", "NN"], "never shows who connects"),
        (&["--deny", "12"], "64 hex digits"),
        (&["--padding", "block:1"], "2 bytes to 16KiB"),
        (&["--padding", "constant:100"], "512 bytes to 16KiB"),
        (&["--handshake-timeout", "0"], "1ms"),
    ] {
        run(&[&["listen", "127.0.0.1:0"], options].concat(), b"").expect(2, &[said]);
    }
}
