//! Who echoes: each server on a thread of its own, tied to the first processor.

use super::raw;
use super::upgrade::answer;
use fastwebsockets::{Frame, OpCode};
use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use sealock_proto::limit::AdmissionConfig;
use sealock_proto::ws::{Accept, Config, Event};
use sealock_race::Result;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use tokio::net::TcpStream;

pub(crate) const ANY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// A server that echoes messages to whoever connects.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    /// Runs it on the calling thread; it says where it listens and does not return.
    run: fn(SyncSender<SocketAddr>) -> Result<()>,
}

impl Server {
    /// Starts it, for as long as the process lives.
    pub(crate) fn start(self) -> Result<SocketAddr> {
        let (bound, address) = sync_channel(1);
        thread::spawn(move || {
            // Threads that it makes are tied like this one.
            tie(0);
            if let Err(error) = (self.run)(bound) {
                eprintln!("{}: {error}", self.name);
            }
        });
        Ok(address.recv()?)
    }
}

/// Ties the calling thread to a processor; to the first if there are not as many.
pub(crate) fn tie(processor: usize) {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if let Some(core) = cores.get(processor).or(cores.first()) {
        core_affinity::set_for_current(*core);
    }
}

pub(crate) const SERVERS: [Server; 13] = [
    Server { name: "raw loop, tokio", run: |bound| on_tokio(bound, raw::tokio) },
    Server { name: "raw loop, smol", run: raw::smol },
    Server { name: "raw loop, std", run: raw::std },
    Server { name: "sealock, tokio", run: on_sealock_tokio },
    Server { name: "sealock, smol", run: on_sealock_smol },
    Server { name: "sealock, std", run: on_sealock_std },
    Server {
        name: "tokio-tungstenite",
        run: |bound| on_tokio(bound, |stream| async { each(tungstenite(stream).await?).await }),
    },
    Server {
        name: "tokio-tungstenite, fed",
        run: |bound| on_tokio(bound, |stream| async { fed(tungstenite(stream).await?).await }),
    },
    Server { name: "fastwebsockets", run: |bound| on_tokio(bound, fast) },
    Server {
        name: "tokio-websockets",
        run: |bound| on_tokio(bound, |stream| async { each(tokio_websockets(stream).await?).await }),
    },
    Server {
        name: "tokio-websockets, fed",
        run: |bound| on_tokio(bound, |stream| async { fed(tokio_websockets(stream).await?).await }),
    },
    Server {
        name: "sockudo-ws",
        run: |bound| on_tokio(bound, |stream| async { each(sockudo(stream).await?).await }),
    },
    Server {
        name: "sockudo-ws, fed",
        run: |bound| on_tokio(bound, |stream| async { fed(sockudo(stream).await?).await }),
    },
];

/// A server of tokio's on one thread, a task for each connection.
fn on_tokio<F>(bound: SyncSender<SocketAddr>, serve: fn(TcpStream) -> F) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    tokio_runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(ANY).await?;
        bound.send(listener.local_addr()?)?;
        loop {
            let stream = listener.accept().await?.0;
            stream.set_nodelay(true)?;
            // Every connection ends when its client is gone, which is no failure here.
            tokio::spawn(async move { serve(stream).await.ok() });
        }
    })
}

fn tokio_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// The ordinary way: every message is flushed when it is sent.
async fn each<S, M, E>(mut ws: S) -> Result<()>
where
    S: Stream<Item = std::result::Result<M, E>> + Sink<M, Error = E> + Unpin,
    E: std::error::Error + Send + Sync + 'static,
{
    while let Some(message) = ws.next().await {
        ws.send(message?).await?;
    }
    Ok(())
}

/// All messages that are there are sent with one flush.
async fn fed<S, M, E>(mut ws: S) -> Result<()>
where
    S: Stream<Item = std::result::Result<M, E>> + Sink<M, Error = E> + Unpin,
    E: std::error::Error + Send + Sync + 'static,
{
    while let Some(message) = ws.next().await {
        ws.feed(message?).await?;
        while let Some(Some(message)) = ws.next().now_or_never() {
            ws.feed(message?).await?;
        }
        ws.flush().await?;
    }
    Ok(())
}

