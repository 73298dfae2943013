//! WebSocket against tungstenite, another implementation, in memory: random messages, fragments and Pings both ways, cut
//! anywhere, and a close by either end.
#![cfg(all(feature = "std", feature = "ws", feature = "sim"))]

use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::entropy::{Jitter, Seed};
use sealock_proto::sim::{is_replay, seeds};
use sealock_proto::time::Instant;
use sealock_proto::ws::{CloseCode, Config, Delivery, Event, Kind, Role, WebSocket};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::time::Duration;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::{Error, Message};

type Traffic = Vec<(Kind, Vec<u8>)>;

/// Bytes on their way, in one direction.
type Wire = Rc<RefCell<VecDeque<u8>>>;

/// The stream as tungstenite sees it.
struct Stream {
    incoming: Wire,
    outgoing: Wire,
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.incoming.borrow_mut().read(buf) {
            Ok(0) => Err(ErrorKind::WouldBlock.into()),
            read => read,
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.outgoing.borrow_mut().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Both ends and what each has sent and received.
struct Run {
    random: Jitter,
    ours: WebSocket,
    rx: RxBuf,
    tx: TxBuf,
    now: Instant,
    theirs: tungstenite::WebSocket<Stream>,
    /// What they can read, and what they wrote.
    to_them: Wire,
    from_them: Wire,
    sent_here: Traffic,
    sent_there: Traffic,
    got_here: Traffic,
    got_there: Traffic,
    pings: Vec<Vec<u8>>,
    pongs: Vec<Vec<u8>>,
    closed_here: Option<(CloseCode, Vec<u8>)>,
    closed_there: Option<Option<CloseFrame>>,
    /// The pieces of a message that comes in chunks.
    coming: Vec<u8>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut random = Jitter::new(seed);
        let (role, peer) = match random.next_u64() % 2 {
            0 => (Role::Client, tungstenite::protocol::Role::Server),
            _ => (Role::Server, tungstenite::protocol::Role::Client),
        };
        let delivery = if random.next_u64() % 2 == 0 { Delivery::Messages } else { Delivery::Chunks };
        let config = Config::default().with_delivery(delivery).build().unwrap();
        let [to_them, from_them] = [Wire::default(), Wire::default()];
        let stream = Stream { incoming: Rc::clone(&to_them), outgoing: Rc::clone(&from_them) };
        Self {
            random,
            ours: WebSocket::upgraded(&config, role, &Seed::new(&mut [seed as u8; 32]), Instant::ZERO),
            rx: RxBuf::new(config.rx_limit()),
            tx: TxBuf::new(config.tx_limit()),
            now: Instant::ZERO,
            theirs: tungstenite::WebSocket::from_raw_socket(stream, peer, None),
            to_them,
            from_them,
            sent_here: Vec::new(),
            sent_there: Vec::new(),
            got_here: Vec::new(),
            got_there: Vec::new(),
            pings: Vec::new(),
            pongs: Vec::new(),
            closed_here: None,
            closed_there: None,
            coming: Vec::new(),
        }
    }

    fn draw(&mut self, below: usize) -> usize {
        self.random.next_u64() as usize % below
    }

    fn message(&mut self) -> (Kind, Vec<u8>) {
        let most = [10, 200, 3000, 70_000][self.draw(4)];
        let len = self.draw(most);
        match self.draw(2) {
            0 => (Kind::Text, "aé€𝄞".chars().cycle().take(len / 3).collect::<String>().into_bytes()),
            _ => (Kind::Binary, (0..len).map(|n| (n * 7 + len) as u8).collect()),
        }
    }

    /// Cuts `bytes` into one to five pieces, empty ones among them.
    fn cut(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut cuts: Vec<usize> = (0..self.draw(5)).map(|_| self.draw(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        cuts.windows(2).map(|cut| bytes[cut[0]..cut[1]].to_vec()).collect()
    }

    fn operation(&mut self) {
        let (kind, bytes) = self.message();
        match self.draw(6) {
            0 => {
                self.ours.send(self.now, kind, &bytes, &mut self.tx).unwrap();
                self.sent_here.push((kind, bytes));
            }
            1 => {
                let pieces = self.cut(&bytes);
                for (n, piece) in pieces.iter().enumerate() {
                    let last = n + 1 == pieces.len();
                    self.ours.send_chunk(self.now, kind, piece, last, &mut self.tx).unwrap();
                    if self.draw(3) == 0 {
                        self.exchange();
                    }
                }
                self.sent_here.push((kind, bytes));
            }
            2 => {
                let message = match kind {
                    Kind::Text => Message::text(String::from_utf8(bytes.clone()).unwrap()),
                    Kind::Binary => Message::binary(bytes.clone()),
                };
                self.theirs.write(message).unwrap();
                self.sent_there.push((kind, bytes));
            }
            3 => {
                let pieces = self.cut(&bytes);
                let first = if kind == Kind::Text { Data::Text } else { Data::Binary };
                for (n, piece) in pieces.iter().enumerate() {
                    let opcode = OpCode::Data(if n == 0 { first } else { Data::Continue });
                    let frame = Frame::message(piece.clone(), opcode, n + 1 == pieces.len());
                    self.theirs.write(Message::Frame(frame)).unwrap();
                    if self.draw(3) == 0 {
                        self.ping();
                        self.exchange();
                    }
                }
                self.sent_there.push((kind, bytes));
            }
            4 => self.ping(),
            // The heartbeat's Pings.
            _ => {
                self.exchange();
                self.now += Duration::from_secs(16);
                self.ours.handle_timeout(self.now).unwrap();
            }
        }
        self.exchange();
    }

    fn ping(&mut self) {
        let body = vec![self.pings.len() as u8; self.random.next_u64() as usize % 126];
        self.theirs.write(Message::Ping(body.clone().into())).unwrap();
        self.pings.push(body);
    }

    /// Lets some bytes go over, each way, and both read.
    fn exchange(&mut self) {
        let piece = [1, 7, 500, 100_000][self.draw(4)];
        for _ in 0..4 {
            self.receive(piece);
            self.transmit(piece);
            self.read_there();
        }
    }

    /// Lets everything go over: all at once, the answers to it, and theirs.
    fn settle(&mut self) {
        for _ in 0..10 {
            self.transmit(usize::MAX);
            self.read_there();
            self.receive(usize::MAX);
        }
    }

    fn transmit(&mut self, most: usize) {
        self.ours.poll_transmit(self.now, &mut self.tx);
        let n = self.tx.sealed().len().min(most);
        self.to_them.borrow_mut().extend(&self.tx.sealed()[..n]);
        self.tx.consume(n);
    }

    fn receive(&mut self, most: usize) {
        // What they have written lies in their own buffer until it is flushed.
        let _ = self.theirs.flush();
        loop {
            let recv = self.ours.recv(self.now, self.rx.filled_mut()).unwrap();
            let consumed = recv.consumed;
            let Some(event) = recv.event else {
                self.rx.consume(consumed);
                break;
            };
            match event {
                Event::Message { kind, payload } => self.got_here.push((kind, payload.to_vec())),
                Event::Chunk { kind, payload, last } => {
                    self.coming.extend_from_slice(payload);
                    if last {
                        self.got_here.push((kind, std::mem::take(&mut self.coming)));
                    }
                }
                Event::Closed { code, reason } => self.closed_here = Some((code, reason.to_vec())),
                other => panic!("{other:?}"),
            }
            self.rx.consume(consumed);
        }
        let mut wire = self.from_them.borrow_mut();
        let spare = self.rx.spare_mut(1);
        let n = most.min(spare.len()).min(wire.len());
        for (to, from) in spare.iter_mut().zip(wire.drain(..n)) {
            *to = from;
        }
        drop(wire);
        self.rx.commit(n);
        if n > 0 {
            self.receive(most - n);
        }
    }

    fn read_there(&mut self) {
        loop {
            match self.theirs.read() {
                Ok(Message::Text(text)) => self.got_there.push((Kind::Text, text.as_bytes().to_vec())),
                Ok(Message::Binary(bytes)) => self.got_there.push((Kind::Binary, bytes.to_vec())),
                Ok(Message::Pong(body)) => self.pongs.push(body.to_vec()),
                Ok(Message::Close(frame)) => self.closed_there = Some(frame),
                Ok(_) => {}
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => return,
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Whether all that one end sent is what the other got.
    fn check(&self) {
        for (sent, got) in [(&self.sent_here, &self.got_there), (&self.sent_there, &self.got_here)] {
            assert_eq!(sent.len(), got.len());
            assert!(sent == got, "a message has changed");
        }
        let mut pings = self.pings.iter();
        assert!(self.pongs.iter().all(|pong| pings.any(|ping| ping == pong)), "a Pong that answers nothing");
        assert_eq!(self.pongs.last(), self.pings.last(), "the newest Ping is answered");
        let stats = self.ours.stats();
        assert!(stats.pongs <= stats.pings, "{} Pongs for {} Pings", stats.pongs, stats.pings);
    }

    /// One end closes with a code and a reason, which the other sees and answers.
    fn close(&mut self) {
        let code = CloseCode::new(4000 + self.draw(1000) as u16).unwrap();
        let close = CloseFrame { code: code.get().into(), reason: "that was it".into() };
        if self.draw(2) == 0 {
            self.ours.close(self.now, code, "that was it", &mut self.tx).unwrap();
            self.settle();
            assert_eq!(self.closed_there, Some(Some(close)));
            assert_eq!(self.closed_here.as_ref().map(|(echo, _)| *echo), Some(code));
        } else {
            self.theirs.close(Some(close)).unwrap();
            self.settle();
            assert_eq!(self.closed_here, Some((code, b"that was it".to_vec())));
            assert_eq!(self.closed_there.take().flatten().map(|close| close.code), Some(code.get().into()));
        }
    }
}

#[test]
fn tungstenite_gets_what_was_sent_and_is_understood() {
    let (mut messages, mut pings, mut beats) = (0, 0, 0);
    for seed in seeds("tungstenite_gets_what_was_sent_and_is_understood", 0..60) {
        let mut run = Run::new(seed);
        for _ in 0..40 {
            run.operation();
        }
        run.settle();
        run.check();
        run.close();
        messages += run.got_here.len() + run.got_there.len();
        pings += run.pongs.len();
        beats += run.ours.stats().pongs;
    }
    let enough = messages > 1000 && pings > 100 && beats > 100;
    assert!(is_replay() || enough, "{messages} messages, {pings} and {beats} Pings");
}
