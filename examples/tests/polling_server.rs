//! The example `polling_server`.

#[expect(dead_code, reason = "its `main` is called as a program only")]
#[path = "../polling_server.rs"]
mod polling_server;

use polling_server::{CLIENTS, run};
use sealock_examples::{Failure, PROTOCOL, SIZES, echo_client, seed};
use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::machine::{RecvHalf, SendHalf};
use sealock_proto::session::{CloseCode, Config, Event, Outgoing, SendError, Session};
use sealock_proto::time::Instant;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

#[test]
fn one_thread_serves_every_client_every_echo() {
    let echoed = run(CLIENTS, |address| echo_client(address, &SIZES)).unwrap();
    assert_eq!(echoed, (CLIENTS * SIZES.len()) as u64);
}

/// More than the buffers between two ends on loopback hold.
const FLOOD: usize = 200;

/// Sends everything before it reads an echo: its writer is another thread, which must come to a stop.
fn flood(address: SocketAddr) -> Result<usize, Failure> {
    let config = Config::initiator(PROTOCOL.parse()?).with_heartbeat(None).build()?;
    let mut session = Session::new(&config, seed()?, Instant::ZERO)?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let (mut rx, mut tx) = (RxBuf::new(config.rx_limit()), TxBuf::new(64 * 1024));
    while session.info().is_none() {
        session.poll_transmit(Instant::ZERO, &mut tx);
        stream.write_all(tx.sealed())?;
        tx.consume(usize::MAX);
        let recv = session.recv(Instant::ZERO, rx.filled_mut())?;
        let (consumed, need, more) = (recv.consumed, recv.need, recv.event.is_some());
        rx.consume(consumed);
        if !more {
            let n = stream.read(rx.spare_mut(need))?;
            rx.commit(n);
        }
    }
    let (mut sender, mut receiver) = session.split();
    let mut out = stream.try_clone()?;
    let writer = std::thread::spawn(move || -> Result<(), Failure> {
        for k in 0..=FLOOD {
            let message = vec![k as u8; 100_000];
            let parts = [&message[..]];
            let mut rest = Outgoing::new(&parts);
            loop {
                let result = match k {
                    FLOOD => sender.close(Instant::ZERO, CloseCode::NORMAL, "", &mut tx),
                    _ => sender.send_some(Instant::ZERO, &mut rest, &mut tx),
                };
                sender.poll_transmit(Instant::ZERO, &mut tx);
                out.write_all(tx.sealed())?;
                tx.consume(usize::MAX);
                match result {
                    Ok(()) => break,
                    Err(SendError::Full) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    });
    // Long enough for the writer to fill what lies between; if it is not, the test is only an easier one.
    std::thread::sleep(Duration::from_millis(300));
    let mut echoes = 0;
    while !receiver.is_finished() {
        let recv = receiver.recv(Instant::ZERO, rx.filled_mut())?;
        let (consumed, need, more) = (recv.consumed, recv.need, recv.event.is_some());
        if let Some(Event::Message(message)) = recv.event {
            let message = message.of(rx.filled());
            assert!(message.len() == 100_000 && message.iter().all(|byte| *byte == echoes as u8));
            echoes += 1;
        }
        rx.consume(consumed);
        if !more && !receiver.is_finished() {
            match stream.read(rx.spare_mut(need))? {
                0 => receiver.recv_eof(Instant::ZERO)?,
                n => rx.commit(n),
            }
        }
    }
    assert_eq!(echoes, FLOOD);
    writer.join().map_err(|_| "the writer panicked")??;
    Ok(echoes)
}

#[test]
fn a_peer_that_does_not_read_is_not_read_from_and_loses_nothing() {
    assert_eq!(run(2, flood).unwrap(), 2 * FLOOD as u64);
}
