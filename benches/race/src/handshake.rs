//! What a handshake costs in memory, over what its Diffie-Hellman operations cost by themselves.

use crate::memory::{configs, ends};
use crate::stack::Result;
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use sealock_proto::noise::Provider;
use sealock_race::median;
use std::hint::black_box;
use std::time::Instant;
use x25519_dalek::{PublicKey, StaticSecret};

const ROUNDS: usize = 301;
/// XX: each end makes an ephemeral key, and computes ee, es and se.
const KEYS: usize = 2;
const AGREEMENTS: usize = 6;

/// Nanoseconds for both ends of one handshake.
pub(crate) struct Cost {
    pub(crate) provider: &'static str,
    pub(crate) whole: f64,
    pub(crate) bound: f64,
}

fn dalek() -> Result<()> {
    for n in 0..KEYS {
        black_box(PublicKey::from(&StaticSecret::from([n as u8; 32])));
    }
    let peer = PublicKey::from([9; 32]);
    for n in 0..AGREEMENTS {
        black_box(StaticSecret::from([n as u8; 32]).diffie_hellman(&peer));
    }
    Ok(())
}

fn aws_lc() -> Result<()> {
    for n in 0..KEYS {
        let key = PrivateKey::from_private_key(&X25519, &[n as u8; 32])?;
        black_box(key.compute_public_key()?);
    }
    let peer = UnparsedPublicKey::new(&X25519, [9; 32]);
    for n in 0..AGREEMENTS {
        let key = PrivateKey::from_private_key(&X25519, &[n as u8; 32])?;
        agree(&key, peer, "no agreement", |secret| {
            black_box(secret);
            Ok(())
        })?;
    }
    Ok(())
}

pub(crate) fn costs() -> Result<Vec<Cost>> {
    let mut all = Vec::new();
    for provider in Provider::ALL {
        // ring agrees only under keys it has drawn itself, so that ring's sessions have dalek's.
        let bare = if *provider == Provider::AwsLc { aws_lc } else { dalek };
        let mut times = [const { Vec::new() }; 2];
        let configs = configs(*provider, "AESGCM")?;
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            black_box(ends(&configs));
            times[0].push(begin.elapsed().as_nanos() as f64);
            let begin = Instant::now();
            bare()?;
            times[1].push(begin.elapsed().as_nanos() as f64);
        }
        let [whole, bound] = times.map(median);
        all.push(Cost { provider: provider.name(), whole, bound });
    }
    Ok(all)
}
