//! A peer that always has more to read, and an application that takes its time for each message.

use super::session::{Session, establish};
use super::*;
use sealock_proto::drive::{SessionSender, WsConnection};
use sealock_proto::entropy::Seed;
use sealock_proto::heartbeat::HeartbeatConfig;
use sealock_proto::session::{self, CloseCode, Error};
use sealock_proto::ws;

/// What the application takes for a message.
const PACE: Duration = Duration::from_millis(100);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
const DRAIN: Duration = Duration::from_secs(4);
const LIFETIME: Duration = Duration::from_secs(10);
/// Events behind which the loop reads the clock, whatever there is to read.
const TURN: u32 = 64;

/// How a peer floods.
#[derive(Clone, Copy, Debug)]
struct Flood {
    /// Bytes of each message.
    len: usize,
    /// Messages of each record.
    per_record: usize,
    /// Bytes that wait in the stream.
    waiting: usize,
}

/// A read brings a few messages, and half of one more: something is always left in the read buffer.
const LARGE: Flood = Flood { len: 60_000, per_record: 1, waiting: 700_000 };
/// One read brings messages for minutes.
const SMALL: Flood = Flood { len: 4, per_record: 1, waiting: 300_000 };
/// One record does.
const DENSE: Flood = Flood { len: 4, per_record: 9_000, waiting: 50_000 };

impl Flood {
    /// Fills the stream up.
    fn send(self, peer: &mut SessionSender<MemWrite>, stream: &SharedPipe) {
        while stream.lock().unwrap().data.len() < self.waiting {
            for _ in 0..self.per_record {
                ready(peer.send(&message(0, self.len))).unwrap();
            }
            ready(peer.flush()).unwrap();
        }
    }
}

/// The flooded end with its peer, which never receives, and the stream between them.
struct Flooded {
    clock: Arc<Clock>,
    end: Session,
    peer: SessionSender<MemWrite>,
    stream: SharedPipe,
}

impl Flooded {
    fn new(configure: impl FnOnce(session::Config) -> session::Config) -> Self {
        let clock: Arc<Clock> = Arc::default();
        let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
        let configs = [session::Config::initiator(protocol), session::Config::responder(&[protocol])];
        let [peer, end] = configs.map(|config| config.with_heartbeat(None).with_close_timeout(CLOSE_TIMEOUT));
        let ([peer, end], [stream, _]) = establish(&clock, 1 << 20, [peer, configure(end)]);
        Self { clock, end, peer: peer.split().1, stream }
    }

    /// Receives at the application's pace, until the session fails or `limit` is over. What it failed with.
    fn receive(&mut self, flood: Flood, limit: Duration) -> Option<Error> {
        let until = self.clock.now() + limit;
        while self.clock.now() < until {
            flood.send(&mut self.peer, &self.stream);
            match ready(self.end.next()) {
                Ok(Some(session::Event::Message(_))) => self.clock.advance_to(self.clock.now() + PACE),
                Err(DriveError::Protocol(error)) => return Some(error),
                other => panic!("{other:?}"),
            }
        }
        None
    }
}

/// `begin` begins an end, or the lifetime has; `deadlines` come one after the other, until the session is given up.
fn ends_in_time(lifetime: Duration, begin: impl Fn(&mut Session), deadlines: &[Duration]) {
    // How many messages may be taken behind each deadline.
    for (flood, late) in [(LARGE, 8), (SMALL, TURN + 1), (DENSE, TURN + 1)] {
        let mut flooded = Flooded::new(|config| config.with_lifetime(lifetime));
        // Whatever the loop knows of the time, it learnt before.
        assert_eq!(flooded.receive(flood, PACE), None);
        begin(&mut flooded.end);
        let start = flooded.clock.now();
        let due: Duration = deadlines.iter().sum();
        let latest = due + PACE * late * deadlines.len() as u32;
        let error = flooded.receive(flood, latest + PACE);
        assert_eq!(error, Some(Error::CloseTimeout), "{flood:?}");
        let took = flooded.clock.now().saturating_since(start);
        // A lifetime began before.
        assert!((due - PACE..=latest).contains(&took), "{flood:?} took {took:?}");
    }
}

