//! WebSocket messages as a `Stream` and a `Sink`, for code that is written against those.
//!
//! Each message received is copied into memory of its own; [`WsReceiver::next`] lends instead.

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use sealock_proto::drive::{ReadIo, WriteIo, WsConnection, WsError, WsReceiver, WsSendError, WsSender};
use sealock_proto::ws::{CloseCode, Event, Kind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A message that owns its payload, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it carries.
    pub kind: Kind,
    /// Its bytes; UTF-8 if it is text, of which a character may be cut between two pieces.
    pub payload: Bytes,
    /// Whether the message ends with them: always for a whole message, and for the last piece of one.
    pub last: bool,
}

impl Message {
    /// A binary message.
    pub fn binary(payload: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Binary, payload: payload.into(), last: true }
    }

    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { kind: Kind::Text, payload: text.into().into(), last: true }
    }
}

/// A connection as a stream and a sink of messages. Both directions in two tasks: [`Messages::split`].
///
/// The stream ends when the connection does; the peer's code is then in [`WsReceiver::peer_close`]. It hands out whole
/// messages, or each chunk under a configuration of [`Delivery::Chunks`](sealock_proto::ws::Delivery::Chunks), of which
/// the [last](Message::last) says so. While nobody sends, polling it also writes what is queued.
///
/// The sink takes one message, or one piece after the other of a message until the last, and is ready for the next once
/// that is queued, which waits while 256 KiB are queued and the stream takes no bytes. Both can be polled and let go at
/// any point: nothing is lost.
#[derive(Debug)]
pub struct Messages<I, W: WriteIo> {
    stream: MessageStream<I, W>,
    sink: MessageSink<W>,
}

/// The messages of a receiver.
#[derive(Debug)]
pub struct MessageStream<I, W: WriteIo> {
    receiver: WsReceiver<I, W>,
}

/// A sender as a sink of messages. Closing it closes the connection with [`CloseCode::NORMAL`] and flushes.
///
/// A message is judged by the call behind `start_send`, whose error is its own: the sink then takes others, unless the
/// connection has ended. A message in pieces is still open behind a piece that was refused: the next piece goes on with it,
/// and whoever has none must close.
#[derive(Debug)]
pub struct MessageSink<W: WriteIo> {
    sender: WsSender<W>,
    /// Taken, and not queued yet.
    waiting: Option<Message>,
    /// The message that was queued last goes on.
    goes_on: bool,
}

impl<I, W> Messages<I, W>
where
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    /// Takes the connection.
    #[must_use]
    pub fn new(connection: WsConnection<I, W>) -> Self {
        let (receiver, sender) = connection.split();
        Self {
            stream: MessageStream { receiver },
            sink: MessageSink { sender, waiting: None, goes_on: false },
        }
    }

    /// The two directions, for two tasks.
    #[must_use]
    pub fn split(self) -> (MessageStream<I, W>, MessageSink<W>) {
        (self.stream, self.sink)
    }
}

impl<I, W: WriteIo> MessageStream<I, W> {
    /// The receiver.
    pub const fn get_ref(&self) -> &WsReceiver<I, W> {
        &self.receiver
    }

    /// Gives the receiver back.
    pub fn into_inner(self) -> WsReceiver<I, W> {
        self.receiver
    }
}

impl<W: WriteIo> MessageSink<W> {
    /// The sender.
    pub const fn get_ref(&self) -> &WsSender<W> {
        &self.sender
    }

    /// Gives the sender back. A message that the sink has not queued is not sent.
    pub fn into_inner(self) -> WsSender<W> {
        self.sender
    }

    /// Queues the message that was taken. After an error it is gone.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WsSendError<W::Error>>> {
        let Some(Message { kind, payload, last }) = &self.waiting else { return Poll::Ready(Ok(())) };
        let (last, whole) = (*last, *last && !self.goes_on);
        let outcome = ready!(if whole {
            self.sender.poll_send(cx, *kind, payload)
        } else {
            self.sender.poll_send_chunk(cx, *kind, payload, last)
        });
        self.waiting = None;
        if outcome.is_ok() {
            self.goes_on = !last;
        }
        Poll::Ready(outcome)
    }
}

impl<I, W> Stream for MessageStream<I, W>
where
    I: ReadIo + Unpin,
    W: WriteIo<Error = I::Error> + Unpin,
{
    type Item = Result<Message, WsError<I::Error>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let receiver = &mut self.get_mut().receiver;
        loop {
            let Some(event) = ready!(receiver.poll_next(cx)).transpose() else { return Poll::Ready(None) };
            let (kind, payload, last) = match receiver.resolve(event?) {
                Event::Message { kind, payload } => (kind, payload, true),
                Event::Chunk { kind, payload, last } => (kind, payload, last),
                _ => continue,
            };
            return Poll::Ready(Some(Ok(Message { kind, payload: Bytes::copy_from_slice(payload), last })));
        }
    }
}

impl<W: WriteIo + Unpin> Sink<Message> for MessageSink<W> {
    type Error = WsSendError<W::Error>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_waiting(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        self.get_mut().waiting = Some(message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let sink = self.get_mut();
        ready!(sink.poll_waiting(cx))?;
        sink.sender.poll_flush(cx).map_err(Into::into)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let sink = self.get_mut();
        // Even if the peer closed first: this message was not sent.
        ready!(sink.poll_waiting(cx))?;
        sink.sender.poll_close(cx, CloseCode::NORMAL, "")
    }
}

impl<I, W> Stream for Messages<I, W>
where
    I: ReadIo + Unpin,
    W: WriteIo<Error = I::Error> + Unpin,
{
    type Item = Result<Message, WsError<I::Error>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.get_mut().stream).poll_next(cx)
    }
}

impl<I: Unpin, W: WriteIo + Unpin> Sink<Message> for Messages<I, W> {
    type Error = WsSendError<W::Error>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.get_mut().sink).poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        Pin::new(&mut self.get_mut().sink).start_send(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.get_mut().sink).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.get_mut().sink).poll_close(cx)
    }
}
