//! Datagram sessions: every driver with every driver, on loopback.

#[path = "support/drivers.rs"]
mod drivers;

use drivers::{Smol, Std, Tokio};
use sealock_proto::datagram::{Config, Endpoint};
use sealock_proto::drive::Datagrams;
use sealock_tests::run::bounded;
use sealock_tests::udp::{self, UdpDriver};
use std::net::SocketAddr;
use std::sync::Arc;

impl UdpDriver for Std {
    type Udp = sealock_std::udp::StdUdp;

    fn bind(address: SocketAddr, config: &Arc<Config>) -> Datagrams<Endpoint, Self::Udp> {
        sealock_std::udp::bind(address, config).unwrap().into_inner()
    }

    fn local_addr(socket: &Datagrams<Endpoint, Self::Udp>) -> SocketAddr {
        socket.io().local_addr().unwrap()
    }
}

impl UdpDriver for Tokio {
    type Udp = sealock_tokio::udp::TokioUdp;

    fn bind(address: SocketAddr, config: &Arc<Config>) -> Datagrams<Endpoint, Self::Udp> {
        sealock_tokio::udp::bind(address, config).unwrap()
    }

    fn local_addr(socket: &Datagrams<Endpoint, Self::Udp>) -> SocketAddr {
        socket.io().local_addr().unwrap()
    }
}

impl UdpDriver for Smol {
    type Udp = sealock_smol::udp::SmolUdp;

    fn bind(address: SocketAddr, config: &Arc<Config>) -> Datagrams<Endpoint, Self::Udp> {
        sealock_smol::udp::bind(address, config).unwrap()
    }

    fn local_addr(socket: &Datagrams<Endpoint, Self::Udp>) -> SocketAddr {
        socket.io().local_addr().unwrap()
    }
}

macro_rules! scenarios {
    ($($name:ident, $server:ty, $client:ty;)*) => {
        $(
            mod $name {
                use super::*;

                #[test]
                fn messages_go_to_and_fro() {
                    bounded(udp::echo::<$server, $client>);
                }

                #[test]
                fn losses_are_survived() {
                    bounded(udp::losses::<$server, $client>);
                }

                #[test]
                fn a_session_follows_its_peer_to_another_address() {
                    bounded(udp::roaming::<$server, $client>);
                }

                #[test]
                fn a_flood_of_garbage_changes_nothing() {
                    bounded(udp::garbage::<$server, $client>);
                }

                #[test]
                fn an_attempt_that_nobody_answers_ends() {
                    bounded(udp::nobody::<$server, $client>);
                }
            }
        )*
    };
}

sealock_tests::every_pair!(scenarios);

#[test]
fn an_address_in_use_is_named_and_a_wrong_configuration_too() {
    let config = Config::new("Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap()).build().unwrap();
    let first = sealock_std::udp::bind(SocketAddr::from(([127, 0, 0, 1], 0)), &config).unwrap();
    let address = first.local_addr().unwrap();
    let error = sealock_std::udp::bind(address, &config).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot bind {address}: ")), "{error}");
    let admission = sealock_std::limit::AdmissionConfig::default().with_max_sessions(0);
    let config = Config::new("Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap()).with_admission(admission);
    let error = sealock_std::udp::bind(address, &config.build().unwrap()).unwrap_err().to_string();
    assert!(error.contains("max_sessions"), "{error}");
}
