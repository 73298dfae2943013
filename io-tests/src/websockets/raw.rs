//! Peers on a bare TCP stream: they do the opening handshake by hand, and what a scenario says.

use sealock_net::Address;
use sealock_net::ws::Endpoint;
use sealock_proto::ws::{Request, accept_key};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// A client's request.
pub(super) const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A client that has said nothing yet.
pub(super) fn dial(address: &Address) -> TcpStream {
    let Address::Tcp(address) = address else { panic!("not TCP") };
    TcpStream::connect(address).unwrap()
}

/// A client whose connection is open.
pub(super) fn client(address: &Address) -> TcpStream {
    let mut stream = dial(address);
    stream.write_all(REQUEST.as_bytes()).unwrap();
    assert!(read_head(&mut stream).starts_with(b"HTTP/1.1 101 "));
    stream
}

/// A server that hands the key of the first request to `answer` and does what that says with its stream.
pub(super) fn server<T: Send + 'static>(
    answer: impl FnOnce(TcpStream, &[u8]) -> T + Send + 'static,
) -> (Endpoint, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = endpoint(&listener);
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        let key = Request::parse(&head).unwrap().fields().only("Sec-WebSocket-Key").unwrap();
        answer(stream, key)
    });
    (endpoint, serving)
}

/// How to reach a server that is not one of a driver.
pub(super) fn endpoint(listener: &TcpListener) -> Endpoint {
    format!("ws://{}/", listener.local_addr().unwrap()).parse().unwrap()
}

/// How a server accepts a request with this key.
pub(super) fn acceptance(key: &[u8]) -> String {
    let accept = String::from_utf8(accept_key(key).unwrap().to_vec()).unwrap();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// A head, and not a byte of what follows.
fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    head
}

/// Says `words` a byte at a time, slowly, for as long as somebody listens.
pub(super) fn drip(mut stream: TcpStream, words: &str) {
    for byte in words.bytes() {
        if stream.write_all(&[byte]).is_err() {
            return;
        }
        thread::sleep(std::time::Duration::from_millis(5));
    }
}
