//! Native sessions over TLS on the sockets of every driver.

use super::*;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sealock_proto::drive::{SessionConnection, Tls, Transport};
use sealock_proto::session;
use sealock_tests::driver::Driver;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// The session at this end, whose peer says nothing: who the peer is, asked at once and of the half alone.
fn establish<D: Driver>(
    stream: TcpStream,
    tls: Tls,
    config: session::Config,
) -> Vec<Option<Vec<CertificateDer<'static>>>> {
    let seed = sealock_net::seed().unwrap();
    D::block_on(async {
        let io = Transport::from(D::raw(stream)).with_tls(tls);
        let config: Arc<_> = config.build().unwrap();
        let mut session = SessionConnection::establish(&config, seed, io).await.unwrap();
        let told = vec![session.peer_certificates(), session.receiver.peer_certificates()];
        let _ = session.close(session::CloseCode::NORMAL, "").await.unwrap();
        told
    })
}

pub(super) fn the_ends_of_a_session_know_each_other<D: Driver>() {
    let dir = Dir::known();
    let client = dir.authority().issue("client.test");
    dir.identity("client", &client);
    let (certificate, key) = (dir.path("server.pem"), dir.path("server.key"));
    let tls = ServerTls::from_files(provider(), &certificate, key).unwrap();
    let tls = tls.with_client_ca(dir.path("ca.pem")).unwrap();
    let showing =
        trusting(&dir, "ca.pem").with_client_cert(dir.path("client.pem"), dir.path("client.key")).unwrap();
    let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (here, _) = listener.accept().unwrap();
    let serving = thread::spawn(move || {
        establish::<D>(here, tls.begin().unwrap(), session::Config::responder(&[protocol]))
    });
    let config = session::Config::initiator(protocol);
    let told = establish::<D>(there, showing.begin("127.0.0.1").unwrap(), config);
    let leaf = |path| Some(vec![CertificateDer::from_pem_file(path).unwrap()]);
    assert_eq!(told, vec![leaf(certificate); 2]);
    assert_eq!(serving.join().unwrap(), vec![leaf(dir.path("client.pem")); 2]);
}

/// A session with methods that block tells the same.
#[test]
fn what_blocks_tells_the_same() {
    let dir = Dir::known();
    let (certificate, key) = (dir.path("server.pem"), dir.path("server.key"));
    let tls = ServerTls::from_files(provider(), &certificate, key).unwrap();
    let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (here, _) = listener.accept().unwrap();
    let serving = thread::spawn(move || {
        establish::<Std>(here, tls.begin().unwrap(), session::Config::responder(&[protocol]))
    });
    let io = Transport::from(Std::raw(there));
    let io = io.with_tls(trusting(&dir, "ca.pem").begin("127.0.0.1").unwrap());
    let config = session::Config::initiator(protocol).build().unwrap();
    let session = SessionConnection::establish(&config, sealock_net::seed().unwrap(), io);
    let mut session = sealock_std::Connection::new(Std::block_on(session).unwrap());
    let leaf = Some(vec![CertificateDer::from_pem_file(certificate).unwrap()]);
    assert_eq!(session.peer_certificates(), leaf);
    assert_eq!(session.receiver.peer_certificates(), leaf);
    let _ = session.close(session::CloseCode::NORMAL, "").unwrap();
    assert_eq!(serving.join().unwrap(), [None, None]);
}
