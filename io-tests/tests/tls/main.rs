//! WebSocket over TLS with certificates from files, on all drivers with all.

#[allow(dead_code)] // The tests of the loop use the rest.
#[path = "../support/certs.rs"]
mod certs;
mod clients;
#[path = "../support/drivers.rs"]
mod drivers;
mod files;
#[path = "../support/websockets.rs"]
mod nets;
mod sessions;

use certs::{Authority, Identity, provider};
use drivers::{Smol, Std, Tokio};
use files::Dir;
use sealock_net::tls::{ClientTls, ServerTls, TlsFileError};
use sealock_net::ws::{ConnectError, Endpoint, Server};
use sealock_net::{Address, ListenOptions};
use sealock_proto::drive::{CertificateFault, DriveError, TlsError, WsConnectError, WsError};
use sealock_proto::ws::{Accept, CloseCode, Config, Event, Kind};
use sealock_tests::run::bounded;
use sealock_tests::scenarios::message;
use sealock_tests::websockets::{self, Layer, Net, WebSocket};
use std::io;
use std::thread;

/// A client that trusts the authority in a file.
fn trusting(dir: &Dir, name: &str) -> ClientTls {
    ClientTls::from_ca_file(provider(), dir.path(name)).unwrap()
}

fn endpoint(address: &Address, tls: ClientTls) -> Endpoint {
    format!("wss://{address}/").parse::<Endpoint>().unwrap().with_tls(tls)
}

async fn echo<D: Net>(mut ws: WebSocket<D>) -> Result<(), WsError<io::Error>> {
    while let Some(event) = ws.receiver.next().await? {
        if let Event::Message { kind, payload } = event {
            ws.sender.send(kind, payload).await.unwrap();
        }
    }
    Ok(())
}

/// Serves `count` clients with an echo, one after the other; how each of them came out.
fn serve<D: Net>(listener: D::Listener, count: usize) -> Vec<Result<(), WsError<io::Error>>> {
    D::block_on(async {
        let mut outcomes = Vec::new();
        for _ in 0..count {
            outcomes.push(match D::request(D::accept(&listener).await).await {
                Ok(asked) => echo::<D>(asked.accept(&Accept::new()).await.unwrap()).await,
                Err(error) => Err(error),
            });
        }
        outcomes
    })
}

/// A message there and back.
async fn exchange<D: Net>(ws: &mut WebSocket<D>, len: usize) -> Result<(), WsError<io::Error>> {
    let sent = message(len, len);
    ws.send(Kind::Binary, &sent)
        .await
        .map_err(|error| error.map_protocol(|_| sealock_proto::ws::Error::Truncated))?;
    match ws.next().await? {
        Some(Event::Message { payload, .. }) => assert!(*payload == *sent),
        other => panic!("{other:?}"),
    }
    Ok(())
}

/// What a client of this TLS is told by a server of that, in the end.
fn attempt<D: Net>(server: ServerTls, client: ClientTls) -> (Option<TlsError>, Option<TlsError>) {
    let config = Config::default().build().unwrap();
    let listener =
        D::block_on(D::bind(Server::new(config.clone()).with_tls(server), ListenOptions::default()));
    let address = D::address(&listener);
    let serving = thread::spawn(|| serve::<D>(listener, 1));
    let outcome = D::block_on(D::connect(&endpoint(&address, client), &config));
    let at_client = match outcome.map(drop) {
        Ok(()) => None,
        Err(ConnectError::Upgrade { error: WsConnectError::Failed(DriveError::Tls(error)), .. }) => {
            Some(error)
        }
        Err(error) => panic!("{error}"),
    };
    let at_server = match serving.join().unwrap().remove(0) {
        Err(DriveError::Tls(error)) => Some(error),
        // The client left without a word.
        Ok(()) | Err(DriveError::Protocol(_) | DriveError::Io(_)) => None,
        Err(error) => panic!("{error}"),
    };
    (at_client, at_server)
}

fn certificates_decide<D: Net>() {
    let dir = Dir::known();
    let stranger = Authority::new("stranger");
    let known = dir.authority();
    dir.write("stranger.pem", &stranger.pem());
    dir.identity("there", &known.issue("there.test"));
    dir.identity("client", &known.issue("client.test"));
    dir.identity("odd", &stranger.issue("client.test"));
    let server = |name: &str| {
        ServerTls::from_files(provider(), dir.path(&format!("{name}.pem")), dir.path(&format!("{name}.key")))
    };
    let picky = || server("server").unwrap().with_client_ca(dir.path("ca.pem")).unwrap();
    let client = || trusting(&dir, "ca.pem");
    let showing = |name: &str| {
        client().with_client_cert(dir.path(&format!("{name}.pem")), dir.path(&format!("{name}.key"))).unwrap()
    };
    let fault = |fault| Some(TlsError::Certificate(fault));

    let (told, _) = attempt::<D>(server("server").unwrap(), trusting(&dir, "stranger.pem"));
    assert_eq!(told, fault(CertificateFault::UnknownIssuer));
    let (told, _) = attempt::<D>(server("there").unwrap(), client());
    assert_eq!(told, fault(CertificateFault::WrongName));
    assert_eq!(attempt::<D>(picky(), showing("client")), (None, None));
    let (told, seen) = attempt::<D>(picky(), client());
    assert!(matches!(told, Some(TlsError::Alert(_))), "{told:?}");
    assert_eq!(seen, Some(TlsError::NoCertificate));
    let (told, seen) = attempt::<D>(picky(), showing("odd"));
    assert!(matches!(told, Some(TlsError::Alert(_))), "{told:?}");
    assert_eq!(seen, fault(CertificateFault::UnknownIssuer));
}

