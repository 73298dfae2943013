//! Chunks of standard input as pieces of text that are whole characters.

use anyhow::{Result, bail};

/// Keeps the beginning of a character that a chunk cut.
#[derive(Default)]
pub(super) struct Cutter(Vec<u8>);

impl Cutter {
    /// As much of what was given so far as is whole characters.
    pub(super) fn next(&mut self, chunk: &[u8]) -> Result<String> {
        self.0.extend_from_slice(chunk);
        let whole = match std::str::from_utf8(&self.0) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => bail!("standard input is not UTF-8: leave out --text"),
        };
        let rest = self.0.split_off(whole);
        Ok(String::from_utf8(std::mem::replace(&mut self.0, rest))?)
    }

    /// Whether the input may end here.
    pub(super) fn finish(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { bail!("standard input ends inside of a character") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_is_cut_waits_for_its_end() {
        let mut cutter = Cutter::default();
        let pieces: Vec<_> = "aé€z".as_bytes().chunks(1).map(|byte| cutter.next(byte).unwrap()).collect();
        assert_eq!(pieces, ["a", "", "é", "", "", "€", "z"].map(String::from));
        assert!(cutter.finish().is_ok());
    }

    #[test]
    fn what_is_no_text_is_an_error() {
        assert!(Cutter::default().next(b"a\xff").is_err());
        let mut cut = Cutter::default();
        cut.next(b"\xc3").unwrap();
        assert!(cut.finish().is_err());
    }
}
