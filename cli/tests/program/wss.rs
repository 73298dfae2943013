//! WebSocket over TLS, with certificates from files.

use crate::process::{Dir, Running, Stdin, run, start};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::fs;
use std::time::{Duration, SystemTime};

const DRIVERS: [&str; 3] = ["tokio", "smol", "std"];

/// An authority, whose certificate is in `NAME-ca.pem`.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(dir: &Dir, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(dir.path(&format!("{name}-ca.pem")), authority.pem()).unwrap();
        Self(authority)
    }

    /// Makes a certificate for this machine and its key in these files.
    fn issue(&self, certificate: &str, key: &str) {
        let pair = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        fs::write(certificate, params.signed_by(&pair, &self.0).unwrap().pem()).unwrap();
        fs::write(key, pair.serialize_pem()).unwrap();
    }
}

/// Files of a server and of its authority.
struct Files {
    dir: Dir,
    ca: String,
    cert: String,
    key: String,
}

impl Files {
    fn new() -> Self {
        let dir = Dir::new();
        let (ca, cert, key) = (dir.path("known-ca.pem"), dir.path("server.pem"), dir.path("server.key"));
        Authority::new(&dir, "known").issue(&cert, &key);
        Self { dir, ca, cert, key }
    }

    fn listen(&self, more: &[&str]) -> (Running, String) {
        let identity = ["ws", "listen", "127.0.0.1:0", "--tls-cert", &self.cert, "--tls-key", &self.key];
        let mut listener = start(&[&identity, more].concat(), Stdin::Bytes(Vec::new()));
        let line = listener.line("listening on ");
        let address = line.rsplit(' ').next().unwrap().to_owned();
        (listener, address)
    }
}

#[test]
fn bytes_pass_both_ways_through_tls_between_any_two_drivers() {
    let files = Files::new();
    for there in DRIVERS {
        for here in DRIVERS {
            let (listener, address) = files.listen(&["--echo", "--driver", there]);
            let url = format!("wss://{address}/");
            let connect = ["ws", "connect", &url, "--ca", &files.ca, "--driver", here];
            let sent: Vec<u8> = (0..700_000_u32).map(|at| (at / 3) as u8).collect();
            assert!(run(&connect, &sent).expect(0, &[]).out == sent, "{there} {here}");
            listener.stop();
        }
    }
}

#[test]
fn a_server_that_nobody_trusts_is_refused_with_advice() {
    let files = Files::new();
    Authority::new(&files.dir, "other");
    let (listener, address) = files.listen(&["--echo"]);
    let other = files.dir.path("other-ca.pem");
    run(&["ws", "connect", &address, "--ca", &other], b"")
        .expect(1, &["no authority that is trusted here", "--ca"]);
    let plain = format!("ws://{address}");
    run(&["ws", "connect", &plain, "--ca", &files.ca], b"").expect(2, &["wss"]);
    run(&["ws", "connect", &address, "--ca", &files.key], b"")
        .expect(1, &["no certificate in", "server.key"]);
    listener.stop();
}

#[test]
fn a_client_without_the_certificate_wanted_is_refused() {
    let files = Files::new();
    let (listener, address) = files.listen(&["--echo", "--client-ca", &files.ca]);
    let connect = ["ws", "connect", &address, "--ca", &files.ca];
    run(&connect, b"x").expect(1, &["refuses TLS", "--tls-cert"]);
    let showing = [&connect[..], &["--tls-cert", &files.cert, "--tls-key", &files.key]].concat();
    assert_eq!(run(&showing, b"let in").expect(0, &[]).text(), "let in");
    listener.stop();
}

#[test]
fn an_optional_certificate_may_be_left_out_but_must_be_good() {
    let files = Files::new();
    let (cert, key) = (files.dir.path("other.pem"), files.dir.path("other.key"));
    Authority::new(&files.dir, "other").issue(&cert, &key);
    for driver in DRIVERS {
        let optional = ["--echo", "--client-ca", &files.ca, "--client-cert-optional", "--driver", driver];
        let (mut listener, address) = files.listen(&optional);
        let connect = ["ws", "connect", &address, "--ca", &files.ca, "--driver", driver];
        assert_eq!(run(&connect, b"nobody").expect(0, &[]).text(), "nobody");
        listener.line("a client asks for /");
        let good = [&connect[..], &["--tls-cert", &files.cert, "--tls-key", &files.key]].concat();
        assert_eq!(run(&good, b"known").expect(0, &[]).text(), "known");
        listener.line("a client with a certificate asks for /");
        let bad = [&connect[..], &["--tls-cert", &cert, "--tls-key", &key]].concat();
        run(&bad, b"x").expect(1, &["refuses TLS"]);
        listener.stop();
    }
}

#[test]
fn changed_files_serve_the_next_client_and_bad_ones_change_nothing() {
    let files = Files::new();
    let (mut listener, address) = files.listen(&["--echo"]);
    let next = Authority::new(&files.dir, "next");
    let touch = |seconds| {
        let file = fs::File::options().append(true).open(&files.cert).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(seconds)).unwrap();
    };
    let connect = |ca: &str| run(&["ws", "connect", &address, "--ca", ca], b"hello");
    fs::write(&files.cert, "nonsense").unwrap();
    touch(10);
    assert_eq!(connect(&files.ca).expect(0, &[]).text(), "hello");
    listener.line("serves on");
    next.issue(&files.cert, &files.key);
    touch(20);
    connect(&files.ca).expect(1, &["no authority that is trusted here"]);
    assert_eq!(connect(&files.dir.path("next-ca.pem")).expect(0, &[]).text(), "hello");
    listener.line("has been read again");
    listener.stop();
}

#[test]
fn a_certificate_needs_its_key() {
    run(&["ws", "listen", "127.0.0.1:0", "--tls-cert", "a.pem"], b"").expect(2, &["--tls-key"]);
    run(&["ws", "listen", "127.0.0.1:0", "--client-ca", "a.pem"], b"").expect(2, &["--tls-cert"]);
    run(&["ws", "listen", "127.0.0.1:0", "--client-cert-optional"], b"").expect(2, &["--client-ca"]);
}
