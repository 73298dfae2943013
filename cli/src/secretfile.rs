//! Files that hold one secret: made with care, read with checks.
//!
//! A file has one line, a tag that says what it is and the secret in hexadecimal digits; empty lines and lines that begin
//! with `#` are skipped.

use anyhow::{Context, Result, bail};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// More than any sensible file with comments has.
const MAX_FILE: u64 = 4096;

/// A secret of `N` bytes, erased when dropped.
pub(crate) type Secret<const N: usize> = Zeroizing<[u8; N]>;

/// Writes `secret` to a new file that only its owner may read. Never overwrites one.
pub(crate) fn create(path: &Path, tag: &str, comment: &str, secret: &[u8]) -> Result<()> {
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
        // Nothing but a part of a secret is in it, and it was not there before.
        let _ = fs::remove_file(path);
    }
    written.with_context(|| format!("cannot write {shown}"))
}

/// Reads a file with one of `tags`; which one it has.
pub(crate) fn read<'t, const N: usize>(path: &Path, tags: &[&'t str]) -> Result<(&'t str, Secret<N>)> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot open the file {shown}"))?;
    check_mode(&file, path)?;
    let mut text = Zeroizing::new(String::with_capacity(MAX_FILE as usize + 1));
    let read = file.take(MAX_FILE + 1).read_to_string(&mut text);
    if read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::InvalidData) {
        read.with_context(|| format!("cannot read the file {shown}"))?;
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (line, more) = (lines.next().unwrap_or(""), lines.next());
    let found = tags.iter().find_map(|tag| {
        let digits = line.strip_prefix(tag).filter(|rest| rest.starts_with(' ')).map(str::trim)?;
        Some((*tag, unhex(digits)?))
    });
    match (found, more) {
        (Some(found), None) => Ok(found),
        _ => bail!(
            "{shown} is not such a file: it must have one line `{} ` and {} hex digits",
            tags.join(" ` or `"),
            2 * N
        ),
    }
}

/// A secret that others can read is none.
#[cfg(unix)]
fn check_mode(file: &File, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let shown = path.display();
    let meta = file.metadata().with_context(|| format!("cannot look at the file {shown}"))?;
    let mode = meta.permissions().mode() & 0o777;
    if meta.is_file() && mode & 0o077 != 0 {
        bail!("others can read the secret in {shown} (mode {mode:03o}); run: chmod 600 {shown}");
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &File, _: &Path) -> Result<()> {
    Ok(())
}

fn hex(secret: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2 * secret.len()));
    for nibble in secret.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
    }
    text
}

fn unhex<const N: usize>(text: &str) -> Option<Secret<N>> {
    let mut secret = Zeroizing::new([0; N]);
    if text.len() != 2 * N {
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
            assert!(unhex::<32>(bad).is_none(), "{bad}");
        }
    }
}
