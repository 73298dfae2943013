//! Messages as a `Stream` and a `Sink` of [`Bytes`], for code that is written against those.
//!
//! Each message received is copied into memory of its own; [`SessionReceiver::next`] lends instead.

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use sealock_proto::drive::{
    ReadIo, SessionConnection, SessionError, SessionReceiver, SessionSendError, SessionSender, WriteIo,
};
use sealock_proto::session::{CloseCode, Event, Outgoing, Progress};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The messages of a receiver. Ends when the session does; the peer's code is then in
/// [`SessionReceiver::peer_close`].
#[derive(Debug)]
pub struct MessageStream<I, W: WriteIo> {
    receiver: SessionReceiver<I, W>,
}

impl<I, W: WriteIo> MessageStream<I, W> {
    /// Takes the receiver.
    pub const fn new(receiver: SessionReceiver<I, W>) -> Self {
        Self { receiver }
    }

    /// The receiver.
    pub const fn get_ref(&self) -> &SessionReceiver<I, W> {
        &self.receiver
    }

    /// Gives the receiver back.
    pub fn into_inner(self) -> SessionReceiver<I, W> {
        self.receiver
    }
}

impl<I, W> Stream for MessageStream<I, W>
where
    I: ReadIo + Unpin,
    W: WriteIo<Error = I::Error> + Unpin,
{
    type Item = Result<Bytes, SessionError<I::Error>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let receiver = &mut self.get_mut().receiver;
        loop {
            let Some(event) = ready!(receiver.poll_next(cx)).transpose() else { return Poll::Ready(None) };
            if let Event::Message(message) = receiver.resolve(event?) {
                return Poll::Ready(Some(Ok(Bytes::copy_from_slice(message))));
            }
        }
    }
}

/// A sender as a sink of messages. Closing it closes the session with [`CloseCode::NORMAL`] and flushes.
///
/// A message is judged by the call behind `start_send`, whose error is its own: the sink then takes others, unless the
/// session has ended.
#[derive(Debug)]
pub struct MessageSink<W: WriteIo> {
    sender: SessionSender<W>,
    /// The message that is not accepted in full, and how far it is.
    begun: Option<(Bytes, Progress)>,
}

impl<W: WriteIo> MessageSink<W> {
    /// Takes the sender.
    pub const fn new(sender: SessionSender<W>) -> Self {
        Self { sender, begun: None }
    }

    /// The sender.
    pub const fn get_ref(&self) -> &SessionSender<W> {
        &self.sender
    }

    /// Gives the sender back. A message the sink has not sent in full is not sent.
    pub fn into_inner(self) -> SessionSender<W> {
        self.sender
    }

    /// Sends the rest of the message that was begun. After an error that message is gone.
    fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SessionSendError<W::Error>>> {
        let Some((message, progress)) = &mut self.begun else { return Poll::Ready(Ok(())) };
        let parts = [&message[..]];
        let mut rest = Outgoing::resumed(&parts, *progress);
        let outcome = self.sender.poll_send(cx, &mut rest);
        *progress = rest.progress();
        if outcome.is_ready() {
            self.begun = None;
        }
        outcome
    }
}

impl<W: WriteIo + Unpin> Sink<Bytes> for MessageSink<W> {
    type Error = SessionSendError<W::Error>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_begun(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Bytes) -> Result<(), Self::Error> {
        self.get_mut().begun = Some((message, Progress::default()));
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let sink = self.get_mut();
        ready!(sink.poll_begun(cx))?;
        sink.sender.poll_flush(cx).map_err(Into::into)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let sink = self.get_mut();
        // Even if the peer closed first: this message was not sent.
        ready!(sink.poll_begun(cx))?;
        sink.sender.poll_close(cx, CloseCode::NORMAL, "")
    }
}

/// A whole connection as a stream and a sink. While nobody sends, polling the stream also writes what is queued.
#[derive(Debug)]
pub struct Messages<I, W: WriteIo> {
    stream: MessageStream<I, W>,
    sink: MessageSink<W>,
}

impl<I, W> Messages<I, W>
where
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    /// Takes the connection.
    #[must_use]
    pub fn new(connection: SessionConnection<I, W>) -> Self {
        let (receiver, sender) = connection.split();
        Self { stream: MessageStream::new(receiver), sink: MessageSink::new(sender) }
    }

    /// The two directions, for two tasks.
    #[must_use]
    pub fn split(self) -> (MessageStream<I, W>, MessageSink<W>) {
        (self.stream, self.sink)
    }
}

impl<I, W> Stream for Messages<I, W>
where
    I: ReadIo + Unpin,
    W: WriteIo<Error = I::Error> + Unpin,
{
    type Item = Result<Bytes, SessionError<I::Error>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.get_mut().stream).poll_next(cx)
    }
}

impl<I: Unpin, W: WriteIo + Unpin> Sink<Bytes> for Messages<I, W> {
    type Error = SessionSendError<W::Error>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.get_mut().sink).poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Bytes) -> Result<(), Self::Error> {
        Pin::new(&mut self.get_mut().sink).start_send(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.get_mut().sink).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.get_mut().sink).poll_close(cx)
    }
}
