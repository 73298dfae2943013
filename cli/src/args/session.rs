//! Options that all commands with sessions take.

use super::duration;
use crate::units;
use clap::{Args, ValueEnum};
use sealock_proto::identity::IdentityKey;
use sealock_proto::session::Padding;
use std::path::PathBuf;
use std::time::Duration;

/// How sessions are made, at either end.
#[derive(Debug, Args)]
pub(crate) struct Session {
    /// This end's secret key, made by `sealock keygen`
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The Noise handshake pattern, such as XX, IK, XXhfs (with ML-KEM-768 against later quantum computers) or
    /// NNpsk0. See above for the default
    #[arg(long, value_name = "NAME")]
    pub(crate) pattern: Option<String>,
    /// CIPHER_HASH: ChaChaPoly or AESGCM, with BLAKE2s, BLAKE2b, SHA256 or SHA512. By default any to listen; to
    /// connect BLAKE2s, with AESGCM if both ends have hardware for it and else ChaChaPoly
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Option<String>,
    /// A secret that both ends must have besides their keys, made by `sealock keygen --psk`
    #[arg(long, value_name = "FILE")]
    pub(crate) psk_file: Option<PathBuf>,
    /// Prove this identity to the peer, made by `sealock keygen --identity`
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// The peer must prove this identity (64 hex digits, repeat for more), or `any`
    #[arg(long = "expect-identity", value_name = "HEX", value_parser = expect_identity)]
    pub(crate) expected: Vec<ExpectIdentity>,
    /// The largest message to send or accept, such as 64KiB; 1 byte to 1 GiB
    #[arg(long, value_name = "BYTES", value_parser = units::parse_bytes, default_value = "16MiB")]
    pub(crate) max_message: usize,
    /// Give the peer up when nothing came from it for so long. A peer whose standard output nobody reads is
    /// silent too
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    pub(crate) silence: Duration,
    /// How long a handshake may take, with the proof of an identity. By default 10s, or --silence if that is shorter
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) handshake_timeout: Option<Duration>,
    /// Hide the lengths of what this end sends, by filling up: none, padme (by at most 12 %), block:BYTES (to a multiple of
    /// 2 bytes to 16KiB) or constant:BYTES (all records alike, 512 bytes to 16KiB)
    #[arg(long, value_name = "HOW", value_parser = padding, default_value = "none")]
    pub(crate) padding: Padding,
    /// The I/O library underneath
    #[arg(long, value_enum, default_value_t = Driver::Tokio)]
    pub(crate) driver: Driver,
}

/// Which identity the peer must prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpectIdentity {
    Any,
    One(IdentityKey),
}

impl ExpectIdentity {
    pub(crate) const fn key(self) -> Option<IdentityKey> {
        match self {
            Self::Any => None,
            Self::One(key) => Some(key),
        }
    }
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

fn expect_identity(text: &str) -> Result<ExpectIdentity, String> {
    if text == "any" {
        return Ok(ExpectIdentity::Any);
    }
    let key = text.parse().map(ExpectIdentity::One);
    key.map_err(|_| "an identity has 64 hex digits, as `sealock pubkey` prints them; or write any".to_owned())
}

/// Reads `none`, `padme`, `block:64` or `constant:1KiB`.
fn padding(text: &str) -> Result<Padding, String> {
    let size = |text: &str, least: u16| {
        let bytes = units::parse_bytes(text).ok().and_then(|bytes| u16::try_from(bytes).ok());
        bytes
            .filter(|bytes| (least..=16 << 10).contains(bytes))
            .ok_or_else(|| format!("give {least} bytes to 16KiB behind the colon"))
    };
    match text.split_once(':') {
        None if text == "none" => Ok(Padding::None),
        None if text == "padme" => Ok(Padding::Padme),
        Some(("block", bytes)) => size(bytes, 2).map(Padding::Block),
        Some(("constant", bytes)) => size(bytes, 512).map(Padding::Constant),
        _ => Err("write none, padme, block:BYTES or constant:BYTES".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn driver_names_are_what_the_command_line_takes() {
        for driver in Driver::value_variants() {
            assert_eq!(Driver::from_str(driver.name(), false), Ok(*driver));
        }
    }

    #[test]
    fn padding_is_read_by_name_and_size_within_the_bounds_of_a_session() {
        for (text, padding) in [
            ("none", Padding::None),
            ("padme", Padding::Padme),
            ("block:2", Padding::Block(2)),
            ("block:16KiB", Padding::Block(16_384)),
            ("constant:512", Padding::Constant(512)),
            ("constant:1KiB", Padding::Constant(1024)),
        ] {
            assert_eq!(super::padding(text), Ok(padding));
        }
        for (text, said) in [
            ("", "write none"),
            ("some", "write none"),
            ("padme:2", "write none"),
            ("block", "write none"),
            ("block:1", "2 bytes to 16KiB"),
            ("block:16385", "2 bytes"),
            ("block:64KiB", "2 bytes"),
            ("constant:511", "512 bytes"),
            ("constant:", "512 bytes"),
        ] {
            assert!(padding(text).unwrap_err().contains(said), "{text}");
        }
    }
}