fn a_reload_serves_the_new_certificate_while_an_open_connection_goes_on<D: Net>() {
    let dir = Dir::known();
    let next = Authority::new("next");
    dir.write("next.pem", &next.pem());
    let config = Config::default().build().unwrap();
    let tls = ServerTls::from_files(provider(), dir.path("server.pem"), dir.path("server.key")).unwrap();
    let listener =
        D::block_on(D::bind(Server::new(config.clone()).with_tls(tls.clone()), ListenOptions::default()));
    let address = D::address(&listener);
    let serving = thread::spawn(move || {
        D::block_on(async {
            let mut serving = Vec::new();
            for _ in 0..3 {
                // Each in a thread of its own: the first must go on.
                if let Ok(asked) = D::request(D::accept(&listener).await).await {
                    let ws = asked.accept(&Accept::new()).await.unwrap();
                    serving.push(thread::spawn(|| D::block_on(echo::<D>(ws))));
                }
            }
            serving
        })
    });
    let connect = |authority: &str| {
        let endpoint = endpoint(&address, trusting(&dir, authority));
        D::block_on(D::connect(&endpoint, &config)).map(|(ws, _)| ws)
    };
    let mut old = connect("ca.pem").unwrap();
    D::block_on(exchange::<D>(&mut old, 1000)).unwrap();

    dir.write("server.pem", "nonsense");
    assert!(matches!(tls.reload(), Err(TlsFileError::Pem { .. })));
    dir.identity("server", &next.issue("127.0.0.1"));
    tls.reload().unwrap();

    let refused = connect("ca.pem").unwrap_err().to_string();
    assert!(refused.contains("no authority that is trusted here"), "{refused}");
    let mut new = connect("next.pem").unwrap();
    for ws in [&mut new, &mut old] {
        D::block_on(exchange::<D>(ws, 1000)).unwrap();
        let _ = D::block_on(ws.close(CloseCode::NORMAL, "")).unwrap();
    }
    serving.join().unwrap().into_iter().for_each(|serving| serving.join().unwrap().unwrap());
}

/// The server's certificate is known to its client.
fn tls(dir: &Dir) -> Layer {
    let server = ServerTls::from_files(provider(), dir.path("server.pem"), dir.path("server.key")).unwrap();
    Layer::Tls(server, trusting(dir, "ca.pem"))
}

macro_rules! scenarios {
    ([$($scenario:ident),* $(,)?], $server:ident, $client:ident) => {
        $(
            #[test]
            fn $scenario() {
                bounded(|| websockets::$scenario::<$server, $client>(&tls(&Dir::known())));
            }
        )*
    };
}

macro_rules! between {
    ($($name:ident, $server:ident, $client:ident;)*) => {
        $(
            mod $name {
                use super::*;
                scenarios!([
                    a_peer_that_vanishes_is_an_error_behind_its_messages,
                    a_rejection_arrives_with_its_status,
                    dropped_futures_tear_lose_and_repeat_nothing,
                    echo_of_all_sizes,
                    everything_accepted_arrives_before_the_close,
                    pieces_make_up_the_message,
                ], $server, $client);
            }
        )*
    };
}

sealock_tests::every_pair!(between);

macro_rules! on {
    ($($name:ident, $driver:ident;)*) => {
        $(mod $name {
            use super::*;
            #[test] fn certificates_decide() { bounded(super::certificates_decide::<$driver>); }
            #[test] fn each_end_is_told_who_the_other_is() {
                bounded(super::clients::each_end_is_told_who_the_other_is::<$driver>);
            }
            #[test] fn an_optional_certificate_must_be_good_if_it_is_shown() {
                bounded(super::clients::an_optional_certificate_must_be_good_if_it_is_shown::<$driver>);
            }
            #[test] fn the_ends_of_a_session_know_each_other() {
                bounded(super::sessions::the_ends_of_a_session_know_each_other::<$driver>);
            }
            #[test] fn a_reload_serves_the_new_certificate_while_an_open_connection_goes_on() {
                bounded(super::a_reload_serves_the_new_certificate_while_an_open_connection_goes_on::<$driver>);
            }
        })*
    };
}

sealock_tests::every_driver!(on);
