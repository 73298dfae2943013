//! Runs Noise test vectors in the JSON format that cacophony introduced. Shared by the `vectors` example and
//! the test of the published vectors.
//!
//! noise-c added vectors with `"fallback": true`: the responder cannot decrypt the first message, which belongs to
//! `pattern`, and both go on with `fallback_pattern` (if absent, `XXfallback`) in the other messages.
//!
//! A vector that asks for something not offered, or that has a field this runner does not know, is skipped
//! with the reason; it never counts as passed.

use sealock_proto::noise::{
    Handshake, HandshakeError, HandshakeParams, KemSeed, Protocol, Provider, Psk, PublicKey, RecvCipher,
    Role, SecretKey, SendCipher,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The outcome of a file of vectors.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// How many vectors passed.
    pub(crate) passed: usize,
    /// One line per vector that failed.
    pub(crate) failed: Vec<String>,
    /// How many vectors were skipped for each reason.
    pub(crate) skipped: BTreeMap<String, usize>,
}

impl Report {
    /// How many vectors were skipped, whatever the reason.
    pub(crate) fn skipped_count(&self) -> usize {
        self.skipped.values().sum()
    }

    /// Adds the outcome of another file.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        for (reason, count) in other.skipped {
            *self.skipped.entry(reason).or_default() += count;
        }
    }
}

/// Why a vector did not pass.
enum Stop {
    Skip(String),
    Fail(String),
}

type Outcome<T = ()> = Result<T, Stop>;

fn skip<T>(reason: impl Into<String>) -> Outcome<T> {
    Err(Stop::Skip(reason.into()))
}

fn fail<T>(what: impl Into<String>) -> Outcome<T> {
    Err(Stop::Fail(what.into()))
}

/// Runs every vector of a file's text, `{"vectors": [...]}` or the list alone, with the default provider.
///
/// # Errors
///
/// Text that is not JSON or holds no list of vectors.
pub(crate) fn run(text: &str) -> Result<Report, String> {
    run_by(Provider::default(), text)
}

/// [`run`] with any provider.
///
/// # Errors
///
/// As there.
pub(crate) fn run_by(provider: Provider, text: &str) -> Result<Report, String> {
    let file: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let vectors = file.get("vectors").unwrap_or(&file).as_array().ok_or("no list of vectors")?;
    let mut report = Report::default();
    for (number, vector) in vectors.iter().enumerate() {
        let Some(vector) = vector.as_object() else {
            report.failed.push(format!("vector {number}: not an object"));
            continue;
        };
        match run_vector(provider, vector) {
            Ok(()) => report.passed += 1,
            Err(Stop::Skip(reason)) => *report.skipped.entry(reason).or_default() += 1,
            Err(Stop::Fail(what)) => {
                let name = name_of(vector).unwrap_or("without a name");
                report.failed.push(format!("vector {number} ({name}): {what}"));
            }
        }
    }
    Ok(report)
}

/// The fields that are understood, besides those of a fallback. `pattern`, `dh`, `cipher` and `hash` only repeat parts of the name, except where
/// there is a fallback.
const FIELDS: [&str; 21] = [
    "protocol_name",
    "name",
    "comment",
    "handshake_hash",
    "messages",
    "pattern",
    "dh",
    "cipher",
    "hash",
    "init_prologue",
    "init_ephemeral",
    "init_static",
    "init_remote_static",
    "init_psks",
    "resp_prologue",
    "resp_ephemeral",
    "resp_static",
    "resp_remote_static",
    "resp_psks",
    "init_kem_seed",
    "resp_kem_seed",
];

fn name_of(vector: &Map<String, Value>) -> Option<&str> {
    ["protocol_name", "name"].iter().find_map(|field| vector.get(*field)?.as_str())
}

