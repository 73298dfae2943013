//! The receiving half of a session, and how it comes to be.

use super::session::{Closed, HandshakePayload, PeerClose, SessionError, SessionNext, SessionSendError};
use super::session_sender::SessionSender;
use super::{Connection, DriveError, Permit, ReadIo, Receiver, TicketStore, Transport, WriteIo};
use crate::buf::{RxBuf, Span, TxBuf};
use crate::entropy::Seed;
use crate::noise::Role;
use crate::resume::ClientTicket;
use crate::session::{
    self, CloseCode, Config, Error, Event, ExportError, SendError, Session, SessionInfo, Stats,
};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker, ready};
#[cfg(feature = "tls")]
use rustls::pki_types::CertificateDer;

/// The most bytes queued for the peer; memory is taken as it is needed.
pub(super) const TX_LIMIT: usize = 256 * 1024;

/// Receives the messages of a session. It also answers the peer, keeps the deadlines and closes the stream in the
/// end, so it must be polled while the session lives.
pub struct SessionReceiver<I, W: WriteIo> {
    inner: Inner<I, W>,
    info: SessionInfo,
    /// Nothing of `info` changes any more: the peer's first record is here.
    settled: bool,
    payloads: Vec<HandshakePayload>,
    peer_close: Option<PeerClose>,
    undelivered: u64,
    /// Where the ticket goes that the peer gives.
    tickets: Option<TicketStore>,
    /// The listener's place for this session, held by both halves.
    permit: Option<Arc<Permit>>,
}

pub(super) async fn establish<I, W>(
    config: &Arc<Config>,
    seed: Seed,
    io: Transport<I, W>,
    ticket: Option<&ClientTicket>,
    permit: Option<&Permit>,
) -> Result<(SessionReceiver<I, W>, SessionSender<W>), SessionError<I::Error>>
where
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    let now = io.read.now();
    let session = match ticket {
        Some(ticket) => Session::resume(config, ticket, seed, now),
        None => Session::new(config, seed, now),
    };
    let mut session = session.map_err(DriveError::Protocol)?;
    if let Some(unix) = io.read.unix() {
        session = session.with_unix_time(unix);
    }
    if permit.is_some() {
        session = session.asking();
    }
    let (sender, receiver) = session.split();
    let (rx, tx) = (RxBuf::new(config.rx_limit()), TxBuf::new(TX_LIMIT));
    let (mut inner, sender) = Connection::new((receiver, sender), io, rx, tx).split();
    let mut payloads = Vec::new();
    loop {
        match inner.next().await? {
            Some(Event::HandshakePayload { payload, security }) => {
                payloads.push(HandshakePayload { bytes: payload.to_vec(), security });
            }
            Some(Event::Established) => break,
            Some(Event::Question) => {
                let Some((permit, question)) = permit.zip(inner.half().question()) else { continue };
                let now = inner.io().now();
                let answer = permit.answer(now, inner.io().unix(), &question);
                // A refusal ends the session: the next call says so.
                let _ = inner.half_mut().answer(now, answer);
            }
            // Nothing else comes before; an end without a failure is the peer's.
            Some(_) | None => {
                let error = inner.half().failure().unwrap_or(Error::Truncated);
                return Err(DriveError::Protocol(error));
            }
        }
    }
    let Some(info) = inner.half().info() else { return Err(DriveError::Protocol(Error::Truncated)) };
    let mut sender = SessionSender::new(sender);
    if config.proves_identity() {
        // The peer may wait for it. What the stream does not take at once leaves while the receiver waits.
        if let Poll::Ready(sent) = sender.poll_flush(&mut Context::from_waker(Waker::noop())) {
            sent?;
        }
        if let Some(error) = inner.half().failure() {
            return Err(DriveError::Protocol(error));
        }
    }
    Ok((SessionReceiver { payloads, ..SessionReceiver::new(inner, info) }, sender))
}

type Inner<I, W> = Receiver<session::Receiver, session::Sender, I, W>;

