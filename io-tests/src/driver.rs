//! What a driver is to the scenarios, and its tasks. Every task is a thread of its own that runs the driver's
//! `block_on`.

use sealock_proto::drive::{ReadIo, WriteIo};
use sealock_proto::limit::AdmissionStats;
use std::future::Future;
use std::io;
use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A driver.
pub trait Driver: 'static {
    /// The reading half of its sockets.
    type Read: ReadIo<Error = io::Error> + Send + 'static;
    /// The writing half of its sockets.
    type Write: WriteIo<Error = io::Error> + Send + 'static;
    /// The reading half of a bare TCP stream.
    type RawRead: ReadIo<Error = io::Error> + Send + 'static;
    /// The writing half of a bare TCP stream.
    type RawWrite: WriteIo<Error = io::Error> + Send + 'static;

    /// Runs a future to its end, on this thread.
    fn block_on<T>(future: impl Future<Output = T>) -> T;
    /// The halves of a connected stream. Called within `block_on`.
    fn raw(stream: TcpStream) -> (Self::RawRead, Self::RawWrite);
}

/// Runs a task of a driver beside this thread.
pub fn task<D: Driver, T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    thread::spawn(move || D::block_on(task))
}

/// The result of a task; a panic there is one here.
pub fn join<T>(task: JoinHandle<T>) -> T {
    task.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Waits until a listener's counters are as they should become.
pub(crate) fn until(stats: impl Fn() -> AdmissionStats, reached: impl Fn(AdmissionStats) -> bool) {
    let start = Instant::now();
    while !reached(stats()) {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", stats());
        thread::sleep(Duration::from_millis(1));
    }
}

/// Hands `$list!` every pair of drivers: a name, the server's and the client's.
#[macro_export]
macro_rules! every_pair {
    ($list:ident) => {
        $list! {
            std_to_std, Std, Std;
            std_to_tokio, Std, Tokio;
            std_to_smol, Std, Smol;
            tokio_to_std, Tokio, Std;
            tokio_to_tokio, Tokio, Tokio;
            tokio_to_smol, Tokio, Smol;
            smol_to_std, Smol, Std;
            smol_to_tokio, Smol, Tokio;
            smol_to_smol, Smol, Smol;
        }
    };
}

/// Hands `$list!` every driver with a name.
#[macro_export]
macro_rules! every_driver {
    ($list:ident) => {
        $list! {
            on_std, Std;
            on_tokio, Tokio;
            on_smol, Smol;
        }
    };
}
