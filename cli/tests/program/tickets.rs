//! Coming again with a ticket.

use crate::process::{Dir, Ended, Running, Stdin, run, start};
use std::fs;
use std::path::Path;

const FULL: &str = "no ticket to resume by";
const RESUMED: &str = "resumed by the ticket";
const NOT_TAKEN: &str = "the ticket was not taken";

/// An echo that gives tickets, its address and its key.
fn listener(more: &[&str]) -> (Running, [String; 2]) {
    let mut listener = start(&[&["listen", "127.0.0.1:0"], more].concat(), Stdin::Bytes(Vec::new()));
    let (address, key) = listener.listening();
    (listener, [address, key])
}

#[track_caller]
fn comes([address, key]: &[String; 2], ticket: &str, more: &[&str], said: &str) -> Ended {
    let connect = ["connect", address, "--peer", key, "--ticket", ticket];
    let done = run(&[&connect, more].concat(), b"hello").expect(0, &[said]);
    assert_eq!(done.out, b"hello");
    done
}

#[test]
fn a_ticket_resumes_a_session_once_and_is_replaced_by_the_next_one() {
    let dir = Dir::new();
    let (key, public) = dir.key("a.key");
    for driver in ["tokio", "smol", "std"] {
        let (mut listener, at) = listener(&["--echo", "--tickets", "--driver", driver]);
        let file = dir.path(driver);
        let more = ["--key", &key, "--driver", driver];
        comes(&at, &file, &more, FULL);
        let first = fs::read(&file).unwrap();
        comes(&at, &file, &more, RESUMED);
        let second = fs::read(&file).unwrap();
        assert_ne!(first, second);
        comes(&at, &file, &more, RESUMED);
        fs::write(&file, &first).unwrap();
        comes(&at, &file, &more, NOT_TAKEN);
        comes(&at, &file, &more, RESUMED);
        // The peer is who it was, though the handshake had no key of it.
        listener.line(&format!("{public} is connected (Noise_XX_"));
        listener.line(&format!("{public} is connected (Noise_NNpsk0_"));
        assert!(listener.stop().err.contains(", resumed)"));
    }
}

#[cfg(unix)]
#[test]
fn a_ticket_is_for_its_owner_only_and_nothing_is_left_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new();
    let file = dir.path("ticket");
    let (_listener, at) = listener(&["--echo", "--tickets"]);
    for said in [FULL, RESUMED] {
        comes(&at, &file, &[], said);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let files = fs::read_dir(Path::new(&file).parent().unwrap()).unwrap();
        assert_eq!(files.count(), 1);
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    run(&["connect", &at[0], "--ticket", &file], b"").expect(1, &[&file, "chmod 600"]);
}

#[test]
fn a_ticket_is_of_no_use_under_another_key_and_a_used_one_is_not_kept() {
    let dir = Dir::new();
    let ((a, public_a), (b, public_b)) = (dir.key("a.key"), dir.key("b.key"));
    let file = dir.path("ticket");
    let (mut listener, at) = listener(&["--echo", "--tickets"]);
    comes(&at, &file, &["--key", &a], FULL);
    comes(&at, &file, &["--key", &b], "given to another --key");
    listener.line(&format!("{public_a} is connected"));
    listener.line(&format!("{public_b} is connected (Noise_XX_"));
    listener.stop();
    // Nobody is there: the ticket is not used up.
    let unreachable = ["connect", &at[0], "--key", &b, "--ticket", &file];
    run(&unreachable, b"").expect(1, &["refused"]);
    assert!(Path::new(&file).exists());
    // A listener that never gave it takes none, and one without tickets gives none.
    let (_listener, at) = self::listener(&["--echo"]);
    comes(&at, &file, &["--key", &b], NOT_TAKEN);
    comes(&at, &file, &["--key", &b], FULL);
    assert!(!Path::new(&file).exists());
}

#[test]
fn what_is_no_ticket_is_left_as_it_is() {
    let dir = Dir::new();
    let (key, _) = dir.key("a.key");
    let before = fs::read(&key).unwrap();
    run(&["connect", "127.0.0.1:1", "--ticket", &key], b"").expect(1, &[&key, "sealock-ticket-1"]);
    assert_eq!(fs::read(&key).unwrap(), before);
    run(&["listen", "127.0.0.1:0", "--tickets"], b"").expect(2, &["--echo", "--keep"]);
}
