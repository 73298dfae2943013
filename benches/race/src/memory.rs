//! What each provider's ciphers cost by themselves and through a session, in memory and without a system call.
//!
//! The bare cipher gets as many bytes as a record of the message encrypts: the message with its head. At 64 bytes that
//! is one more block than the message alone.

use crate::stack::Result;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInOut, KeyInit};
use sealock_benches::End;
use sealock_proto::noise::{Protocol, Provider, SecretKey, TAG_LEN};
use sealock_proto::session::{Config, Peers};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

pub(crate) const SIZES: [usize; 2] = [64, 16 * 1024];
const ROUNDS: usize = 2000;
/// Bytes of length before a record.
const RECORD_HEAD: usize = 2;

/// Nanoseconds for a message of one size in a record of its own; the bare cipher in the second place.
pub(crate) struct Cost {
    pub(crate) provider: &'static str,
    pub(crate) aead: &'static str,
    pub(crate) size: usize,
    pub(crate) seal: [f64; 2],
    pub(crate) open: [f64; 2],
}

type Operation = Box<dyn FnMut(&mut Vec<u8>) -> Result<()>>;

/// A nonce for each operation, as every user of a cipher needs: the compiler cannot know it beforehand.
struct Nonces(u64);

impl Nonces {
    fn next(&mut self) -> [u8; 12] {
        self.0 += 1;
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.0.to_be_bytes());
        nonce
    }
}

macro_rules! low_level {
    ($library:ident, $aes:expr) => {{
        use $library::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
        let algorithm = if $aes { &AES_256_GCM } else { &CHACHA20_POLY1305 };
        let key =
            || Ok::<_, &str>(LessSafeKey::new(UnboundKey::new(algorithm, &[7; 32]).map_err(|_| "no key")?));
        let (sealing, opening) = (key()?, key()?);
        let [mut sealed, mut opened] = [Nonces(0), Nonces(0)];
        let seal = move |text: &mut Vec<u8>| {
            let nonce = Nonce::assume_unique_for_key(sealed.next());
            let tag = sealing.seal_in_place_separate_tag(nonce, Aad::empty(), text).map_err(|_| "no seal")?;
            text.extend_from_slice(tag.as_ref());
            Ok(())
        };
        let open = move |text: &mut Vec<u8>| {
            let nonce = Nonce::assume_unique_for_key(opened.next());
            opening.open_in_place(nonce, Aad::empty(), text).map_err(|_| "forged")?;
            Ok(())
        };
        (Box::new(seal), Box::new(open))
    }};
}

fn rust_crypto<C: KeyInit + AeadInOut<NonceSize = U12> + 'static>() -> Result<(Operation, Operation)> {
    let key = || C::new_from_slice(&[7; 32]).map_err(|_| "no key");
    let (sealing, opening) = (key()?, key()?);
    let [mut sealed, mut opened] = [Nonces(0), Nonces(0)];
    let seal = move |text: &mut Vec<u8>| {
        Ok(sealing.encrypt_in_place(&sealed.next().into(), b"", text).map_err(|_| "no seal")?)
    };
    let open = move |text: &mut Vec<u8>| {
        Ok(opening.decrypt_in_place(&opened.next().into(), b"", text).map_err(|_| "forged")?)
    };
    Ok((Box::new(seal), Box::new(open)))
}

fn bare(provider: Provider, aes: bool) -> Result<(Operation, Operation)> {
    Ok(match provider {
        Provider::Ring => low_level!(ring, aes),
        Provider::AwsLc => low_level!(aws_lc_rs, aes),
        _ if aes => rust_crypto::<aes_gcm::Aes256Gcm>()?,
        _ => rust_crypto::<chacha20poly1305::ChaCha20Poly1305>()?,
    })
}

/// What the two ends are told.
pub(crate) fn configs(provider: Provider, aead: &str) -> Result<[Arc<Config>; 2]> {
    let protocol = Protocol::parse(&format!("Noise_XX_25519_{aead}_BLAKE2s"))?;
    let key = |n| SecretKey::new(&mut [n; 32]);
    let initiator = Config::initiator(protocol).with_peers(Peers::Any).with_static_key(key(1));
    let responder = Config::responder(&[protocol]).with_static_key(key(2));
    Ok([initiator.with_provider(provider).build()?, responder.with_provider(provider).build()?])
}

/// Both ends of an established session.
pub(crate) fn ends([initiator, responder]: &[Arc<Config>; 2]) -> [End; 2] {
    let (mut a, mut b) = (End::new(initiator, 1), End::new(responder, 2));
    while a.carry(&mut b) | b.carry(&mut a) {}
    a.read();
    b.read();
    [a, b]
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let begin = Instant::now();
    work()?;
    Ok(begin.elapsed().as_nanos() as f64)
}

/// The mean without the slowest tenth, which something else held up. Not the median: clocks tick in tens of
/// nanoseconds, and a record of 64 bytes takes a hundred.
fn mean(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.truncate(times.len() - times.len() / 10);
    times.iter().sum::<f64>() / times.len() as f64
}

fn cost(provider: Provider, aead: &'static str, size: usize) -> Result<Cost> {
    let (mut bare_seal, mut bare_open) = bare(provider, aead == "AESGCM")?;
    let [mut a, mut b] = ends(&configs(provider, aead)?);
    let message = vec![7; size];
    let mut text = Vec::new();
    let mut times = [const { Vec::new() }; 5];
    for _ in 0..ROUNDS {
        a.session.send(a.now, &message, &mut a.tx)?;
        text.clear();
        text.extend_from_slice(&a.tx.open_mut()[RECORD_HEAD..]);
        text.reserve(TAG_LEN);
        times[0].push(timed(|| {
            a.session.poll_transmit(a.now, &mut a.tx);
            Ok(())
        })?);
        a.hand_over(&mut b);
        times[1].push(timed(|| {
            black_box(b.read_one());
            Ok(())
        })?);
        b.read();
        times[2].push(timed(|| bare_seal(&mut text))?);
        times[3].push(timed(|| bare_open(&mut text))?);
        times[4].push(timed(|| Ok(()))?);
    }
    let [seal, open, bare_seal, bare_open, clock] = times.map(mean);
    Ok(Cost {
        provider: provider.name(),
        aead,
        size,
        seal: [seal - clock, bare_seal - clock],
        open: [open - clock, bare_open - clock],
    })
}

pub(crate) fn costs() -> Result<Vec<Cost>> {
    let mut all = Vec::new();
    for provider in Provider::ALL {
        for aead in ["AESGCM", "ChaChaPoly"] {
            for size in SIZES {
                all.push(cost(*provider, aead, size)?);
            }
        }
    }
    Ok(all)
}
