//! What every driver must do, written once. An adapter's tests implement [`Runtime`] for each of its kinds
//! of stream and run [`scenarios!`](crate::scenarios!).

use crate::toy::{Config, Event, ToyError, ToyReceiver, ToySendError, ToySender, toy};
use sealock_proto::buf::{Full, RxBuf, TxBuf};
use sealock_proto::drive::{Connection, DriveError, ReadIo, Receiver, Sender, WriteIo};
use sealock_proto::machine::RecvHalf;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::Poll;
use std::time::Duration;

/// One kind of stream on one runtime.
pub trait Runtime: 'static {
    /// The reading half.
    type Read: ReadIo<Error = io::Error> + Send + 'static;
    /// The writing half.
    type Write: WriteIo<Error = io::Error> + Send + 'static;

    /// Two ends of a fresh stream.
    fn pair() -> impl Future<Output = [(Self::Read, Self::Write); 2]> + Send;

    /// Runs a task beside the current one; the answer is its result.
    fn spawn<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static;
}

/// A toy on one end of a stream.
pub type Toy<I, W> = Connection<ToyReceiver, ToySender, I, W>;
type End<R> = Toy<<R as Runtime>::Read, <R as Runtime>::Write>;

const TX_LIMIT: usize = 512 * 1024;

/// Runs a toy on one end of a stream.
pub fn connect<I: ReadIo, W: WriteIo<Error = I::Error>>(config: Config, io: (I, W)) -> Toy<I, W> {
    let protocol = toy(config, io.0.now());
    Connection::new(protocol, io, RxBuf::new(1 << 20), TxBuf::new(TX_LIMIT))
}

async fn ends<R: Runtime>(configs: [Config; 2]) -> [End<R>; 2] {
    let [a, b] = R::pair().await;
    [connect(configs[0], a), connect(configs[1], b)]
}

/// Polls a future made afresh for every poll: whatever was dropped must not have lost or repeated anything.
pub async fn impatient<C, T>(on: &mut C, mut poll_once: impl AsyncFnMut(&mut C) -> T) -> T {
    poll_fn(|cx| {
        let future = pin!(poll_once(on));
        future.poll(cx)
    })
    .await
}

/// Polls `future` at most `polls` times; `None` if it was not ready by then, and is dropped.
pub async fn at_most<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|cx| {
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Pending if left == 0 => Poll::Ready(None),
            outcome => outcome.map(Some),
        }
    })
    .await
}

/// A message that is recognisable by its number and size.
#[must_use]
pub fn message(number: usize, len: usize) -> Vec<u8> {
    // Copied from a pattern: debug builds take their time for each byte that is computed.
    const PERIOD: usize = 1 << 16;
    static PATTERN: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..PERIOD).map(|i| i.wrapping_add(i >> 8) as u8).collect());
    let (mut bytes, mut at) = (Vec::with_capacity(len), number.wrapping_mul(31) % PERIOD);
    while bytes.len() < len {
        let piece = &PATTERN[at..];
        bytes.extend_from_slice(&piece[..piece.len().min(len - bytes.len())]);
        at = 0;
    }
    bytes
}

/// One task answers every message while holding its payload; the close is seen by both sides.
pub async fn echo<R: Runtime>() {
    let [mut client, mut server] = ends::<R>([Config::default(); 2]).await;
    let server = R::spawn(async move {
        let Connection { receiver, sender } = &mut server;
        let mut closed = false;
        while let Some(event) = receiver.next().await.unwrap() {
            match event {
                Event::Message(payload) => {
                    sender.call(|half, _, tx| half.send(payload, tx)).await.unwrap();
                }
                other => {
                    assert_eq!(other, Event::Closed);
                    closed = true;
                }
            }
        }
        assert!(receiver.next().await.unwrap().is_none(), "the end stays the end");
        closed
    });
    for (number, len) in [0, 1, 100, 5_000, 70_000, 300_000].into_iter().cycle().take(60).enumerate() {
        let sent = message(number, len);
        client.sender.call(|half, _, tx| half.send(&sent, tx)).await.unwrap();
        match client.next().await.unwrap() {
            Some(Event::Message(payload)) => assert!(*payload == *sent, "message {number} came back changed"),
            other => panic!("{other:?}"),
        }
    }
    client.sender.call(|half, _, tx| half.close(tx)).await.unwrap();
    assert_eq!(client.next().await.unwrap(), Some(Event::Closed));
    assert_eq!(client.next().await.unwrap(), None);
    assert!(server.await);
}

