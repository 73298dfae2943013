//! The command line: what can be asked for, and its help. No command is carried out here.

mod admission;
mod session;
mod ws;

pub(crate) use admission::Admission;
pub(crate) use session::{Driver, Ends, ExpectIdentity, Session};
pub(crate) use ws::{TlsIdentity, Ws, WsConnect, WsListen, WsOptions};

use clap::{ArgGroup, Args, Parser, Subcommand};
use sealock_proto::noise::PublicKey;
use std::path::PathBuf;
use std::time::Duration;

/// Authenticated, encrypted, framed sessions over TCP and Unix sockets.
///
/// Each end has a key; both prove theirs in a Noise handshake, and everything behind it is encrypted.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "\
Start here:
  sealock demo                                       see everything work, in one process
  sealock listen 127.0.0.1:7000                      in one terminal
  sealock connect 127.0.0.1:7000                     in another: type, and press ctrl-D"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Keygen(Keygen),
    Pubkey(Pubkey),
    Listen(Listen),
    Connect(Connect),
    Bench(Bench),
    #[command(subcommand)]
    Ws(Ws),
    Demo(Demo),
}

/// Make a secret key and print its public key
///
/// The file is readable by its owner only. An existing file is never overwritten.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealock keygen server.key                          prints the public key: give it to your peers
  sealock keygen --psk shared.psk                    a key both ends keep, for --psk-file
  sealock keygen --identity my.id                    prints the identity: give it to your peers")]
pub(crate) struct Keygen {
    /// The file to make; its directory must exist
    #[arg(value_name = "FILE", default_value = "sealock.key")]
    pub(crate) file: PathBuf,
    /// Make a pre-shared key instead, a secret that both ends need a copy of
    #[arg(long)]
    pub(crate) psk: bool,
    /// Make an Ed25519 key instead, to prove an identity beside the key of the handshake: see --identity of the other
    /// commands
    #[arg(long, conflicts_with = "psk")]
    pub(crate) identity: bool,
}

/// Print the public key of a secret key, or that of an identity
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sealock pubkey server.key")]
pub(crate) struct Pubkey {
    /// A file made by `sealock keygen`
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Wait for a peer; send it what comes in on standard input, print what it sends
///
/// Where it listens and its public key are told on standard error. At the end of standard input everything
/// sent is delivered, the peer's last messages are taken, and the program ends.
///
/// Without --key the key is a temporary one. Whoever proves a key (XX) or asks only for that of the listener
/// (NX) is let in; --peer lets in the owners of the keys listed and nobody else. With --peer or another rule about keys
/// everybody must prove one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealock listen 127.0.0.1:7000                      anyone may come, the key is for this run only
  sealock listen :7000 --key my.key --peer HEX       all interfaces; only the owner of one key
  sealock listen unix:/run/app.sock --echo           send every message back to whoever sent it
  sealock listen :7000 --recv-only > file            receive a file
  sealock listen :7000 --echo --max-sessions-per-peer 1 --newest-wins --attempts 5/1m")]
#[command(group = ArgGroup::new("many").args(["echo", "keep"]))]
pub(crate) struct Listen {
    /// HOST:PORT, :PORT for all IPv4 interfaces, or unix:PATH. With port 0 the system chooses
    #[arg(value_name = "ADDR")]
    pub(crate) address: String,
    #[command(flatten)]
    pub(crate) session: Session,
    /// Send every message back instead of using standard input and output; serves many peers until interrupted
    #[arg(long)]
    pub(crate) echo: bool,
    /// Accept the next peer when one is gone
    #[arg(short, long, conflicts_with = "echo")]
    pub(crate) keep: bool,
    /// Datagrams over UDP instead of a stream. A message has at most 1166 bytes and may be lost; both ends need the same
    /// --pattern and --suite, XX with ChaChaPoly_BLAKE2s by default. Behind the end of standard input this end listens on for
    /// --wait, 1s by default, then closes; with --recv-only it is the peer that ends
    #[arg(long, conflicts_with_all = ["keep", "tickets", "padding", "identity", "expected", "max_message", "denied",
          "attempts", "max_sessions_per_peer"])]
    pub(crate) udp: bool,
    /// With --echo or --keep: give each peer a ticket by which it can come again with less work, within a day and as long as
    /// this listener runs
    #[arg(long, requires = "many")]
    pub(crate) tickets: bool,
    #[command(flatten)]
    pub(crate) ends: Ends,
    #[command(flatten)]
    pub(crate) admission: Admission,
}

/// Connect to a peer; send it what comes in on standard input, print what it sends
///
/// At the end of standard input everything sent is delivered, the peer's last messages are taken, and the
/// program ends.
///
/// With --key both ends prove their keys (XX). Without it only the listener does (NX). Either way --peer says
/// which key the listener must have; without --peer its key is told on standard error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealock connect example.org:7000 --key my.key --peer HEX
  sealock connect unix:/run/app.sock
  sealock connect 127.0.0.1:7000 --send-only < file  send a file")]
pub(crate) struct Connect {
    /// HOST:PORT or unix:PATH
    #[arg(value_name = "ADDR")]
    pub(crate) address: String,
    #[command(flatten)]
    pub(crate) session: Session,
    /// The public key the listener must have (64 hex digits)
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    pub(crate) peer: Option<PublicKey>,
    /// Datagrams over UDP instead of a stream: see `sealock listen --udp`
    #[arg(long, conflicts_with_all = ["ticket", "padding", "identity", "expected", "max_message"])]
    pub(crate) udp: bool,
    /// Resume the session whose ticket is in this file, if there is one, and keep the ticket of this session there: for the
    /// same key and a listener with --tickets
    #[arg(long, value_name = "FILE")]
    pub(crate) ticket: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) ends: Ends,
}

/// Measure round trips and throughput against `sealock listen --echo`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sealock listen 127.0.0.1:7000 --echo               in one terminal
  sealock bench 127.0.0.1:7000                       in another
  sealock bench 127.0.0.1:7000 --size 64 --size 1MiB --duration 10s")]
pub(crate) struct Bench {
    /// HOST:PORT or unix:PATH of a `sealock listen --echo`
    #[arg(value_name = "ADDR")]
    pub(crate) address: String,
    #[command(flatten)]
    pub(crate) session: Session,
    /// The public key the listener must have (64 hex digits)
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    pub(crate) peer: Option<PublicKey>,
    /// Bytes in a message, such as 64, 16KiB or 1MiB; repeat for more
    #[arg(long = "size", value_name = "BYTES", value_parser = crate::units::parse_bytes,
          default_values = ["64", "1KiB", "64KiB"])]
    pub(crate) sizes: Vec<usize>,
    /// How long to measure: half for round trips, half for throughput, at every size
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "4s")]
    pub(crate) duration: Duration,
    /// Messages under way at once for throughput. By default as many as make 1 MiB, 1 to 1024
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) window: Option<u32>,
}

/// See all drivers talk to each other and the guarantees kept, in one process
///
/// Needs no network beyond this machine's own loopback. Ends with an error if anything is not as it says.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Measure for a shorter time
    #[arg(long)]
    pub(crate) quick: bool,
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    text.parse().map_err(|_| "a public key has 64 hex digits, as `sealock pubkey` prints them".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::units::parse_duration(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
