//! What the drivers' listeners have in common: taking an address, admission, refusing, and errors of `accept`.

use crate::{Address, ListenError, ListenOptions, SocketOptions, seed, unix_now};
use sealock_proto::drive::{Gate, Permit, ReadIo, SessionConnection, SessionError, WriteIo, refusal_packet};
use sealock_proto::entropy::Seed;
use sealock_proto::guard::{Guard, GuardConfig};
use sealock_proto::limit::{AdmissionStats, Refusal};
use sealock_proto::noise::Role;
use sealock_proto::session::Config;
use sealock_proto::time::Instant;
use socket2::SockRef;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// How long a listener rests when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listening socket of the standard library, for a driver to wrap.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpListener),
    /// Unix-domain.
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

/// What a listener serves, cloned for each stream that is admitted: a session's configuration, or another protocol's.
pub trait Service: Clone + Send + Sync + 'static {
    /// Whether it can listen.
    ///
    /// # Errors
    /// Why not.
    fn check(&self) -> Result<(), ListenError>;

    /// Whether the handshakes of what it serves ask a guard.
    const GUARDED: bool = false;

    /// What to tell a stream that is refused.
    fn refusal(&self, refusal: Refusal) -> impl AsRef<[u8]>;
}

impl Service for Arc<Config> {
    const GUARDED: bool = true;

    fn check(&self) -> Result<(), ListenError> {
        if self.role() == Role::Responder { Ok(()) } else { Err(ListenError::NotResponder) }
    }

    fn refusal(&self, refusal: Refusal) -> impl AsRef<[u8]> {
        refusal_packet(refusal)
    }
}

/// A listener without its socket: what it serves, the admission, and the socket's file.
#[derive(Debug)]
pub struct Door<S = Arc<Config>> {
    service: Mutex<S>,
    socket: SocketOptions,
    gate: Gate,
    address: Address,
    #[cfg(unix)]
    _file: Option<crate::unix::SocketFile>,
}

