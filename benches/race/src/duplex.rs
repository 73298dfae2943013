//! A session in halves on two threads: both directions at once, over one direction at a time. In memory.

use crate::memory::{configs, ends};
use crate::stack::Result;
use sealock_proto::buf::TxBuf;
use sealock_proto::machine::{RecvHalf, SendHalf};
use sealock_proto::noise::Provider;
use sealock_proto::session::{Event, Receiver, Sender};
use sealock_race::median;
use std::thread;
use std::time::Instant;

const MESSAGE: usize = 16 * 1024;
const MESSAGES: usize = 2_000;
const ROUNDS: usize = 11;

/// Throughput both ways at once over that of one way.
pub(crate) struct Gain {
    pub(crate) provider: &'static str,
    pub(crate) aead: &'static str,
    pub(crate) ratio: f64,
}

/// Seals what the other direction carries.
fn send(sender: &mut Sender, tx: &mut TxBuf) -> Result<()> {
    let message = vec![7; MESSAGE];
    let now = sealock_proto::time::Instant::ZERO;
    for _ in 0..MESSAGES {
        sender.send(now, &message, tx)?;
        sender.poll_transmit(now, tx);
        tx.consume(usize::MAX);
    }
    Ok(())
}

/// Opens what was recorded.
fn receive(receiver: &mut Receiver, mut recorded: &mut [u8]) -> Result<()> {
    let now = sealock_proto::time::Instant::ZERO;
    let mut messages = 0;
    while !recorded.is_empty() {
        let recv = receiver.recv(now, recorded)?;
        messages += usize::from(matches!(recv.event, Some(Event::Message(_))));
        if recv.event.is_none() && recv.consumed == 0 {
            break;
        }
        recorded = recorded.split_at_mut(recv.consumed).1;
    }
    if messages == MESSAGES { Ok(()) } else { Err("messages are missing".into()) }
}

fn nanos(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let begin = Instant::now();
    work()?;
    Ok(begin.elapsed().as_nanos() as f64)
}

fn gain(provider: Provider, aead: &'static str) -> Result<Gain> {
    let [a, mut b] = ends(&configs(provider, aead)?);
    let (mut sender, mut receiver) = a.session.split();
    let mut tx = TxBuf::new(256 * 1024);
    let message = vec![7; MESSAGE];
    // What the peer sends, anew for each run: no record can be opened twice.
    let mut record = || -> Result<Vec<u8>> {
        let mut recorded = Vec::with_capacity(MESSAGES * (MESSAGE + 64));
        for _ in 0..MESSAGES {
            b.session.send(b.now, &message, &mut b.tx)?;
            b.session.poll_transmit(b.now, &mut b.tx);
            recorded.extend_from_slice(b.tx.sealed());
            b.tx.consume(usize::MAX);
        }
        Ok(recorded)
    };
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (mut alone, mut together) = (record()?, record()?);
        let one_way = nanos(|| send(&mut sender, &mut tx))? + nanos(|| receive(&mut receiver, &mut alone))?;
        let both = nanos(|| {
            thread::scope(|scope| {
                let receiving = scope.spawn(|| receive(&mut receiver, &mut together));
                send(&mut sender, &mut tx)?;
                receiving.join().map_err(|_| "the receiving thread panicked")?
            })
        })?;
        ratios.push(one_way / both);
    }
    Ok(Gain { provider: provider.name(), aead, ratio: median(ratios) })
}

pub(crate) fn gains() -> Result<Vec<Gain>> {
    let mut all = Vec::new();
    for provider in Provider::ALL {
        for aead in crate::AEADS {
            all.push(gain(*provider, aead)?);
        }
    }
    Ok(all)
}
