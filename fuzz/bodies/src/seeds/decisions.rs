//! Inputs whose bytes are decisions; the targets say which.

use super::Seed;

/// Name and bytes.
type Case = (&'static str, &'static [u8]);

pub(super) fn all() -> Vec<Seed> {
    let targets: [(&'static str, &[Case]); 11] = [
        ("noise_handshake", &NOISE_HANDSHAKE),
        ("session_pair", &SESSION_PAIR),
        ("buffers", &BUFFERS),
        ("keyed_limiter", &KEYED_LIMITER),
        ("resilience", &RESILIENCE),
        ("tickets", &TICKETS),
        ("guard", &GUARD),
        ("snapshot", &SNAPSHOT),
        ("datagram", &DATAGRAM),
        ("config", &CONFIG),
        ("providers", &PROVIDERS),
    ];
    let mut seeds = Vec::new();
    for (target, cases) in targets {
        seeds.extend(cases.iter().map(|(name, bytes)| (target, (*name).to_owned(), bytes.to_vec())));
    }
    seeds.extend(
        VECTORS_FILE
            .iter()
            .map(|(name, text)| ("vectors_file", (*name).to_owned(), text.as_bytes().to_vec())),
    );
    seeds
}

const NOISE_HANDSHAKE: [Case; 10] = [
    ("nn", &[3, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0, 40, 0, 3, 41, 0, 9]),
    ("n-aes", &[0, 1, 3, 200, 0, 0, 0, 6, 0, 1]),
    ("xx-flip-first", &[8, 2, 0, 0, 0x21, 0, 3]),
    ("ik-truncate", &[13, 4, 0, 9, 2, 0, 90]),
    ("kk-psk-extend", &[10, 6, 5, 0, 3, 0, 0]),
    ("x1x1-replay", &[23, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1]),
    ("xx-lost", &[8, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0]),
    ("nx-rotate", &[5, 3, 0, 0, 0, 0, 0, 1, 4, 0, 7]),
    ("nn-zero-key", &[3, 0, 0, 0, 6, 0, 0]),
    ("x1x1-all-psks", &[23, 7, 31, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]),
];

const SNAPSHOT: [Case; 11] = [
    ("nothing", &[0]),
    ("made-up", &[1, 1, 32, 5, 5, 5]),
    ("handed-over", &[0, 0, 0, 9, 10, 0, 0, 9, BACK | 10, BACK, 0, 9, 9]),
    ("in-a-message", &[0, 5, 6, 100, 0, BACK | 10, 10, 6, 100, 0, 0, 0, 9, 9]),
    ("in-a-record", &[0, 1, 4, 0, 6, 0, 100, BACK | 10, 9]),
    ("recovered", &[0, 0, 0, 9, 13, 20, 0, 0, 9, 6, 255, 255, 0, 0, 9, 14, 0, 0, 9, 9]),
    ("recovered-in-a-message", &[0, 13, 59, 5, 6, 255, 255, 14, 0, 0, 9, 9]),
    ("lease-spent", &[0, 13, 1, 0, 0, 9, 9, 0, 0, 9, 9, 13, 5, 9]),
    ("lease-on-its-way", &[0, 13, 40, 29, 2, 0, 0, 9, 9, 0, 0, 9, 9, 0, 0, 9, 9, 30, 0, 0, 9, 9]),
    (
        "lease-not-stored",
        &[0, 29, 2, 0, 0, 9, 9, 61, 0, 0, 9, 9, 0, 0, 9, 9, 0, 0, 9, 9, 13, 9, 14, 0, 0, 9, 9],
    ),
    ("stale", &[0, 10, 9, 0, 0, 9, 9, 10, 9, 15, 0, 0, 0, 9, 9]),
];

const TICKETS: [Case; 10] = [
    ("issued-at-once", &[0, 0, 2, 5, 0, 0, 0, 0, 0, 0, 6, 1, 0, 6, 0, 0, 6, 0]),
    ("nothing", &[]),
    ("once", &[0, 3, 2, 5, 0, 5, 6, 0, 5, 6, 0]),
    ("forgotten", &[0, 0, 2, 5, 0, 5, 0, 5, 6, 0, 5, 6, 0, 1, 6, 2, 5, 6, 1]),
    ("rotated", &[0, 3, 2, 5, 0, 5, 13, 5, 6, 0, 5, 0, 5, 13, 5, 13, 5, 6, 0]),
    ("restarted", &[0, 3, 2, 5, 0, 5, 14, 5, 6, 0, 5, 0, 5, 6, 0, 5, 15, 2, 5, 6, 0]),
    ("expired-early", &[0, 3, 1, 5, 0, 230, 6, 0, 5, 0, 255, 6, 0]),
    ("spoilt", &[0, 3, 2, 5, 0, 5, 12, 0, 3, 1, 5, 12, 0, 30, 1, 5, 12, 0, 9, 0]),
    ("opened", &[1, 0, 0, 0, 0, 0, 0, 0, 0, 9]),
    ("content", &[2, 3, 1, 7, 0, 0, 0, 0, 0, 0, 1, 0, 9, 9]),
];

/// The cipher, the two keys, then operations.
const fn providers<const N: usize>(cipher: u8, own: u8, public: u8, operations: &[u8]) -> [u8; N] {
    let mut input = [own; N];
    input[0] = cipher;
    let mut i = 33;
    while i < 65 {
        input[i] = public;
        i += 1;
    }
    while i < N {
        input[i] = operations[i - 65];
        i += 1;
    }
    input
}

const PROVIDERS: [Case; 5] = [
    ("chacha", &providers::<77>(0, 1, 2, &[0, 0, 9, 3, 0, 0, 1, 4, 1, 2, 0, 5])),
    ("aes", &providers::<77>(1, 3, 4, &[0, 0, 65, 3, 0, 0, 1, 16, 1, 2, 0, 5])),
    ("longest", &providers::<71>(1, 5, 6, &[0, 255, 239, 0, 255, 240])),
    ("changed", &providers::<74>(0, 7, 8, &[2, 0, 40, 6, 0, 50, 10, 0, 3])),
    ("zero-key", &providers::<65>(0, 9, 0, &[])),
];

/// Deliver the packet at the front; hold everything up until a deadline.
const TAKE: u8 = 5;
const WAIT: u8 = 13;

/// The protocol, whether cookies are asked for, then operations.
const DATAGRAM: [Case; 10] = [
    ("nothing", &[]),
    ("ik", &[0, 0, TAKE, TAKE, TAKE, TAKE, 1, 0, 17, 0, TAKE, TAKE]),
    ("ik-cookie", &[0, 1, TAKE, TAKE, TAKE, TAKE, TAKE, TAKE, 1, 0, TAKE]),
    ("xx-lost", &[1, 0, 10, 0, WAIT, TAKE, 10, 0, WAIT, TAKE, TAKE, TAKE, WAIT, TAKE, TAKE]),
    ("psk-twice", &[2, 0, 9, 0, TAKE, 9, 0, TAKE, 9, 0, TAKE, 9, 0, TAKE]),
    ("kk-damaged", &[3, 0, 11, 0, 20, TAKE, 43, 0, 40, TAKE, TAKE, TAKE]),
    ("x1x1-late", &[4, 0, TAKE, TAKE, TAKE, TAKE, TAKE, TAKE, 1, 0, 1, 0, 1, 0, 0x85, 2, 0x85, 1, 0x85, 0]),
    ("nx1-moved", &[5, 0, TAKE, TAKE, TAKE, TAKE, TAKE, 1, 0, 31, 1, 0, TAKE, TAKE, 17, 0, TAKE]),
    (
        "rekey-lost",
        &[0, 0, TAKE, TAKE, TAKE, TAKE, 60, 60, 60, 10, 0, WAIT, TAKE, TAKE, TAKE, 60, 1, 0, TAKE],
    ),
    (
        "close",
        &[1, 0, TAKE, TAKE, TAKE, TAKE, TAKE, 1, 0, 0x8f, TAKE, TAKE, 0, TAKE, TAKE, 14, 0, 20, 0x13, 1, 2],
    ),
];

const BACK: u8 = 0x80;

const SESSION_PAIR: [Case; 19] = [
    ("nothing", &[]),
    ("messages", &[0, 0, 9, 0, 0, 5, BACK, 0, 9, 0, 2, 0, 5, 9, 14, 0]),
    ("choice", &[8, 0, 9, 0, 0, 5, BACK, 0, 9, 0, 2, 0, 5, 9, 14, 0]),
    ("padme", &[9, 0, 9, 0, 0, 5, BACK, 0, 9, 0, 2, 100, 0, 9, 14, 0]),
    ("blocks", &[10, 0, 9, 2, 100, 0, 9, 15, 200, 3, 0, 13, 10, 0, 9, BACK | 13, 9, 0, 9]),
    ("constant", &[11, 1, 9, 2, 100, 0, 9, BACK | 2, 195, 0, 9, 14, 0]),
    ("large", &[2, 0, 9, 2, 100, 0, 9, BACK | 2, 195, 0, 9, 14, 0]),
    ("large-abandoned", &[3, 1, 9, 2, 100, 0, 8, 0, 0, 7, 9]),
    ("throttled-bytes", &[4, 3, 9, 2, 160, 0, 9, 9, 15, 200, 1, 0]),
    ("too-large", &[0, 0, 9, 2, 195, 80, 0, 0, 0, 9]),
    ("partial", &[1, 1, 5, 6, 0, 3, 5, 6, 0, 40, BACK | 8, 8, BACK | 8, 8, 0, 0, 0, 5, 6, 0, 1, 6, 0, 9]),
    ("rekey-by-age", &[7, 2, 9, 15, 200, 0, 200, 0, 0, 9, 9]),
    ("ping", &[3, 1, 9, 15, 200, 3, 0, 0, 0, 9, 9]),
    (
        "throttled",
        &[4, 2, 9, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 9, 15, 200, 1, 0],
    ),
    ("over-rate", &[5, 2, 9, 2, 160, 0, 9, 4, 9]),
    ("drain", &[0, 0, 9, 0, 0, 1, 13, 10, 0, 9, BACK | 13, 9, 0, 9]),
    ("drain-late", &[0, 0, 9, 13, 0, 10, 10, 1, 0, 9]),
    ("cut", &[0, 0, 9, 0, 0, 1, 8, 15, 70, 9]),
    ("lost", &[0, 0, 9, 0, 0, 1, 5, 6, 0, 2, 15, 0, 11, 200, 0, 9]),
];

const BUFFERS: [Case; 7] = [
    ("rx", &[0, 7, 0, 32, 0, 3, 31, 0, 1, 4, 0, 4, 0, 0, 3, 255, 255, 5, 0, 0]),
    ("rx-full", &[0, 3, 2, 0, 0, 0, 0, 9, 3, 0, 5, 2, 0, 1]),
    ("rx-nothing", &[0, 0, 0, 0, 1, 2, 0, 0, 3, 0, 1, 5, 0, 0]),
    ("tx", &[1, 5, 0, 0, 200, 2, 0, 0, 0, 0, 9, 3, 0, 100, 4, 0, 3, 2, 0, 0, 3, 1, 0, 5, 0, 0]),
    ("tx-full", &[1, 3, 0, 0, 60, 0, 0, 5, 0, 0, 4, 2, 0, 0, 3, 0, 10, 0, 0, 10]),
    ("tx-open", &[1, 5, 0, 0, 9, 3, 0, 9, 2, 0, 0, 3, 0, 4]),
    ("tx-nothing", &[1, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 5, 0, 0]),
];

/// An attempt, and one by a clock that steps back.
const TRY: u8 = 18;
const BACK_IN_TIME: u8 = 17;

const KEYED_LIMITER: [Case; 6] = [
    ("one", &[2, 10, 2, 0, TRY, 0, 0, TRY, 0, 0, TRY, 0, 0, TRY, 0, 50, TRY, 0, 50, TRY, 0, 1]),
    ("window-ends", &[2, 10, 2, 0, TRY, 0, 0, TRY, 0, 0, TRY, 0, 100]),
    ("few", &[1, 20, 2, 7, TRY, 1, 0, TRY, 2, 0, TRY, 1, 9, 0, 1, 0, TRY, 2, 200, BACK_IN_TIME, 2, 0]),
    (
        "crowd",
        &[
            1, 9, 1, 63, TRY, 1, 0, TRY, 2, 0, TRY, 3, 0, TRY, 4, 0, TRY, 5, 0, TRY, 6, 0, TRY, 7, 0, TRY, 8,
            0, TRY, 9, 0, TRY, 1, 0,
        ],
    ),
    ("forgive", &[2, 9, 5, 3, TRY, 1, 0, TRY, 1, 0, 0, 1, 0, TRY, 1, 0, TRY, 1, 0, 0, 1, 0, TRY, 1, 0]),
    ("out-of-range", &[0, 0, 0]),
];

/// The machine; its settings; for each operation how time passes (8: not at all, 16: 16 s), what to do, and to which.
const RESILIENCE: [Case; 11] = [
    (
        "breaker-row",
        &[0, 2, 0, 1, 4, 2, 0, 0, 0, 1, 8, 0, 8, 131, 0, 8, 0, 8, 131, 0, 8, 0, 16, 0, 8, 133, 0],
    ),
    (
        "breaker-rate",
        &[
            0, 0, 1, 1, 2, 1, 1, 1, 1, 1, 8, 0, 8, 3, 0, 8, 0, 8, 5, 0, 8, 0, 8, 131, 0, 16, 0, 8, 6, 0, 16,
            128,
        ],
    ),
    (
        "breaker-lost-trial",
        &[0, 1, 4, 0, 0, 4, 1, 0, 0, 0, 1, 8, 0, 8, 0, 8, 131, 0, 16, 0, 8, 0, 16, 128, 8, 133, 0],
    ),
    ("budget", &[1, 2, 1, 1, 8, 4, 8, 0, 8, 15, 8, 0, 8, 0, 8, 0, 16, 0, 8, 0]),
    ("queue-drop-oldest", &[2, 2, 1, 0, 0, 9, 0, 9, 0, 3, 8, 0, 9, 8, 14, 0, 19, 8, 12, 0, 21, 0, 255]),
    ("queue-reject-new", &[2, 1, 2, 1, 0, 9, 0, 9, 0, 3, 8, 8, 0, 9, 12, 0, 9, 14, 8, 12, 15, 0]),
    ("pool-reuse", &[3, 1, 1, 1, 0, 1, 8, 0, 8, 6, 0, 8, 8, 0, 8, 0, 8, 8, 0, 2, 14, 16, 14]),
    ("pool-wait", &[3, 0, 1, 2, 0, 0, 8, 0, 8, 0, 8, 0, 8, 6, 0, 8, 8, 0, 8, 12, 0, 8, 11, 0, 8, 12, 1]),
    ("pool-gives-up", &[3, 0, 1, 2, 0, 0, 8, 0, 8, 0, 8, 0, 8, 6, 0, 8, 8, 0, 8, 13, 0, 8, 13, 1, 8, 0]),
    ("pool-close", &[3, 0, 1, 2, 2, 2, 8, 0, 8, 0, 8, 6, 0, 8, 15, 0, 8, 12, 0, 8, 8, 0, 8, 0]),
    ("budget-no-reserve", &[1, 3, 0, 0, 8, 1, 8, 0, 8, 15, 8, 15, 8, 0, 8, 0]),
];

/// The machine; its settings; operations, as its model reads them.
const GUARD: [Case; 10] = [
    ("gate-no-load", &[0, 3, 3, 3, 2, 0, 1, 8, 0, 0, 0, 0, 8, 3, 0, 0, 0]),
    ("gate-cookie", &[0, 3, 3, 3, 0, 1, 1, 8, 0, 0, 1, 0, 8, 0, 0, 1, 64, 8, 2, 0, 1, 64, 8, 0, 1, 1, 255]),
    (
        "gate-cookie-ages",
        &[0, 3, 3, 3, 0, 1, 1, 8, 4, 0, 1, 0, 128, 4, 0, 1, 64, 128, 4, 0, 1, 64, 128, 4, 0, 1, 64],
    ),
    ("gate-budgets", &[0, 0, 0, 0, 0, 2, 1, 8, 0, 0, 1, 0, 8, 0, 0, 1, 0, 8, 5, 0, 1, 0, 8, 5, 0, 1, 0]),
    (
        "replay-copies",
        &[1, 2, 2, 1, 1, 2, 255, 2, 2, 255, 2, 15, 27, 3, 1, 5, 0, 5, 0, 15, 27, 9, 1, 197, 1, 5, 2, 5, 3],
    ),
    (
        "replay-overtaken",
        &[
            1, 2, 0, 1, 1, 2, 255, 2, 15, 27, 1, 1, 15, 27, 2, 1, 15, 27, 3, 1, 15, 27, 4, 1, 15, 27, 5, 1,
            15, 27, 6, 1, 15, 27, 7, 1, 15, 27, 0, 0, 15, 27, 9, 1, 5, 6,
        ],
    ),
    (
        "replay-crowded",
        &[
            1, 2, 0, 0, 1, 2, 255, 2, 15, 25, 9, 1, 15, 33, 8, 1, 15, 41, 7, 1, 15, 49, 6, 1, 15, 57, 5, 1,
            15, 89, 4, 1, 15, 97, 3, 1, 15, 105, 2, 1, 15, 113, 1, 1, 15, 121, 0, 0, 5, 9, 5, 8,
        ],
    ),
    (
        "replay-restart",
        &[1, 1, 1, 0, 1, 2, 255, 0, 15, 27, 0, 0, 4, 0, 5, 0, 2, 50, 0, 15, 27, 0, 0, 4, 1, 5, 0],
    ),
    (
        "roster-newest-wins",
        &[2, 0, 0, 0, 1, 1, 3, 8, 0, 1, 8, 6, 1, 8, 0, 1, 8, 6, 1, 8, 11, 1, 0, 8, 11, 1, 1, 8, 0, 1],
    ),
    (
        "roster-policy",
        &[
            2, 0, 0, 2, 3, 0, 3, 8, 0, 1, 8, 6, 1, 8, 6, 2, 8, 15, 0, 3, 2, 0, 0, 0, 1, 8, 0, 1, 8, 0, 2, 8,
            6, 2,
        ],
    ),
];

const CONFIG: [Case; 16] = [
    ("nn", &[1, 0, 0]),
    ("xx", &[1, 1, 0, 1, 1, 0, 2]),
    ("ik-of-three", &[3, 0, 1, 2, 2, 1, 1]),
    ("not-listed", &[1, 1, 0, 1, 1, 0, 3]),
    ("known-not-listed", &[1, 13, 0, 1, 1, 0, 3]),
    ("payload", &[1, 2, 0, 1, 1, 0, 0, 0, 3, 1, 3, 1, 0]),
    ("payload-empty", &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
    ("choice", &[0x82, 16, 1, 0, 1, 1, 0, 2, 0, 4, 0, 0, 1, 3]),
    ("choice-mixed", &[0x82, 4, 1, 0, 1, 1, 0, 2]),
    ("psks", &[1, 14, 0, 1, 0, 4, 0, 2, 65, 66]),
    ("psk-superfluous", &[1, 0, 0, 0, 0, 1]),
    ("max-message-zero", &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    ("constant", &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3]),
    (
        "constant-short",
        &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3],
    ),
    ("one-way", &[1, 7, 0, 1, 1]),
    ("rates", &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 9, 9, 9, 1, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
];

const VECTORS_FILE: [(&str, &str); 7] = [
    ("empty", r#"{"vectors":[]}"#),
    (
        "kinds",
        r#"[1,{},{"name":"Noise_XX_448_ChaChaPoly_BLAKE2s"},{"name":"Noise_NN_25519_ChaChaPoly_BLAKE2s"}]"#,
    ),
    (
        "one-way-passes",
        r#"[{"name":"Noise_Npsk0+psk1_25519_ChaChaPoly_BLAKE2s","init_ephemeral":"1111111111111111111111111111111111111111111111111111111111111111","init_remote_static":"ff2ee45601ec1b67310c7790404585ae697331eee1c1f8cf2419731c1fff3e6b","init_psks":["2222222222222222222222222222222222222222222222222222222222222222","3333333333333333333333333333333333333333333333333333333333333333"],"resp_static":"4444444444444444444444444444444444444444444444444444444444444444","resp_psks":["2222222222222222222222222222222222222222222222222222222222222222","3333333333333333333333333333333333333333333333333333333333333333"],"messages":[{"payload":"616c6c","ciphertext":"7b4e909bbe7ffe44c465a220037d608ee35897d31ef972f07f74892cb0f73f13e02375e8cb18c6ec2565da7b86b33e7b9f08f5"},{"payload":"6f6e65","ciphertext":"aa19d653b3b5dc6ede22f6263971052b738f43"}]}]"#,
    ),
    (
        "nn-fails",
        r#"[{"name":"Noise_NN_25519_ChaChaPoly_BLAKE2s","init_prologue":"00","init_ephemeral":"1111111111111111111111111111111111111111111111111111111111111111","resp_ephemeral":"2222222222222222222222222222222222222222222222222222222222222222","messages":[{"payload":"","ciphertext":"00"},{"payload":"","ciphertext":"00"}]}]"#,
    ),
    ("skipped-twice", "[{},{}]"),
    ("not-a-list", r#"{"vectors":1}"#),
    ("not-json", "["),
];
