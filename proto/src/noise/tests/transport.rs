//! The rules of transport ciphers (Noise sections 4.2, 5.1, 7.4 and 11.3).

use super::super::*;
use super::transports;
use crate::noise::error::CipherError as E;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// `NN` with each cipher of this build.
fn names() -> Vec<String> {
    let ciphers = if cfg!(feature = "aes-gcm") { &["ChaChaPoly", "AESGCM"][..] } else { &["ChaChaPoly"] };
    ciphers.iter().map(|cipher| format!("Noise_NN_25519_{cipher}_BLAKE2s")).collect()
}

/// One direction of a finished handshake.
fn direction(name: &str) -> (SendCipher, RecvCipher) {
    let (a, b) = transports(name);
    (a.send.unwrap(), b.recv.unwrap())
}

/// Text and tag as they go over the wire.
fn seal(send: &mut SendCipher, ad: &[u8], text: &[u8]) -> Vec<u8> {
    let mut record = text.to_vec();
    let tag = send.seal(ad, &mut record).unwrap();
    record.extend_from_slice(&tag);
    record
}

#[test]
fn messages_open_in_order_under_the_associated_data_they_were_sealed_with() {
    for name in names() {
        let (mut send, mut recv) = direction(&name);
        for number in 0..5 {
            assert_eq!((send.nonce(), recv.nonce()), (number, number));
            let mut record = seal(&mut send, b"ad", b"message");
            assert_eq!(recv.open(b"ad", &mut record), Ok(7));
            assert_eq!(&record[..7], b"message");
        }
        let records = [seal(&mut send, b"", b"first"), seal(&mut send, b"", b"second")];
        for (ad, number) in [("", 1), ("ad", 0)] {
            let mut record = records[number].clone();
            assert_eq!(recv.open(ad.as_bytes(), &mut record), Err(E::Decrypt), "{ad} {number}");
        }
        assert_eq!(recv.open(b"", &mut records[0].clone()), Ok(5));
        assert_eq!(recv.open(b"", &mut records[0].clone()), Err(E::Decrypt), "replayed");
        assert_eq!(recv.open(b"", &mut records[1].clone()), Ok(6));
    }
}

#[test]
fn the_directions_have_different_keys() {
    for name in names() {
        let (a, b) = transports(&name);
        let (mut a, mut b) = (a.send.unwrap(), b.send.unwrap());
        assert_ne!(seal(&mut a, b"", b"same"), seal(&mut b, b"", b"same"));
    }
}

#[test]
fn a_failed_open_leaves_the_nonce_and_zeros_for_the_text() {
    for name in names() {
        let (mut send, mut recv) = direction(&name);
        let record = seal(&mut send, b"", b"message");
        for byte in 0..record.len() {
            let mut altered = record.clone();
            altered[byte] ^= 1 << (byte % 8);
            let mut left = altered.clone();
            left[..7].fill(0);
            assert_eq!(recv.open(b"", &mut altered), Err(E::Decrypt), "byte {byte}");
            assert_eq!((altered, recv.nonce()), (left, 0), "byte {byte}");
        }
        assert_eq!(recv.open(b"", &mut record.clone()), Ok(7));
        assert_eq!(recv.nonce(), 1);
    }
}

#[test]
fn the_last_nonce_is_never_used() {
    for name in names() {
        let (mut send, mut recv) = direction(&name);
        send.set_nonce(u64::MAX - 1);
        recv.set_nonce(u64::MAX - 1);
        let mut record = seal(&mut send, b"", b"last");
        assert_eq!(recv.open(b"", &mut record), Ok(4));
        let mut text = *b"more";
        for _ in 0..2 {
            assert_eq!(send.seal(b"", &mut text), Err(E::Exhausted));
            assert_eq!(recv.open(b"", &mut [0; 20]), Err(E::Exhausted));
            assert_eq!((send.nonce(), recv.nonce()), (u64::MAX, u64::MAX));
            // A new key does not bring the nonces back (section 11.3 leaves them alone).
            send.rekey();
            recv.rekey();
        }
        assert_eq!(&text, b"more");
    }
}

#[test]
fn lengths_are_bounded_on_both_ends() {
    for name in names() {
        let (mut send, mut recv) = direction(&name);
        let mut text = alloc::vec![7; MAX_MESSAGE - TAG_LEN + 1];
        assert_eq!(send.seal(b"", &mut text), Err(E::TooLong));
        assert_eq!((send.nonce(), text.iter().all(|byte| *byte == 7)), (0, true));
        let mut record = seal(&mut send, b"", &text[1..]);
        assert_eq!(record.len(), MAX_MESSAGE);
        assert_eq!(recv.open(b"", &mut alloc::vec![0; MAX_MESSAGE + 1]), Err(E::TooLong));
        for len in 0..TAG_LEN {
            assert_eq!(recv.open(b"", &mut record.clone()[..len]), Err(E::TooShort));
        }
        assert_eq!(recv.open(b"", &mut [0; TAG_LEN]), Err(E::Decrypt));
        assert_eq!(recv.open(b"", &mut record), Ok(MAX_MESSAGE - TAG_LEN));
        let mut empty = seal(&mut send, b"", b"");
        assert_eq!(recv.open(b"", &mut empty), Ok(0));
    }
}

#[test]
fn rekey_keeps_the_nonce_and_must_happen_on_both_sides() {
    for name in names() {
        let (mut send, mut recv) = direction(&name);
        for round in 0..3 {
            let mut record = seal(&mut send, b"", b"before");
            assert_eq!(recv.open(b"", &mut record), Ok(6));
            send.rekey();
            assert_eq!(send.nonce(), round + 1);
            let record = seal(&mut send, b"", b"after");
            assert_eq!(recv.open(b"", &mut record.clone()), Err(E::Decrypt));
            recv.rekey();
            assert_eq!(recv.open(b"", &mut record.clone()), Ok(5));
            send.set_nonce(round + 1);
            recv.set_nonce(round + 1);
        }
    }
}

#[test]
fn after_a_one_way_pattern_only_the_sender_sends() {
    for pattern in ["N", "K", "Xpsk1"] {
        let (a, b) = transports(&format!("Noise_{pattern}_25519_ChaChaPoly_BLAKE2s"));
        assert!(a.recv.is_none() && b.send.is_none());
        let mut record = seal(&mut a.send.unwrap(), b"", b"one way");
        assert_eq!(b.recv.unwrap().open(b"", &mut record), Ok(7));
    }
}

#[test]
fn the_handshake_hash_is_as_long_as_the_hash_function_says() {
    for (hash, len) in [("BLAKE2s", 32), ("BLAKE2b", 64)] {
        let (a, b) = transports(&format!("Noise_NN_25519_ChaChaPoly_{hash}"));
        assert_eq!(a.hash, b.hash);
        assert_eq!(a.hash.as_bytes().len(), len);
        assert_eq!(a.hash.as_ref(), a.hash.as_bytes());
    }
}

#[test]
fn a_cipher_is_small_enough_to_keep_a_million_of() {
    assert!(size_of::<SendCipher>() <= 64, "{}", size_of::<SendCipher>());
    assert!(size_of::<RecvCipher>() <= 64, "{}", size_of::<RecvCipher>());
    assert!(size_of::<Handshake>() <= 768, "{}", size_of::<Handshake>());
}