fn run_vector(provider: Provider, vector: &Map<String, Value>) -> Outcome {
    let Some(name) = name_of(vector) else { return skip("no protocol name") };
    let protocol = match Protocol::parse(name) {
        Ok(protocol) => protocol,
        Err(error) => return skip(format!("name not accepted: {error}")),
    };
    if protocol.to_string() != name {
        return fail(format!("the name prints as {protocol}"));
    }
    let fallback = vector.get("fallback") == Some(&Value::Bool(true));
    for (field, value) in vector {
        let off = matches!(value, Value::Null | Value::Bool(false));
        let understood = match field.as_str() {
            "fallback" | "fallback_pattern" => fallback,
            field => FIELDS.contains(&field),
        };
        if !off && !understood {
            return skip(format!("field not understood: {field}"));
        }
    }
    let mut messages = match vector.get("messages") {
        Some(Value::Array(messages)) => &messages[..],
        _ => return skip("no messages"),
    };
    if fallback {
        let Some((first, others)) = messages.split_first() else { return skip("no messages") };
        fail_first(provider, vector, name, first)?;
        messages = others;
    }
    if messages.len() < protocol.message_count() {
        return skip("ends before the handshake does");
    }
    let mut initiator = Party::new(provider, vector, protocol, Role::Initiator)?;
    let mut responder = Party::new(provider, vector, protocol, Role::Responder)?;
    for (index, message) in messages.iter().enumerate() {
        let (payload, ciphertext) =
            (message_field(message, "payload")?, message_field(message, "ciphertext")?);
        let from_initiator = protocol.is_one_way() || protocol.writer(index) == Role::Initiator;
        let (sender, receiver) =
            if from_initiator { (&mut initiator, &mut responder) } else { (&mut responder, &mut initiator) };
        let at = |what: String| Stop::Fail(format!("message {index}: {what}"));
        if sender.send(&payload).map_err(at)? != ciphertext {
            return fail(format!("message {index}: another ciphertext was written"));
        }
        if receiver.receive(ciphertext).map_err(at)? != payload {
            return fail(format!("message {index}: another payload was read"));
        }
    }
    if initiator.hash != responder.hash || initiator.hash.is_empty() {
        return fail("the two handshake hashes differ");
    }
    match bytes(vector, "handshake_hash")? {
        Some(hash) if hash != initiator.hash => fail("another handshake hash"),
        _ => Ok(()),
    }
}

/// The first message of a vector with a fallback to the protocol `name`: the responder cannot decrypt it, yet has the
/// ephemeral key to go on from.
fn fail_first(provider: Provider, vector: &Map<String, Value>, name: &str, message: &Value) -> Outcome {
    let part = |field: &str| match vector.get(field).and_then(Value::as_str) {
        Some(text) => Ok(text),
        None => skip(format!("field missing: {field}")),
    };
    let suite = format!("{}_{}_{}", part("dh")?, part("cipher")?, part("hash")?);
    let fallback = match vector.get("fallback_pattern") {
        None | Some(Value::Null) => "XXfallback",
        Some(_) => part("fallback_pattern")?,
    };
    if name != format!("Noise_{fallback}_{suite}") {
        return fail(format!("{name} is not a fallback to {fallback} with {suite}"));
    }
    let first = match Protocol::parse(&format!("Noise_{}_{suite}", part("pattern")?)) {
        Ok(protocol) => protocol,
        Err(error) => return skip(format!("pattern not accepted: {error}")),
    };
    let mut initiator = Party::new(provider, vector, first, Role::Initiator)?;
    let Some(mut responder) = Party::new(provider, vector, first, Role::Responder)?.handshake else {
        return fail("a handshake without messages");
    };
    let (payload, mut ciphertext) =
        (message_field(message, "payload")?, message_field(message, "ciphertext")?);
    let at = |what: String| Stop::Fail(format!("message before the fallback: {what}"));
    if initiator.send(&payload).map_err(at)? != ciphertext {
        return fail("message before the fallback: another ciphertext was written");
    }
    match responder.read(&mut ciphertext) {
        Err(HandshakeError::Decrypt) => {}
        Err(error) => return fail(format!("message before the fallback: {error}")),
        Ok(_) => return fail("message before the fallback: it can be read"),
    }
    if responder.remote_ephemeral() != Some(initiator_ephemeral(vector)?.public()) {
        return fail("message before the fallback: another ephemeral key was read");
    }
    Ok(())
}

/// The entropy of a KEM, if the protocol has one: `init_kem_seed` and `resp_kem_seed`, 64 bytes each, are fields of ours.
fn kem_seed(vector: &Map<String, Value>, protocol: Protocol, side: &str) -> Outcome<Option<KemSeed>> {
    if !protocol.is_hfs() {
        return Ok(None);
    }
    let field = format!("{side}_kem_seed");
    let Some(seed) = bytes(vector, &field)? else { return skip(format!("field missing: {field}")) };
    match seed.split_first_chunk().map(|(d, z)| (*d, z.try_into())) {
        Some((mut d, Ok(mut z))) => Ok(Some(KemSeed::new(&mut d, &mut z))),
        _ => fail(format!("{field} is not 64 bytes")),
    }
}

fn initiator_ephemeral(vector: &Map<String, Value>) -> Outcome<SecretKey> {
    Ok(SecretKey::new(&mut required(vector, "init_ephemeral")?))
}

/// One side of the handshake and then of the transport.
struct Party {
    handshake: Option<Handshake>,
    send: Option<SendCipher>,
    recv: Option<RecvCipher>,
    hash: Vec<u8>,
}