impl<I, W> SessionReceiver<I, W>
where
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    pub(super) const fn new(inner: Inner<I, W>, info: SessionInfo) -> Self {
        Self {
            inner,
            info,
            settled: info.identity.is_some(),
            payloads: Vec::new(),
            peer_close: None,
            undelivered: 0,
            tickets: None,
            permit: None,
        }
    }

    /// The loop's half, and a way to have this one again with it.
    pub(super) fn into_inner(self) -> (Inner<I, W>, impl FnOnce(Inner<I, W>) -> Self) {
        let Self { inner, info, settled, payloads, peer_close, undelivered, tickets, permit } = self;
        let again =
            move |inner| Self { inner, info, settled, payloads, peer_close, undelivered, tickets, permit };
        (inner, again)
    }

    /// The reading half of the stream.
    pub const fn io(&self) -> &I {
        self.inner.io()
    }

    pub(super) const fn is_over_tls(&self) -> bool {
        self.inner.is_over_tls()
    }

    /// The next message or other event; its payload lies in the receive buffer and is gone with the next call.
    /// `None` once the session has ended and the stream is closed, and ever after. A session that its listener has ended
    /// ([`Gate::set_policy`](super::Gate::set_policy), or a newer session of its key) delivers no message any more.
    ///
    /// Can be dropped at any point: an event is returned by the same poll that decoded it.
    ///
    /// # Errors
    /// Once: the session or the stream failed. What the session owed the peer has been sent, as far as the stream
    /// took it at once.
    pub async fn next(&mut self) -> SessionNext<&mut [u8], I::Error> {
        let event = poll_fn(|cx| self.poll_next(cx)).await?;
        Ok(event.map(|event| self.resolve(event)))
    }

    /// Like [`SessionReceiver::next`], with the payload's place instead of the payload: see
    /// [`SessionReceiver::resolve`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionNext<Span, I::Error>> {
        let event = loop {
            let polled = self.inner.poll_next(cx);
            if !self.settled {
                self.settle(polled.is_ready());
            }
            match ready!(polled)? {
                Some(Event::Message(_)) if self.permit.as_ref().is_some_and(|permit| permit.is_ended()) => {
                    self.undelivered = self.undelivered.saturating_add(1);
                }
                event => break event,
            }
        };
        match event {
            Some(Event::Closed { code, reason }) => {
                if let Event::Closed { reason, .. } = self.inner.resolve(Event::Closed { code, reason }) {
                    let reason = String::from_utf8_lossy(reason).into_owned();
                    self.peer_close = Some(PeerClose { code, reason });
                }
            }
            Some(Event::Ticket) => {
                self.keep_ticket();
            }
            _ => {}
        }
        Poll::Ready(Ok(event))
    }

    /// Looks whether the peer's first record is here: it proves the peer's key, and the identity in it is known with the
    /// first event behind it.
    fn settle(&mut self, event: bool) {
        if self.inner.half().stats().received.records == 0 {
            return;
        }
        if let Some(permit) = &self.permit {
            permit.proven(self.inner.io().now());
        }
        if event {
            self.settled = true;
            self.info = self.inner.half().info().unwrap_or(self.info);
        }
    }

    /// Whether a responder has the proof of the key that its peer shows, and not its word only.
    pub(super) fn peer_is_proven(&self) -> bool {
        let info = self.info;
        self.settled || info.resumed || info.protocol.proves_static(Role::Initiator)
    }

    /// Puts the ticket that came where tickets are kept. Whether there was one, and a place.
    fn keep_ticket(&mut self) -> bool {
        let Some(store) = &self.tickets else { return false };
        self.inner.half_mut().take_ticket().map(|ticket| store.put(ticket)).is_some()
    }

    /// The ticket that [`Event::Ticket`] told of, once: to resume this session in another connection. Where tickets are kept
    /// by whoever connects again ([`Resumption::Store`](super::Resumption::Store)) it is taken from there.
    pub fn take_ticket(&mut self) -> Option<ClientTicket> {
        match &self.tickets {
            Some(store) => store.take(self.inner.io().unix()),
            None => self.inner.half_mut().take_ticket(),
        }
    }

    /// [`Receiver::is_at_rest`](super::Receiver::is_at_rest). A ticket that is found is not lost where tickets are kept, and
    /// then nothing to take.
    pub fn is_at_rest(&mut self) -> bool {
        self.inner.is_at_rest() || (self.keep_ticket() && self.inner.is_at_rest())
    }

    /// The event last returned by [`SessionReceiver::poll_next`] with its payload.
    pub fn resolve(&mut self, event: Event<Span>) -> Event<&mut [u8]> {
        self.inner.resolve(event)
    }

    /// Receives to the end, dropping and counting messages. For use behind a close of this end or the peer's.
    ///
    /// # Errors
    /// As [`SessionReceiver::next`].
    pub async fn finish(&mut self) -> Result<Closed, SessionError<I::Error>> {
        poll_fn(|cx| self.poll_finish(cx)).await?;
        Ok(Closed { undelivered: self.undelivered, peer: self.peer_close.clone() })
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SessionError<I::Error>>> {
        // A flood does not hold other tasks: `poll_next` gives them their turn.
        while let Some(event) = ready!(self.poll_next(cx))? {
            if let Event::Message(_) = event {
                self.undelivered = self.undelivered.saturating_add(1);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// [`SessionConnection::close`](super::SessionConnection::close) for halves that are apart; `sender` is the
    /// other half of this session.
    ///
    /// # Errors
    /// As there.
    pub async fn close(
        &mut self,
        sender: &mut SessionSender<W>,
        code: CloseCode,
        reason: &str,
    ) -> Result<Closed, SessionSendError<I::Error>> {
        match sender.queue_close(code, reason).await {
            Ok(()) | Err(DriveError::Protocol(SendError::Closed)) => {}
            Err(error) => return Err(error),
        }
        self.finish().await.map_err(|error| error.map_protocol(SendError::Failed))
    }

    /// The peer and the protocol.
    pub const fn info(&self) -> SessionInfo {
        self.info
    }

    /// [`Session::export`].
    ///
    /// # Errors
    /// [`ExportError::Range`] for a label or length out of range.
    pub fn export(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        self.inner.half().export(label, context, out)
    }

    /// The certificates that the peer has shown in TLS, its own first, followed by those between it and an authority. This
    /// end has checked them by its configuration. They are here from the beginning. `None` without TLS, for a client that
    /// showed none, and once the session has ended. The answer is a copy: keep it rather than ask for each message.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.inner.peer_certificates()
    }

    /// What the peer sent with its handshake messages, in their order.
    #[must_use]
    pub fn handshake_payloads(&self) -> &[HandshakePayload] {
        &self.payloads
    }

    /// What the peer said when it closed, once it has.
    #[must_use]
    pub const fn peer_close(&self) -> Option<&PeerClose> {
        self.peer_close.as_ref()
    }

    /// Messages that arrived during [`SessionReceiver::finish`], or after the listener had ended the session, and were
    /// dropped.
    #[must_use]
    pub const fn undelivered(&self) -> u64 {
        self.undelivered
    }

    /// What has been counted so far, in both directions.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let sent = self.inner.with_send_half(session::Sender::stats);
        Stats { sent, ..self.inner.half().stats() }
    }

    /// The memory of the buffers of both directions, in bytes. None after a second or two without traffic.
    #[must_use]
    pub fn buffer_memory(&self) -> usize {
        self.inner.buffer_memory()
    }

    pub(super) fn keep_tickets(&mut self, tickets: TicketStore) {
        self.tickets = Some(tickets);
    }

    pub(super) fn hold(&mut self, permit: Arc<Permit>) {
        self.permit = Some(permit);
    }
}

impl<I, W: WriteIo> fmt::Debug for SessionReceiver<I, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionReceiver").field("info", &self.info).finish_non_exhaustive()
    }
}
