//! The key of a client and the answer that shows a server understood it (RFC 6455, sections 1.3 and 4.2.2).

use base64ct::{Base64, Encoding};
use sha1::{Digest, Sha1};

/// Characters of a key: the base64 of 16 bytes.
pub(super) const KEY_LEN: usize = 24;
/// Characters of the answer: the base64 of a SHA-1.
pub(super) const ACCEPT_LEN: usize = 28;

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The key that 16 fresh bytes make.
pub(super) fn key(nonce: &[u8; 16]) -> [u8; KEY_LEN] {
    encoded(nonce)
}

/// Whether `key` is the base64 of 16 bytes.
pub(super) fn is_key(key: &[u8]) -> bool {
    let mut nonce = [0; 16];
    key.len() == KEY_LEN && Base64::decode(key, &mut nonce).is_ok_and(|nonce| nonce.len() == 16)
}

/// The `Sec-WebSocket-Accept` that answers a client's `Sec-WebSocket-Key` (RFC 6455, section 4.2.2): for an HTTP server
/// that does the opening handshake itself, before [`WebSocket::upgraded`](crate::ws::WebSocket::upgraded). `None` if that
/// is no key, which is answered with 400.
#[must_use]
pub fn accept_key(key: &[u8]) -> Option<[u8; ACCEPT_LEN]> {
    is_key(key).then(|| accept(key))
}

/// What a server answers to `key`.
pub(super) fn accept(key: &[u8]) -> [u8; ACCEPT_LEN] {
    encoded(&Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

fn encoded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut text = [0; N];
    // The lengths fit: 16 bytes make 24 characters, 20 make 28.
    let _ = Base64::encode(bytes, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_that_of_the_rfc() {
        let key = b"dGhlIHNhbXBsZSBub25jZQ==";
        assert!(is_key(key));
        assert_eq!(&accept(key), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!((accept_key(key), accept_key(b"c2hvcnQ=")), (Some(accept(key)), None));
        assert_eq!(&super::key(b"the sample nonce"), key);
    }

    #[test]
    fn a_key_is_the_base64_of_exactly_16_bytes() {
        for (key, ok) in [
            (&b"AAAAAAAAAAAAAAAAAAAAAA=="[..], true),
            (b"AAAAAAAAAAAAAAAAAAAAAAA=", false),
            (b"AAAAAAAAAAAAAAAAAAAA", false),
            (b"AAAAAAAAAAAAAAAAAAAAAA", false),
            (b"AAAAAAAAAAA*AAAAAAAAAA==", false),
            (b"", false),
        ] {
            assert_eq!(is_key(key), ok, "{}", key.escape_ascii());
        }
    }
}
