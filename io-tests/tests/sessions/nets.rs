//! The three drivers as [`Net`]s.

use crate::drivers::{Smol, Std, Tokio};
use sealock_net::{Address, ConnectError, ConnectOptions, ListenError, ListenOptions, NotRestored, Stream};
use sealock_proto::backoff::BackoffConfig;
use sealock_proto::drive::{Gate, NotHandedOver};
use sealock_proto::limit::AdmissionStats;
use sealock_proto::resume::ClientTicket;
use sealock_proto::session::{Claim, Config, Snapshot, SnapshotKey};
use sealock_tests::sessions::{Established, Net, Session};
use std::sync::Arc;
use std::time::Duration;

impl Net for Std {
    type Listener = sealock_std::Listener;
    type Incoming = sealock_std::Incoming;
    type Reconnector = sealock_std::Reconnector;

    async fn bind(
        address: &Address,
        config: Arc<Config>,
        options: ListenOptions,
    ) -> Result<Self::Listener, ListenError> {
        sealock_std::Listener::bind(address, config, options)
    }

    fn address(listener: &Self::Listener) -> Address {
        listener.local_address().clone()
    }

    fn stats(listener: &Self::Listener) -> AdmissionStats {
        listener.stats()
    }

    fn gate(listener: &Self::Listener) -> &Gate {
        listener.gate()
    }

    fn set_service(listener: &Self::Listener, config: Arc<Config>) {
        listener.set_service(config).unwrap();
    }

    async fn accept(listener: &Self::Listener) -> Self::Incoming {
        listener.accept().unwrap().unwrap()
    }

    async fn handshake(incoming: Self::Incoming) -> Established<Self> {
        incoming.handshake().map(whole)
    }

    async fn connect(
        address: &Address,
        config: &Arc<Config>,
        options: &ConnectOptions,
    ) -> Result<Session<Self>, ConnectError> {
        sealock_std::connect(address, config, options).map(whole)
    }

    async fn resume(
        address: &Address,
        config: &Arc<Config>,
        ticket: &ClientTicket,
        options: &ConnectOptions,
    ) -> Result<Session<Self>, ConnectError> {
        sealock_std::resume(address, config, ticket, options).map(whole)
    }

    fn reconnector(address: Address, config: Arc<Config>, backoff: BackoffConfig) -> Self::Reconnector {
        sealock_std::Reconnector::new(address, config, backoff).unwrap()
    }

    async fn reconnect(
        reconnector: &mut Self::Reconnector,
        failed: impl FnMut(&ConnectError, Duration) + Send,
    ) -> Result<Session<Self>, ConnectError> {
        reconnector.connect_with(failed).map(whole)
    }

    async fn hand_over(
        session: Session<Self>,
        key: &SnapshotKey,
        context: &[u8],
    ) -> Result<(Snapshot, Stream), NotHandedOver<Session<Self>>> {
        let session = sealock_std::Connection::new(session);
        sealock_std::hand_over(session, key, context).map_err(|refused| refused.map(whole))
    }

    fn restore(
        stream: Stream,
        config: &Arc<Config>,
        snapshot: &Snapshot,
        key: &SnapshotKey,
        context: &[u8],
        claim: impl FnOnce(&Claim) -> bool,
    ) -> Result<Session<Self>, NotRestored> {
        sealock_std::restore(stream, config, snapshot, key, context, claim).map(whole)
    }
}

fn whole(connection: sealock_std::Connection) -> Session<Std> {
    let (receiver, sender) = connection.split();
    Session::<Std> { receiver: receiver.into_inner(), sender: sender.into_inner() }
}

macro_rules! asynchronous {
    ($net:ident, $driver:ident) => {
        impl Net for $net {
            type Listener = $driver::Listener;
            type Incoming = $driver::Incoming;
            type Reconnector = $driver::Reconnector;

            async fn bind(
                address: &Address,
                config: Arc<Config>,
                options: ListenOptions,
            ) -> Result<Self::Listener, ListenError> {
                $driver::Listener::bind(address, config, options).await
            }

            fn address(listener: &Self::Listener) -> Address {
                listener.local_address().clone()
            }

            fn stats(listener: &Self::Listener) -> AdmissionStats {
                listener.stats()
            }

            fn gate(listener: &Self::Listener) -> &Gate {
                listener.gate()
            }

            fn set_service(listener: &Self::Listener, config: Arc<Config>) {
                listener.set_service(config).unwrap();
            }

            async fn accept(listener: &Self::Listener) -> Self::Incoming {
                listener.accept().await.unwrap()
            }

            async fn handshake(incoming: Self::Incoming) -> Established<Self> {
                incoming.handshake().await
            }

            async fn connect(
                address: &Address,
                config: &Arc<Config>,
                options: &ConnectOptions,
            ) -> Result<Session<Self>, ConnectError> {
                $driver::connect(address, config, options).await
            }

            async fn resume(
                address: &Address,
                config: &Arc<Config>,
                ticket: &ClientTicket,
                options: &ConnectOptions,
            ) -> Result<Session<Self>, ConnectError> {
                $driver::resume(address, config, ticket, options).await
            }

            fn reconnector(
                address: Address,
                config: Arc<Config>,
                backoff: BackoffConfig,
            ) -> Self::Reconnector {
                $driver::Reconnector::new(address, config, backoff).unwrap()
            }

            async fn reconnect(
                reconnector: &mut Self::Reconnector,
                failed: impl FnMut(&ConnectError, Duration) + Send,
            ) -> Result<Session<Self>, ConnectError> {
                reconnector.connect_with(failed).await
            }

            async fn hand_over(
                session: Session<Self>,
                key: &SnapshotKey,
                context: &[u8],
            ) -> Result<(Snapshot, Stream), NotHandedOver<Session<Self>>> {
                $driver::hand_over(session, key, context).await
            }

            fn restore(
                stream: Stream,
                config: &Arc<Config>,
                snapshot: &Snapshot,
                key: &SnapshotKey,
                context: &[u8],
                claim: impl FnOnce(&Claim) -> bool,
            ) -> Result<Session<Self>, NotRestored> {
                $driver::restore(stream, config, snapshot, key, context, claim)
            }
        }
    };
}

asynchronous!(Tokio, sealock_tokio);
asynchronous!(Smol, sealock_smol);
