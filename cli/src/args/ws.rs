//! The command line of `sealock ws`.

use super::{Driver, duration};
use crate::units;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

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
    #[arg(long, value_name = "BYTES", value_parser = units::parse_bytes, default_value = "16MiB")]
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
