//! The example `hyper_upgrade`.
#![cfg(feature = "deflate")]

#[expect(dead_code, reason = "its `main` is called as a program only")]
#[path = "../examples/hyper_upgrade.rs"]
mod hyper_upgrade;

use hyper_upgrade::run;
use sealock_tokio::ws::{Config, DeflateConfig, Event, Kind, grant_deflate, upgraded, upgraded_with_deflate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_request_that_hyper_upgraded_is_a_connection_to_its_close() {
    let compressed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    for (deflate, want) in [(false, ""), (true, compressed)] {
        let (agreed, echoes) = run("/echo", deflate).await.unwrap();
        assert_eq!(agreed, want);
        assert_eq!(echoes, ["hello", &"κόσμε ".repeat(100), ""]);
    }
}

/// Both ways: what the server sends comes back to it, under a mask of zeros.
#[tokio::test]
async fn messages_behind_an_upgrade_are_compressed_if_that_was_agreed() {
    const RSV1: u8 = 0x40;
    let config = Config::default().with_deflate(Some(DeflateConfig::default())).build().unwrap();
    let granted = grant_deflate(&config, [&b"permessage-deflate"[..]]).unwrap();
    let text = "much of this comes back; ".repeat(40);
    for deflate in [false, true] {
        let (stream, mut peer) = tokio::io::duplex(1 << 16);
        let ws =
            if deflate { upgraded_with_deflate(stream, &config, granted) } else { upgraded(stream, &config) };
        let mut ws = ws.unwrap();
        ws.send(Kind::Text, text.as_bytes()).await.unwrap();
        ws.flush().await.unwrap();
        let mut frame = vec![0; 2000];
        let len = peer.read(&mut frame).await.unwrap();
        frame.truncate(len);
        assert_eq!(frame[0] & RSV1 != 0, deflate);
        assert_eq!(len < text.len() / 4, deflate, "{len} bytes");
        let head = if deflate { 2 } else { 4 };
        frame[1] |= 0x80;
        frame.splice(head..head, [0; 4]);
        peer.write_all(&frame).await.unwrap();
        let event = ws.next().await.unwrap();
        assert!(matches!(event, Some(Event::Message { payload, .. }) if *payload == *text.as_bytes()));
    }
}

#[tokio::test]
async fn another_path_is_refused_with_the_status_for_it() {
    let refused = run("/other", false).await.unwrap_err().to_string();
    assert!(refused.contains("404"), "{refused}");
}