impl<S: Service> Door<S> {
    /// Takes `address`. A host name is resolved by blocking.
    ///
    /// # Errors
    /// If the address cannot be taken or a setting is wrong.
    pub fn bind(
        address: &Address,
        service: S,
        options: &ListenOptions,
    ) -> Result<(Self, Socket), ListenError> {
        service.check()?;
        let failed = |error| ListenError::Io { address: address.clone(), error };
        let seed = seed().map_err(failed)?;
        let gate = Gate::new(options.admission(), &seed).map_err(ListenError::Admission)?;
        let gate = match options.guard().filter(|_| S::GUARDED) {
            Some(config) => gate.with_guard(guard(config, &seed, unix_now())?),
            None => gate,
        };
        let socket = *options.socket();
        match address {
            Address::Tcp(name) => {
                let listener = TcpListener::bind(name).map_err(failed)?;
                let address = listener.local_addr().map_err(failed)?.into();
                let door = Self {
                    service: Mutex::new(service),
                    socket,
                    gate,
                    address,
                    #[cfg(unix)]
                    _file: None,
                };
                Ok((door, Socket::Tcp(listener)))
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let (listener, file) = crate::unix::bind(path).map_err(failed)?;
                let door = Self {
                    service: Mutex::new(service),
                    socket,
                    gate,
                    address: address.clone(),
                    _file: Some(file),
                };
                Ok((door, Socket::Unix(listener)))
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(failed(ErrorKind::Unsupported.into())),
        }
    }

    /// Asks the admission about a stream just accepted, and only then has it made into two halves. `None`: it was
    /// refused and told so, or is gone already.
    pub fn admit<T, I, W>(
        &self,
        now: Instant,
        stream: T,
        peer: Option<SocketAddr>,
        halves: impl FnOnce(T, &SocketOptions) -> io::Result<(I, W)>,
    ) -> Option<Incoming<I, W, S>>
    where
        for<'s> SockRef<'s>: From<&'s T>,
    {
        match self.gate.admit(now, peer) {
            Ok(permit) => {
                let io = halves(stream, &self.socket).ok()?;
                Some(Incoming { io, service: self.service(), permit, peer })
            }
            Err(refusal) => {
                refuse(&SockRef::from(&stream), self.service().refusal(refusal).as_ref());
                None
            }
        }
    }

    /// What is served to a stream admitted now.
    fn service(&self) -> S {
        self.service.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves `service` to the streams that are admitted from now on. What was admitted before goes on as it began.
    ///
    /// # Errors
    /// If it cannot listen; nothing has changed then.
    pub fn set_service(&self, service: S) -> Result<(), ListenError> {
        service.check()?;
        *self.service.lock().unwrap_or_else(PoisonError::into_inner) = service;
        Ok(())
    }

    /// The admission and the guard.
    #[must_use]
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The address that was taken, with the port the system chose.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// What the admission has counted.
    #[must_use]
    pub fn stats(&self) -> AdmissionStats {
        self.gate.stats()
    }
}

/// The guard of a listener that starts at `unix`, the time by the calendar if it can be told.
fn guard(config: &GuardConfig, seed: &Seed, unix: Option<Duration>) -> Result<Guard, ListenError> {
    // With the start at zero all that was accepted in an earlier run would be fresh once the clock is set.
    if unix.is_none() && config.needs_clock() {
        return Err(ListenError::NoClock);
    }
    Guard::new(config.clone(), seed, unix.unwrap_or_default()).map_err(ListenError::Guard)
}

/// A stream that was admitted, before any work was done for it. It occupies a handshake slot of its listener.
#[must_use = "dropping it closes the stream"]
#[derive(Debug)]
pub struct Incoming<I, W, S = Arc<Config>> {
    io: (I, W),
    service: S,
    permit: Permit,
    peer: Option<SocketAddr>,
}

impl<I, W, S> Incoming<I, W, S> {
    /// The peer's address; `None` on a Unix-domain socket.
    #[must_use]
    pub const fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The two halves of the stream.
    #[must_use]
    pub const fn io(&self) -> &(I, W) {
        &self.io
    }

    /// All of it: the two halves of the stream, what is served on it, and its place at the listener.
    pub fn into_parts(self) -> ((I, W), S, Permit) {
        (self.io, self.service, self.permit)
    }
}

impl<I, W> Incoming<I, W>
where
    I: ReadIo<Error = io::Error>,
    W: WriteIo<Error = io::Error> + Send + 'static,
{
    /// Runs the handshake, for at most the time the session's configuration gives it. In a task of its own, a slow
    /// peer delays nobody.
    ///
    /// # Errors
    /// If the stream or the handshake fails.
    pub async fn handshake(self) -> Result<SessionConnection<I, W>, SessionError<io::Error>> {
        let (io, config, permit) = self.into_parts();
        let seed = seed().map_err(SessionError::Io)?;
        SessionConnection::accept(&config, seed, io, permit).await
    }
}

/// One write that does not block. What the peer has sent is read, as far as it is there: closing a socket with
/// unread bytes resets it, which could overtake the refusal.
fn refuse(socket: &SockRef<'_>, packet: &[u8]) {
    let refuse = || {
        socket.set_nonblocking(true)?;
        let mut socket: &socket2::Socket = socket;
        socket.write_all(packet)?;
        socket.shutdown(Shutdown::Write)?;
        socket.read(&mut [0; 1024])
    };
    // Best effort: a peer that does not hear why is refused all the same.
    let _ = refuse();
}

/// Makes a blocking `accept` at `address` return, by connecting. Fails only where nobody waits: with a full queue,
/// or without a listener. Waits for at most a second.
pub fn wake(address: &Address) {
    match address {
        Address::Tcp(name) => {
            let Ok(mut address) = name.parse::<SocketAddr>() else { return };
            if address.ip().is_unspecified() {
                address.set_ip(match address {
                    SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                    SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
                });
            }
            let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
        }
        #[cfg(unix)]
        Address::Unix(path) => {
            let _ = crate::unix::knock(path);
        }
        #[cfg(not(unix))]
        Address::Unix(_) => {}
    }
}

/// Calls `one` until it has something. It answers `None` for a stream that is refused or gone; other tasks get their
/// turn behind each, since a source that is refused may come back without pause. When the system is out of files or
/// memory, accepting rests for 100 ms of `sleep`.
///
/// # Errors
/// If the listening socket is broken.
pub async fn accept<T, A, S>(
    mut one: impl FnMut() -> A,
    mut sleep: impl FnMut(Duration) -> S,
) -> io::Result<T>
where
    A: Future<Output = io::Result<Option<T>>>,
    S: Future<Output = ()>,
{
    loop {
        match one().await {
            Ok(Some(accepted)) => return Ok(accepted),
            Ok(None) => yield_once().await,
            Err(error) => match AcceptFault::of(&error) {
                AcceptFault::Skip => yield_once().await,
                AcceptFault::Pause => sleep(ACCEPT_PAUSE).await,
                AcceptFault::Fatal => return Err(error),
            },
        }
    }
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What a listener does about an error of `accept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AcceptFault {
    /// That connection is gone; accept the next.
    Skip,
    /// The system is short of something; accept again after [`ACCEPT_PAUSE`].
    Pause,
    /// The listening socket is broken.
    Fatal,
}

impl AcceptFault {
    /// What `error` of `accept` calls for.
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted => Self::Skip,
            ErrorKind::InvalidInput | ErrorKind::NotConnected => Self::Fatal,
            // Too many open files and the like, for which there is no kind; and the network errors of one connection,
            // which Linux reports here (accept(2), "Error handling").
            _ => Self::Pause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[test]
    fn refused_streams_leave_other_tasks_their_turn_and_shortage_rests() {
        let mut answers = vec![
            Ok(Some("in")),
            Err(ErrorKind::OutOfMemory.into()),
            Err(ErrorKind::ConnectionAborted.into()),
            Ok(None),
            Ok(None),
        ];
        let mut rests = Vec::new();
        let sleep = |time| {
            rests.push(time);
            ready(())
        };
        {
            let mut accepting = pin!(accept(|| ready(answers.pop().unwrap()), sleep));
            let mut cx = Context::from_waker(Waker::noop());
            for _ in 0..3 {
                assert!(accepting.as_mut().poll(&mut cx).is_pending());
            }
            assert!(matches!(accepting.as_mut().poll(&mut cx), Poll::Ready(Ok("in"))));
        }
        assert_eq!(rests, [ACCEPT_PAUSE]);
    }

    #[test]
    fn without_a_clock_no_listener_starts_that_must_know_when_it_did() {
        let seed = Seed::new(&mut [1; 32]);
        let start = |config: &GuardConfig, unix| guard(config, &seed, unix).map(|_| ());
        let config = GuardConfig::default();
        assert!(matches!(start(&config, None), Err(ListenError::NoClock)));
        assert!(start(&config, Some(Duration::from_secs(1))).is_ok());
        assert!(start(&config.with_replay(None).with_spent_tickets(None), None).is_ok());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_a_broken_listener_gives_up() {
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;
        const EINVAL: i32 = 22;
        const ENOBUFS: i32 = 105;
        const ECONNABORTED: i32 = 103;
        const EOPNOTSUPP: i32 = 95;
        const EHOSTUNREACH: i32 = 113;
        for (errno, want) in [
            (EMFILE, AcceptFault::Pause),
            (ENFILE, AcceptFault::Pause),
            (ENOBUFS, AcceptFault::Pause),
            (ECONNABORTED, AcceptFault::Skip),
            (EOPNOTSUPP, AcceptFault::Pause),
            (EHOSTUNREACH, AcceptFault::Pause),
            (EINVAL, AcceptFault::Fatal),
        ] {
            assert_eq!(AcceptFault::of(&io::Error::from_raw_os_error(errno)), want, "{errno}");
        }
    }
}
