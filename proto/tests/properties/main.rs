//! What every protocol must keep, checked on virtual time for each of them, and a model of the native session.
//!
//! | | property | where |
//! |---|---|---|
//! | P1 | any split of the input bytes gives the same events | `chunking.rs` |
//! | P2 | polling only at the reported instants equals polling every millisecond, with them and without | `deadlines.rs` |
//! | P3 | after a deadline is handled the next one is later, and nothing waits for ever | `deadlines.rs` |
//! | P4 | arbitrary input: no panic, bounded work and memory, an end | `damage.rs` |
//! | P5 | everything that can be sent arrives as it was | `delivery.rs` |
//! | P6 | nonces strictly increase, none is used twice, across rekeys and the end | `nonces.rs` |
//! | P7 | a flipped bit anywhere never gives a wrong event; where nothing authenticates, it may change a message and no more | `damage.rs` |
//! | P8 | `poll_transmit` calls that are left out or late lose nothing | `delivery.rs` |
//! | P9 | the bytes on the wire are those recorded; another implementation agrees | `golden.rs`; `nonces.rs`, `../noise_snow.rs`, `../noise_vectors.rs` |
//! | | the same seeds give the same bytes and the same trace | `replay.rs` |
//!
//! A new protocol implements [`protocol::Protocol`] and gets a line in the list below, and a file
//! in `golden/`, written as `golden.rs` says. A failure prints its seed and the
//! command that replays it; `spoilt.rs` shows that they can fail.
#![cfg(all(feature = "std", feature = "aes-gcm", feature = "sha2"))]

mod chunking;
mod damage;
mod deadlines;
mod delivery;
mod golden;
mod model;
mod native;
mod nonces;
mod protocol;
mod replay;
mod script;
mod spoilt;
#[cfg(feature = "ws")]
mod websocket;

use native::{Native, Shape};
use sealock_proto::session::Padding;
#[cfg(feature = "deflate")]
use sealock_proto::ws::DeflateConfig;
#[cfg(feature = "ws")]
use websocket::Ws;

/// All properties for each protocol of the list.
macro_rules! properties {
    ($($name:ident: $protocol:expr,)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn p1_chunking() {
                chunking::any_split_gives_the_same_events(&$protocol, concat!(stringify!($name), "::p1"));
            }

            #[test]
            fn p2_deadlines_complete() {
                deadlines::polling_more_often_changes_nothing(&$protocol, concat!(stringify!($name), "::p2"));
                deadlines::polling_by_the_clock_alone_is_the_same(&$protocol, concat!(stringify!($name), "::p2"));
            }

            #[test]
            fn p3_deadlines_actionable() {
                deadlines::nothing_waits_for_ever(&$protocol, concat!(stringify!($name), "::p3"));
            }

            #[test]
            fn p4_arbitrary_input() {
                damage::noise_ends_the_session(&$protocol, concat!(stringify!($name), "::p4"));
                damage::damage_ends_the_session(&$protocol, concat!(stringify!($name), "::p4"));
            }

            #[test]
            fn p5_round_trip() {
                delivery::every_size_arrives(&$protocol, concat!(stringify!($name), "::p5"));
            }

            #[test]
            fn p7_flipped_bits() {
                damage::a_flipped_bit_gives_no_wrong_event(&$protocol, concat!(stringify!($name), "::p7"));
            }

            #[test]
            fn p8_left_out_transmits() {
                delivery::late_transmits_lose_nothing(&$protocol, concat!(stringify!($name), "::p8"));
            }

            #[test]
            fn p9_golden_vector() {
                let file = concat!("tests/properties/golden/", stringify!($name), ".txt");
                let recorded = include_str!(concat!("golden/", stringify!($name), ".txt"));
                golden::the_bytes_are_as_recorded(&$protocol, file, recorded);
            }

            #[test]
            fn replays_bit_for_bit() {
                replay::the_same_seed_gives_the_same_run(&$protocol, concat!(stringify!($name), "::replays"));
            }
        }
    )*};
}

properties! {
    session_nn: Native::new("Noise_NN_25519_ChaChaPoly_BLAKE2s", Shape::Whole),
    session_xx_rekeying: Native::new("Noise_XX_25519_AESGCM_SHA256", Shape::Whole).rekeying(3),
    session_ik_split: Native::new("Noise_IK_25519_ChaChaPoly_BLAKE2s", Shape::Split),
    session_xx_choosing: Native::new("Noise_XX_25519_AESGCM_BLAKE2s", Shape::Whole)
        .offered_behind("Noise_XX_25519_ChaChaPoly_BLAKE2s"),
    session_ik_fallback: Native::new("Noise_IK_25519_ChaChaPoly_BLAKE2s", Shape::Whole).falling_back(),
    session_nn_padded: Native::new("Noise_NN_25519_ChaChaPoly_BLAKE2s", Shape::Whole).padded(Padding::Constant(512)),
}

#[cfg(feature = "identity")]
properties! {
    session_xx_proving: Native::new("Noise_XX_25519_ChaChaPoly_BLAKE2s", Shape::Split).proving(),
}

#[cfg(feature = "ws")]
properties! {
    ws_whole: Ws::new(Shape::Whole),
    ws_split: Ws::new(Shape::Split),
}

#[cfg(feature = "deflate")]
properties! {
    ws_deflate: Ws::new(Shape::Whole).compressed(DeflateConfig::default()),
    ws_deflate_split: Ws::new(Shape::Split).compressed(DeflateConfig::default()),
}