#[test]
fn a_flood_does_not_put_off_the_end_of_a_session_that_is_closed() {
    let close = |end: &mut Session| ready(end.sender.close(CloseCode::NORMAL, "")).unwrap();
    ends_in_time(Duration::MAX, close, &[CLOSE_TIMEOUT]);
}

#[test]
fn a_flood_does_not_put_off_the_end_of_a_session_that_drains() {
    let drain = |end: &mut Session| ready(end.drain(DRAIN)).unwrap();
    ends_in_time(Duration::MAX, drain, &[DRAIN, CLOSE_TIMEOUT]);
}

#[test]
fn a_flood_does_not_put_off_the_end_of_a_lifetime() {
    ends_in_time(LIFETIME, |_| {}, &[LIFETIME, CLOSE_TIMEOUT, CLOSE_TIMEOUT]);
}

#[test]
fn a_flood_does_not_put_off_the_end_of_a_websocket_connection() {
    const FRAME: [u8; 6] = [0x82, 4, 1, 2, 3, 4];
    let clock: Arc<Clock> = Arc::default();
    let (stream, back) = (Pipe::new(1 << 20, None), Pipe::new(1 << 20, None));
    let config =
        ws::Config::default().with_heartbeat(None).with_close_timeout(CLOSE_TIMEOUT).build().unwrap();
    let (seed, io) = (Seed::new(&mut [1; 32]), end(&clock, &stream, &back));
    let mut flooded = WsConnection::upgraded(&config, ws::Role::Client, &seed, io, &[]).unwrap();
    stream.lock().unwrap().data.extend(FRAME.repeat(100_000));
    let message = Ok(Some(ws::Event::Message { kind: ws::Kind::Binary, payload: &mut [1, 2, 3, 4][..] }));
    // The read buffer grows: what one read brings lasts for minutes.
    for _ in 0..20_000 {
        assert_eq!(ready(flooded.receiver.next()), message);
    }
    ready(flooded.sender.close(ws::CloseCode::GOING_AWAY, "")).unwrap();
    let latest = clock.now() + CLOSE_TIMEOUT + PACE * (TURN + 1);
    let error = loop {
        match ready(flooded.receiver.next()) {
            Ok(Some(_)) => clock.advance_to(clock.now() + PACE),
            other => break other.unwrap_err(),
        }
        assert!(clock.now() <= latest, "it is not ended");
    };
    assert_eq!(error, DriveError::Protocol(ws::Error::CloseTimeout));
}

#[test]
fn a_flood_of_small_messages_reads_the_clock_twice_a_turn() {
    const COUNT: usize = 6_400;
    let mut flooded = Flooded::new(|config| config);
    let mut reads = 0;
    for _ in 0..COUNT {
        SMALL.send(&mut flooded.peer, &flooded.stream);
        let before = flooded.clock.reads();
        assert!(matches!(ready(flooded.end.next()), Ok(Some(session::Event::Message(_)))));
        reads += flooded.clock.reads() - before;
    }
    // At its end and at the beginning of the next, and then some as the read buffer grows.
    let expected = 2 * COUNT / TURN as usize;
    assert!((expected..=expected + 5).contains(&reads), "{reads} for {COUNT} messages");
}

#[test]
fn time_in_which_the_application_held_a_message_is_not_idle() {
    let idle = Duration::from_secs(30);
    let heartbeat = HeartbeatConfig::default().with_idle(Some(idle));
    let mut flooded = Flooded::new(|config| config.with_heartbeat(Some(heartbeat)));
    ready(flooded.peer.send(b"takes long")).unwrap();
    ready(flooded.peer.flush()).unwrap();
    assert!(matches!(ready(flooded.end.next()), Ok(Some(session::Event::Message(_)))));
    flooded.clock.advance_to(flooded.clock.now() + idle * 2);
    assert!(now(flooded.end.next()).is_pending(), "it was not listening");
}
