//! The program as its users meet it: the built binary, its files, its output and its exit codes.

mod admission;
mod failures;
mod identity;
mod keys;
mod measuring;
mod padding;
mod process;
mod sessions;
mod tickets;
mod udp;
mod ws;
mod wss;
