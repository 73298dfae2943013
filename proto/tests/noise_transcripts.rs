//! Handshakes that no published vectors cover, against a plain reading of the specification.

#[path = "support/plain.rs"]
mod plain;
#[path = "support/vectors.rs"]
mod vectors;

use plain::{Script, Side, Transcript, public, transcript};
use sealock_proto::noise::Provider;
use serde_json::{Value, json};

const ALICE: Side = Side { s: [0x11; 32], e: [0x12; 32] };
const BOB: Side = Side { s: [0x21; 32], e: [0x22; 32] };
/// What Alice takes for Bob's static key.
const OUTDATED: [u8; 32] = [0x31; 32];
const PROLOGUE: &[u8] = b"transcript";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn script<'a>(name: &'a str, before: &'a [(&str, &str)], messages: &'a [(&str, &str, &[u8])]) -> Script<'a> {
    let (hash, psks) = (plain::blake2s as plain::Hash, &[][..]);
    Script { name, hash, prologue: PROLOGUE, alice: ALICE, bob: BOB, psks, before, messages }
}

/// A message of a vector.
fn message(payload: &[u8], ciphertext: &[u8]) -> Value {
    json!({ "payload": hex(payload), "ciphertext": hex(ciphertext) })
}

/// The handshake's messages and two transport messages, the sides taking turns.
fn messages(script: &Script<'_>, transcript: &Transcript) -> Vec<Value> {
    let handshake = script.messages.iter().zip(&transcript.messages);
    // The first key is that of the side that wrote first.
    let turn = script.messages.len() % 2;
    let transport = [(turn, b"four"), (1 - turn, b"five")]
        .map(|(side, text)| message(text, &plain::encrypt(transcript.keys[side], 0, &[], text)));
    handshake.map(|((_, _, payload), bytes)| message(payload, bytes)).chain(transport).collect()
}

/// A vector's fields that are the same in all of them.
fn vector(name: &str, transcript: &Transcript, messages: Vec<Value>) -> Value {
    json!({
        "name": name,
        "init_prologue": hex(PROLOGUE),
        "init_static": hex(&ALICE.s),
        "init_ephemeral": hex(&ALICE.e),
        "resp_prologue": hex(PROLOGUE),
        "resp_static": hex(&BOB.s),
        "resp_ephemeral": hex(&BOB.e),
        "handshake_hash": hex(&transcript.hash),
        "messages": messages,
    })
}

fn run(vector: &Value) -> vectors::Report {
    vectors::run(&json!([vector]).to_string()).unwrap()
}

fn passes(vector: &Value) {
    let mut report = vectors::Report::default();
    for provider in Provider::ALL {
        report.add(vectors::run_by(*provider, &json!([vector]).to_string()).unwrap());
    }
    assert_eq!((report.passed, report.failed.len()), (Provider::ALL.len(), 0), "{report:?}");
}

/// Noise Pipes (section 10.4) in noise-c's format: IK to an outdated key, then XXfallback.
fn pipes() -> Value {
    // Alice alone knows the key she sends to, so to write her message down is to write it to the outdated one.
    let ik = transcript(&Script {
        bob: Side { s: OUTDATED, ..BOB },
        ..script("Noise_IK_25519_ChaChaPoly_BLAKE2s", &[("<-", "s")], &[("->", "e, es, s, ss", b"zero")])
    });
    let name = "Noise_XXfallback_25519_ChaChaPoly_BLAKE2s";
    let script = script(name, &[("->", "e")], &[("<-", "e, ee, s, es", b"one"), ("->", "s, se", b"two")]);
    let fallback = transcript(&script);
    let mut all = vec![message(b"zero", &ik.messages[0])];
    all.extend(messages(&script, &fallback));
    let mut vector = vector(name, &fallback, all);
    for (field, value) in [
        ("pattern", json!("IK")),
        ("dh", json!("25519")),
        ("cipher", json!("ChaChaPoly")),
        ("hash", json!("BLAKE2s")),
        ("fallback", json!(true)),
        ("init_remote_static", json!(hex(&public(OUTDATED)))),
    ] {
        vector[field] = value;
    }
    vector
}

