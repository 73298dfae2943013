//! Handshakes that no published vectors cover, against a plain reading of the specification.

#[path = "support/plain.rs"]
mod plain;
#[path = "support/vectors.rs"]
mod vectors;

use plain::{Script, Side, Transcript, public, transcript};
use sealock_proto::noise::Provider;
#[cfg(feature = "pq")]
use sealock_proto::noise::{Handshake, HandshakeError, HandshakeParams, KemSeed, Protocol, Role, SecretKey};
use serde_json::{Value, json};

const ALICE: Side = Side { s: [0x11; 32], e: [0x12; 32] };
const BOB: Side = Side { s: [0x21; 32], e: [0x22; 32] };
/// What Alice takes for Bob's static key.
const OUTDATED: [u8; 32] = [0x31; 32];
const PSKS: [[u8; 32]; 2] = [[0x41; 32], [0x42; 32]];
const PROLOGUE: &[u8] = b"transcript";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn script<'a>(name: &'a str, before: &'a [(&str, &str)], messages: &'a [(&str, &str, &[u8])]) -> Script<'a> {
    let (hash, psks, kem) = (plain::blake2s as plain::Hash, &[][..], None);
    Script { name, hash, prologue: PROLOGUE, alice: ALICE, bob: BOB, psks, kem, before, messages }
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

