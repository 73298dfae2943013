//! Files with certificates, and what is said about those that are no good.

use super::*;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// A directory that goes with its value.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("sealock-tls-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// One with `ca.pem`, and a certificate of it for 127.0.0.1 in `server.pem` with its key in `server.key`.
    pub(crate) fn known() -> Self {
        static SERVER: OnceLock<Identity> = OnceLock::new();
        let dir = Self::new();
        dir.write("ca.pem", &dir.authority().pem());
        dir.identity("server", SERVER.get_or_init(|| dir.authority().issue("127.0.0.1")));
        dir
    }

    pub(crate) fn authority(&self) -> &'static Authority {
        static AUTHORITY: OnceLock<Authority> = OnceLock::new();
        AUTHORITY.get_or_init(|| Authority::new("known"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn identity(&self, name: &str, identity: &Identity) {
        self.write(&format!("{name}.pem"), &identity.certificate);
        self.write(&format!("{name}.key"), &identity.key);
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn an_error_names_the_file_and_what_is_wrong_with_it() {
    let dir = Dir::known();
    dir.identity("other", &dir.authority().issue("other.test"));
    dir.write("empty", "");
    dir.write("cut", "-----BEGIN CERTIFICATE-----\nAAAA");
    dir.write("text", "-----BEGIN CERTIFICATE-----\n####\n-----END CERTIFICATE-----\n");
    dir.write("wrong", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for (certificate, key, file, said) in [
        ("none", "server.key", "none", "cannot read"),
        ("empty", "server.key", "empty", "no certificate"),
        ("cut", "server.key", "cut", "has no end"),
        ("text", "server.key", "text", "base64"),
        ("wrong", "server.key", "wrong", "cannot be used"),
        ("server.pem", "none", "none", "cannot read"),
        ("server.pem", "server.pem", "server.pem", "no private key"),
        ("server.pem", "other.key", "other.key", "not that of the certificate"),
    ] {
        let tls = ServerTls::from_files(provider(), dir.path(certificate), dir.path(key));
        let error = tls.unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(&*dir.path(file).to_string_lossy()), "{error}");
    }
    for file in ["none", "empty", "wrong", "server.key"] {
        let error = ClientTls::from_ca_file(provider(), dir.path(file)).unwrap_err().to_string();
        assert!(error.contains(&*dir.path(file).to_string_lossy()), "{error}");
    }
}

#[test]
fn no_key_is_in_what_is_printed_for_debugging() {
    let dir = Dir::known();
    let server = ServerTls::from_files(provider(), dir.path("server.pem"), dir.path("server.key")).unwrap();
    let client =
        trusting(&dir, "ca.pem").with_client_cert(dir.path("server.pem"), dir.path("server.key")).unwrap();
    for text in [format!("{server:?}"), format!("{client:?}"), format!("{:?}", client.begin("a").unwrap())] {
        assert!(text.len() < 300 && !text.contains("PRIVATE"), "{text}");
    }
}

#[test]
fn a_change_is_noticed_once_and_a_bad_one_changes_nothing() {
    let dir = Dir::known();
    let tls = ServerTls::from_files(provider(), dir.path("server.pem"), dir.path("server.key")).unwrap();
    let touch = |seconds| {
        let file = fs::File::options().append(true).open(dir.path("server.pem")).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(seconds)).unwrap();
    };
    assert!(!tls.reload_if_changed().unwrap());
    touch(10);
    assert!(tls.reload_if_changed().unwrap());
    assert!(!tls.reload_if_changed().unwrap());
    dir.write("server.pem", "nonsense");
    touch(20);
    tls.reload_if_changed().unwrap_err();
    assert!(!tls.reload_if_changed().unwrap(), "the same mistake is told once");
    tls.begin().unwrap();
}
