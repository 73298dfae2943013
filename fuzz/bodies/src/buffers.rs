//! The buffers that drivers own, against plain vectors.
//!
//! Byte 0 of an input chooses the buffer (even: `RxBuf`, odd: `TxBuf`), byte 1 its limit; then come operations of
//! three bytes: what to do and a size.
//!
//! A buffer gives back what was put into it, in order; it never holds more than its limit, nor more memory than
//! its documentation allows.

use crate::input::Input;
use sealock_proto::buf::{Full, RxBuf, TxBuf};

const LIMITS: [usize; 8] = [0, 1, 7, 64, 1000, 8192, 20_000, 300_000];

/// Capacity that a read buffer may have however little it holds.
const SMALL: usize = 8 * 1024;

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let receives = input.byte() % 2 == 0;
    let limit = input.pick(&LIMITS);
    if receives { run_rx(&mut input, limit) } else { run_tx(&mut input, limit) }
}

/// Different bytes, so that none may stand for another.
#[derive(Default)]
struct Counter(u8);

impl Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_add(1) % 251;
            *byte = self.0;
        }
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.fill(&mut bytes);
        bytes
    }
}

fn run_rx(input: &mut Input<'_>, max: usize) {
    let mut rx = RxBuf::new(max);
    let (mut model, mut counter, mut most) = (Vec::<u8>::new(), Counter::default(), 0);
    while !input.is_empty() {
        let (operation, size) = (input.byte(), input.size());
        match operation % 6 {
            0 | 1 => {
                // What is asked for and what is read are different things.
                let need = if operation % 2 == 0 { size } else { usize::from(operation) };
                let spare = rx.spare_mut(need);
                assert!(spare.is_empty() <= (model.len() == max), "no room below the maximum");
                let held = model.len();
                let wanted = need.max(1).min((2 * held).max(SMALL) - held).min(max - held);
                assert!(spare.len() >= wanted, "{} bytes of room, {wanted} due", spare.len());
                let read = size.min(spare.len());
                counter.fill(&mut spare[..read]);
                model.extend_from_slice(&spare[..read]);
                rx.commit(read);
            }
            2 if operation >= 128 => {
                let bytes = counter.bytes(size);
                let appended = rx.append(&bytes);
                assert_eq!(appended, size.min(max - model.len()));
                model.extend_from_slice(&bytes[..appended]);
            }
            2 => {
                // More than there is room for is clamped.
                let spare = rx.spare_mut(size);
                counter.fill(spare);
                model.extend_from_slice(spare);
                rx.commit(usize::MAX - size);
            }
            3 => {
                rx.consume(size);
                model.drain(..size.min(model.len()));
            }
            4 => {
                rx.filled_mut().iter_mut().for_each(|byte| *byte ^= operation);
                model.iter_mut().for_each(|byte| *byte ^= operation);
            }
            _ => {
                rx.release();
                if model.is_empty() {
                    assert_eq!(rx.capacity(), 0, "memory of an empty buffer that was released");
                    most = 0;
                }
            }
        }
        most = most.max(model.len());
        assert_eq!(rx.filled(), model);
        assert_eq!((rx.len(), rx.is_empty(), rx.max()), (model.len(), model.is_empty(), max));
        let allowed = max.min(SMALL.max(2 * most));
        assert!(rx.capacity() <= allowed, "{} bytes for at most {most} held", rx.capacity());
    }
}

fn run_tx(input: &mut Input<'_>, limit: usize) {
    let mut tx = TxBuf::new(limit);
    let (mut sealed, mut open, mut counter) = (Vec::<u8>::new(), Vec::<u8>::new(), Counter::default());
    while !input.is_empty() {
        let (operation, size) = (input.byte(), input.size());
        match operation % 6 {
            0 | 1 => {
                let bytes = counter.bytes(size);
                let fits = sealed.len() + open.len() + size <= limit;
                assert_eq!(tx.push(&bytes), if fits { Ok(()) } else { Err(Full) });
                if fits {
                    open.extend_from_slice(&bytes);
                }
            }
            2 => {
                tx.open_mut().iter_mut().for_each(|byte| *byte ^= operation);
                open.iter_mut().for_each(|byte| *byte ^= operation);
                tx.seal();
                sealed.append(&mut open);
            }
            3 => {
                tx.consume(size);
                sealed.drain(..size.min(sealed.len()));
            }
            4 => {
                tx.truncate_open(size);
                open.truncate(size);
            }
            _ => {
                tx.release();
                assert!(!tx.is_empty() || tx.capacity() == 0, "memory of an empty buffer that was released");
            }
        }
        let len = sealed.len() + open.len();
        assert_eq!((tx.sealed(), tx.open_len()), (&sealed[..], open.len()));
        assert_eq!(tx.open_mut(), open);
        assert_eq!((tx.len(), tx.is_empty(), tx.room()), (len, len == 0, limit - len));
        assert_eq!(tx.limit(), limit);
        assert!(tx.capacity() <= limit + limit / 8, "{} bytes of memory", tx.capacity());
    }
}