async fn tungstenite(mut stream: TcpStream) -> Result<tokio_tungstenite::WebSocketStream<TcpStream>> {
    answer(&mut stream).await?;
    let role = tungstenite::protocol::Role::Server;
    Ok(tokio_tungstenite::WebSocketStream::from_raw_socket(stream, role, None).await)
}

async fn tokio_websockets(mut stream: TcpStream) -> Result<tokio_websockets::WebSocketStream<TcpStream>> {
    answer(&mut stream).await?;
    Ok(tokio_websockets::ServerBuilder::new().serve(stream))
}

async fn sockudo(mut stream: TcpStream) -> Result<sockudo_ws::WebSocketStream<TcpStream>> {
    answer(&mut stream).await?;
    Ok(sockudo_ws::WebSocketStream::server(stream, sockudo_ws::Config::default()))
}

async fn fast(mut stream: TcpStream) -> Result<()> {
    answer(&mut stream).await?;
    let mut ws = fastwebsockets::WebSocket::after_handshake(stream, fastwebsockets::Role::Server);
    loop {
        let frame = ws.read_frame().await?;
        match frame.opcode {
            OpCode::Text | OpCode::Binary => {
                ws.write_frame(Frame::new(true, frame.opcode, None, frame.payload)).await?
            }
            OpCode::Close => return Ok(()),
            _ => {}
        }
    }
}

/// All connections come from one address: no limit on a source's attempts.
fn admission() -> AdmissionConfig {
    AdmissionConfig::default().with_keyed(None)
}

/// Listens with a driver, accepts every request and echoes.
macro_rules! sealock {
    ($driver:ident, $bound:ident, [$($wait:tt)*], |$incoming:ident| $accept:expr) => {{
        use $driver::ws::{Listener, Server};
        let config = Config::default().build()?;
        let options = $driver::ListenOptions::default().with_admission(admission());
        let any = "127.0.0.1:0".parse()?;
        let listener = Listener::bind(&any, Server::new(config), options)$($wait)*?;
        $bound.send(listener.local_address().to_string().parse()?)?;
        loop {
            let $incoming = listener.accept()$($wait)*?;
            $accept;
        }
    }};
}

macro_rules! echo {
    ($incoming:expr, [$($wait:tt)*]) => {{
        let asked = $incoming.request()$($wait)*?;
        let mut ws = asked.accept(&Accept::new())$($wait)*?;
        while let Some(event) = ws.receiver.next()$($wait)*? {
            if let Event::Message { kind, payload } = event {
                ws.sender.send(kind, payload)$($wait)*?;
            }
        }
        Ok(())
    }};
}

fn on_sealock_tokio(bound: SyncSender<SocketAddr>) -> Result<()> {
    async fn serve(incoming: sealock_tokio::ws::Incoming) -> Result<()> {
        echo!(incoming, [.await])
    }
    tokio_runtime()?.block_on(async {
        sealock!(sealock_tokio, bound, [.await], |incoming| tokio::spawn(async { serve(incoming).await.ok() }))
    })
}

fn on_sealock_smol(bound: SyncSender<SocketAddr>) -> Result<()> {
    async fn serve(incoming: sealock_smol::ws::Incoming) -> Result<()> {
        echo!(incoming, [.await])
    }
    let executor = async_executor::LocalExecutor::new();
    async_io::block_on(executor.run(async {
        sealock!(sealock_smol, bound, [.await], |incoming| executor
            .spawn(async { serve(incoming).await.ok() })
            .detach())
    }))
}

fn on_sealock_std(bound: SyncSender<SocketAddr>) -> Result<()> {
    fn serve(incoming: sealock_std::ws::Incoming) -> Result<()> {
        echo!(incoming, [])
    }
    sealock!(sealock_std, bound, [], |incoming| {
        let incoming = incoming.ok_or("the listener was stopped")?;
        thread::spawn(|| serve(incoming).ok())
    })
}
