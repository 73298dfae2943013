//! What both ends compute: the MACs of a first message and the cookie on its way (after WireGuard, sections 5.3 and
//! 5.4.7). Whether a cookie is asked for is the gate's business.

use super::crypto::{self, Secret};
use crate::noise::PublicKey;
use core::fmt;

/// A MAC of a first message: 16 bytes.
pub type Mac = [u8; 16];

/// Bytes of a sealed cookie: a nonce of 24, the cookie and a tag of 16 each.
pub const COOKIE_REPLY_LEN: usize = NONCE_LEN + COOKIE_LEN + TAG_LEN;

const NONCE_LEN: usize = 24;
const COOKIE_LEN: usize = 16;
const TAG_LEN: usize = 16;

// None is the beginning of another.
const FIRST_LABEL: &str = "sealock gate first v1";
const COOKIE_LABEL: &str = "sealock gate cookie v1";
const MAC2_LABEL: &[u8] = b"sealock gate mac2 v1";

/// What an initiator must know before a responder computes anything for it: the responder's public key, where the
/// pattern lets it be known beforehand, and a context, such as the application's prologue.
///
/// Both ends make the same key from the same public values, so it is no proof of identity. It keeps out whoever does not know
/// the responder: such a first message is not answered. A session says what is wrong with one that has none, as that of another
/// version.
///
/// ```
/// use sealock_proto::guard::GateKey;
/// use sealock_proto::noise::PublicKey;
///
/// let key = GateKey::new(Some(&PublicKey([7; 32])), b"example v1");
/// let digest = key.digest(&[b"hello", b"first handshake message"]);
/// assert!(digest.verify(&key.digest(&[b"hello", b"first handshake message"]).mac1()));
/// assert!(!digest.verify(&[0; 16]));
/// ```
#[derive(Clone)]
pub struct GateKey {
    first: Secret,
    cookie: Secret,
}

impl GateKey {
    /// The key for `responder` and `context`, of any length.
    #[must_use]
    pub fn new(responder: Option<&PublicKey>, context: &[u8]) -> Self {
        let key = |label| match responder {
            Some(public) => crypto::hash(label, &[&[1], public.as_bytes(), context]),
            None => crypto::hash(label, &[&[0], context]),
        };
        Self { first: key(FIRST_LABEL), cookie: key(COOKIE_LABEL) }
    }

    /// Keyed BLAKE2s-256 of `parts` joined: of everything in a first message that its first MAC protects.
    #[must_use]
    pub fn digest(&self, parts: &[&[u8]]) -> FirstDigest {
        FirstDigest(crypto::mac(&self.first, parts))
    }

    /// `cookie`, encrypted for whoever sent the message that `mac1` belongs to: `nonce`, then XChaCha20-Poly1305 of
    /// the cookie with `mac1` as associated data. Draw `nonce` at random; the same key and nonce must not seal two
    /// cookies.
    #[must_use]
    pub fn seal_cookie(&self, cookie: &Cookie, mac1: &Mac, nonce: &[u8; 24]) -> [u8; COOKIE_REPLY_LEN] {
        let mut reply = [0; COOKIE_REPLY_LEN];
        let mut text = cookie.0;
        // 16 bytes are never too long. Were they, a reply of zeros opens for nobody.
        if let Some(tag) = crypto::seal(&self.cookie, nonce, mac1, &mut text) {
            let (front, back) = reply.split_at_mut(NONCE_LEN);
            let (sealed, end) = back.split_at_mut(COOKIE_LEN);
            front.copy_from_slice(nonce);
            sealed.copy_from_slice(&text);
            end.copy_from_slice(&tag);
        }
        reply
    }

    /// The cookie in `reply`, if it answers the message that `mac1` belongs to and nothing was changed.
    #[must_use]
    pub fn open_cookie(&self, reply: &[u8; COOKIE_REPLY_LEN], mac1: &Mac) -> Option<Cookie> {
        let (front, back) = reply.split_first_chunk::<NONCE_LEN>()?;
        let (sealed, end) = back.split_first_chunk::<COOKIE_LEN>()?;
        let tag = end.first_chunk::<TAG_LEN>()?;
        let mut text = *sealed;
        crypto::open(&self.cookie, front, mac1, &mut text, tag).then_some(Cookie(text))
    }
}

impl fmt::Debug for GateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GateKey(..)")
    }
}

/// A digest of a first message under a [`GateKey`]. Its first half is the message's first MAC; all of it stands for the
/// message where one must be told from another.
#[derive(Clone, Copy)]
pub struct FirstDigest([u8; 32]);

impl FirstDigest {
    /// All 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first MAC: the first 16 bytes.
    #[must_use]
    pub fn mac1(&self) -> Mac {
        crypto::half(&self.0)
    }

    /// Whether `mac1` is the first MAC, compared in constant time.
    #[must_use]
    pub fn verify(&self, mac1: &Mac) -> bool {
        crypto::equal(&self.mac1(), mac1)
    }
}

impl fmt::Debug for FirstDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FirstDigest(..)")
    }
}

/// Shows that its holder receives what is sent to an address: a secret of the responder's, bound to address and port,
/// good for a few minutes. Opaque to whoever holds it, and not printed.
#[derive(Clone, Copy)]
pub struct Cookie([u8; COOKIE_LEN]);

impl Cookie {
    pub(super) const fn new(bytes: [u8; COOKIE_LEN]) -> Self {
        Self(bytes)
    }

