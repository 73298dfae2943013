//! Keys: what wipes, what prints, what is read back.

use super::super::*;
use super::pair;
use alloc::format;
use alloc::string::ToString;

#[test]
fn wrapping_a_secret_wipes_the_source() {
    let (mut secret, mut psk, mut d, mut z) = ([7; 32], [7; 32], [7; 32], [7; 32]);
    let key = SecretKey::new(&mut secret);
    let _psk = Psk::new(&mut psk);
    let _seed = KemSeed::new(&mut d, &mut z);
    assert_eq!([secret, psk, d, z], [[0; 32]; 4]);
    assert_eq!(key.as_bytes(), &[7; 32]);
    assert_eq!(key.duplicate().as_bytes(), &[7; 32]);
}

#[test]
fn a_public_key_kept_is_the_one_computed() {
    // Bob's key pair of RFC 7748 section 6.1.
    let mut secret = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let key = SecretKey::new(&mut secret);
    let public = PublicKey(hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
    assert_eq!(key.public(), public);
    assert_eq!(key.with_public().public(), public);
}

fn hex(text: &str) -> [u8; 32] {
    text.parse::<PublicKey>().unwrap().0
}

#[test]
fn public_keys_read_what_they_print() {
    let key = PublicKey(core::array::from_fn(|i| i as u8 * 8 + 1));
    let text = key.to_string();
    assert_eq!(text, "0109111921293139414951596169717981899199a1a9b1b9c1c9d1d9e1e9f1f9");
    assert_eq!(text.parse(), Ok(key));
    assert_eq!(text.to_uppercase().parse(), Ok(key));
    for (text, error) in [
        ("", KeyError::Length),
        (&text[1..], KeyError::Length),
        (&format!("{text}0"), KeyError::Length),
        (&format!("{}g", &text[1..]), KeyError::Digit),
        (&format!("+{}", &text[1..]), KeyError::Digit),
        (&format!("\u{e9}{}", &text[2..]), KeyError::Digit),
    ] {
        assert_eq!(text.parse::<PublicKey>(), Err(error), "{text}");
    }
}

#[test]
fn nothing_secret_is_printed() {
    // Every byte of each secret prints as 171, 0xab or ab.
    let secret = SecretKey::new(&mut [0xab; 32]);
    let psk = Psk::new(&mut [0xab; 32]);
    let name = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";
    let params = HandshakeParams {
        protocol: Protocol::parse(name).unwrap(),
        role: Role::Initiator,
        prologue: &[],
        local_static: Some(&secret),
        remote_static: None,
        remote_ephemeral: None,
        psks: &[psk],
        ephemeral: secret.duplicate(),
        kem_seed: Some(KemSeed::new(&mut [0xab; 32], &mut [0xab; 32])),
        provider: Provider::default(),
    };
    let (handshake, _) = pair(name);
    let (transport, _) = super::transports(name);
    let texts = [format!("{params:?}"), format!("{handshake:?}"), format!("{:?}", transport.send)];
    assert_eq!(
        texts[0],
        "HandshakeParams { protocol: Protocol(Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s), role: Initiator, \
         prologue: [], local_static: Some(SecretKey(..)), remote_static: None, \
         remote_ephemeral: None, psks: [Psk(..)], ephemeral: SecretKey(..), \
         kem_seed: Some(KemSeed(..)), provider: RustCrypto }"
    );
    assert_eq!(
        texts[1],
        "Handshake { protocol: Protocol(Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s), role: Initiator, \
         message: 0, poisoned: false, .. }"
    );
    assert_eq!(texts[2], "Some(SendCipher { nonce: 0, .. })");
}
