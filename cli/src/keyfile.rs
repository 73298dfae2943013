//! Files that hold one secret key: made with care, read with checks.
//!
//! A file has one line `sealock-secret-key-1 <64 hex digits>` (or `sealock-psk-1 ...`); empty lines and lines
//! that begin with `#` are skipped.

use anyhow::{Context, Result, bail};
use sealock_proto::noise::{Psk, PublicKey, SecretKey};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

const SECRET_KEY: &str = "sealock-secret-key-1";
const PSK: &str = "sealock-psk-1";
/// More than any sensible key file with comments has.
const MAX_FILE: u64 = 4096;

type Secret = Zeroizing<[u8; 32]>;

/// Makes a key and writes it to a new file. Never overwrites one.
pub(crate) fn create_key(path: &Path) -> Result<PublicKey> {
    let mut secret = random()?;
    let key = SecretKey::new(&mut secret.clone());
    let public = key.public();
    write_new(path, SECRET_KEY, &format!("# public key: {public}\n"), &secret)?;
    *secret = [0; 32];
    Ok(public)
}

/// Makes a pre-shared key and writes it to a new file. Never overwrites one.
pub(crate) fn create_psk(path: &Path) -> Result<()> {
    write_new(path, PSK, "# pre-shared key: both ends need a copy\n", &*random()?)
}

/// Reads a file made by [`create_key`].
pub(crate) fn read_key(path: &Path) -> Result<SecretKey> {
    Ok(SecretKey::new(&mut *read(path, SECRET_KEY)?))
}

/// Reads a file made by [`create_psk`].
pub(crate) fn read_psk(path: &Path) -> Result<Psk> {
    Ok(Psk::new(&mut *read(path, PSK)?))
}

/// A secret key for this run only.
pub(crate) fn temporary_key() -> Result<SecretKey> {
    Ok(SecretKey::new(&mut *random()?))
}

fn random() -> Result<Secret> {
    let mut secret = Secret::default();
    getrandom::fill(&mut *secret)
        .map_err(|error| anyhow::anyhow!("the system gave no random bytes: {error}"))?;
    Ok(secret)
}

fn write_new(path: &Path, tag: &str, comment: &str, secret: &[u8; 32]) -> Result<()> {
    let shown = path.display();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => anyhow::anyhow!("{shown} exists already and is left as it is"),
        io::ErrorKind::NotFound => anyhow::anyhow!("cannot make {shown}: its directory does not exist"),
        _ => anyhow::anyhow!("cannot make {shown}: {error}"),
    })?;
    let line = Zeroizing::new(format!("{comment}{tag} {}\n", *hex(secret)));
    let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Nothing but a part of a key is in it, and it was not there before.
        let _ = fs::remove_file(path);
    }
    written.with_context(|| format!("cannot write {shown}"))
}

fn read(path: &Path, tag: &str) -> Result<Secret> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot open the key file {shown}"))?;
    check_mode(&file, path)?;
    let mut text = Zeroizing::new(String::with_capacity(MAX_FILE as usize + 1));
    let read = file.take(MAX_FILE + 1).read_to_string(&mut text);
    if read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::InvalidData) {
        read.with_context(|| format!("cannot read the key file {shown}"))?;
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (line, more) = (lines.next().unwrap_or(""), lines.next());
    let digits = line.strip_prefix(tag).filter(|rest| rest.starts_with(' ')).map(str::trim);
    match (digits.and_then(unhex), more) {
        (Some(secret), None) => Ok(secret),
        _ => bail!("{shown} is not a key file: it must have one line `{tag} ` and 64 hex digits"),
    }
}

/// A key that others can read is no secret.
#[cfg(unix)]
fn check_mode(file: &File, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let shown = path.display();
    let meta = file.metadata().with_context(|| format!("cannot look at the key file {shown}"))?;
    let mode = meta.permissions().mode() & 0o777;
    if meta.is_file() && mode & 0o077 != 0 {
        bail!("others can read the secret key {shown} (mode {mode:03o}); run: chmod 600 {shown}");
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &File, _: &Path) -> Result<()> {
    Ok(())
}

fn hex(secret: &[u8; 32]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(64));
    for nibble in secret.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
    }
    text
}

fn unhex(text: &str) -> Option<Secret> {
    let mut secret = Secret::default();
    if text.len() != 64 {
        return None;
    }
    for (byte, digits) in secret.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        for digit in digits {
            *byte = (*byte << 4) | u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
        }
    }
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_digits_round_trip_and_anything_else_is_refused() {
        let secret: [u8; 32] = std::array::from_fn(|index| (index * 37) as u8);
        let text = hex(&secret);
        assert_eq!(unhex(&text).as_deref(), Some(&secret));
        assert_eq!(unhex(&text.to_uppercase()).as_deref(), Some(&secret));
        let bad = [text[..62].to_owned(), text.replace('0', "g"), format!("{}00", *text), "é".repeat(32)];
        for bad in &bad {
            assert!(unhex(bad).is_none(), "{bad}");
        }
    }
}
