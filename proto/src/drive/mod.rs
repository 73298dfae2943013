//! The one driver loop. An adapter supplies the two I/O traits; everything else lives here.

mod io;

pub use io::{ReadIo, WriteIo};