const BURST: usize = 100;
const BURST_LEN: usize = 60_000;

/// Sends a burst, every future of it dropped whenever it waits.
pub async fn send_burst<W: WriteIo<Error: std::fmt::Debug>>(
    sender: &mut Sender<ToySender, W>,
    count: usize,
    len: usize,
) {
    for number in 0..count {
        let sent = message(number, len);
        impatient(sender, async |sender| sender.call(|half, _, tx| half.send(&sent, tx)).await)
            .await
            .unwrap();
    }
    impatient(sender, async |sender| sender.call(|half, _, tx| half.close(tx)).await).await.unwrap();
    impatient(sender, async |sender| sender.flush().await).await.unwrap();
    assert_eq!(sender.queued(), 0);
}

/// Receives a burst, every future of it dropped whenever it waits.
pub async fn receive_burst<I, W>(
    receiver: &mut Receiver<ToyReceiver, ToySender, I, W>,
    count: usize,
    len: usize,
) where
    I: ReadIo<Error: std::fmt::Debug>,
    W: WriteIo<Error = I::Error>,
{
    let (mut number, mut closed) = (0, false);
    loop {
        let event = poll_fn(|cx| match pin!(receiver.next()).poll(cx) {
            Poll::Ready(Ok(event)) => Poll::Ready(event.map(|event| {
                ToyReceiver::map_event(event, |payload| {
                    assert!(*payload == *message(number, len), "message {number}")
                })
            })),
            Poll::Ready(Err(error)) => panic!("{error:?}"),
            Poll::Pending => Poll::Pending,
        })
        .await;
        match event {
            Some(Event::Message(())) => number += 1,
            Some(Event::Closed) => closed = true,
            Some(Event::Pong(_)) => panic!("nobody asked"),
            None => break,
        }
    }
    assert_eq!((number, closed), (count, true));
}

/// Much more than all buffers hold, both ways at once, with every future dropped whenever it waits.
pub async fn burst_both_ways<R: Runtime>() {
    let config = Config { stay_open: true, ..Config::default() };
    let mut tasks = Vec::new();
    for end in ends::<R>([config; 2]).await {
        let (mut receiver, mut sender) = end.split();
        let sending = R::spawn(async move { send_burst(&mut sender, BURST, BURST_LEN).await });
        let receiving = R::spawn(async move { receive_burst(&mut receiver, BURST, BURST_LEN).await });
        tasks.push((sending, receiving));
    }
    for (sending, receiving) in tasks {
        sending.await;
        receiving.await;
    }
}

/// Two peers of one task each queue more than the stream holds before either receives.
pub async fn peers_that_both_speak_first<R: Runtime>() {
    const COUNT: usize = 8;
    let tasks = ends::<R>([Config::default(); 2]).await.map(|mut end| {
        R::spawn(async move {
            for number in 0..COUNT {
                let sent = message(number, BURST_LEN);
                end.sender.call(|half, _, tx| half.send(&sent, tx)).await.unwrap();
            }
            for number in 0..COUNT {
                match end.next().await.unwrap() {
                    Some(Event::Message(payload)) => assert!(*payload == *message(number, BURST_LEN)),
                    other => panic!("{other:?}"),
                }
            }
            end.flush().await.unwrap();
            end
        })
    });
    for task in tasks {
        task.await;
    }
}

/// A ping is answered by a peer whose sender does nothing.
pub async fn pong_while_the_sender_is_idle<R: Runtime>() {
    let [mut client, server] = ends::<R>([Config::default(); 2]).await;
    let (mut receiver, sender) = server.split();
    let server = R::spawn(async move { while receiver.next().await.unwrap().is_some() {} });
    for token in 0..20 {
        client.sender.call(|half, _, tx| half.ping(token, tx)).await.unwrap();
        client.flush().await.unwrap();
        assert_eq!(client.next().await.unwrap(), Some(Event::Pong(token)));
    }
    client.sender.call(|half, _, tx| half.close(tx)).await.unwrap();
    assert_eq!(client.next().await.unwrap(), Some(Event::Closed));
    assert_eq!(client.next().await.unwrap(), None);
    server.await;
    drop(sender);
}