/// A vector with all keys, whether or not the pattern uses them.
fn vector(script: &Script<'_>, transcript: &Transcript, messages: Vec<Value>) -> Value {
    let psks: Vec<_> = script.psks.iter().map(|psk| hex(psk)).collect();
    json!({
        "name": script.name,
        "init_prologue": hex(PROLOGUE),
        "init_static": hex(&ALICE.s),
        "init_ephemeral": hex(&ALICE.e),
        "init_remote_static": hex(&public(BOB.s)),
        "init_psks": psks,
        "resp_prologue": hex(PROLOGUE),
        "resp_static": hex(&BOB.s),
        "resp_ephemeral": hex(&BOB.e),
        "resp_remote_static": hex(&public(ALICE.s)),
        "resp_psks": psks,
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
    let mut vector = vector(&script, &fallback, all);
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
        passes(&vector(&script, &transcript, messages(&script, &transcript)));
    }
}

/// FIPS 203's `d`, `z` and `m`: the entropy of Alice's key and of Bob's ciphertext.
#[cfg(feature = "pq")]
type KemSecrets = [[u8; 32]; 3];

#[cfg(feature = "pq")]
const KEM_SECRETS: KemSecrets = [[0x51; 32], [0x52; 32], [0x53; 32]];

#[cfg(feature = "pq")]
fn kem([d, z, m]: KemSecrets) -> plain::Kem {
    use ml_kem::KeyExport;
    let seed: [u8; 64] = [d, z].concat().try_into().unwrap();
    let own = ml_kem::ml_kem_768::DecapsulationKey::from_seed(seed.into());
    let key = own.encapsulation_key();
    let (ciphertext, secret) = key.encapsulate_deterministic(&m.into());
    plain::Kem { key: key.to_bytes().to_vec(), ciphertext: ciphertext.to_vec(), secret: secret.into() }
}

#[cfg(feature = "pq")]
#[test]
fn handshakes_with_a_kem_are_those_of_the_extension() {
    let (a, b): ((&str, &str), (&str, &str)) = (("->", "s"), ("<-", "s"));
    for (pattern, psks, before, handshake) in [
        ("NNhfs", 0, &[][..], &[("->", "e, e1", &b"one"[..]), ("<-", "e, ee, ekem1", b"two")][..]),
        ("NKhfs", 0, &[b], &[("->", "e, es, e1", b"one"), ("<-", "e, ee, ekem1", b"two")]),
        (
            "XXhfs",
            0,
            &[],
            &[("->", "e, e1", b"one"), ("<-", "e, ee, ekem1, s, es", b"two"), ("->", "s, se", b"three")],
        ),
        ("IKhfs", 0, &[b], &[("->", "e, es, e1, s, ss", b"one"), ("<-", "e, ee, ekem1, se", b"two")]),
        (
            "XKhfs",
            0,
            &[b],
            &[("->", "e, es, e1", b"one"), ("<-", "e, ee, ekem1", b"two"), ("->", "s, se", b"three")],
        ),
        ("KKhfs", 0, &[a, b], &[("->", "e, es, e1, ss", b"one"), ("<-", "e, ee, ekem1, se", b"two")]),
        ("IXhfs", 0, &[], &[("->", "e, e1, s", b"one"), ("<-", "e, ee, ekem1, se, s, es", b"two")]),
        ("NNhfs+psk0+psk2", 2, &[], &[("->", "psk, e, e1", b"one"), ("<-", "e, ee, ekem1, psk", b"two")]),
    ] {
        let name = format!("Noise_{pattern}_25519+MLKEM768_ChaChaPoly_BLAKE2s");
        let script =
            Script { psks: &PSKS[..psks], kem: Some(kem(KEM_SECRETS)), ..script(&name, before, handshake) };
        let transcript = transcript(&script);
        let mut vector = vector(&script, &transcript, messages(&script, &transcript));
        let [d, z, m] = KEM_SECRETS;
        vector["init_kem_seed"] = json!(hex(&[d, z].concat()));
        vector["resp_kem_seed"] = json!(hex(&[m, [0; 32]].concat()));
        passes(&vector);
    }
}

/// libp2p's profile: the vectors of its implementation in JavaScript were published under a name that Noise does not
/// allow, with hyphens. But for the name they are this protocol's.
#[cfg(all(feature = "pq", feature = "sha2"))]
#[test]
fn the_plain_reading_gives_the_published_vector_of_libp2p() {
    let script = Script {
        hash: plain::sha256,
        prologue: b"",
        alice: Side { s: [0x11; 32], e: [0x13; 32] },
        bob: Side { s: [0x12; 32], e: [0x14; 32] },
        kem: Some(kem([[0x15; 32], [0x15; 32], [0x16; 32]])),
        ..script(
            "Noise_XXhfs_25519+ML-KEM-768_ChaChaPoly_SHA256",
            &[],
            &[("->", "e, e1", b""), ("<-", "e, ee, ekem1, s, es", b""), ("->", "s, se", b"")],
        )
    };
    let transcript = transcript(&script);
    let lens: Vec<_> = transcript.messages.iter().map(Vec::len).collect();
    assert_eq!(lens, [1216, 1200, 64]);
    assert_eq!(
        [transcript.hash, transcript.keys[0], transcript.keys[1]].map(|bytes| hex(&bytes)),
        [
            "86b6140bdd5266658b0f25b5d3088153418f072068fb1564bf0502429d5ee862",
            "2931480a25e21d6f48b8687d7d753d0097d755fc8e76764b797a3c9db038422b",
            "49849d5ec7ee65f51397789fee47f984fee70a4d4628ea065e2a2b89395ea67a",
        ]
    );
}

/// The responder sealed its ciphertext all right, but it is not one for the initiator's key.
#[cfg(feature = "pq")]
#[test]
fn a_wrong_ciphertext_is_rejected_implicitly_and_ends_in_a_decrypt_error() {
    let name = "Noise_NNhfs_25519+MLKEM768_ChaChaPoly_BLAKE2s";
    let mut kem = kem(KEM_SECRETS);
    for (spoilt, expected) in [(false, Ok(())), (true, Err(HandshakeError::Decrypt))] {
        kem.ciphertext[7] ^= u8::from(spoilt);
        let script = Script {
            kem: Some(kem.clone()),
            ..script(name, &[], &[("->", "e, e1", b""), ("<-", "e, ee, ekem1", b"")])
        };
        let transcript = transcript(&script);
        let [d, z, _] = KEM_SECRETS;
        let mut initiator = Handshake::new(HandshakeParams {
            protocol: Protocol::parse(name).unwrap(),
            role: Role::Initiator,
            prologue: &[PROLOGUE],
            local_static: None,
            remote_static: None,
            remote_ephemeral: None,
            psks: &[],
            ephemeral: SecretKey::new(&mut { ALICE.e }),
            kem_seed: Some(KemSeed::new(&mut { d }, &mut { z })),
            provider: Provider::default(),
        })
        .unwrap();
        let mut first = vec![0; initiator.next_overhead()];
        initiator.write(b"", &mut first).unwrap();
        assert_eq!(first, transcript.messages[0]);
        assert_eq!(initiator.read(&mut transcript.messages[1].clone()).map(drop), expected);
    }
}
