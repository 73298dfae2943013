//! A WebSocket behind an HTTP server: hyper reads the requests, and those for `/echo` become connections.
//!
//! hyper does the opening handshake: it checks the request, answers 101 with [`accept_key`] and what [`grant_deflate`]
//! grants, and hands the stream over once that is written ([`upgraded`], [`upgraded_with_deflate`]). From there on it is a
//! connection like any other, with heartbeats, limits and a close. An axum handler does the same with the request it is
//! given.
//!
//! Serves one client on loopback, then ends: `cargo run -p sealock-tokio --features deflate --example hyper_upgrade`
#![forbid(unsafe_code)]

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sealock_tokio::ConnectOptions;
use sealock_tokio::ws::{
    CloseCode, Config, DeflateConfig, DeflateParams, Endpoint, Event, Kind, accept_key, connect,
    grant_deflate, upgraded, upgraded_with_deflate,
};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Answers one request.
async fn answer(
    request: Request<Incoming>,
    config: Arc<Config>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut response = Response::new(Empty::new());
    match check(&request) {
        Err(status) => {
            *response.status_mut() = status;
            if status == StatusCode::UPGRADE_REQUIRED {
                response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
        }
        Ok(accept) => {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            let headers = response.headers_mut();
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
            let offers = request.headers().get_all(header::SEC_WEBSOCKET_EXTENSIONS);
            let granted = grant_deflate(&config, offers.iter().map(HeaderValue::as_bytes));
            if let Some(value) = granted.and_then(|granted| granted.to_string().parse().ok()) {
                headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, value);
            }
            tokio::spawn(async move {
                if let Err(error) = echo(request, &config, granted).await {
                    eprintln!("the connection failed: {error}");
                }
            });
        }
    }
    Ok(response)
}

/// The answer to a request that may be upgraded (RFC 6455, section 4.2.1). Here is also where to look at its cookies and
/// at `Origin`: a browser sends a page's cookies to any server that the page names.
fn check(request: &Request<Incoming>) -> Result<HeaderValue, StatusCode> {
    if request.uri().path() != "/echo" {
        return Err(StatusCode::NOT_FOUND);
    }
    let headers = request.headers();
    let upgrades =
        has(headers, &header::CONNECTION, "upgrade") && has(headers, &header::UPGRADE, "websocket");
    if request.method() != Method::GET {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    if !upgrades || !has(headers, &header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(StatusCode::UPGRADE_REQUIRED);
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).and_then(|key| accept_key(key.as_bytes()));
    HeaderValue::from_bytes(&key.ok_or(StatusCode::BAD_REQUEST)?).map_err(|_| StatusCode::BAD_REQUEST)
}

/// Whether a list in those header fields has `token`.
fn has(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lists = headers.get_all(name).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|element| element.trim().eq_ignore_ascii_case(token))
}

/// The life of a connection, once hyper has let its stream go.
async fn echo(
    request: Request<Incoming>,
    config: &Arc<Config>,
    granted: Option<DeflateParams>,
) -> Result<(), Failure> {
    let stream = TokioIo::new(hyper::upgrade::on(request).await?);
    let mut ws = match granted {
        Some(granted) => upgraded_with_deflate(stream, config, granted)?,
        None => upgraded(stream, config)?,
    };
    while let Some(event) = ws.receiver.next().await? {
        if let Event::Message { kind, payload } = event {
            ws.sender.send(kind, payload).await?;
        }
    }
    Ok(())
}

async fn serve(stream: TcpStream, config: Arc<Config>) -> Result<(), Failure> {
    let service = service_fn(|request| answer(request, config.clone()));
    let http = hyper::server::conn::http1::Builder::new();
    Ok(http.serve_connection(TokioIo::new(stream), service).with_upgrades().await?)
}

/// Serves one client, and is that client too, which compresses if it is told so. Returns what was agreed and what came
/// back.
pub(crate) async fn run(path: &str, deflate: bool) -> Result<(String, Vec<String>), Failure> {
    let config = Config::default().with_deflate(Some(DeflateConfig::default())).build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint: Endpoint = format!("ws://{}{path}", listener.local_addr()?).parse()?;
    let server = config.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, server.clone()));
        }
    });
    let config = if deflate { config } else { Config::default().build()? };
    let (mut ws, answer) = connect(&endpoint, &config, &ConnectOptions::default()).await?;
    let agreed = answer.response()?.fields().only("Sec-WebSocket-Extensions").unwrap_or_default().to_vec();
    let mut echoes = Vec::new();
    for text in ["hello", &"κόσμε ".repeat(100), ""] {
        ws.send(Kind::Text, text.as_bytes()).await?;
        if let Some(Event::Message { payload, .. }) = ws.next().await? {
            echoes.push(String::from_utf8(payload.to_vec())?);
        }
    }
    assert_eq!(ws.close(CloseCode::NORMAL, "done").await?.undelivered, 0);
    Ok((String::from_utf8(agreed)?, echoes))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    println!("{:?}", run("/echo", true).await?);
    Ok(())
}
