//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): for what is sealed under a key of the caller's and kept or handed out,
//! where a nonce of 24 random bytes does not repeat. No Noise message is sealed with it.

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{AeadInOut, KeyInit};

/// Bytes of a nonce.
pub(crate) const XNONCE_LEN: usize = 24;

/// Encrypts `text` in place and gives its tag; `None` only if `text` is longer than 256 GiB.
pub(crate) fn seal_with_xnonce(
    key: &[u8; 32],
    nonce: &[u8; XNONCE_LEN],
    ad: &[u8],
    text: &mut [u8],
) -> Option<[u8; 16]> {
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.encrypt_inout_detached(nonce.into(), ad, text.into()).ok().map(Into::into)
}

/// Decrypts `text` in place. On false the tag, compared in constant time, was wrong and `text` is all zero.
#[must_use]
pub(crate) fn open_with_xnonce(
    key: &[u8; 32],
    nonce: &[u8; XNONCE_LEN],
    ad: &[u8],
    text: &mut [u8],
    tag: &[u8; 16],
) -> bool {
    let cipher = XChaCha20Poly1305::new(key.into());
    let right = cipher.decrypt_inout_detached(nonce.into(), ad, text.into(), tag.into()).is_ok();
    if !right {
        text.fill(0);
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    // draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    #[test]
    fn sealing_gives_the_published_bytes_and_opening_undoes_it() {
        let text: &[u8] =
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the \
            future, sunscreen would be it.";
        let ad = hex("50515253c0c1c2c3c4c5c6c7");
        let key: [u8; 32] = core::array::from_fn(|i| 0x80 + i as u8);
        let nonce: [u8; 24] = core::array::from_fn(|i| 0x40 + i as u8);
        let mut sealed = text.to_vec();
        let mut tag = seal_with_xnonce(&key, &nonce, &ad, &mut sealed).unwrap();
        assert_eq!(sealed[..16], hex("bd6d179d3e83d43b9576579493c0e939")[..]);
        assert_eq!(tag[..], hex("c0875924c1c7987947deafd8780acf49")[..]);
        let mut opened = sealed.clone();
        assert!(open_with_xnonce(&key, &nonce, &ad, &mut opened, &tag));
        assert_eq!(opened, text);
        tag[0] ^= 1;
        assert!(!open_with_xnonce(&key, &nonce, &ad, &mut sealed, &tag));
        assert!(sealed.iter().all(|byte| *byte == 0));
    }
}
