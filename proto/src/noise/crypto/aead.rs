//! The authenticated ciphers (Noise sections 12.3 and 12.4). Nonces are numbered here, never chosen.

use super::CipherFunction;
use super::backend::{AeadKey, Backend};
use super::provider::{Provider, with_backend};
use super::rustcrypto::RustCrypto;
use zeroize::Zeroizing;

/// A cipher keyed for many messages: the key's expanded state is computed once.
pub(in crate::noise) struct Aead(Provided);

enum Provided {
    RustCrypto(Keyed<RustCrypto>),
    #[cfg(feature = "ring")]
    Ring(Keyed<super::ring::Ring>),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(Keyed<super::aws_lc::AwsLc>),
}

enum Keyed<B: Backend> {
    ChaChaPoly(B::ChaChaPoly),
    #[cfg(feature = "aes-gcm")]
    AesGcm(B::AesGcm),
}

/// `$work` with `$keyed` for the cipher, whoever provides it.
macro_rules! with_keyed {
    ($provided:expr, $keyed:ident => $work:expr) => {
        match $provided {
            Provided::RustCrypto($keyed) => $work,
            #[cfg(feature = "ring")]
            Provided::Ring($keyed) => $work,
            #[cfg(feature = "aws-lc-rs")]
            Provided::AwsLc($keyed) => $work,
        }
    };
}

impl Aead {
    /// The place for a key that is not known yet: what has to be allocated is allocated here.
    pub(in crate::noise) fn vacant(provider: Provider, function: CipherFunction) -> Self {
        Self(match provider {
            Provider::RustCrypto => Provided::RustCrypto(Keyed::vacant(function)),
            #[cfg(feature = "ring")]
            Provider::Ring => Provided::Ring(Keyed::vacant(function)),
            #[cfg(feature = "aws-lc-rs")]
            Provider::AwsLc => Provided::AwsLc(Keyed::vacant(function)),
        })
    }

    pub(in crate::noise) const fn provider(&self) -> Provider {
        match &self.0 {
            Provided::RustCrypto(_) => Provider::RustCrypto,
            #[cfg(feature = "ring")]
            Provided::Ring(_) => Provider::Ring,
            #[cfg(feature = "aws-lc-rs")]
            Provided::AwsLc(_) => Provider::AwsLc,
        }
    }

    pub(in crate::noise) const fn function(&self) -> CipherFunction {
        with_keyed!(&self.0, keyed => keyed.function())
    }

    /// Encrypts `text` in place and gives its tag; `None` only if `text` is longer than the cipher allows,
    /// which no Noise message is, or the provider has no memory.
    pub(in crate::noise) fn seal(&self, nonce: u64, ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        with_keyed!(&self.0, keyed => keyed.seal(nonce, ad, text))
    }

    /// Decrypts `text` in place. On false the tag was wrong and `text` is all zero.
    #[must_use]
    pub(in crate::noise) fn open(&self, nonce: u64, ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        let right = with_keyed!(&self.0, keyed => keyed.open(nonce, ad, text, tag));
        if !right {
            text.fill(0);
        }
        right
    }

    /// Replaces the key by [`Aead::successor`].
    pub(in crate::noise) fn rekey(&mut self) {
        if let Some(key) = self.successor() {
            self.set_key(&key);
        }
    }

    /// `REKEY(k)`: the first 32 bytes of 32 zeros encrypted under the nonce that no message may use (Noise
    /// section 4.2). `None` for one that has no key: 32 bytes are never too long for a cipher.
    pub(in crate::noise) fn successor(&self) -> Option<Zeroizing<[u8; 32]>> {
        let mut key = Zeroizing::new([0; 32]);
        self.seal(u64::MAX, &[], &mut *key).map(|_tag| key)
    }

    /// A cipher under a key that is known.
    pub(in crate::noise) fn keyed(provider: Provider, function: CipherFunction, key: &[u8; 32]) -> Self {
        let mut aead = Self::vacant(provider, function);
        aead.set_key(key);
        aead
    }