#[test]
fn a_fallback_after_a_failed_message_is_the_one_of_the_specification() {
    let mut vector = pipes();
    passes(&vector);
    vector["fallback_pattern"] = json!("XXfallback");
    passes(&vector);
}

#[test]
fn wrong_vectors_with_a_fallback_fail() {
    let message = |index: usize, field: &str, value: &str| {
        let mut messages = pipes()["messages"].clone();
        messages[index][field] = json!(value);
        ("messages", messages)
    };
    for (field, value) in [
        ("handshake_hash", json!("00")),
        // The first message can be read.
        ("resp_static", json!(hex(&OUTDATED))),
        ("init_remote_static", json!(hex(&public(BOB.s)))),
        ("init_ephemeral", json!(hex(&[0x13; 32]))),
        ("resp_ephemeral", json!(hex(&[0x13; 32]))),
        ("hash", json!("BLAKE2b")),
        ("fallback_pattern", json!("NNfallback")),
        message(0, "payload", "00"),
        message(0, "ciphertext", "00"),
        message(1, "payload", "00"),
        message(4, "ciphertext", "00"),
    ] {
        let mut vector = pipes();
        vector[field] = value;
        let report = run(&vector);
        assert_eq!((report.passed, report.failed.len()), (0, 1), "{field}: {report:?}");
    }
    for (field, value) in [
        ("fallback", json!("yes")),
        ("fallback", json!(false)),
        ("fallback_pattern", json!(1)),
        ("pattern", json!("XY")),
        ("pattern", json!(null)),
        ("messages", json!([])),
    ] {
        let mut vector = pipes();
        vector[field] = value;
        vector["fallback_pattern"] = vector.get("fallback_pattern").cloned().unwrap_or(json!("XXfallback"));
        let report = run(&vector);
        assert_eq!((report.passed, report.skipped_count()), (0, 1), "{field}: {report:?}");
    }
}

#[test]
fn fallbacks_are_those_of_the_specification_for_every_kind_of_pre_message_and_with_psks() {
    const PSKS: [[u8; 32]; 2] = [[0x41; 32], [0x42; 32]];
    let a: (&str, &str) = ("->", "e");
    for (pattern, psks, before, handshake) in [
        ("NNfallback", 0, &[a][..], &[("<-", "e, ee", &b"one"[..])][..]),
        ("XXfallback", 0, &[a], &[("<-", "e, ee, s, es", b"one"), ("->", "s, se", b"two")]),
        ("XXfallback+psk0", 1, &[a], &[("<-", "psk, e, ee, s, es", b"one"), ("->", "s, se", b"two")]),
        ("XXfallback+psk2", 1, &[a], &[("<-", "e, ee, s, es", b"one"), ("->", "s, se, psk", b"two")]),
        ("XXfallback+psk0+psk1", 2, &[a], &[("<-", "psk, e, ee, s, es, psk", b""), ("->", "s, se", b"")]),
        ("IXfallback", 0, &[a, ("->", "s")], &[("<-", "e, ee, se, s, es", b"one")]),
        // A pre-message with both keys is e, s: section 7.1 has no other order.
        ("KNfallback", 0, &[a, ("->", "s")], &[("<-", "e, ee, se", b"one")]),
        // Bob writes first, so his keys are hashed first.
        ("NK1fallback", 0, &[("<-", "s"), a], &[("<-", "e, ee, es", b"one")]),
        ("KK1fallback", 0, &[("<-", "s"), a, ("->", "s")], &[("<-", "e, ee, se, es", b"one")]),
    ] {
        let name = format!("Noise_{pattern}_25519_ChaChaPoly_BLAKE2s");
        let script = Script { psks: &PSKS[..psks], ..script(&name, before, handshake) };
        let transcript = transcript(&script);
        let mut vector = vector(&name, &transcript, messages(&script, &transcript));
        let psks: Vec<_> = PSKS[..psks].iter().map(|psk| hex(psk)).collect();
        for (field, value) in [
            ("init_psks", json!(psks)),
            ("resp_psks", json!(psks)),
            ("init_remote_static", json!(hex(&public(BOB.s)))),
            ("resp_remote_static", json!(hex(&public(ALICE.s)))),
        ] {
            vector[field] = value;
        }
        passes(&vector);
    }
}
