//! The example `hyper_upgrade`.
#![cfg(feature = "ws")]

#[expect(dead_code, reason = "its `main` is called as a program only")]
#[path = "../examples/hyper_upgrade.rs"]
mod hyper_upgrade;

use hyper_upgrade::run;

#[tokio::test]
async fn a_request_that_hyper_upgraded_is_a_connection_to_its_close() {
    assert_eq!(run("/echo").await.unwrap(), ["hello", "κόσμε", ""]);
}

#[tokio::test]
async fn another_path_is_refused_with_the_status_for_it() {
    let refused = run("/other").await.unwrap_err().to_string();
    assert!(refused.contains("404"), "{refused}");
}
