//! Extensions (RFC 6455, section 9): compression is the only one, and without feature `deflate` there is none.

use super::config::Config;
#[cfg(feature = "deflate")]
use super::deflate;
use alloc::string::String;

/// What the two ends agreed on.
#[cfg(feature = "deflate")]
pub(super) type Params = deflate::DeflateParams;
/// Nothing can be agreed on.
#[cfg(not(feature = "deflate"))]
pub(super) type Params = core::convert::Infallible;

/// What a client asks for.
pub(super) fn offer(config: &Config) -> Option<String> {
    #[cfg(feature = "deflate")]
    return config.deflate.as_ref().map(|codecs| deflate::offer(codecs.config()));
    #[cfg(not(feature = "deflate"))]
    {
        let _ = config;
        None
    }
}

/// What a server grants.
pub(super) fn accept<'a>(config: &Config, offers: impl Iterator<Item = &'a [u8]>) -> Option<Params> {
    #[cfg(feature = "deflate")]
    return config.deflate.as_ref().and_then(|codecs| deflate::accept(codecs.config(), offers));
    #[cfg(not(feature = "deflate"))]
    {
        let _ = (config, offers);
        None
    }
}

/// What a server has granted; `None` if that is not what was asked for.
pub(super) fn check<'a>(config: &Config, answers: impl Iterator<Item = &'a [u8]>) -> Option<Option<Params>> {
    #[cfg(feature = "deflate")]
    return deflate::check(config.deflate.as_ref().map(|codecs| codecs.config()), answers);
    #[cfg(not(feature = "deflate"))]
    {
        let (_, mut answers) = (config, answers);
        answers.next().is_none().then_some(None)
    }
}
