//! Options of a listener about whose sessions it takes, and how many.

use super::public_key;
use crate::units;
use clap::Args;
use sealock_proto::limit::KeyedConfig;
use sealock_proto::noise::PublicKey;

/// Who may have sessions.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Who is let in")]
pub(crate) struct Admission {
    /// Let in only the owner of this public key (64 hex digits); repeat for more
    #[arg(long = "peer", value_name = "HEX", value_parser = public_key)]
    pub(crate) peers: Vec<PublicKey>,
    /// Do not let in the owner of this public key (64 hex digits), even if --peer does; repeat for more
    #[arg(long = "deny", value_name = "HEX", value_parser = public_key)]
    pub(crate) denied: Vec<PublicKey>,
    /// How often one key may begin a session in a time, such as 5/1m, whether or not it succeeds; then it is refused for
    /// as long. Without limit by default
    #[arg(long, value_name = "COUNT/TIME", value_parser = attempts)]
    pub(crate) attempts: Option<KeyedConfig>,
    /// With --echo: sessions at once, handshakes under way included. 10000 by default
    #[arg(long, value_name = "COUNT", value_parser = count, requires = "echo")]
    pub(crate) max_sessions: Option<usize>,
    /// With --echo: sessions of one key at once. Without limit by default
    #[arg(long, value_name = "COUNT", value_parser = count, requires = "echo")]
    pub(crate) max_sessions_per_peer: Option<usize>,
    /// Beyond --max-sessions-per-peer end the key's oldest session; otherwise the newest is refused
    #[arg(long, requires = "max_sessions_per_peer")]
    pub(crate) newest_wins: bool,
}

impl Admission {
    /// Whether it can only be told of peers that show their keys.
    pub(crate) fn wants_keys(&self) -> bool {
        !self.peers.is_empty()
            || !self.denied.is_empty()
            || self.attempts.is_some()
            || self.max_sessions_per_peer.is_some()
    }
}

fn count(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=1_000_000).contains(count))
        .ok_or_else(|| "give 1 to 1000000".to_owned())
}

/// Reads `5/1m`: how often in which time.
fn attempts(text: &str) -> Result<KeyedConfig, String> {
    let (attempts, time) = text.split_once('/').ok_or("write COUNT/TIME, such as 5/1m")?;
    let attempts = u32::try_from(count(attempts)?).unwrap_or(u32::MAX);
    Ok(KeyedConfig::default().with_attempts(attempts).with_cool_down(units::parse_duration(time)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn attempts_are_so_many_in_a_time() {
        let five = KeyedConfig::default().with_attempts(5).with_cool_down(Duration::from_secs(60));
        assert_eq!(attempts("5/1m"), Ok(five));
        for (text, said) in
            [("5", "COUNT/TIME"), ("0/1m", "1 to"), ("x/1m", "1 to"), ("5/", "1ms"), ("5/0s", "1ms")]
        {
            assert!(attempts(text).unwrap_err().contains(said), "{text}");
        }
    }
}
