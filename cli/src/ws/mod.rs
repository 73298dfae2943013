//! `sealock ws`: WebSocket on standard input and output, or as an echo.

mod echo;
mod pipe;
mod text;
mod tls;

use crate::args::{WsConnect, WsListen, WsOptions};
use crate::failure::{Usage, one_line};
use crate::policy::{handshake_timeout, heartbeat};
use crate::runtime::{Asked, Runtime, WebSocket};
use crate::{dial, out, stdin};
use anyhow::Result;
use sealock_proto::ws::{Accept, Config, DeflateConfig};
use sealock_tokio::ListenOptions;
use sealock_tokio::ws::{Endpoint, Server};
use std::sync::Arc;

pub(crate) fn listen<R: Runtime>(args: &WsListen) -> Result<()> {
    let config = config(&args.options)?;
    let address = dial::listening_address(&args.address)?;
    let tls = tls::server(args)?;
    let server = Server::new(config);
    let server = match tls.clone() {
        Some(tls) => server.with_tls(tls),
        None => server,
    };
    R::run(async {
        let listener = R::bind(&address, server, ListenOptions::default()).await?;
        out::note(format_args!("listening on {}", R::address(&listener)));
        if args.echo {
            return echo::all::<R>(listener, tls).await;
        }
        loop {
            let incoming = R::accept(&listener).await?;
            tls::refresh(tls.as_ref());
            let Some(connection) = accepted::<R>(incoming).await else { continue };
            drop(listener);
            let input = stdin::chunks(args.options.max_message);
            return pipe::run::<R>(connection, &input, args.options.text).await;
        }
    })
}

/// A client whose request was accepted, or none if that did not come to pass.
async fn accepted<R: Runtime>(incoming: R::Incoming<Server>) -> Option<WebSocket<R>> {
    let accepted = async {
        let asked: Asked<R> = R::request(incoming).await?;
        let path = asked.request().map_or_else(|_| String::new(), |request| request.path().to_owned());
        let who =
            if asked.peer_certificates().is_some() { "a client with a certificate" } else { "a client" };
        out::note(format_args!("{who} asks for {path}"));
        anyhow::Ok(asked.accept(&Accept::new()).await?)
    };
    accepted.await.inspect_err(|error| out::note(format_args!("refused a client: {}", one_line(error)))).ok()
}

pub(crate) fn connect<R: Runtime>(args: &WsConnect) -> Result<()> {
    let config = config(&args.options)?;
    let endpoint = endpoint(args)?;
    R::run(async {
        let connection: WebSocket<R> = R::upgrade(&endpoint, &config).await?;
        if args.echo {
            return echo::one::<R>(connection).await;
        }
        // Not read before somebody is there to take it.
        let input = stdin::chunks(args.options.max_message);
        pipe::run::<R>(connection, &input, args.options.text).await
    })
}

fn endpoint(args: &WsConnect) -> Result<Endpoint> {
    let url = if args.address.contains("://") {
        args.address.clone()
    } else {
        format!("{}://{}", tls::scheme(args), args.address)
    };
    let usage = |text: &str, error: &dyn std::fmt::Display| Usage(format!("{text}: {error}"));
    let mut endpoint: Endpoint = url.parse().map_err(|error| usage(&args.address, &error))?;
    for name in &args.subprotocols {
        endpoint = endpoint.with_subprotocol(name).map_err(|error| usage(name, &error))?;
    }
    tls::client(endpoint, args)
}

fn config(options: &WsOptions) -> Result<Arc<Config>> {
    let config = Config::default()
        .with_max_message(options.max_message)
        .with_heartbeat(Some(heartbeat(options.silence)))
        .with_handshake_timeout(handshake_timeout(options.silence))
        .with_deflate(options.deflate.then(DeflateConfig::default))
        .build();
    config.map_err(|error| Usage(error.to_string()).into())
}
