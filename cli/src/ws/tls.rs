//! TLS as the command line asks for it.

use crate::args::{TlsIdentity, WsConnect, WsListen};
use crate::failure::Usage;
use crate::out;
use anyhow::Result;
use rustls::crypto::CryptoProvider;
use sealock_tokio::ws::Endpoint;
use sealock_tokio::ws::tls::{ClientTls, ServerTls};
use std::path::Path;
use std::sync::Arc;

/// A listener's, if it is to have TLS.
pub(super) fn server(args: &WsListen) -> Result<Option<ServerTls>> {
    let Some((certificate, key)) = files(&args.identity) else { return Ok(None) };
    let tls = ServerTls::from_files(provider()?, certificate, key)?;
    Ok(Some(match &args.client_ca {
        Some(path) if args.client_cert_optional => tls.with_optional_client_ca(path)?,
        Some(path) => tls.with_client_ca(path)?,
        None => tls,
    }))
}

/// Reads the files again that have changed, and tells what came of it.
pub(super) fn refresh(tls: Option<&ServerTls>) {
    match tls.map(ServerTls::reload_if_changed) {
        None | Some(Ok(false)) => {}
        Some(Ok(true)) => out::note("the certificate has been read again"),
        Some(Err(error)) => out::note(format_args!("warning: {error}; what was read before serves on")),
    }
}

/// The scheme of an address without one.
pub(super) fn scheme(args: &WsConnect) -> &'static str {
    if args.ca.is_some() || args.identity.tls_cert.is_some() { "wss" } else { "ws" }
}

/// The endpoint with TLS, if its URL says so.
pub(super) fn client(endpoint: Endpoint, args: &WsConnect) -> Result<Endpoint> {
    if !endpoint.is_secure() {
        if scheme(args) == "wss" {
            return Err(Usage("--ca and --tls-cert are for TLS: give a URL of wss".into()).into());
        }
        return Ok(endpoint);
    }
    let tls = match &args.ca {
        Some(path) => ClientTls::from_ca_file(provider()?, path)?,
        None => ClientTls::system(provider()?)?,
    };
    Ok(endpoint.with_tls(match files(&args.identity) {
        Some((certificate, key)) => tls.with_client_cert(certificate, key)?,
        None => tls,
    }))
}

fn files(identity: &TlsIdentity) -> Option<(&Path, &Path)> {
    identity.tls_cert.as_deref().zip(identity.tls_key.as_deref())
}

#[cfg(feature = "aws-lc-rs")]
fn provider() -> Result<Arc<CryptoProvider>> {
    Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn provider() -> Result<Arc<CryptoProvider>> {
    Ok(Arc::new(rustls::crypto::ring::default_provider()))
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
fn provider() -> Result<Arc<CryptoProvider>> {
    Err(Usage("this program was built without TLS: build it with the feature aws-lc-rs or ring".into())
        .into())
}
