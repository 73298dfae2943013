//! One message to a thousand connections over loopback: the CPU time of `send_broadcast` and a flush on each, beside
//! that of one bare write of the same bytes to the same socket. The aim is at most 1.2 times as much.
//!
//! Sending happens on one thread, whose time counts, the tasks of the receiving halves included. Another thread reads
//! everything in between, so that no reader is waiting whom a write would have to wake. The ways to send take turns,
//! round by round. `--test` makes few connections and rounds.
#![forbid(unsafe_code)]

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use sealock_proto::drive::WsConnection;
use sealock_proto::entropy::Seed;
use sealock_tokio::ws::{Broadcast, Config, Kind, Role, Sender};
use sealock_tokio::{SocketOptions, tcp};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use tokio::net::tcp::OwnedWriteHalf;

/// Bytes of a message.
const SIZES: [usize; 3] = [64, 1024, 16 * 1024];
const AIM: f64 = 1.2;

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let (connections, rounds) = if smoke { (20, 2) } else { (1000, 100) };
    // Three for each connection: both ends, and one end's once more for the bare writes.
    let files = 3 * connections as u64 + 100;
    if let Err(limit) = allow_files(files) {
        println!("!! SKIPPED: {files} open files are needed and {limit} allowed: raise the hard limit");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut fan = Fan::new(connections).expect("connections on loopback");
        println!("CPU time for each of {connections} connections, microseconds: medians of {rounds} rounds");
        println!("{:>8} {:>12} {:>12} {:>12} {:>10}", "bytes", "bare write", "broadcast", "send", "ratio");
        for size in SIZES {
            fan.compare(size, rounds).await;
        }
    });
}

/// Raises the limit on open files to `wanted`. Fails with what is allowed.
fn allow_files(wanted: u64) -> Result<(), u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).map_err(|_| limit.maximum.or(limit.current).unwrap_or(0))
}

/// How a message goes to every connection.
#[derive(Clone, Copy)]
enum Way {
    Bare,
    Broadcast,
    Send,
}

const WAYS: [Way; 3] = [Way::Bare, Way::Broadcast, Way::Send];

/// The sending ends of all connections.
struct Fan {
    senders: Vec<Sender<OwnedWriteHalf>>,
    /// The same sockets.
    bare: Vec<TcpStream>,
    /// Asks for so many bytes to be read from each connection.
    ask: mpsc::Sender<usize>,
    done: mpsc::Receiver<()>,
}

impl Fan {
    fn new(connections: usize) -> io::Result<Self> {
        let config = Config::default().with_heartbeat(None).build().expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (mut senders, mut bare, mut readers) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..connections {
            readers.push(TcpStream::connect(address)?);
            let socket = listener.accept()?.0;
            socket.set_nonblocking(true)?;
            bare.push(socket.try_clone()?);
            let io = tcp(tokio::net::TcpStream::from_std(socket)?, &SocketOptions::default())?;
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&n.to_le_bytes());
            let ws = WsConnection::upgraded(&config, Role::Server, &Seed::new(&mut seed), io, &[])
                .expect("no bytes before the first frame");
            let (mut receiver, sender) = ws.split();
            tokio::spawn(async move { while let Ok(Some(_)) = receiver.next().await {} });
            senders.push(sender);
        }
        let (ask, asked) = mpsc::channel();
        let (tell, done) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = Vec::new();
            for bytes in asked {
                buffer.resize(bytes, 0);
                for mut reader in &readers {
                    reader.read_exact(&mut buffer).expect("what was written");
                }
                if tell.send(()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { senders, bare, ask, done })
    }

    async fn compare(&mut self, size: usize, rounds: usize) {
        let message = vec![b'7'; size];
        let broadcast = Broadcast::new(Kind::Binary, &message).expect("not a text");
        let mut times = WAYS.map(|_| Vec::new());
        for round in 0..rounds + 3 {
            for (way, times) in WAYS.into_iter().zip(&mut times) {
                let time = self.round(way, &broadcast).await;
                // The first warm up.
                if round >= 3 {
                    times.push(time);
                }
            }
        }
        let [bare, shared, sent] = times.map(|times| median(times) / self.senders.len() as f64);
        let ratio = shared / bare;
        let verdict = if ratio <= AIM { "it holds" } else { "it does NOT hold" };
        println!("{size:>8} {bare:>12.3} {shared:>12.3} {sent:>12.3} {ratio:>10.3}  aim {AIM}: {verdict}");
    }

    /// Microseconds of this thread.
    async fn round(&mut self, way: Way, broadcast: &Broadcast) -> f64 {
        let frame = frame(broadcast);
        let before = cpu_time();
        match way {
            Way::Bare => {
                for mut socket in &self.bare {
                    assert_eq!(socket.write(&frame).expect("an open socket"), frame.len());
                }
            }
            Way::Broadcast => {
                for sender in &mut self.senders {
                    sender.send_broadcast(broadcast).await.expect("an open connection");
                    sender.flush().await.expect("an open connection");
                }
                self.let_tasks_run().await;
            }
            Way::Send => {
                for sender in &mut self.senders {
                    sender.send(broadcast.kind(), broadcast.payload()).await.expect("an open connection");
                    sender.flush().await.expect("an open connection");
                }
                self.let_tasks_run().await;
            }
        }
        let time = cpu_time() - before;
        self.ask.send(frame.len()).expect("a reader");
        self.done.recv().expect("a reader");
        time
    }

    /// Lets every receiving half do what sending made it do: the runtime runs at most 61 tasks before it asks this one
    /// again.
    async fn let_tasks_run(&self) {
        for _ in 0..=self.senders.len() / 61 {
            tokio::task::yield_now().await;
        }
    }
}

/// What a server puts on the wire (RFC 6455, section 5.2).
fn frame(broadcast: &Broadcast) -> Vec<u8> {
    let payload = broadcast.payload();
    let mut frame = vec![0x82];
    match u16::try_from(payload.len()).expect("a size of SIZES") {
        len @ 0..126 => frame.push(len as u8),
        len => {
            frame.push(126);
            frame.extend(len.to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// This thread's, in microseconds.
fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
