//! Over loopback: what a server's processor does for a message that it echoes. The client is a bare loop on another
//! processor, and the same for all.

use super::feed::{BINARY, Content, head, masked, message};
use super::servers::{SERVERS, tie};
use super::upgrade::connect;
use cpu_time::{ProcessTime, ThreadTime};
use sealock_race::{Result, median};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How messages come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) size: usize,
    pub(crate) connections: usize,
    /// Messages that a connection sends before it waits for their echoes.
    pub(crate) window: usize,
}

const fn load(size: usize, connections: usize, window: usize) -> Load {
    Load { size, connections, window }
}

pub(crate) const LOADS: [Load; 9] = [
    load(64, 1, 1),
    load(64, 1, 64),
    load(64, 100, 1),
    load(64, 100, 64),
    load(1024, 1, 1),
    load(1024, 1, 64),
    load(1024, 100, 1),
    load(64 * 1024, 1, 1),
    load(64 * 1024, 100, 1),
];

/// One server, in the order of [`LOADS`].
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Microseconds of the server's threads for a message.
    pub(crate) us: Vec<f64>,
    /// Thousands of messages a second.
    pub(crate) rate: Vec<f64>,
}

/// Connections, and what goes over them.
pub(crate) struct Clients {
    streams: Vec<TcpStream>,
    burst: Vec<u8>,
    echo: Vec<u8>,
    messages: usize,
}

impl Clients {
    pub(crate) fn new(address: SocketAddr, load: Load) -> Result<Self> {
        let payload = message(Content::Binary, load.size);
        let mut echo = head(BINARY, load.size, 0);
        echo.extend(&payload);
        Ok(Self {
            streams: (0..load.connections).map(|_| connect(address)).collect::<Result<_>>()?,
            burst: masked(BINARY, &payload).repeat(load.window),
            echo: echo.repeat(load.window),
            messages: load.connections * load.window,
        })
    }

    /// Everything out, everything back.
    pub(crate) fn round(&mut self, back: &mut Vec<u8>) -> Result<()> {
        for stream in &mut self.streams {
            stream.write_all(&self.burst)?;
        }
        back.resize(self.echo.len(), 0);
        for stream in &mut self.streams {
            stream.read_exact(back)?;
            if *back != self.echo {
                return Err("the echo differs".into());
            }
        }
        Ok(())
    }

    /// Rounds for about `slice`: microseconds of all other threads for a message, and thousands of messages a second.
    fn slice(&mut self, slice: Duration) -> Result<[f64; 2]> {
        let mut back = Vec::new();
        // Whoever gives buffers back while others run has them again before the clock starts.
        let warm_up = Instant::now();
        while warm_up.elapsed() < slice / 4 {
            self.round(&mut back)?;
        }
        let (wall, process, own) = (Instant::now(), ProcessTime::now(), ThreadTime::now());
        let mut messages = 0;
        while wall.elapsed() < slice {
            self.round(&mut back)?;
            messages += self.messages;
        }
        let server = process.elapsed().saturating_sub(own.elapsed());
        let messages = messages as f64;
        Ok([server.as_secs_f64() * 1e6 / messages, messages / wall.elapsed().as_secs_f64() / 1e3])
    }
}

/// Slices in turn, every server once a round.
pub(crate) fn race(rounds: usize, slice: Duration) -> Result<Vec<Row>> {
    tie(1);
    let mut rows = Vec::new();
    let mut addresses = Vec::new();
    for server in SERVERS {
        addresses.push(server.start()?);
        rows.push(Row { name: server.name, us: Vec::new(), rate: Vec::new() });
    }
    for load in LOADS {
        let mut clients =
            addresses.iter().map(|address| Clients::new(*address, load)).collect::<Result<Vec<_>>>()?;
        let mut samples = vec![Vec::new(); clients.len()];
        for _ in 0..rounds {
            for (clients, samples) in clients.iter_mut().zip(&mut samples) {
                samples.push(clients.slice(slice)?);
            }
        }
        for (row, samples) in rows.iter_mut().zip(samples) {
            row.us.push(median(samples.iter().map(|[us, _]| *us).collect()));
            row.rate.push(median(samples.iter().map(|[_, rate]| *rate).collect()));
        }
    }
    Ok(rows)
}