impl Party {
    fn new(provider: Provider, vector: &Map<String, Value>, protocol: Protocol, role: Role) -> Outcome<Self> {
        let side = if role == Role::Initiator { "init" } else { "resp" };
        let prologue = bytes(vector, &format!("{side}_prologue"))?.unwrap_or_default();
        // A key that the pattern has no use for may be in the vector all the same.
        let local_static = match protocol.needs_local_static(role) {
            true => Some(SecretKey::new(&mut required(vector, &format!("{side}_static"))?)),
            false => None,
        };
        let remote_static = match protocol.needs_remote_static(role) {
            true => Some(PublicKey(required(vector, &format!("{side}_remote_static"))?)),
            false => None,
        };
        let remote_ephemeral = match protocol.needs_remote_ephemeral(role) {
            true => Some(initiator_ephemeral(vector)?.public()),
            false => None,
        };
        // The recipient of a one-way pattern never sends its ephemeral key.
        let ephemeral = match role == Role::Responder && protocol.is_one_way() {
            true => SecretKey::new(&mut [1; 32]),
            false => SecretKey::new(&mut required(vector, &format!("{side}_ephemeral"))?),
        };
        let psks = match vector.get(&format!("{side}_psks")) {
            Some(Value::Array(psks)) => psks.iter().map(psk).collect::<Outcome<Vec<_>>>()?,
            _ => Vec::new(),
        };
        let params = HandshakeParams {
            protocol,
            role,
            prologue: &[&prologue],
            local_static: local_static.as_ref(),
            remote_static,
            remote_ephemeral,
            psks: &psks,
            ephemeral,
            kem_seed: kem_seed(vector, protocol, side)?,
            provider,
        };
        match Handshake::new(params) {
            Ok(handshake) => {
                Ok(Self { handshake: Some(handshake), send: None, recv: None, hash: Vec::new() })
            }
            Err(error) => fail(error.to_string()),
        }
    }

    fn send(&mut self, payload: &[u8]) -> Result<Vec<u8>, String> {
        let mut out = payload.to_vec();
        if let Some(handshake) = &mut self.handshake {
            out.resize(payload.len() + handshake.next_overhead(), 0);
            let len = handshake.write(payload, &mut out).map_err(|error| error.to_string())?;
            out.truncate(len);
        } else {
            let cipher = self.send.as_mut().ok_or("this side may not send")?;
            let tag = cipher.seal(&[], &mut out).map_err(|error| error.to_string())?;
            out.extend_from_slice(&tag);
        }
        self.finish()?;
        Ok(out)
    }

    fn receive(&mut self, mut message: Vec<u8>) -> Result<Vec<u8>, String> {
        let payload = if let Some(handshake) = &mut self.handshake {
            handshake.read(&mut message).map_err(|error| error.to_string())?
        } else {
            let cipher = self.recv.as_mut().ok_or("this side may not receive")?;
            0..cipher.open(&[], &mut message).map_err(|error| error.to_string())?
        };
        self.finish()?;
        Ok(message[payload].to_vec())
    }

    fn finish(&mut self) -> Result<(), String> {
        if let Some(handshake) = self.handshake.take_if(|handshake| handshake.is_finished()) {
            let transport = handshake.split().map_err(|error| error.to_string())?;
            self.hash = transport.hash.as_bytes().to_vec();
            (self.send, self.recv) = (transport.send, transport.recv);
        }
        Ok(())
    }
}

fn psk(value: &Value) -> Outcome<Psk> {
    Ok(Psk::new(&mut key("psk", value)?))
}

fn required(vector: &Map<String, Value>, field: &str) -> Outcome<[u8; 32]> {
    match vector.get(field) {
        Some(value) if !value.is_null() => key(field, value),
        _ => skip(format!("field missing: {field}")),
    }
}

fn key(field: &str, value: &Value) -> Outcome<[u8; 32]> {
    match decode(value)?.try_into() {
        Ok(key) => Ok(key),
        Err(_) => fail(format!("{field} is not 32 bytes")),
    }
}

fn bytes(vector: &Map<String, Value>, field: &str) -> Outcome<Option<Vec<u8>>> {
    vector.get(field).filter(|value| !value.is_null()).map(decode).transpose()
}

fn message_field(message: &Value, field: &str) -> Outcome<Vec<u8>> {
    match message.get(field) {
        Some(value) => decode(value),
        None => skip(format!("message without {field}")),
    }
}

fn decode(value: &Value) -> Outcome<Vec<u8>> {
    let Some(text) = value.as_str() else { return fail("a field is not a string") };
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => Ok(digits.chunks(2).map(|d| (d[0] << 4) | d[1]).collect()),
        _ => fail("a field is not hexadecimal"),
    }
}