    /// The second MAC, of a message whose first is `mac1`: keyed BLAKE2s with the cookie, padded with zeros to 32
    /// bytes, as its key.
    #[must_use]
    pub fn mac2(&self, mac1: &Mac) -> Mac {
        let mut key = Secret::default();
        key[..COOKIE_LEN].copy_from_slice(&self.0);
        crypto::half(&crypto::mac(&key, &[MAC2_LABEL, mac1]))
    }
}

impl PartialEq for Cookie {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        crypto::equal(&self.0, &other.0)
    }
}

impl Eq for Cookie {}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use blake2::digest::{FixedOutput, KeyInit, Mac as _};
    use blake2::{Blake2s256, Blake2sMac256, Digest};

    const MAC1: Mac = [3; 16];

    fn key() -> GateKey {
        GateKey::new(Some(&PublicKey([7; 32])), b"context")
    }

    fn keyed(key: &[u8], text: &[u8]) -> [u8; 32] {
        Blake2sMac256::new_from_slice(key).unwrap().chain_update(text).finalize_fixed().into()
    }

    #[test]
    fn the_digest_is_what_its_definition_says() {
        let public = [&b"sealock gate first v1\x01"[..], &[7; 32], b"context"].concat();
        for (gate, input) in
            [(key(), public), (GateKey::new(None, b"context"), b"sealock gate first v1\x00context".to_vec())]
        {
            let digest = gate.digest(&[b"he", b"", b"llo"]);
            assert_eq!(digest.as_bytes(), &keyed(&Blake2s256::digest(input), b"hello"));
            assert_eq!(digest.mac1(), digest.as_bytes()[..16]);
        }
    }

    #[test]
    fn the_second_mac_is_what_its_definition_says() {
        let key = [[9; 16], [0; 16]].concat();
        let text = [&b"sealock gate mac2 v1"[..], &MAC1].concat();
        assert_eq!(Cookie::new([9; 16]).mac2(&MAC1), keyed(&key, &text)[..16]);
    }

    #[test]
    fn a_key_depends_on_the_responder_and_the_context() {
        let public = PublicKey([7; 32]);
        let joined = [&public.0[..], b"context"].concat();
        let keys = [
            key(),
            GateKey::new(Some(&PublicKey([8; 32])), b"context"),
            GateKey::new(Some(&public), b"context2"),
            GateKey::new(None, b"context"),
            GateKey::new(None, &joined),
            GateKey::new(None, b""),
        ];
        let cookie = Cookie::new([5; 16]);
        for (i, a) in keys.iter().enumerate() {
            for (j, b) in keys.iter().enumerate() {
                assert_eq!(a.digest(&[b"x"]).verify(&b.digest(&[b"x"]).mac1()), i == j, "{i} {j}");
                let reply = a.seal_cookie(&cookie, &MAC1, &[1; 24]);
                assert_eq!(b.open_cookie(&reply, &MAC1).is_some(), i == j, "{i} {j}");
            }
        }
    }

    #[test]
    fn a_mac_with_any_bit_changed_does_not_verify() {
        let digest = key().digest(&[b"message"]);
        assert!(digest.verify(&digest.mac1()));
        for bit in 0..128 {
            let mut mac1 = digest.mac1();
            mac1[bit / 8] ^= 1 << (bit % 8);
            assert!(!digest.verify(&mac1), "bit {bit}");
        }
    }

    #[test]
    fn a_cookie_opens_as_it_was_sealed_and_not_if_any_bit_was_changed() {
        let (key, cookie) = (key(), Cookie::new([5; 16]));
        let reply = key.seal_cookie(&cookie, &MAC1, &[1; 24]);
        assert_eq!(reply[..24], [1; 24]);
        assert!(!reply.windows(16).any(|window| window == cookie.0), "in clear");
        assert_eq!(key.open_cookie(&reply, &MAC1), Some(cookie));
        for bit in 0..8 * COOKIE_REPLY_LEN {
            let mut changed = reply;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(key.open_cookie(&changed, &MAC1).is_none(), "bit {bit}");
        }
        assert!(key.open_cookie(&reply, &[4; 16]).is_none(), "another message's");
        assert!(key.open_cookie(&[0; COOKIE_REPLY_LEN], &MAC1).is_none());
    }

    #[test]
    fn the_cookie_is_sealed_as_the_library_alone_would() {
        use chacha20poly1305::XChaCha20Poly1305;
        use chacha20poly1305::aead::{AeadInOut, KeyInit};
        let input = [&b"sealock gate cookie v1\x01"[..], &[7; 32], b"context"].concat();
        let cipher = XChaCha20Poly1305::new(&Blake2s256::digest(input));
        let mut text = [5; 16];
        let tag = cipher.encrypt_inout_detached(&[1; 24].into(), &MAC1, text.as_mut_slice().into()).unwrap();
        let want = [&[1; 24][..], &text, &tag].concat();
        assert_eq!(key().seal_cookie(&Cookie::new([5; 16]), &MAC1, &[1; 24]), want[..]);
    }

    #[test]
    fn second_macs_differ_by_cookie_and_by_message() {
        let a = Cookie::new([1; 16]);
        assert_eq!(a.mac2(&MAC1), a.mac2(&MAC1));
        assert_ne!(a.mac2(&MAC1), a.mac2(&[4; 16]));
        assert_ne!(a.mac2(&MAC1), Cookie::new([2; 16]).mac2(&MAC1));
    }

    #[test]
    fn nothing_is_printed() {
        let shown = format!("{:?} {:?} {:?}", key(), key().digest(&[]), Cookie::new([0x5a; 16]));
        assert_eq!(shown, "GateKey(..) FirstDigest(..) Cookie(..)");
    }
}
