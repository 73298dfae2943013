//! The three drivers as [`Net`]s for WebSocket.

use crate::drivers::{Smol, Std, Tokio};
use sealock_net::ws::{Endpoint, Server};
use sealock_net::{Address, ConnectOptions, ListenOptions};
use sealock_proto::drive::{WsConnection, WsError};
use sealock_proto::limit::AdmissionStats;
use sealock_proto::ws::Config;
use sealock_tests::websockets::{Asked, Connected, Net};
use std::io;
use std::sync::Arc;

fn loopback() -> Address {
    Address::Tcp("127.0.0.1:0".into())
}

impl Net for Std {
    type Listener = sealock_std::ws::Listener;
    type Incoming = sealock_std::ws::Incoming;

    async fn bind(server: Server, options: ListenOptions) -> Self::Listener {
        sealock_std::ws::Listener::bind(&loopback(), server, options).unwrap()
    }

    fn address(listener: &Self::Listener) -> Address {
        listener.local_address().clone()
    }

    fn stats(listener: &Self::Listener) -> AdmissionStats {
        listener.stats()
    }

    async fn accept(listener: &Self::Listener) -> Self::Incoming {
        listener.accept().unwrap().unwrap()
    }

    async fn request(incoming: Self::Incoming) -> Result<Asked<Self>, WsError<io::Error>> {
        incoming.request().map(sealock_std::ws::Asked::into_inner)
    }

    async fn connect(endpoint: &Endpoint, config: &Arc<Config>) -> Connected<Self> {
        let (ws, answer) = sealock_std::ws::connect(endpoint, config, &ConnectOptions::default())?;
        let (receiver, sender) = ws.split();
        Ok((WsConnection { receiver: receiver.into_inner(), sender: sender.into_inner() }, answer))
    }
}

macro_rules! asynchronous {
    ($net:ident, $driver:ident) => {
        impl Net for $net {
            type Listener = $driver::ws::Listener;
            type Incoming = $driver::ws::Incoming;

            async fn bind(server: Server, options: ListenOptions) -> Self::Listener {
                $driver::ws::Listener::bind(&loopback(), server, options).await.unwrap()
            }

            fn address(listener: &Self::Listener) -> Address {
                listener.local_address().clone()
            }

            fn stats(listener: &Self::Listener) -> AdmissionStats {
                listener.stats()
            }

            async fn accept(listener: &Self::Listener) -> Self::Incoming {
                listener.accept().await.unwrap()
            }

            async fn request(incoming: Self::Incoming) -> Result<Asked<Self>, WsError<io::Error>> {
                incoming.request().await
            }

            async fn connect(endpoint: &Endpoint, config: &Arc<Config>) -> Connected<Self> {
                $driver::ws::connect(endpoint, config, &ConnectOptions::default()).await
            }
        }
    };
}

asynchronous!(Tokio, sealock_tokio);
asynchronous!(Smol, sealock_smol);
