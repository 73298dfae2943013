//! Exported secrets (docs/wire.md, section 7), against a computation that shares no code with the handshake.

use super::super::*;
use super::{pair, transports, write_next};
use alloc::format;
use alloc::vec::Vec;
use blake2::{Blake2b512, Blake2s256, Digest};

const NN: &str = "Noise_NN_25519_ChaChaPoly_BLAKE2s";

fn export(transport: &Transport, label: &str, context: &[u8], len: usize) -> Vec<u8> {
    let mut out = alloc::vec![0xa5; len];
    transport.exporter.export(label, context, &mut out).unwrap();
    out
}

fn hash<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    D::digest(parts.concat()).to_vec()
}

/// RFC 2104.
fn hmac<D: Digest>(key: &[u8], text: &[u8]) -> Vec<u8> {
    let block = 2 * <D as Digest>::output_size();
    let pad = |byte: u8| {
        let mut pad = alloc::vec![byte; block];
        pad.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
        pad
    };
    let inner = hash::<D>(&[&pad(0x36), text]);
    hash::<D>(&[&pad(0x5c), &inner])
}

/// RFC 5869.
fn hkdf<D: Digest>(salt: &[u8], input: &[u8], info: &[u8], len: usize) -> Vec<u8> {
    expand::<D>(&hmac::<D>(salt, input), info, len)
}

fn expand<D: Digest>(secret: &[u8], info: &[u8], len: usize) -> Vec<u8> {
    let (mut out, mut last) = (Vec::new(), Vec::new());
    for counter in 1..=255 {
        last = hmac::<D>(secret, &[&last[..], info, &[counter]].concat());
        out.extend_from_slice(&last);
    }
    out.truncate(len);
    out
}

/// NN from what is on the wire, in which nothing is encrypted before the last tag, and both private keys.
fn computed<D: Digest>(name: &str, messages: [&[u8]; 2], label: &str, context: &[u8], len: usize) -> Vec<u8> {
    let [first, second] = messages;
    let mut h = name.as_bytes().to_vec();
    h.resize(<D as Digest>::output_size().max(h.len()), 0);
    if name.len() > <D as Digest>::output_size() {
        h = hash::<D>(&[name.as_bytes()]);
    }
    let ck = h.clone();
    // The prologue; the first ephemeral and its payload; the second ephemeral and the tag.
    for part in [&b"test"[..], &first[..32], &first[32..], &second[..32]] {
        h = hash::<D>(&[&h, part]);
    }
    let shared = x25519_dalek::x25519([0x50; 32], second[..32].try_into().unwrap());
    let ck = &hkdf::<D>(&ck, &shared, &[], <D as Digest>::output_size());
    h = hash::<D>(&[&h, &second[32..]]);
    let secret = hkdf::<D>(ck, &[b"sealock exporter", &h[..]].concat(), &[], 32);
    let head = [&(len as u16).to_be_bytes()[..], &[label.len() as u8]].concat();
    let info = [&head, label.as_bytes(), &hash::<D>(&[context])].concat();
    expand::<D>(&secret, &info, len)
}

fn check<D: Digest>(name: &str) {
    let (label, context) = ("example token", &b"user 7"[..]);
    for len in [0, 1, 32, 33, 64, 1000] {
        let (mut a, mut b) = pair(name);
        let mut first = write_next(&mut a, &mut b, b"");
        let kept = first.clone();
        b.read(&mut first).unwrap();
        let mut second = write_next(&mut a, &mut b, b"");
        let expected = computed::<D>(name, [&kept, &second], label, context, len);
        a.read(&mut second).unwrap();
        for end in [a.split().unwrap(), b.split().unwrap()] {
            assert_eq!(export(&end, label, context, len), expected, "{name} {len}");
        }
    }
}

#[test]
fn an_exported_secret_is_what_the_document_says() {
    check::<Blake2s256>(NN);
    check::<Blake2b512>("Noise_NN_25519_ChaChaPoly_BLAKE2b");
    #[cfg(feature = "sha2")]
    check::<sha2::Sha256>("Noise_NN_25519_ChaChaPoly_SHA256");
    #[cfg(feature = "sha2")]
    check::<sha2::Sha512>("Noise_NN_25519_ChaChaPoly_SHA512");
}

#[test]
fn secrets_differ_by_label_context_length_and_handshake() {
    let (a, _) = transports(NN);
    let (other, _) = transports("Noise_NN_25519_ChaChaPoly_BLAKE2b");
    let long = export(&a, "label", b"context", 64);
    let mut seen = Vec::from([export(&other, "label", b"context", 32), long[..32].to_vec()]);
    for (label, context) in [("label", "context"), ("labelc", "ontext"), ("label", ""), ("labem", "context")]
    {
        seen.push(export(&a, label, context.as_bytes(), 32));
    }
    seen.push(export(&transports("Noise_XX_25519_ChaChaPoly_BLAKE2s").0, "label", b"context", 32));
    for (n, secret) in seen.iter().enumerate() {
        assert!(!seen[..n].contains(secret), "{n}");
    }
}

#[test]
fn what_is_out_of_range_is_refused_and_nothing_is_written() {
    let (a, _) = transports(NN);
    let (b, _) = transports("Noise_NN_25519_ChaChaPoly_BLAKE2b");
    let long = "x".repeat(256);
    for (end, label, len, result) in [
        (&a, "", 32, Err(ExportError::Label)),
        (&a, &long[..], 32, Err(ExportError::Label)),
        (&a, &long[..255], 32, Ok(())),
        (&a, "x", 255 * 32, Ok(())),
        (&a, "x", 255 * 32 + 1, Err(ExportError::TooLong)),
        (&b, "x", 255 * 64, Ok(())),
        (&b, "x", 255 * 64 + 1, Err(ExportError::TooLong)),
        (&b, "x", 1 << 16, Err(ExportError::TooLong)),
    ] {
        let mut out = alloc::vec![0; len];
        assert_eq!(end.exporter.export(label, b"", &mut out), result, "{} {len}", label.len());
        assert_eq!(out.iter().any(|byte| *byte != 0), result.is_ok());
        // The last bytes too.
        assert!(result.is_err() || out[len - 16..].iter().any(|byte| *byte != 0));
    }
}

#[test]
fn an_exporter_is_not_printed() {
    let (a, _) = transports(NN);
    assert_eq!(format!("{:?}", a.exporter), "Exporter(..)");
    assert!(format!("{a:?}").contains("exporter: Exporter(..)"));
}
