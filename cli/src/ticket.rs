//! The file that keeps a ticket from one session to the next: used once, replaced by the next one.
//!
//! A file has one line `sealock-ticket-1 <hex digits>`: the public key of the end that got the ticket, zeros if it had
//! none, and the ticket with its key.

use crate::out;
use crate::secretfile::{self, Secret};
use anyhow::{Context, Result};
use sealock_proto::noise::PublicKey;
use sealock_proto::resume::ClientTicket;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const TICKET: &str = "sealock-ticket-1";
const KEY_LEN: usize = 32;
const LEN: usize = KEY_LEN + ClientTicket::SAVED_LEN;
const NO_KEY: PublicKey = PublicKey([0; KEY_LEN]);

/// Where a ticket is kept, and for whom.
pub(crate) struct TicketFile {
    path: PathBuf,
    /// Whoever shows a ticket is taken for whom it was given to.
    own: PublicKey,
}

impl TicketFile {
    /// The file at `path` for the end with the key `own`, and the ticket in it, if there is one that can be used. Says why
    /// not.
    ///
    /// # Errors
    /// If the file is no such file, or others can read it: it is left as it is.
    pub(crate) fn open(path: &Path, own: Option<PublicKey>) -> Result<(Self, Option<ClientTicket>)> {
        let file = Self { path: path.to_owned(), own: own.unwrap_or(NO_KEY) };
        if !path.try_exists().with_context(|| format!("cannot look at {}", path.display()))? {
            return Ok((file, None));
        }
        let (_, saved) = secretfile::read::<LEN>(path, &[TICKET])?;
        let ticket = file.usable(&saved);
        if let Err(why) = &ticket {
            out::note(format_args!("{}: {why}", path.display()));
        }
        Ok((file, ticket.ok()))
    }

    fn usable(&self, saved: &Secret<LEN>) -> Result<ClientTicket, String> {
        let (own, ticket) = saved.split_at(KEY_LEN);
        let ticket = ClientTicket::from_bytes(ticket).map_err(|error| error.to_string())?;
        if own != self.own.as_bytes() {
            return Err("the ticket was given to another --key: connecting without it".to_owned());
        }
        if !ticket.is_fresh(unix_now()) {
            return Err("the ticket has expired: connecting without it".to_owned());
        }
        Ok(ticket)
    }

    /// The ticket was shown, and must not be shown again.
    pub(crate) fn forget(&self) {
        // If it stays the listener refuses it next time, and nothing is lost but time.
        let _ = fs::remove_file(&self.path);
    }

    /// Keeps `ticket` in place of what was there; there is never half a file.
    pub(crate) fn keep(&self, ticket: &ClientTicket) {
        if let Err(error) = self.replace(ticket) {
            out::note(format_args!("cannot keep the ticket: {error:#}"));
        }
    }

    fn replace(&self, ticket: &ClientTicket) -> Result<()> {
        let mut saved = Secret::<LEN>::new([0; LEN]);
        let (own, rest) = saved.split_at_mut(KEY_LEN);
        own.copy_from_slice(self.own.as_bytes());
        rest.copy_from_slice(&*ticket.to_bytes());
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{}", std::process::id()));
        let new = PathBuf::from(name);
        // Of a run that broke off, if at all.
        let _ = fs::remove_file(&new);
        secretfile::create(&new, TICKET, "# good for one session, which replaces it\n", &*saved)?;
        let renamed = fs::rename(&new, &self.path);
        if renamed.is_err() {
            let _ = fs::remove_file(&new);
        }
        renamed.with_context(|| format!("cannot replace {}", self.path.display()))
    }
}

/// Time since the Unix epoch; zero where the clock says that it is before.
fn unix_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
