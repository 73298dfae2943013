//! Who decodes: each library in the role of a server, as it is meant to be used, over a [`Feed`].

use super::feed::{Feed, PIECE, Wire};
use bytes::BytesMut;
use fastwebsockets::{OpCode, Role};
use futures_lite::future::block_on;
use futures_util::StreamExt;
use sealock_proto::buf::RxBuf;
use sealock_proto::entropy::Seed;
use sealock_proto::time::Instant;
use sealock_proto::ws::{self, Event};
use sealock_race::Result;
use std::io::Read;

/// Decodes messages that clients masked.
pub(crate) trait Decoder {
    fn name(&self) -> &'static str;
    /// Decodes `count` messages, and perhaps the beginning of one more. Returns the sum of their lengths.
    fn decode(&mut self, count: usize) -> Result<usize>;
}

/// All of them, the limit first.
pub(crate) fn all(wire: &Wire) -> Result<Vec<Box<dyn Decoder>>> {
    let feed = || Feed::new(wire);
    Ok(vec![
        Box::new(Limit {
            feed: feed(),
            buf: vec![0; PIECE],
            message: wire.bytes.len() / wire.messages,
            owed: 0,
        }),
        Box::new(Sealock::new(feed())?),
        Box::new(Nexus { feed: feed(), reader: nexus_web::ws::FrameReader::builder().build() }),
        Box::new(Sockudo::new(feed())),
        Box::new(Tungstenite(tungstenite::WebSocket::from_raw_socket(
            feed(),
            tungstenite::protocol::Role::Server,
            None,
        ))),
        Box::new(Fast(fastwebsockets::WebSocket::after_handshake(feed(), Role::Server))),
        Box::new(TokioWebsockets(tokio_websockets::ServerBuilder::new().serve(feed()))),
    ])
}

/// A copy and one XOR over it all: what no decoder can do without.
struct Limit {
    feed: Feed,
    buf: Vec<u8>,
    /// Bytes of a frame.
    message: usize,
    /// Bytes that were decoded too many the last time.
    owed: usize,
}

impl Decoder for Limit {
    fn name(&self) -> &'static str {
        "copy and XOR: the limit"
    }

    fn decode(&mut self, count: usize) -> Result<usize> {
        let wanted = count * self.message;
        while self.owed < wanted {
            let n = self.feed.read(&mut self.buf)?;
            for word in self.buf[..n].chunks_exact_mut(8) {
                let masked = u64::from_ne_bytes(word.try_into()?);
                word.copy_from_slice(&(masked ^ 0x37fa_213d_37fa_213d).to_ne_bytes());
            }
            self.owed += n;
        }
        self.owed -= wanted;
        Ok(wanted)
    }
}

/// The machine alone, driven as its crate's first page shows.
struct Sealock {
    feed: Feed,
    ws: ws::WebSocket,
    rx: RxBuf,
}

impl Sealock {
    fn new(feed: Feed) -> Result<Self> {
        let config = ws::Config::default().build()?;
        let seed = Seed::new(&mut [1; 32]);
        let ws = ws::WebSocket::upgraded(&config, ws::Role::Server, &seed, Instant::ZERO);
        Ok(Self { feed, ws, rx: RxBuf::new(1024 * 1024) })
    }
}

impl Decoder for Sealock {
    fn name(&self) -> &'static str {
        "sealock"
    }

    fn decode(&mut self, count: usize) -> Result<usize> {
        let (mut left, mut sum) = (count, 0);
        while left > 0 {
            let recv = self.ws.recv(Instant::ZERO, self.rx.filled_mut())?;
            if let Some(Event::Message { payload, .. }) = &recv.event {
                sum += payload.len();
                left -= 1;
            }
            let (consumed, need) = (recv.consumed, recv.need);
            self.rx.consume(consumed);
            if need > 0 {
                let n = self.feed.read(self.rx.spare_mut(need))?;
                self.rx.commit(n);
            }
        }
        Ok(sum)
    }
}

struct Nexus {
    feed: Feed,
    reader: nexus_web::ws::FrameReader,
}

impl Decoder for Nexus {
    fn name(&self) -> &'static str {
        "nexus-web"
    }

    fn decode(&mut self, count: usize) -> Result<usize> {
        let (mut left, mut sum) = (count, 0);
        while left > 0 {
            match self.reader.next()? {
                Some(message) => {
                    sum += message.as_bytes().len();
                    left -= 1;
                }
                None => {
                    self.reader.read_from(&mut self.feed)?;
                }
            }
        }
        Ok(sum)
    }
}

struct Sockudo {
    feed: Feed,
    protocol: sockudo_ws::protocol::Protocol,
    buf: BytesMut,
    messages: Vec<sockudo_ws::protocol::Message>,
    /// Messages that were decoded too many the last time.
    owed: usize,
}

impl Sockudo {
    fn new(feed: Feed) -> Self {
        let protocol =
            sockudo_ws::protocol::Protocol::new(sockudo_ws::protocol::Role::Server, 16 << 20, 64 << 20);
        Self { feed, protocol, buf: BytesMut::new(), messages: Vec::new(), owed: 0 }
    }
}

impl Decoder for Sockudo {
    fn name(&self) -> &'static str {
        "sockudo-ws"
    }

    fn decode(&mut self, count: usize) -> Result<usize> {
        let mut sum = 0;
        while self.owed < count {
            self.buf.extend_from_slice(self.feed.piece(PIECE));
            self.messages.clear();
            self.protocol.process_into(&mut self.buf, &mut self.messages)?;
            self.owed += self.messages.len();
            sum += self.messages.iter().map(|message| message.as_bytes().len()).sum::<usize>();
        }
        self.messages.clear();
        self.owed -= count;
        Ok(sum)
    }
}

struct Tungstenite(tungstenite::WebSocket<Feed>);

impl Decoder for Tungstenite {
    fn name(&self) -> &'static str {
        "tungstenite"
    }

    fn decode(&mut self, count: usize) -> Result<usize> {
        let mut sum = 0;
        for _ in 0..count {
            sum += self.0.read()?.len();
        }
        Ok(sum)
    }
}

struct Fast(fastwebsockets::WebSocket<Feed>);

impl Decoder for Fast {
    fn name(&self) -> &'static str {
        "fastwebsockets"
    }

    fn decode(&mut self, count: usize) -> Result<usize> {
        block_on(async {
            let mut sum = 0;
            for _ in 0..count {
                let frame = self.0.read_frame().await?;
                if !matches!(frame.opcode, OpCode::Text | OpCode::Binary) {
                    return Err("another frame than was sent".into());
                }
                sum += frame.payload.len();
            }
            Ok(sum)
        })
    }
}

struct TokioWebsockets(tokio_websockets::WebSocketStream<Feed>);

impl Decoder for TokioWebsockets {
    fn name(&self) -> &'static str {
        "tokio-websockets"
    }

    fn decode(&mut self, count: usize) -> Result<usize> {
        block_on(async {
            let mut sum = 0;
            for _ in 0..count {
                let message = self.0.next().await.ok_or("the stream has ended")??;
                sum += message.as_payload().len();
            }
            Ok(sum)
        })
    }
}