    /// Goes on under another key, in the memory it has where the provider's library permits.
    pub(in crate::noise) fn set_key(&mut self, key: &[u8; 32]) {
        with_keyed!(&mut self.0, keyed => keyed.set_key(key));
    }
}

impl<B: Backend> Keyed<B> {
    fn vacant(function: CipherFunction) -> Self {
        match function {
            CipherFunction::ChaChaPoly => Self::ChaChaPoly(AeadKey::new(&[0; 32])),
            #[cfg(feature = "aes-gcm")]
            CipherFunction::AesGcm => Self::AesGcm(AeadKey::new(&[0; 32])),
        }
    }

    const fn function(&self) -> CipherFunction {
        match self {
            Self::ChaChaPoly(_) => CipherFunction::ChaChaPoly,
            #[cfg(feature = "aes-gcm")]
            Self::AesGcm(_) => CipherFunction::AesGcm,
        }
    }

    fn seal(&self, number: u64, ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        let nonce = self.function().nonce(number);
        match self {
            Self::ChaChaPoly(key) => key.seal(&nonce, ad, text),
            #[cfg(feature = "aes-gcm")]
            Self::AesGcm(key) => key.seal(&nonce, ad, text),
        }
    }

    fn open(&self, number: u64, ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        let nonce = self.function().nonce(number);
        match self {
            Self::ChaChaPoly(key) => key.open(&nonce, ad, text, tag),
            #[cfg(feature = "aes-gcm")]
            Self::AesGcm(key) => key.open(&nonce, ad, text, tag),
        }
    }

    fn set_key(&mut self, key: &[u8; 32]) {
        match self {
            Self::ChaChaPoly(cipher) => cipher.set_key(key),
            #[cfg(feature = "aes-gcm")]
            Self::AesGcm(cipher) => cipher.set_key(key),
        }
    }
}

/// [`Aead::seal`] with a key for this one message: no state is kept.
fn seal_once<B: Backend>(
    function: CipherFunction,
    key: &[u8; 32],
    number: u64,
    ad: &[u8],
    text: &mut [u8],
) -> Option<[u8; 16]> {
    let nonce = function.nonce(number);
    match function {
        CipherFunction::ChaChaPoly => B::ChaChaPoly::seal_once(key, &nonce, ad, text),
        #[cfg(feature = "aes-gcm")]
        CipherFunction::AesGcm => B::AesGcm::seal_once(key, &nonce, ad, text),
    }
}

/// [`Aead::open`] with a key for this one message: no state is kept.
#[must_use]
fn open_once<B: Backend>(
    function: CipherFunction,
    key: &[u8; 32],
    number: u64,
    ad: &[u8],
    text: &mut [u8],
    tag: &[u8; 16],
) -> bool {
    let nonce = function.nonce(number);
    let right = match function {
        CipherFunction::ChaChaPoly => B::ChaChaPoly::open_once(key, &nonce, ad, text, tag),
        #[cfg(feature = "aes-gcm")]
        CipherFunction::AesGcm => B::AesGcm::open_once(key, &nonce, ad, text, tag),
    };
    if !right {
        text.fill(0);
    }
    right
}

impl Provider {
    /// [`Aead::seal`] with a key for this one message: no state is kept.
    pub(in crate::noise) fn seal(
        self,
        function: CipherFunction,
        key: &[u8; 32],
        number: u64,
        ad: &[u8],
        text: &mut [u8],
    ) -> Option<[u8; 16]> {
        with_backend!(self, B => seal_once::<B>(function, key, number, ad, text))
    }

    /// [`Aead::open`] with a key for this one message: no state is kept.
    #[must_use]
    pub(in crate::noise) fn open(
        self,
        function: CipherFunction,
        key: &[u8; 32],
        number: u64,
        ad: &[u8],
        text: &mut [u8],
        tag: &[u8; 16],
    ) -> bool {
        with_backend!(self, B => open_once::<B>(function, key, number, ad, text, tag))
    }
}
