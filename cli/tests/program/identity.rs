//! Identities that peers prove beside the keys of the handshake.

use crate::process::{Dir, Running, Stdin, run, start};

const NOBODY: &str = "1111111111111111111111111111111111111111111111111111111111111111";

fn echo(more: &[&str]) -> (Running, String) {
    let mut listener = start(&[&["listen", "127.0.0.1:0", "--echo"], more].concat(), Stdin::Open);
    let (address, _) = listener.listening();
    (listener, address)
}

fn connect(address: &str, more: &[&str]) -> crate::process::Ended {
    run(&[&["connect", address], more].concat(), b"hello")
}

#[test]
fn both_ends_prove_the_identity_that_the_other_expects_and_it_is_told() {
    let dir = Dir::new();
    let ((a, public_a), (b, public_b)) = (dir.identity("a.id"), dir.identity("b.id"));
    for driver in ["tokio", "smol", "std"] {
        let expected = ["--expect-identity", NOBODY, "--expect-identity", &public_b];
        let (mut listener, address) =
            echo(&[&["--identity", &a, "--driver", driver][..], &expected].concat());
        let options = ["--identity", &b, "--expect-identity", &public_a, "--driver", driver];
        let done = connect(&address, &options).expect(0, &[]);
        // Who it is was said beforehand, whatever the key of the handshake.
        assert_eq!((done.out.as_slice(), done.err.as_str()), (b"hello".as_slice(), ""));
        listener.line("is connected (Noise_NX_25519_");
        connect(&address, &["--identity", &b, "--expect-identity", "any"]).expect(0, &[&public_a]);
        assert!(listener.stop().err.contains(&format!("identity {public_b})")));
    }
}

#[test]
fn a_listener_refuses_who_proves_another_identity_or_none() {
    let dir = Dir::new();
    let ((_, friend), (stranger, _)) = (dir.identity("a.id"), dir.identity("b.id"));
    let (mut listener, address) = echo(&["--expect-identity", &friend]);
    for (options, said) in [
        (&[][..], "the peer proves no identity"),
        (&["--identity", stranger.as_str()], "the peer's identity is not accepted"),
    ] {
        let refused = connect(&address, options);
        assert_eq!(refused.expect(1, &["identity", "hint: ", "--identity FILE"]).out, b"");
        listener.line(said);
    }
    assert!(!listener.stop().err.contains("is connected"));
}

#[test]
fn a_client_does_not_talk_to_who_proves_another_identity_or_none() {
    let dir = Dir::new();
    let (a, _) = dir.identity("a.id");
    for (options, expected, said) in [
        (&[][..], "any", ["handshake was not complete", "needs an --identity"]),
        (&["--identity", a.as_str()], NOBODY, ["identity is not accepted", "sealock pubkey"]),
    ] {
        let (listener, address) = echo(options);
        let told = connect(&address, &["--expect-identity", expected, "--handshake-timeout", "500ms"])
            .expect(1, &said);
        assert_eq!(told.out, b"");
        assert!(!listener.stop().err.contains("5 bytes"));
    }
}

#[test]
fn what_is_no_identity_is_a_usage_error_or_named() {
    let dir = Dir::new();
    let ((key, _), (_, id)) = (dir.key("a.key"), dir.identity("a.id"));
    let address = "127.0.0.1:1";
    connect(address, &["--identity", &key]).expect(1, &[&key, "sealock-identity-1"]);
    connect(address, &["--expect-identity", "12"]).expect(2, &["64 hex digits", "any"]);
    connect(address, &["--expect-identity", "any", "--expect-identity", &id]).expect(2, &["not both"]);
}
