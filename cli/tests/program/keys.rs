//! Key files: how they are made and what is said about bad ones.

use crate::process::{Dir, run};
use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;

const HEX: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[cfg(unix)]
#[test]
fn a_new_key_file_is_for_its_owner_only() {
    let dir = Dir::new();
    for (name, option) in [("a.key", &[][..]), ("a.psk", &["--psk"]), ("an.id", &["--identity"])] {
        let file = dir.path(name);
        let made = run(&[&["keygen", file.as_str()][..], option].concat(), b"").expect(0, &[]);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        let secret = fs::read_to_string(&file).unwrap();
        let secret = secret.lines().last().unwrap().rsplit(' ').next().unwrap().to_owned();
        assert!(secret.len() == 64 && !made.text().contains(&secret), "{name}");
    }
}

#[test]
fn a_key_file_is_never_overwritten() {
    let dir = Dir::new();
    let (file, _) = dir.key("a.key");
    let before = fs::read(&file).unwrap();
    run(&["keygen", &file], b"").expect(1, &[&file, "exists already"]);
    run(&["keygen", "--psk", &file], b"").expect(1, &[&file, "exists already"]);
    run(&["keygen", "--identity", &file], b"").expect(1, &[&file, "exists already"]);
    assert_eq!(fs::read(&file).unwrap(), before);
    let elsewhere = dir.path("none/a.key");
    run(&["keygen", &elsewhere], b"").expect(1, &[&elsewhere, "directory"]);
}

#[test]
fn the_public_key_is_that_of_the_file_and_every_key_is_another() {
    let dir = Dir::new();
    let ((a, public_a), (_, public_b)) = (dir.key("a.key"), dir.key("b.key"));
    assert_eq!(run(&["pubkey", &a], b"").expect(0, &[]).text(), format!("{public_a}\n"));
    assert!(public_a.len() == 64 && public_a.bytes().all(|digit| digit.is_ascii_hexdigit()));
    assert_ne!(public_a, public_b);
    let (id, identity) = dir.identity("an.id");
    assert_eq!(run(&["pubkey", &id], b"").expect(0, &[]).text(), format!("{identity}\n"));
    assert!(identity.len() == 64 && identity != public_a);
}

/// RFC 8032, section 7.1, test 1.
#[test]
fn an_identity_is_an_ed25519_key() {
    let (secret, public) = (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    );
    let dir = Dir::new();
    let file = write(&dir, "an.id", &format!("sealock-identity-1 {secret}\n"), 0o600);
    assert_eq!(run(&["pubkey", &file], b"").expect(0, &[]).text(), format!("{public}\n"));
}

#[test]
fn a_bad_key_file_is_named_with_what_it_should_hold_and_never_shown() {
    let dir = Dir::new();
    let good = format!("sealock-secret-key-1 {HEX}\n");
    for (name, text) in [
        ("empty", String::new()),
        ("junk", "junk\n".to_owned()),
        ("bare", format!("{HEX}\n")),
        ("psk", format!("sealock-psk-1 {HEX}\n")),
        ("version", format!("sealock-secret-key-2 {HEX}\n")),
        ("joined", format!("sealock-secret-key-1{HEX}\n")),
        ("short", format!("sealock-secret-key-1 {}\n", &HEX[2..])),
        ("digit", format!("sealock-secret-key-1 {}\n", HEX.replace('f', "g"))),
        ("twice", good.repeat(2)),
        ("long", format!("# {}\n{good}", "x".repeat(5000))),
        ("binary", good.replace("sealock", "\u{0}\u{fffd}")),
    ] {
        let file = write(&dir, name, &text, 0o600);
        let told = run(&["pubkey", &file], b"").expect(1, &[&file, "sealock-secret-key-1", "64 hex digits"]);
        assert!(!told.err.contains(&HEX[2..34]), "{name}");
    }
    let missing = dir.path("missing");
    run(&["pubkey", &missing], b"").expect(1, &[&missing, "No such file"]);
    let commented = write(&dir, "commented", &format!("# mine\n\n  {good}# end\n"), 0o600);
    run(&["pubkey", &commented], b"").expect(0, &[]);
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_can_read_is_refused() {
    let dir = Dir::new();
    for mode in [0o640, 0o604, 0o660] {
        let file = write(&dir, &format!("{mode:o}"), &format!("sealock-secret-key-1 {HEX}\n"), mode);
        run(&["pubkey", &file], b"").expect(1, &[&file, "chmod 600"]);
    }
}

fn write(dir: &Dir, name: &str, text: &str, mode: u32) -> String {
    let file = dir.path(name);
    fs::write(&file, text).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    file
}
