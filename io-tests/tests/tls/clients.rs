//! Certificates of clients: who must show one, and who is told what of the other end.

use super::*;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sealock_tests::driver::Driver;

type Chain = Option<Vec<CertificateDer<'static>>>;

/// The certificates in these files.
fn chain(dir: &Dir, names: &[&str]) -> Chain {
    Some(names.iter().map(|name| CertificateDer::from_pem_file(dir.path(name)).unwrap()).collect())
}

/// A directory with clients' certificates besides the server's: `client.pem` of the known authority, with which it
/// comes, and `odd.pem` of another.
fn dir() -> Dir {
    let dir = Dir::known();
    let mut client = dir.authority().issue("client.test");
    client.certificate += &dir.authority().pem();
    dir.identity("client", &client);
    dir.identity("odd", &Authority::new("stranger").issue("client.test"));
    dir
}

fn server(dir: &Dir) -> ServerTls {
    ServerTls::from_files(provider(), dir.path("server.pem"), dir.path("server.key")).unwrap()
}

fn showing(dir: &Dir, name: &str) -> ClientTls {
    let (certificate, key) = (dir.path(&format!("{name}.pem")), dir.path(&format!("{name}.key")));
    trusting(dir, "ca.pem").with_client_cert(certificate, key).unwrap()
}

/// What a server of that TLS is told of each of `count` clients, when it decides, while the connection is open, and when
/// it has ended.
fn told<D: Net>(listener: D::Listener, count: usize) -> Vec<[Chain; 3]> {
    let tell = async || {
        let asked = D::request(D::accept(&listener).await).await.unwrap();
        let deciding = asked.peer_certificates();
        let mut ws = asked.accept(&Accept::new()).await.unwrap();
        let open = ws.peer_certificates();
        while let Some(event) = ws.receiver.next().await.unwrap() {
            if let Event::Message { kind, payload } = event {
                ws.sender.send(kind, payload).await.unwrap();
            }
        }
        [deciding, open, ws.receiver.peer_certificates()]
    };
    D::block_on(async {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(tell().await);
        }
        all
    })
}

pub(super) fn each_end_is_told_who_the_other_is<D: Net>() {
    let dir = dir();
    let config = Config::default().build().unwrap();
    let required = server(&dir).with_client_ca(dir.path("ca.pem")).unwrap();
    let optional = server(&dir).with_optional_client_ca(dir.path("ca.pem")).unwrap();
    let known = chain(&dir, &["client.pem", "ca.pem"]);
    for (case, tls, client, want) in [
        ("not asked", server(&dir), showing(&dir, "client"), None),
        ("optional and not shown", optional.clone(), trusting(&dir, "ca.pem"), None),
        ("optional and shown", optional, showing(&dir, "client"), known.clone()),
        ("required", required, showing(&dir, "client"), known.clone()),
    ] {
        let listener =
            D::block_on(D::bind(Server::new(config.clone()).with_tls(tls), ListenOptions::default()));
        let endpoint = endpoint(&D::address(&listener), client);
        // The second client resumes what the first one began, without any certificate on the wire.
        let serving = thread::spawn(|| told::<D>(listener, 2));
        for _ in 0..2 {
            D::block_on(async {
                let (mut ws, _) = D::connect(&endpoint, &config).await.unwrap();
                exchange::<D>(&mut ws, 100).await.unwrap();
                assert_eq!(ws.peer_certificates(), chain(&dir, &["server.pem"]), "{case}");
                let _ = ws.close(CloseCode::NORMAL, "").await.unwrap();
                assert_eq!(ws.peer_certificates(), None, "{case}: it has ended");
            });
        }
        for told in serving.join().unwrap() {
            assert_eq!(told, [want.clone(), want.clone(), None], "{case}");
        }
    }
}

pub(super) fn an_optional_certificate_must_be_good_if_it_is_shown<D: Net>() {
    let dir = dir();
    let optional = || server(&dir).with_optional_client_ca(dir.path("ca.pem")).unwrap();
    assert_eq!(attempt::<D>(optional(), trusting(&dir, "ca.pem")), (None, None));
    assert_eq!(attempt::<D>(optional(), showing(&dir, "client")), (None, None));
    let (told, seen) = attempt::<D>(optional(), showing(&dir, "odd"));
    assert!(matches!(told, Some(TlsError::Alert(_))), "{told:?}");
    assert_eq!(seen, Some(TlsError::Certificate(CertificateFault::UnknownIssuer)));
}

#[test]
fn a_reload_keeps_what_clients_are_asked_for() {
    let dir = dir();
    let tls = server(&dir).with_optional_client_ca(dir.path("ca.pem")).unwrap();
    tls.reload().unwrap();
    assert_eq!(attempt::<Std>(tls.clone(), trusting(&dir, "ca.pem")), (None, None));
    let (_, seen) = attempt::<Std>(tls, showing(&dir, "odd"));
    assert_eq!(seen, Some(TlsError::Certificate(CertificateFault::UnknownIssuer)));
}

/// The blocking types lend what is asked of the others.
#[test]
fn what_blocks_tells_the_same() {
    let dir = dir();
    let config = Config::default().build().unwrap();
    let tls = server(&dir).with_client_ca(dir.path("ca.pem")).unwrap();
    let listener =
        Std::block_on(Std::bind(Server::new(config.clone()).with_tls(tls), ListenOptions::default()));
    let endpoint = endpoint(&Std::address(&listener), showing(&dir, "client"));
    let client = thread::spawn(move || {
        let options = sealock_net::ConnectOptions::default();
        let (mut ws, _) = sealock_std::ws::connect(&endpoint, &config, &options).unwrap();
        let there = ws.peer_certificates();
        let _ = ws.close(CloseCode::NORMAL, "");
        there
    });
    let asked = listener.accept().unwrap().unwrap().request().unwrap();
    let known = chain(&dir, &["client.pem", "ca.pem"]);
    assert_eq!(asked.peer_certificates(), known);
    let mut ws = asked.accept(&Accept::new()).unwrap();
    assert_eq!(ws.peer_certificates(), known);
    assert_eq!(ws.receiver.peer_certificates(), known);
    assert_eq!(ws.next().unwrap().map(drop), Some(()));
    assert_eq!(client.join().unwrap(), chain(&dir, &["server.pem"]));
}
