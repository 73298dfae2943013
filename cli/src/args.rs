//! The command line: what can be asked for, and its help. No command is carried out here.

use clap::{Args, Parser, Subcommand, ValueEnum};
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
  sealock keygen --psk shared.psk                    a key both ends keep, for --psk-file")]
pub(crate) struct Keygen {
    /// The file to make; its directory must exist
    #[arg(value_name = "FILE", default_value = "sealock.key")]
    pub(crate) file: PathBuf,
    /// Make a pre-shared key instead, a secret that both ends need a copy of
    #[arg(long)]
    pub(crate) psk: bool,
}

/// Print the public key of a secret key
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
/// (NX) is let in; --peer lets in the owners of the keys listed and nobody else.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealock listen 127.0.0.1:7000                      anyone may come, the key is for this run only
  sealock listen :7000 --key my.key --peer HEX       all interfaces; only the owner of one key
  sealock listen unix:/run/app.sock --echo           send every message back to whoever sent it
  sealock listen :7000 --recv-only > file            receive a file")]
pub(crate) struct Listen {
    /// HOST:PORT, :PORT for all IPv4 interfaces, or unix:PATH. With port 0 the system chooses
    #[arg(value_name = "ADDR")]
    pub(crate) address: String,
    #[command(flatten)]
    pub(crate) session: Session,
    /// Let in only the owner of this public key (64 hex digits); repeat for more
    #[arg(long = "peer", value_name = "HEX", value_parser = public_key)]
    pub(crate) peers: Vec<PublicKey>,
    /// Send every message back instead of using standard input and output; serves many peers until interrupted
    #[arg(long)]
    pub(crate) echo: bool,
    /// Accept the next peer when one is gone
    #[arg(short, long, conflicts_with = "echo")]
    pub(crate) keep: bool,
    #[command(flatten)]
    pub(crate) ends: Ends,
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

/// WebSocket: listen for clients such as browsers, or connect to a server
#[derive(Debug, Subcommand)]
pub(crate) enum Ws {
    Listen(WsListen),
    Connect(WsConnect),
}

/// Wait for a WebSocket client; send it what comes in on standard input, print what it sends
///
/// At the end of standard input the connection is closed, once the client's last messages are taken.
///
/// With --tls-cert and --tls-key clients must use TLS (wss). The files are looked at whenever a client comes: changed ones
/// serve from then on, and connections that are open go on. Files that cannot be used are told of on standard error, and
/// those read before serve on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealock ws listen 127.0.0.1:7000                   one client, on standard input and output
  sealock ws listen 127.0.0.1:7000 --echo            send every message back to whoever sent it
  sealock ws listen :7443 --tls-cert chain.pem --tls-key key.pem --echo")]
pub(crate) struct WsListen {
    /// HOST:PORT, :PORT for all IPv4 interfaces, or unix:PATH. With port 0 the system chooses
    #[arg(value_name = "ADDR")]
    pub(crate) address: String,
    /// Send every message back instead of using standard input and output; serves many clients until interrupted
    #[arg(long)]
    pub(crate) echo: bool,
    #[command(flatten)]
    pub(crate) identity: TlsIdentity,
    /// Let in only clients with a certificate of an authority in this PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) client_ca: Option<PathBuf>,
    /// With --client-ca, let in clients that show no certificate too
    #[arg(long, requires = "client_ca")]
    pub(crate) client_cert_optional: bool,
    #[command(flatten)]
    pub(crate) options: WsOptions,
}

/// Connect to a WebSocket server; send it what comes in on standard input, print what it sends
///
/// At the end of standard input the connection is closed, once the server's last messages are taken.
///
/// A URL of wss is reached through TLS, as is an address given with --ca. The server's certificate must be for the host
/// that is asked, by an authority in the file given with --ca, or else by one that the system trusts.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealock ws connect ws://127.0.0.1:7000/chat
  sealock ws connect wss://example.org/chat
  sealock ws connect localhost:7443 --ca ca.pem      TLS with an authority of your own
  sealock ws connect 127.0.0.1:7000 --text < lines
  sealock ws connect 127.0.0.1:7000 --echo           send everything back until the server closes")]
pub(crate) struct WsConnect {
    /// ws://HOST:PORT/PATH?QUERY or the same with wss, where all behind HOST may be left out, or HOST:PORT
    #[arg(value_name = "ADDR")]
    pub(crate) address: String,
    /// Offer this subprotocol; repeat for more
    #[arg(long = "subprotocol", value_name = "NAME")]
    pub(crate) subprotocols: Vec<String>,
    /// Send every message back instead of using standard input and output, until the server closes
    #[arg(long)]
    pub(crate) echo: bool,
    /// Trust the authorities in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) identity: TlsIdentity,
    #[command(flatten)]
    pub(crate) options: WsOptions,
}

/// Who this end is in TLS.
#[derive(Clone, Debug, Args)]
pub(crate) struct TlsIdentity {
    /// This end's certificate for TLS in a PEM file, followed by those between it and an authority
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key, in a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}

/// How WebSocket connections are made, at either end.
#[derive(Clone, Debug, Args)]
pub(crate) struct WsOptions {
    /// Send standard input as text; it must be UTF-8. Otherwise it is binary
    #[arg(long)]
    pub(crate) text: bool,
    /// The largest message to send or accept, such as 64KiB; 1 byte to 1 GiB
    #[arg(long, value_name = "BYTES", value_parser = crate::units::parse_bytes, default_value = "16MiB")]
    pub(crate) max_message: usize,
    /// Give the peer up when nothing came from it for so long
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    pub(crate) silence: Duration,
    /// Compress messages (permessage-deflate), if the other end does too
    #[arg(long)]
    pub(crate) deflate: bool,
    /// The I/O library underneath
    #[arg(long, value_enum, default_value_t = Driver::Tokio)]
    pub(crate) driver: Driver,
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

/// How sessions are made, at either end.
#[derive(Debug, Args)]
pub(crate) struct Session {
    /// This end's secret key, made by `sealock keygen`
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The Noise handshake pattern, such as XX, IK or NNpsk0. See above for the default
    #[arg(long, value_name = "NAME")]
    pub(crate) pattern: Option<String>,
    /// CIPHER_HASH: ChaChaPoly or AESGCM, with BLAKE2s, BLAKE2b, SHA256 or SHA512. By default any to listen; to
    /// connect BLAKE2s, with AESGCM if both ends have hardware for it and else ChaChaPoly
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Option<String>,
    /// A secret that both ends must have besides their keys, made by `sealock keygen --psk`
    #[arg(long, value_name = "FILE")]
    pub(crate) psk_file: Option<PathBuf>,
    /// The largest message to send or accept, such as 64KiB; 1 byte to 1 GiB
    #[arg(long, value_name = "BYTES", value_parser = crate::units::parse_bytes, default_value = "16MiB")]
    pub(crate) max_message: usize,
    /// Give the peer up when nothing came from it for so long. A peer whose standard output nobody reads is
    /// silent too
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    pub(crate) silence: Duration,
    /// The I/O library underneath
    #[arg(long, value_enum, default_value_t = Driver::Tokio)]
    pub(crate) driver: Driver,
}

/// What becomes of standard input and output.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Ends {
    /// Leave standard output alone: messages received are dropped
    #[arg(long, conflicts_with = "recv_only")]
    pub(crate) send_only: bool,
    /// Leave standard input alone: nothing is sent
    #[arg(long)]
    pub(crate) recv_only: bool,
    /// How long to wait for the peer to finish, from the end of standard input. Forever by default
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
}

/// Which I/O library carries the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Driver {
    /// Tasks on tokio
    Tokio,
    /// Tasks on smol
    Smol,
    /// Threads and blocking sockets
    Std,
}

impl Driver {
    /// As written on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::Smol => "smol",
            Self::Std => "std",
        }
    }
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

    #[test]
    fn driver_names_are_what_the_command_line_takes() {
        for driver in Driver::value_variants() {
            assert_eq!(Driver::from_str(driver.name(), false), Ok(*driver));
        }
    }
}
