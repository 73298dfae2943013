//! Datagram sessions over UDP.

use crate::process::{Dir, Running, Stdin, run, start};

const DRIVERS: [&str; 3] = ["tokio", "smol", "std"];

fn listen(more: &[&str], stdin: Stdin) -> (Running, [String; 2]) {
    let mut listener = start(&[&["listen", "127.0.0.1:0", "--udp"], more].concat(), stdin);
    let (address, key) = listener.listening();
    (listener, [address, key])
}

#[test]
fn messages_come_back_from_an_echo_between_any_two_drivers() {
    // More than one datagram, and few enough for any socket's buffer.
    let sent: Vec<u8> = (0..20_000_u32).map(|at| (at / 7) as u8).collect();
    for there in DRIVERS {
        let (mut listener, [address, key]) = listen(&["--echo", "--driver", there], Stdin::Open);
        for here in DRIVERS {
            let connect = ["connect", &address, "--udp", "--peer", &key, "--wait", "500ms", "--driver", here];
            let done = run(&connect, &sent).expect(0, &[]);
            assert!(done.out == sent && done.err.is_empty(), "{there} {here}: {} bytes", done.out.len());
            listener.line("is connected (Noise_XX_25519_ChaChaPoly_BLAKE2s)");
            listener.line("messages, 20,000 bytes sent back: the peer closed");
        }
    }
}

#[test]
fn standard_input_and_output_of_two_ends_are_connected_until_one_is_done() {
    for driver in DRIVERS {
        let more = ["--recv-only", "--driver", driver];
        let (listener, [address, key]) = listen(&more, Stdin::Open);
        let connect = ["connect", &address, "--udp", "--wait", "200ms"];
        run(&connect, b"from here").expect(0, &[&key, "give --peer"]);
        assert_eq!(listener.end().expect(0, &[]).out, b"from here");
        let (listener, [address, _]) = listen(&["--wait", "200ms"], Stdin::Bytes(b"from there".to_vec()));
        let connect = ["connect", &address, "--udp", "--recv-only", "--driver", driver];
        assert_eq!(run(&connect, b"").expect(0, &[]).out, b"from there");
        listener.end().expect(0, &[]);
    }
}

#[test]
fn a_stranger_is_not_answered_and_an_end_with_another_key_not_talked_to() {
    let dir = Dir::new();
    let ((friend, friends), (stranger, strangers)) = (dir.key("friend"), dir.key("stranger"));
    for driver in DRIVERS {
        let (_listener, [address, key]) =
            listen(&["--echo", "--peer", &friends, "--driver", driver], Stdin::Open);
        let connect = |own: &str, peer: &str| {
            let limits = ["--handshake-timeout", "700ms", "--wait", "100ms", "--driver", driver];
            run(
                &[&["connect", &address, "--udp", "--key", own, "--peer", peer], &limits[..]].concat(),
                b"hello",
            )
        };
        let too_long = ["no session with", "check address, keys and protocol"];
        connect(&stranger, &key).expect(1, &too_long);
        connect(&friend, &strangers).expect(1, &too_long);
        assert_eq!(connect(&friend, &key).expect(0, &[]).out, b"hello");
    }
}

#[test]
fn sessions_at_once_have_a_limit() {
    let (mut listener, [address, _]) = listen(&["--echo", "--max-sessions", "1"], Stdin::Open);
    let _first = start(&["connect", &address, "--udp"], Stdin::Open);
    listener.line("is connected");
    let second = ["connect", &address, "--udp", "--handshake-timeout", "500ms"];
    run(&second, b"").expect(1, &["no session with"]);
}

#[test]
fn what_datagram_sessions_do_not_have_is_a_usage_error() {
    for (options, said) in [
        (&["127.0.0.1:1", "--padding", "padme"][..], "--padding"),
        (&["127.0.0.1:1", "--expect-identity", "any"], "--expect-identity"),
        (&["127.0.0.1:1", "--ticket", "x"], "--ticket"),
        (&["127.0.0.1:1", "--pattern", "XXhfs"], "hfs"),
        (&["unix:/x"], "HOST:PORT"),
    ] {
        run(&[&["connect", "--udp"], options].concat(), b"").expect(2, &[said]);
    }
    run(&["listen", "--udp", "127.0.0.1:0", "--attempts", "5/1m"], b"").expect(2, &["--attempts"]);
}
