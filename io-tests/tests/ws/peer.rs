//! tokio-tungstenite at the other end, in a thread with a runtime of its own.

use crate::tungstenite::SUBPROTOCOL;
use futures_util::{SinkExt, StreamExt};
use sealock_proto::ws::Kind;
use sealock_tests::websockets::{CODE, REASON, messages};
use std::thread::{self, JoinHandle};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, connect_async};

const PROTOCOL: &str = "Sec-WebSocket-Protocol";

fn run(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

/// Connects, and leads or echoes.
pub(crate) fn client(url: &str, leads: bool) {
    run(async {
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert(PROTOCOL, HeaderValue::from_static("chat, superchat"));
        let (ws, response) = connect_async(request).await.unwrap();
        assert_eq!(response.headers()[PROTOCOL], SUBPROTOCOL);
        talk(ws, leads).await;
    });
}

/// Serves one client in a thread of its own. Its URL.
pub(crate) fn server(leads: bool) -> (String, JoinHandle<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    let task = async move {
        let (stream, _) = TcpListener::from_std(listener).unwrap().accept().await.unwrap();
        talk(accept_hdr_async(stream, choose).await.unwrap(), leads).await;
    };
    (url, thread::spawn(move || run(task)))
}

// The callback's type is theirs.
#[allow(clippy::result_large_err)]
fn choose(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    assert_eq!(request.uri().path(), "/room");
    assert_eq!(request.headers()[PROTOCOL], "chat, superchat");
    response.headers_mut().insert(PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(response)
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(mut ws: WebSocketStream<S>, leads: bool) {
    if leads { lead(&mut ws).await } else { echo(&mut ws).await }
}

/// Each message whole and in fragments with a Ping between them, then a close.
async fn lead<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut WebSocketStream<S>) {
    for (kind, bytes) in messages() {
        let (message, opcode) = match kind {
            Kind::Text => (Message::text(String::from_utf8(bytes.clone()).unwrap()), Data::Text),
            Kind::Binary => (Message::binary(bytes.clone()), Data::Binary),
        };
        ws.send(message.clone()).await.unwrap();
        assert!(ws.next().await.unwrap().unwrap() == message, "a message of {} bytes", bytes.len());
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        let frame = |bytes: &[u8], opcode, last| {
            Message::Frame(Frame::message(bytes.to_vec(), OpCode::Data(opcode), last))
        };
        ws.send(frame(head, opcode, false)).await.unwrap();
        ws.send(Message::Ping(b"still there?".to_vec().into())).await.unwrap();
        ws.send(frame(tail, Data::Continue, true)).await.unwrap();
        assert_eq!(ws.next().await.unwrap().unwrap(), Message::Pong(b"still there?".to_vec().into()));
        assert!(ws.next().await.unwrap().unwrap() == message, "a message of {} bytes", bytes.len());
    }
    let close = CloseFrame { code: CODE.into(), reason: REASON.into() };
    ws.close(Some(close)).await.unwrap();
    match ws.next().await.unwrap().unwrap() {
        Message::Close(Some(answer)) => assert_eq!(u16::from(answer.code), CODE),
        other => panic!("{other:?}"),
    }
    assert!(ws.next().await.is_none());
}

/// Everything back, until the other end closes.
async fn echo<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut WebSocketStream<S>) {
    let mut closed = None;
    while let Some(message) = ws.next().await {
        match message.unwrap() {
            message @ (Message::Text(_) | Message::Binary(_)) => ws.send(message).await.unwrap(),
            Message::Close(frame) => closed = frame,
            other => panic!("{other:?}"),
        }
    }
    let closed = closed.expect("a close with a code");
    assert_eq!((u16::from(closed.code), closed.reason.as_str()), (CODE, REASON));
}
