//! All providers compute the same, refusals included. With one provider compiled in there is nothing to compare:
//! then these are tests of that one.

use super::{Aead, CipherFunction, Provider};
use crate::entropy::Jitter;
use alloc::vec;
use alloc::vec::Vec;
use core::array;

const CIPHERS: &[CipherFunction] = &[
    CipherFunction::ChaChaPoly,
    #[cfg(feature = "aes-gcm")]
    CipherFunction::AesGcm,
];

/// Around the boundaries of blocks and of what is computed at a time, and the longest text of a Noise message.
const LENGTHS: [usize; 14] = [0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 511, 4097, 65_519];

/// One message and the key it is sealed under.
#[derive(Clone)]
struct Case {
    cipher: CipherFunction,
    key: [u8; 32],
    nonce: u64,
    ad: Vec<u8>,
    text: Vec<u8>,
}

impl Case {
    fn random(random: &mut Jitter, cipher: CipherFunction, len: usize) -> Self {
        let ad = random.next_u64() as usize % 80;
        Self {
            cipher,
            key: array::from_fn(|_| random.next_u64() as u8),
            nonce: random.next_u64() >> (random.next_u64() % 64),
            ad: (0..ad).map(|_| random.next_u64() as u8).collect(),
            text: (0..len).map(|_| random.next_u64() as u8).collect(),
        }
    }

    fn aead(&self, provider: Provider) -> Aead {
        let mut aead = Aead::vacant(provider, self.cipher);
        aead.set_key(&self.key);
        aead
    }

    /// Ciphertext and tag, the same with a key that is kept and with one that is not.
    fn seal(&self, provider: Provider) -> (Vec<u8>, [u8; 16]) {
        let (mut kept, mut once) = (self.text.clone(), self.text.clone());
        let tag = self.aead(provider).seal(self.nonce, &self.ad, &mut kept).unwrap();
        let tag_once = provider.seal(self.cipher, &self.key, self.nonce, &self.ad, &mut once);
        assert_eq!((tag_once, &once), (Some(tag), &kept), "{provider}");
        (kept, tag)
    }

    /// What `text` becomes, and whether it opened: the same with a key that is kept and with one that is not.
    fn open(&self, provider: Provider, text: &[u8], tag: &[u8; 16]) -> (bool, Vec<u8>) {
        let (mut kept, mut once) = (text.to_vec(), text.to_vec());
        let opened = self.aead(provider).open(self.nonce, &self.ad, &mut kept, tag);
        let opened_once = provider.open(self.cipher, &self.key, self.nonce, &self.ad, &mut once, tag);
        assert_eq!((opened_once, &once), (opened, &kept), "{provider}");
        (opened, kept)
    }
}

/// A few cases of every length and cipher, with the seed that made each.
fn cases() -> impl Iterator<Item = (u64, Case)> {
    let lengths = LENGTHS.into_iter().map(Some).chain([None; 20]);
    let kinds = CIPHERS.iter().flat_map(move |cipher| lengths.clone().map(|len| (*cipher, len)));
    kinds.enumerate().map(|(seed, (cipher, len))| {
        let mut random = Jitter::new(seed as u64);
        let len = len.unwrap_or_else(|| (random.next_u64() as usize % 65_520) >> (random.next_u64() % 12));
        (seed as u64, Case::random(&mut random, cipher, len))
    })
}

#[test]
fn a_cipher_is_no_larger_than_a_key_and_what_tells_ciphers_and_providers_apart() {
    assert!(size_of::<Aead>() <= 40, "{} bytes", size_of::<Aead>());
}

#[test]
fn all_seal_to_the_same_bytes_and_open_each_others() {
    for (seed, case) in cases() {
        let sealed = case.seal(Provider::RustCrypto);
        for provider in Provider::ALL {
            assert!(case.seal(*provider) == sealed, "{provider}, seed {seed}: sealed otherwise");
            let opened = case.open(*provider, &sealed.0, &sealed.1);
            assert!(opened == (true, case.text.clone()), "{provider}, seed {seed}: did not open");
        }
    }
}

