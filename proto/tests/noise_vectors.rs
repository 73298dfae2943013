//! The published test vectors, and what the runner does with vectors it must not count as passed.
#![cfg(all(feature = "aes-gcm", feature = "sha2"))]

#[path = "support/vectors.rs"]
mod vectors;

use sealock_proto::noise::Provider;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// A file of vectors that others have published, if it is there.
fn published(name: &str) -> Option<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors").join(name);
    let text = std::fs::read_to_string(&file).ok();
    if text.is_none() {
        // Not captured, unlike println: a skipped test must be heard.
        let _ = writeln!(std::io::stderr(), "SKIPPED: there are no vectors at {}", file.display());
    }
    text
}

#[test]
fn every_25519_vector_of_cacophony_passes_with_every_provider() {
    let Some(text) = published("cacophony.txt") else { return };
    for provider in Provider::ALL {
        let report = vectors::run_by(*provider, &text).unwrap();
        assert_eq!(report.failed, [""; 0], "{provider}");
        assert_eq!(report.passed, 472, "{provider}");
        let skipped: Vec<_> = report.skipped.iter().collect();
        assert!(matches!(skipped[..], [(reason, 472)] if reason.contains("DH")), "{skipped:?}");
    }
}

#[test]
fn every_25519_fallback_vector_of_noise_c_passes_with_every_provider() {
    let Some(text) = published("noise-c-fallback.txt") else { return };
    for provider in Provider::ALL {
        let report = vectors::run_by(*provider, &text).unwrap();
        assert_eq!(report.failed, [""; 0], "{provider}");
        assert_eq!(report.passed, 8, "{provider}");
        // The others: the DH function 448, and names with pre-shared keys as they were before revision 32.
        let skipped = |part: &str| -> usize {
            report.skipped.iter().filter(|(why, _)| why.contains(part)).map(|(_, count)| count).sum()
        };
        assert_eq!((skipped("unsupported DH"), skipped("not a protocol name")), (8, 16), "{report:?}");
    }
}

/// A one-way vector with two pre-shared keys and neither prologue nor handshake hash. Its ciphertexts were
/// written by another implementation (snow).
fn vector() -> Value {
    json!({
        "protocol_name": "Noise_Npsk0+psk1_25519_ChaChaPoly_BLAKE2s",
        "init_ephemeral": "11".repeat(32),
        "init_remote_static": "ff2ee45601ec1b67310c7790404585ae697331eee1c1f8cf2419731c1fff3e6b",
        "init_psks": ["22".repeat(32), "33".repeat(32)],
        "resp_static": "44".repeat(32),
        "resp_psks": ["22".repeat(32), "33".repeat(32)],
        "messages": [
            {
                "payload": "616c6c",
                "ciphertext": "7b4e909bbe7ffe44c465a220037d608ee35897d31ef972f07f74892cb0f73f13\
                               e02375e8cb18c6ec2565da7b86b33e7b9f08f5",
            },
            { "payload": "6f6e65", "ciphertext": "aa19d653b3b5dc6ede22f6263971052b738f43" },
        ],
    })
}

/// The vector with some fields replaced, as a file.
fn run_with(changes: Value) -> vectors::Report {
    let mut vector = vector();
    for (field, value) in changes.as_object().unwrap() {
        vector[field] = value.clone();
    }
    vectors::run(&json!({ "vectors": [vector] }).to_string()).unwrap()
}

#[test]
fn one_way_vectors_with_several_psks_and_absent_fields_pass() {
    let hash = "2eeaedf2c859205134a7feb97f8f4977497cd0c6363a3f5b70e46c5cd60ee7d8";
    for changes in [
        json!({}),
        json!({ "handshake_hash": hash }),
        json!({ "init_prologue": "", "resp_prologue": "", "comment": "empty is absent" }),
        json!({ "init_static": "55".repeat(32), "resp_ephemeral": "66".repeat(32) }),
        json!({ "name": "known by another name too", "fail": false, "fallback": null }),
    ] {
        let report = run_with(changes.clone());
        assert_eq!((report.passed, report.failed.len(), report.skipped_count()), (1, 0, 0), "{changes}");
    }
}

#[test]
fn vectors_that_ask_for_what_is_not_offered_are_skipped_with_the_reason() {
    for (changes, reason) in [
        (json!({ "protocol_name": "Noise_XX_448_ChaChaPoly_BLAKE2s" }), "unsupported DH"),
        (
            json!({ "protocol_name": "Noise_XXselg2_25519_ChaChaPoly_BLAKE2s" }),
            "unsupported pattern modifier",
        ),
        (json!({ "protocol_name": "Noise_NNhfs_25519+MLKEM768_ChaChaPoly_BLAKE2s" }), "init_kem_seed"),
        (json!({ "protocol_name": "NoisePSK_XX_25519_ChaChaPoly_BLAKE2s" }), "not a protocol name"),
        (json!({ "protocol_name": null, "name": null }), "no protocol name"),
        (json!({ "fallback": true }), "field missing: dh"),
        (json!({ "fallback": 1 }), "fallback"),
        (json!({ "fail": true }), "fail"),
        (json!({ "init_psk": "22".repeat(32) }), "init_psk"),
        (json!({ "init_remote_static": null }), "init_remote_static"),
        (json!({ "init_ephemeral": null }), "init_ephemeral"),
        (json!({ "messages": null }), "no messages"),
        (json!({ "messages": [] }), "ends before"),
        (json!({ "messages": [{ "payload": "" }] }), "without ciphertext"),
    ] {
        let report = run_with(changes.clone());
        let skipped: Vec<_> = report.skipped.iter().collect();
        assert!(matches!(skipped[..], [(why, 1)] if why.contains(reason)), "{changes}: {report:?}");
        assert_eq!((report.passed, report.failed.len()), (0, 0), "{changes}");
    }
}

#[test]
fn wrong_vectors_fail() {
    for changes in [
        json!({ "handshake_hash": "00" }),
        json!({ "init_prologue": "01" }),
        json!({ "init_psks": ["22".repeat(32)] }),
        json!({ "init_psks": ["22".repeat(32), "33"] }),
        json!({ "resp_static": "45".repeat(32) }),
        json!({ "init_ephemeral": "not hexadecimal" }),
        json!({ "messages": [{ "payload": "616c6c", "ciphertext": "7b" }] }),
    ] {
        let report = run_with(changes.clone());
        assert_eq!((report.passed, report.failed.len(), report.skipped_count()), (0, 1, 0), "{changes}");
    }
    let mut twice = run_with(json!({}));
    twice.add(run_with(json!({ "handshake_hash": "00" })));
    assert_eq!((twice.passed, twice.failed.len()), (1, 1));
}

#[test]
fn what_is_no_file_of_vectors_is_an_error() {
    for text in ["", "{}", "[", r#"{"vectors": 1}"#] {
        assert!(vectors::run(text).is_err(), "{text}");
    }
    assert_eq!(vectors::run("[1]").unwrap().failed.len(), 1);
}
