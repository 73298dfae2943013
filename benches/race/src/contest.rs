//! What all contestants are asked to do. The client's time counts; the server does as the first message says.

use crate::stack::{Label, Link, Result, Stack};
use cpu_time::ProcessTime;
use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const ECHO: u8 = 0;
const SINK: u8 = 1;
const END: u8 = 2;
/// Bytes of an echoed message.
pub(crate) const ECHO_SIZE: usize = 64;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Echo,
    /// Of messages of so many bytes.
    OneWay(usize),
    Handshake,
}

pub(crate) const CASES: [Case; 8] = [
    Case::Echo,
    Case::OneWay(16),
    Case::OneWay(64),
    Case::OneWay(256),
    Case::OneWay(1024),
    Case::OneWay(16 * 1024),
    Case::OneWay(1024 * 1024),
    Case::Handshake,
];

/// Where the scheduler puts two threads decides what a round trip costs. So the client is always on the first processor,
/// and the server beside it on the second, but for round trips on the same one: there a message costs no wake-up of an
/// idle processor, which takes longer than everything else.
fn pin(second: bool) {
    thread_local!(static PINNED: Cell<Option<bool>> = const { Cell::new(None) });
    if PINNED.replace(Some(second)) != Some(second) {
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        if let Some(core) = cores.get(usize::from(second)).or(cores.first()) {
            core_affinity::set_for_current(*core);
        }
    }
}

/// A slice's cost for one message, round trip or handshake: both ends' work is in the CPU time.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) wall_ns: f64,
    pub(crate) cpu_ns: f64,
}

/// A contestant that may be asked for slices in turn with others.
pub(crate) trait Contestant {
    fn label(&self) -> Label;
    /// Does `case` `count` times on a fresh connection, warmed up.
    fn slice(&self, case: Case, count: u64) -> Result<Sample>;
}

/// A contestant with its server, which lives as long as the process.
pub(crate) struct Rig<S> {
    stack: S,
    address: SocketAddr,
}

impl<S: Stack> Rig<S> {
    pub(crate) fn boxed(stack: S) -> Result<Box<dyn Contestant>> {
        let (bound, address) = mpsc::sync_channel(1);
        let server = stack.clone();
        thread::spawn(move || {
            S::run(async {
                let mut listener = match server.bind().await {
                    Ok((listener, address)) => {
                        let _ = bound.send(Ok(address));
                        listener
                    }
                    Err(error) => {
                        let _ = bound.send(Err(error));
                        return;
                    }
                };
                loop {
                    // What goes wrong here, the client misses: it fails there.
                    if let Ok(link) = server.accept(&mut listener).await {
                        let _ = serve(link).await;
                    }
                }
            });
        });
        let address = address.recv()??;
        Ok(Box::new(Self { stack, address }))
    }
}

impl<S: Stack> Contestant for Rig<S> {
    fn label(&self) -> Label {
        self.stack.label()
    }

    fn slice(&self, case: Case, count: u64) -> Result<Sample> {
        pin(false);
        S::run(async {
            if case == Case::Handshake {
                let clock = Clock::start();
                for _ in 0..count {
                    let mut link = self.stack.connect(self.address).await?;
                    // The responder has finished too when it answers.
                    one_way(&mut link, &[], 0).await?;
                    end(link).await?;
                }
                return Ok(clock.sample(count));
            }
            let mut link = self.stack.connect(self.address).await?;
            let warm_up = (count / 10).max(1);
            let sample = match case {
                Case::OneWay(size) => {
                    let message = vec![7; size];
                    one_way(&mut link, &message, warm_up).await?;
                    let clock = Clock::start();
                    one_way(&mut link, &message, count).await?;
                    clock.sample(count)
                }
                _ => {
                    echo(&mut link, warm_up).await?;
                    let clock = Clock::start();
                    echo(&mut link, count).await?;
                    clock.sample(count)
                }
            };
            end(link).await?;
            Ok(sample)
        })
    }
}

struct Clock {
    wall: Instant,
    cpu: ProcessTime,
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu: ProcessTime::now() }
    }

    fn sample(&self, count: u64) -> Sample {
        let each = |time: Duration| time.as_nanos() as f64 / count as f64;
        Sample { wall_ns: each(self.wall.elapsed()), cpu_ns: each(self.cpu.elapsed()) }
    }
}

async fn command<L: Link>(link: &mut L, what: u8, count: u64) -> Result<()> {
    let mut message = [what; 9];
    message[1..].copy_from_slice(&count.to_le_bytes());
    link.send(&message).await
}

async fn one_way<L: Link>(link: &mut L, message: &[u8], count: u64) -> Result<()> {
    command(link, SINK, count).await?;
    for _ in 0..count {
        link.send(message).await?;
    }
    link.flush().await?;
    link.recv(<[u8]>::len).await?;
    Ok(())
}

async fn echo<L: Link>(link: &mut L, count: u64) -> Result<()> {
    command(link, ECHO, count).await?;
    for _ in 0..count {
        link.send(&[7; ECHO_SIZE]).await?;
        link.flush().await?;
        if link.recv(<[u8]>::len).await? != ECHO_SIZE {
            return Err("an echo of another length".into());
        }
    }
    Ok(())
}

async fn end<L: Link>(mut link: L) -> Result<()> {
    command(&mut link, END, 0).await?;
    link.flush().await?;
    link.finish().await
}

async fn serve<L: Link>(mut link: L) -> Result<()> {
    let mut echoed = Vec::with_capacity(ECHO_SIZE);
    loop {
        let [what, count @ ..] = link.recv(|message| <[u8; 9]>::try_from(message)).await??;
        let count = u64::from_le_bytes(count);
        pin(what != ECHO);
        match what {
            ECHO => {
                for _ in 0..count {
                    echoed.clear();
                    link.recv(|message| echoed.extend_from_slice(message)).await?;
                    link.send(&echoed).await?;
                    link.flush().await?;
                }
            }
            SINK => {
                for _ in 0..count {
                    link.recv(<[u8]>::len).await?;
                }
                link.send(&[0]).await?;
                link.flush().await?;
            }
            _ => return Ok(()),
        }
    }
}
