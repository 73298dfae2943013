//! Bytes between two processes.

use crate::process::{Dir, Stdin, Stdout, run, spawn, start};

const DRIVERS: [&str; 3] = ["tokio", "smol", "std"];
const MIB: usize = 1 << 20;

/// Bytes that repeat only after 2^32 of them.
fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let step = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(step).take(len).collect()
}

/// Sends a MiB each way and compares.
#[track_caller]
fn both_ways(listen: &[&str], connect: &[&str]) {
    let (there, here) = (noise(MIB, 1), noise(MIB + 4321, 2));
    let mut listener = start(listen, Stdin::Bytes(there.clone()));
    let (address, _) = listener.listening();
    let connector = run(&[connect, &[&address]].concat(), &here).expect(0, &[]);
    let listener = listener.end().expect(0, &[]);
    assert!(connector.out == there, "{} bytes arrived", connector.out.len());
    assert!(listener.out == here, "{} bytes arrived", listener.out.len());
}

#[test]
fn bytes_pass_both_ways_exactly_between_any_two_drivers() {
    for there in DRIVERS {
        for here in DRIVERS {
            both_ways(&["listen", "127.0.0.1:0", "--driver", there], &["connect", "--driver", here]);
        }
    }
}

#[cfg(unix)]
#[test]
fn bytes_pass_over_unix_domain_sockets_and_the_file_is_gone_afterwards() {
    let dir = Dir::new();
    let path = dir.path("socket");
    for driver in DRIVERS {
        let address = format!("unix:{path}");
        both_ways(&["listen", &address, "--driver", driver], &["connect", "--driver", driver]);
        assert!(!std::path::Path::new(&path).exists(), "{driver}");
    }
}

#[test]
fn patterns_suites_and_pre_shared_keys_are_used_as_asked_for() {
    let dir = Dir::new();
    let ((a, public_a), (b, public_b)) = (dir.key("a.key"), dir.key("b.key"));
    let psk = dir.path("psk");
    run(&["keygen", "--psk", &psk], b"").expect(0, &[]);
    let listen = ["listen", "127.0.0.1:0", "--key", &a];
    let connect = ["connect", "--key", &b, "--peer", &public_a];
    for options in [
        &[][..],
        &["--pattern", "KK"],
        &["--pattern", "IK", "--suite", "AESGCM_SHA512"],
        &["--pattern", "XXhfs", "--suite", "ChaChaPoly_SHA256"],
        &["--pattern", "IKhfs"],
        &["--psk-file", &psk],
        &["--psk-file", &psk, "--pattern", "IKpsk1"],
    ] {
        both_ways(
            &[&listen, &["--peer", public_b.as_str()][..], options].concat(),
            &[&connect, options].concat(),
        );
    }
    both_ways(&["listen", "127.0.0.1:0", "--pattern", "NN"], &["connect", "--pattern", "NN"]);
    both_ways(&[&listen[..], &["--psk-file", &psk]].concat(), &["connect", "--psk-file", &psk]);
}

#[test]
fn a_listener_says_where_it_listens_and_who_it_is() {
    let dir = Dir::new();
    let (key, public) = dir.key("a.key");
    let mut listener = start(&["listen", "127.0.0.1:0", "--key", &key, "--echo"], Stdin::Open);
    let (address, told) = listener.listening();
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{address}");
    assert_eq!(told, public);
    let hello = b"hello\n".as_slice();
    let told = [public.as_str(), "--peer", "(Noise_NX_25519_"];
    assert_eq!(run(&["connect", &address], hello).expect(0, &told).out, hello);
    listener.line("a peer without a key is connected (Noise_NX_25519_");
    assert_eq!(run(&["connect", &address, "--peer", &public], hello).expect(0, &[]).err, "");
}

#[test]
fn an_echo_serves_one_peer_while_another_says_nothing() {
    for driver in DRIVERS {
        let mut listener = start(&["listen", "127.0.0.1:0", "--echo", "--driver", driver], Stdin::Open);
        let (address, _) = listener.listening();
        let quiet = start(&["connect", &address], Stdin::Open);
        listener.line("is connected");
        let sent = noise(100_000, 3);
        assert!(run(&["connect", &address], &sent).expect(0, &[]).out == sent, "{driver}");
        drop(quiet);
    }
}

#[test]
fn a_listener_that_keeps_on_takes_one_peer_after_the_other() {
    let mut listener = start(&["listen", "127.0.0.1:0", "--keep", "--recv-only"], Stdin::Open);
    let (address, _) = listener.listening();
    for word in ["one\n", "two\n", "three\n"] {
        run(&["connect", &address], word.as_bytes()).expect(0, &[]);
    }
    assert_eq!(listener.stop().out, b"one\ntwo\nthree\n");
}

#[test]
fn one_direction_can_be_left_alone() {
    let mut listener = start(&["listen", "127.0.0.1:0", "--recv-only"], Stdin::Bytes(b"unread".to_vec()));
    let (address, _) = listener.listening();
    assert_eq!(run(&["connect", &address], b"file").expect(0, &[]).out, b"");
    assert_eq!(listener.end().expect(0, &[]).out, b"file");

    let mut listener = start(&["listen", "127.0.0.1:0", "--send-only"], Stdin::Bytes(b"file".to_vec()));
    let (address, _) = listener.listening();
    assert_eq!(run(&["connect", &address], b"dropped").expect(0, &[]).out, b"file");
    assert_eq!(listener.end().expect(0, &[]).out, b"");
}

#[test]
fn waiting_for_the_peer_has_an_end_where_one_is_given() {
    for driver in DRIVERS {
        let mut listener = start(&["listen", "127.0.0.1:0", "--driver", driver], Stdin::Open);
        let (address, _) = listener.listening();
        run(&["connect", &address, "--wait", "200ms", "--driver", driver], b"last words").expect(0, &[]);
        assert_eq!(listener.end().expect(1, &["going away"]).out, b"last words");
    }
}

#[test]
fn a_reader_that_is_gone_ends_the_program_quietly() {
    let mut listener = start(&["listen", "127.0.0.1:0", "--echo"], Stdin::Open);
    let (address, _) = listener.listening();
    // It must not wait for the end of its input.
    let connector =
        spawn(&["connect", &address], Stdin::OpenAfter(b"who reads this?".to_vec()), Stdout::Closed);
    let said = connector.end().expect(1, &[]).err;
    assert!(!said.contains("error"), "{said}");
}

#[test]
fn a_reader_that_is_stuck_does_not_hold_up_the_other_direction() {
    for driver in DRIVERS {
        let listener = ["listen", "127.0.0.1:0", "--driver", driver];
        let mut listener = start(&listener, Stdin::Bytes(noise(MIB, 4)));
        let (address, _) = listener.listening();
        let connect = ["connect", &address, "--driver", driver];
        let sent = noise(MIB, 5);
        let _connector = spawn(&connect, Stdin::Bytes(sent.clone()), Stdout::Stuck);
        listener.printed(&sent);
    }
}