/// Pongs get past a sender that never rests.
pub async fn pongs_pass_a_busy_sender<R: Runtime>() {
    let [mut client, server] = ends::<R>([Config::default(); 2]).await;
    let (mut receiver, mut sender) = server.split();
    let receiving = R::spawn(async move { while receiver.next().await.unwrap().is_some() {} });
    let sending = R::spawn(async move {
        for number in 0_u64.. {
            if sender.call(|half, _, tx| half.send(&[7; 100], tx)).await.is_err() {
                break;
            }
            if number % 50 == 0 && sender.flush().await.is_err() {
                break;
            }
        }
    });
    for token in 0..30 {
        client.sender.call(|half, _, tx| half.ping(token, tx)).await.unwrap();
        client.flush().await.unwrap();
        loop {
            match client.next().await.unwrap() {
                Some(Event::Message(_)) => {}
                other => break assert_eq!(other, Some(Event::Pong(token))),
            }
        }
    }
    client.sender.call(|half, _, tx| half.close(tx)).await.unwrap();
    while client.next().await.unwrap().is_some() {}
    receiving.await;
    sending.await;
}

/// A deadline comes although nothing arrives; the error is reported once.
pub async fn silence_is_noticed<R: Runtime>() {
    let config = Config { silence: Some(Duration::from_millis(30)), ..Config::default() };
    let [mut client, server] = ends::<R>([config, Config::default()]).await;
    let failed = client.next().await.unwrap_err();
    assert!(matches!(failed, DriveError::Protocol(ToyError::Silent)), "{failed:?}");
    assert_eq!(client.next().await.unwrap(), None);
    let refused = client.sender.call(|half, _, tx| half.send(b"late", tx)).await.unwrap_err();
    assert!(matches!(refused, DriveError::Protocol(ToySendError::Closed)), "{refused:?}");
    drop(server);
}

/// A stream that ends inside a frame is an error, not an end.
pub async fn truncation_is_an_error<R: Runtime>() {
    let [mut client, mut server] = ends::<R>([Config::default(); 2]).await;
    let server = R::spawn(async move {
        let failed = server.next().await.unwrap_err();
        assert!(matches!(failed, DriveError::Protocol(ToyError::Truncated)), "{failed:?}");
        assert_eq!(server.next().await.unwrap(), None);
    });
    client
        .sender
        .call(|_, _, tx| {
            tx.push(&[0, 0, 0, 0, 9, 1, 2])?;
            Ok::<_, Full>(())
        })
        .await
        .unwrap();
    client.sender.close().await.unwrap();
    server.await;
}

/// A receiver told to wait reads nothing, asks little and loses nothing.
pub async fn throttling_waits_without_spinning<R: Runtime>() {
    let config = Config { gap: Some(Duration::from_millis(20)), ..Config::default() };
    let [mut client, mut server] = ends::<R>([Config::default(), config]).await;
    for number in 0..10 {
        let sent = message(number, 100);
        client.sender.call(|half, _, tx| half.send(&sent, tx)).await.unwrap();
    }
    client.flush().await.unwrap();
    for number in 0..10 {
        match server.next().await.unwrap() {
            Some(Event::Message(payload)) => assert_eq!(*payload, message(number, 100)),
            other => panic!("{other:?}"),
        }
    }
    let calls = server.receiver.half().calls();
    assert!(calls < 100, "{calls} calls for 10 messages");
}

/// The peer's sender closing ends a receiver that waits without any deadline.
pub async fn closing_ends_a_waiting_receiver<R: Runtime>() {
    let [client, server] = ends::<R>([Config::default(); 2]).await;
    let (mut receiver, mut sender) = client.split();
    let waiting = R::spawn(async move {
        assert_eq!(receiver.next().await.unwrap(), Some(Event::Closed));
        assert_eq!(receiver.next().await.unwrap(), None);
    });
    let (mut peer, mut peer_sender) = server.split();
    let closing = R::spawn(async move {
        assert_eq!(peer.next().await.unwrap(), Some(Event::Closed));
        assert_eq!(peer.next().await.unwrap(), None);
    });
    // Both at once: either's close may cross the other's.
    let _ = peer_sender.call(|half, _, tx| half.close(tx)).await;
    peer_sender.flush().await.unwrap();
    let _ = sender.call(|half, _, tx| half.close(tx)).await;
    sender.flush().await.unwrap();
    waiting.await;
    closing.await;
}
