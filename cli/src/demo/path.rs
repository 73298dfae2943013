//! A bad path for datagrams, on loopback: it loses some on the way there, sends some twice and some late, and its far end
//! moves to another port half-way.

use anyhow::Result;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Datagrams at least this long are messages; the path is kind to everything else but the first.
const MESSAGE: usize = 500;
/// One in so many is lost, doubled, late.
const LOSES: u64 = 5;
const DOUBLES: u64 = 7;
const DELAYS: u64 = 11;
/// How soon the path sees that it has to end.
const TICK: Duration = Duration::from_millis(20);

/// What became of the messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Toll {
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) overtaken: u64,
    /// Let through, once or twice.
    pub(super) passed: u64,
}

/// A path under way.
pub(super) struct Path {
    entry: SocketAddr,
    ended: Arc<AtomicBool>,
    there: JoinHandle<Toll>,
}

impl Path {
    /// A path to `target`, whose far end moves after so many messages.
    pub(super) fn to(target: SocketAddr, moves_after: u64) -> Result<Self> {
        let near = socket()?;
        let far = [socket()?, socket()?];
        let (ended, back) = (Arc::new(AtomicBool::new(false)), Arc::new(OnceLock::new()));
        for far in &far {
            let (far, near) = (far.try_clone()?, near.try_clone()?);
            let (ended, back) = (Arc::clone(&ended), Arc::clone(&back));
            thread::spawn(move || {
                each(&far, &ended, |datagram, _| {
                    if let Some(client) = back.get() {
                        let _ = near.send_to(datagram, client);
                    }
                });
            });
        }
        let entry = near.local_addr()?;
        let stop = Arc::clone(&ended);
        let there = thread::spawn(move || {
            let mut way = Way { far, target, moves_after, toll: Toll::default(), late: None };
            each(&near, &stop, |datagram, client| {
                if back.set(client).is_ok() {
                    // The first of all is lost.
                    return;
                }
                way.take(datagram);
            });
            way.toll
        });
        Ok(Self { entry, ended, there })
    }

    /// Where to send to.
    pub(super) const fn entry(&self) -> SocketAddr {
        self.entry
    }

    /// Ends the path.
    pub(super) fn end(self) -> Toll {
        self.ended.store(true, Ordering::Relaxed);
        self.there.join().unwrap_or_default()
    }
}

/// The way there.
struct Way {
    far: [UdpSocket; 2],
    target: SocketAddr,
    moves_after: u64,
    toll: Toll,
    /// Sent behind the next one.
    late: Option<Vec<u8>>,
}

impl Way {
    fn take(&mut self, datagram: &[u8]) {
        if datagram.len() < MESSAGE {
            self.deliver_late();
            return self.deliver(datagram);
        }
        let number = self.toll.lost + self.toll.passed + 1;
        if number % LOSES == 0 {
            self.toll.lost += 1;
            return;
        }
        self.toll.passed += 1;
        if number % DELAYS == 0 && self.late.is_none() {
            self.toll.overtaken += 1;
            self.late = Some(datagram.to_vec());
            return;
        }
        self.deliver(datagram);
        if number % DOUBLES == 0 {
            self.toll.doubled += 1;
            self.deliver(datagram);
        }
        self.deliver_late();
    }

    fn deliver_late(&mut self) {
        if let Some(late) = self.late.take() {
            self.deliver(&late);
        }
    }

    fn deliver(&self, datagram: &[u8]) {
        let moved = self.toll.lost + self.toll.passed > self.moves_after;
        // What the system does not take is missing in the end, and seen to be.
        let _ = self.far[usize::from(moved)].send_to(datagram, self.target);
    }
}

fn socket() -> Result<UdpSocket> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.set_read_timeout(Some(TICK))?;
    Ok(socket)
}

/// Gives every datagram and its source to `take` until the end.
fn each(socket: &UdpSocket, ended: &AtomicBool, mut take: impl FnMut(&[u8], SocketAddr)) {
    let mut buffer = vec![0; 2048];
    while !ended.load(Ordering::Relaxed) {
        match socket.recv_from(&mut buffer) {
            Ok((len, source)) => take(&buffer[..len], source),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // The other end's socket is closed, as it may be in the end.
            Err(_) => {}
        }
    }
}