#[test]
fn all_refuse_what_was_changed_and_leave_zeros() {
    for (seed, case) in cases() {
        let (text, tag) = case.seal(Provider::RustCrypto);
        let mut random = Jitter::new(seed);
        let mut flip = |bytes: &mut [u8]| {
            let bit = random.next_u64() as usize % (8 * bytes.len());
            bytes[bit / 8] ^= 1 << (bit % 8);
        };
        let mut spoilt = vec![("nonce", Case { nonce: case.nonce ^ 1, ..case.clone() }, text.clone(), tag)];
        let mut other = tag;
        flip(&mut other);
        spoilt.push(("tag", case.clone(), text.clone(), other));
        let mut other = case.clone();
        flip(&mut other.key);
        spoilt.push(("key", other, text.clone(), tag));
        spoilt.push((
            "longer ad",
            Case { ad: [&case.ad[..], &[0]].concat(), ..case.clone() },
            text.clone(),
            tag,
        ));
        if !case.ad.is_empty() {
            let mut other = case.clone();
            flip(&mut other.ad);
            spoilt.push(("ad", other, text.clone(), tag));
        }
        if !text.is_empty() {
            let mut other = text.clone();
            flip(&mut other);
            spoilt.push(("text", case.clone(), other, tag));
            spoilt.push(("shorter text", case.clone(), text[1..].to_vec(), tag));
        }
        for (what, case, text, tag) in &spoilt {
            for provider in Provider::ALL {
                let (opened, left) = case.open(*provider, text, tag);
                assert!(!opened, "{provider}, seed {seed}: opened with another {what}");
                assert!(left.iter().all(|byte| *byte == 0), "{provider}, seed {seed}, {what}: left bytes");
            }
        }
    }
}

#[test]
fn all_rekey_to_the_same_key() {
    for (seed, case) in cases().step_by(5) {
        let sealed = Provider::ALL.iter().map(|provider| {
            let mut aead = case.aead(*provider);
            (0..3).for_each(|_| aead.rekey());
            let mut text = case.text.clone();
            let tag = aead.seal(case.nonce, &case.ad, &mut text).unwrap();
            assert!(tag != case.seal(*provider).1, "{provider}, seed {seed}: the key is the old one");
            (text, tag)
        });
        let sealed: Vec<_> = sealed.collect();
        assert!(sealed.iter().all(|each| *each == sealed[0]), "seed {seed}");
    }
}

/// `number` as a public key: little-endian, with `high` in the last byte.
const fn point(low: u8, middle: u8, high: u8) -> [u8; 32] {
    let mut point = [middle; 32];
    point[0] = low;
    point[31] = high;
    point
}

#[test]
fn all_agree_on_the_same_secrets() {
    // RFC 7748 section 4.1: the base point, also plus the prime and with the bit set that is to be ignored; then
    // points that are not canonical, 2^255 - 10 (9 + p would not fit) to 2^255 - 1 and 2^256 - 1.
    let mut publics = vec![point(9, 0, 0), point(9, 0, 0x80)];
    publics.extend([0xf6, 0xf9, 0xfe, 0xff].map(|low| point(low, 0xff, 0x7f)));
    publics.push([0xff; 32]);
    for seed in 0..50 {
        let mut random = Jitter::new(seed);
        let mut bytes = || array::from_fn(|_| random.next_u64() as u8);
        let secret: [u8; 32] = bytes();
        let own = Provider::RustCrypto.public(&secret);
        for public in publics.iter().copied().chain([bytes(), bytes(), own]) {
            let expected = Provider::RustCrypto.agree(&secret, &public);
            assert!(expected.is_some(), "{public:x?}, seed {seed}");
            for provider in Provider::ALL {
                assert_eq!(provider.agree(&secret, &public), expected, "{provider}, seed {seed}");
            }
        }
        for provider in Provider::ALL {
            assert_eq!(provider.public(&secret), own, "{provider}, seed {seed}");
        }
    }
}

#[test]
fn all_refuse_points_of_low_order() {
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
            0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
        ],
        [
            0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
            0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
        ],
    ];
    // 0, 1, p - 1, p and p + 1.
    let mut points = vec![point(0, 0, 0), point(1, 0, 0)];
    points.extend([0xec, 0xed, 0xee].map(|low| point(low, 0xff, 0x7f)));
    points.extend(ORDER_8);
    for mut point in points {
        for _ in 0..2 {
            for provider in Provider::ALL {
                for secret in [[1; 32], [0xff; 32], array::from_fn(|i| i as u8)] {
                    assert_eq!(provider.agree(&secret, &point), None, "{provider}: {point:x?}");
                }
            }
            // The highest bit is to be ignored.
            point[31] ^= 0x80;
        }
    }
}

#[test]
fn the_default_is_always_there_and_names_differ() {
    assert_eq!(Provider::ALL[0], Provider::default());
    assert!(Provider::ALL.contains(&Provider::fastest()));
    for (i, provider) in Provider::ALL.iter().enumerate() {
        assert!(Provider::ALL[..i].iter().all(|other| other.name() != provider.name()));
        for cipher in CIPHERS {
            let aead = Aead::vacant(*provider, *cipher);
            assert_eq!((aead.provider(), aead.function()), (*provider, *cipher));
        }
    }
}
