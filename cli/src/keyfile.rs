//! Keys in files: what there are, how they are made and read.
//!
//! A file has one line `sealock-secret-key-1 <64 hex digits>` (or `sealock-psk-1 ...`, `sealock-identity-1 ...`).

use crate::secretfile::{self, Secret};
use anyhow::Result;
use sealock_proto::identity::{Ed25519Signer, IdentityKey, Signer};
use sealock_proto::noise::{Psk, PublicKey, SecretKey};
use std::path::Path;

const SECRET_KEY: &str = "sealock-secret-key-1";
const PSK: &str = "sealock-psk-1";
const IDENTITY: &str = "sealock-identity-1";

/// Makes a key and writes it to a new file. Never overwrites one.
pub(crate) fn create_key(path: &Path) -> Result<PublicKey> {
    let secret = random()?;
    let public = SecretKey::new(&mut secret.clone()).public();
    secretfile::create(path, SECRET_KEY, &format!("# public key: {public}\n"), &*secret)?;
    Ok(public)
}

/// Makes a pre-shared key and writes it to a new file. Never overwrites one.
pub(crate) fn create_psk(path: &Path) -> Result<()> {
    secretfile::create(path, PSK, "# pre-shared key: both ends need a copy\n", &*random()?)
}

/// Makes an Ed25519 key and writes it to a new file. Never overwrites one.
pub(crate) fn create_identity(path: &Path) -> Result<IdentityKey> {
    let secret = random()?;
    let public = Ed25519Signer::new(&mut secret.clone()).public_key();
    secretfile::create(path, IDENTITY, &format!("# identity: {public}\n"), &*secret)?;
    Ok(public)
}

/// Reads a file made by [`create_key`].
pub(crate) fn read_key(path: &Path) -> Result<SecretKey> {
    Ok(SecretKey::new(&mut secretfile::read(path, &[SECRET_KEY])?.1))
}

/// Reads a file made by [`create_psk`].
pub(crate) fn read_psk(path: &Path) -> Result<Psk> {
    Ok(Psk::new(&mut secretfile::read(path, &[PSK])?.1))
}

/// Reads a file made by [`create_identity`].
pub(crate) fn read_identity(path: &Path) -> Result<Ed25519Signer> {
    Ok(Ed25519Signer::new(&mut secretfile::read(path, &[IDENTITY])?.1))
}

/// The public half of a key made by [`create_key`] or [`create_identity`].
pub(crate) fn read_public(path: &Path) -> Result<String> {
    let (tag, mut secret) = secretfile::read(path, &[SECRET_KEY, IDENTITY])?;
    Ok(match tag {
        IDENTITY => Ed25519Signer::new(&mut secret).public_key().to_string(),
        _ => SecretKey::new(&mut secret).public().to_string(),
    })
}

/// A secret key for this run only.
pub(crate) fn temporary_key() -> Result<SecretKey> {
    Ok(SecretKey::new(&mut *random()?))
}

/// Bytes that nobody else has.
pub(crate) fn random() -> Result<Secret<32>> {
    let mut secret = Secret::default();
    getrandom::fill(&mut *secret)
        .map_err(|error| anyhow::anyhow!("the system gave no random bytes: {error}"))?;
    Ok(secret)
}
