//! What the two ends agree on, from their header fields (RFC 7692, sections 5 and 7.1).

use super::{DeflateConfig, MAX_WINDOW, MIN_WINDOW};
use alloc::string::{String, ToString};
use core::fmt;
use core::str;

const NAME: &str = "permessage-deflate";
const SERVER_ALONE: &str = "server_no_context_takeover";
const CLIENT_ALONE: &str = "client_no_context_takeover";
const SERVER_WINDOW: &str = "server_max_window_bits";
const CLIENT_WINDOW: &str = "client_max_window_bits";

/// What both ends have agreed on. As text, the value of a server's `Sec-WebSocket-Extensions`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeflateParams {
    /// Each message of the server stands alone.
    pub server_no_context_takeover: bool,
    /// Each message of the client stands alone.
    pub client_no_context_takeover: bool,
    /// The window of the server as a power of two, 8 to 15; 15 if there is none.
    pub server_max_window_bits: Option<u8>,
    /// The window of the client as a power of two, 8 to 15; 15 if there is none.
    pub client_max_window_bits: Option<u8>,
}

impl fmt::Display for DeflateParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        for (name, alone) in
            [(SERVER_ALONE, self.server_no_context_takeover), (CLIENT_ALONE, self.client_no_context_takeover)]
        {
            if alone {
                write!(f, "; {name}")?;
            }
        }
        for (name, bits) in
            [(SERVER_WINDOW, self.server_max_window_bits), (CLIENT_WINDOW, self.client_max_window_bits)]
        {
            if let Some(bits) = bits {
                write!(f, "; {name}={bits}")?;
            }
        }
        Ok(())
    }
}

/// One element of a `Sec-WebSocket-Extensions`.
enum Element {
    /// Another extension.
    Other,
    /// One that breaks a rule of RFC 7692.
    Bad,
    /// The parameters, and whether the window of the client is named without a number.
    Deflate(DeflateParams, bool),
}

fn parse(element: &[u8]) -> Element {
    let Ok(element) = str::from_utf8(element) else { return Element::Other };
    let mut parts = element.split(';').map(str::trim);
    if parts.next().is_none_or(|name| !name.eq_ignore_ascii_case(NAME)) {
        return Element::Other;
    }
    let (mut params, mut any_window) = (DeflateParams::default(), false);
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(unquoted(value.trim()))),
            None => (part, None),
        };
        // Each once, with a value where there must be one (section 7.1).
        let fits = match (name, value) {
            (SERVER_ALONE, None) => !core::mem::replace(&mut params.server_no_context_takeover, true),
            (CLIENT_ALONE, None) => !core::mem::replace(&mut params.client_no_context_takeover, true),
            (CLIENT_WINDOW, None) => {
                params.client_max_window_bits.is_none() && !core::mem::replace(&mut any_window, true)
            }
            (SERVER_WINDOW, Some(bits)) => set(&mut params.server_max_window_bits, bits),
            (CLIENT_WINDOW, Some(bits)) => !any_window && set(&mut params.client_max_window_bits, bits),
            _ => false,
        };
        if !fits {
            return Element::Bad;
        }
    }
    Element::Deflate(params, any_window)
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// Sets a window that was not named before; false if it cannot be. The number is decimal without leading zeros.
fn set(window: &mut Option<u8>, bits: &str) -> bool {
    let plain = bits.bytes().all(|byte| byte.is_ascii_digit()) && !bits.starts_with('0');
    let bits = bits.parse().ok().filter(|bits| plain && (8..=MAX_WINDOW).contains(bits));
    bits.is_some() && core::mem::replace(window, bits).is_none()
}

/// What a client asks for.
pub(in crate::ws) fn offer(config: &DeflateConfig) -> String {
    let named = |bits| (bits < MAX_WINDOW).then_some(bits);
    let asked = DeflateParams {
        server_no_context_takeover: config.server_no_context_takeover,
        client_no_context_takeover: config.client_no_context_takeover,
        server_max_window_bits: named(config.server_max_window_bits),
        client_max_window_bits: named(config.client_max_window_bits),
    };
    let mut offer = asked.to_string();
    if asked.client_max_window_bits.is_none() {
        // A server may then ask for a smaller one.
        offer.push_str("; ");
        offer.push_str(CLIENT_WINDOW);
    }
    offer
}

/// What a server grants of the first offer that it can. Offers that break a rule are passed over, and so is one that
/// wants the server's window smaller than the codec can make it.
pub(in crate::ws) fn accept<'a>(
    config: &DeflateConfig,
    offers: impl Iterator<Item = &'a [u8]>,
) -> Option<DeflateParams> {
    offers.filter_map(|element| grant(config, element)).next()
}

fn grant(config: &DeflateConfig, element: &[u8]) -> Option<DeflateParams> {
    let Element::Deflate(offered, any_window) = parse(element) else { return None };
    let server = offered.server_max_window_bits;
    if server.is_some_and(|bits| bits < MIN_WINDOW) {
        return None;
    }
    let least = |own: u8, theirs: Option<u8>, must: bool| {
        let bits = theirs.map_or(own, |bits| bits.min(own));
        (must || bits < MAX_WINDOW).then_some(bits)
    };
    let client = offered.client_max_window_bits;
    Some(DeflateParams {
        server_no_context_takeover: offered.server_no_context_takeover | config.server_no_context_takeover,
        client_no_context_takeover: offered.client_no_context_takeover | config.client_no_context_takeover,
        server_max_window_bits: least(config.server_max_window_bits, server, server.is_some()),
        client_max_window_bits: least(config.client_max_window_bits, client, false)
            .filter(|_| any_window || client.is_some()),
    })
}

