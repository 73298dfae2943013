//! Compression for an HTTP server that does the opening handshake itself.

use super::super::config::Config;
use super::super::deflate::DeflateParams;
use super::super::extensions;
use super::fields::elements;

/// What a server of this configuration grants of the compression that a client offers, where something else than a
/// [`WebSocket`](crate::ws::WebSocket) answers the request. `offers` are the values of the header fields
/// `Sec-WebSocket-Extensions` of the request; what is granted is, as text, the value of that field in the answer, and
/// goes to [`WebSocket::with_deflate`](crate::ws::WebSocket::with_deflate) or to a driver.
///
/// `None` if the configuration does not [compress](Config::with_deflate), or nothing is offered that it can grant: the
/// answer has no such field then.
#[must_use]
pub fn grant_deflate<'a>(
    config: &Config,
    offers: impl IntoIterator<Item = &'a [u8]>,
) -> Option<DeflateParams> {
    extensions::accept(config, offers.into_iter().flat_map(elements))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::DeflateConfig;
    use alloc::string::ToString;

    #[test]
    fn what_is_granted_outside_is_what_a_server_grants() {
        let plain = Config::default();
        let config = plain.clone().with_deflate(Some(DeflateConfig::default()));
        let alone = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        for (offers, want) in [
            (&[][..], None),
            (&["other"], None),
            (&["permessage-deflate"], Some(alone)),
            (&["other, permessage-deflate; client_max_window_bits , x"], Some(alone)),
            (&["other", "permessage-deflate"], Some(alone)),
            (&["permessage-deflate; server_max_window_bits=7"], None),
        ] {
            let offers = || offers.iter().map(|offer| offer.as_bytes());
            let granted = grant_deflate(&config, offers()).map(|granted| granted.to_string());
            assert_eq!(granted.as_deref(), want);
            assert_eq!(grant_deflate(&plain, offers()), None);
        }
    }
}