/// Whether a server's answer grants what was asked for: `None` if it breaks a rule or that (section 7.1).
pub(in crate::ws) fn check<'a>(
    config: Option<&DeflateConfig>,
    mut answers: impl Iterator<Item = &'a [u8]>,
) -> Option<Option<DeflateParams>> {
    let Some(answer) = answers.next() else { return Some(None) };
    let config = config.filter(|_| answers.next().is_none())?;
    let Element::Deflate(granted, false) = parse(answer) else { return None };
    let alone = granted.server_no_context_takeover || !config.server_no_context_takeover;
    let server = granted.server_max_window_bits.unwrap_or(MAX_WINDOW) <= config.server_max_window_bits;
    let client = granted.client_max_window_bits.is_none_or(|bits| bits <= config.client_max_window_bits);
    (alone && server && client).then_some(Some(granted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(config: &DeflateConfig, offers: &str) -> Option<String> {
        let elements = offers.split(',').map(|element| element.trim().as_bytes());
        accept(config, elements).map(|params| params.to_string())
    }

    fn takes_over() -> DeflateConfig {
        DeflateConfig::default().with_server_no_context_takeover(false).with_client_no_context_takeover(false)
    }

    #[test]
    fn a_server_grants_the_first_offer_that_it_can() {
        for (offers, want) in [
            ("permessage-deflate", Some("permessage-deflate")),
            ("Permessage-Deflate ;  client_max_window_bits", Some("permessage-deflate")),
            (
                "x-other, permessage-deflate; client_no_context_takeover",
                Some("permessage-deflate; client_no_context_takeover"),
            ),
            (
                "permessage-deflate; server_no_context_takeover",
                Some("permessage-deflate; server_no_context_takeover"),
            ),
            (
                "permessage-deflate; server_max_window_bits=10",
                Some("permessage-deflate; server_max_window_bits=10"),
            ),
            (
                "permessage-deflate; server_max_window_bits=\"15\"",
                Some("permessage-deflate; server_max_window_bits=15"),
            ),
            (
                "permessage-deflate; client_max_window_bits=12",
                Some("permessage-deflate; client_max_window_bits=12"),
            ),
            // Smaller than the codec can.
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate", Some("permessage-deflate")),
            ("permessage-deflate; server_max_window_bits", None),
            ("permessage-deflate; server_max_window_bits=7", None),
            ("permessage-deflate; server_max_window_bits=16", None),
            ("permessage-deflate; server_max_window_bits=09", None),
            ("permessage-deflate; server_max_window_bits=+9", None),
            ("permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", None),
            ("permessage-deflate; client_max_window_bits; client_max_window_bits=9", None),
            ("permessage-deflate; client_max_window_bits=9; client_max_window_bits", None),
            ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", None),
            ("permessage-deflate; client_no_context_takeover=1", None),
            ("permessage-deflate; other", None),
            ("permessage-deflate;", None),
            ("permessage-deflate2", None),
        ] {
            assert_eq!(grants(&takes_over(), offers).as_deref(), want, "{offers}");
        }
    }

    #[test]
    fn a_server_adds_what_it_wants_itself_and_a_client_window_only_if_offered() {
        let config = DeflateConfig::default().with_server_max_window_bits(11).with_client_max_window_bits(12);
        let alone = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        for (offers, rest) in [
            ("permessage-deflate", "; server_max_window_bits=11"),
            ("permessage-deflate; server_max_window_bits=10", "; server_max_window_bits=10"),
            (
                "permessage-deflate; client_max_window_bits",
                "; server_max_window_bits=11; client_max_window_bits=12",
            ),
            (
                "permessage-deflate; client_max_window_bits=9",
                "; server_max_window_bits=11; client_max_window_bits=9",
            ),
        ] {
            assert_eq!(grants(&config, offers), Some(alloc::format!("{alone}{rest}")), "{offers}");
        }
    }

    #[test]
    fn a_client_asks_for_what_it_is_told() {
        let asked = [
            (takes_over(), "permessage-deflate; client_max_window_bits"),
            (takes_over().with_client_max_window_bits(10), "permessage-deflate; client_max_window_bits=10"),
            (
                takes_over().with_server_max_window_bits(9).with_server_no_context_takeover(true),
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits",
            ),
        ];
        for (config, want) in asked {
            assert_eq!(offer(&config), want);
        }
    }

    #[test]
    fn a_client_takes_no_answer_that_is_not_what_it_asked_for() {
        let config = DeflateConfig::default().with_server_max_window_bits(11).with_client_max_window_bits(12);
        let good = "permessage-deflate; server_no_context_takeover; server_max_window_bits=11";
        let with = |more: &str| alloc::format!("{good}{more}");
        for (answer, fits) in [
            (with(""), true),
            (with("; client_max_window_bits=8"), true),
            (with("; client_no_context_takeover"), true),
            (with("; client_max_window_bits"), false),
            (with("; client_max_window_bits=13"), false),
            (with("; other=1"), false),
            (good.replace("=11", "=12"), false),
            (good.replace("; server_max_window_bits=11", ""), false),
            (good.replace("; server_no_context_takeover", ""), false),
            (good.replace("permessage-deflate", "other"), false),
            (with(", permessage-deflate"), false),
        ] {
            let elements = || answer.split(", ").map(str::as_bytes);
            assert_eq!(check(Some(&config), elements()).is_some(), fits, "{answer}");
            assert_eq!(check(None, elements()), None, "it asked for nothing");
        }
        assert_eq!(check(Some(&config), [].into_iter()), Some(None));
    }
}
