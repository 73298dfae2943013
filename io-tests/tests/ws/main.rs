//! The WebSocket scenarios on all drivers, what has two ends between any two of them; and another implementation at the
//! other end.

#[path = "../support/drivers.rs"]
mod drivers;
#[path = "../support/websockets.rs"]
mod nets;
mod peer;
mod tungstenite;

use drivers::{Smol, Std, Tokio};
use sealock_tests::run::bounded;
use sealock_tests::websockets::{self, Layer};

macro_rules! scenarios {
    ([$($scenario:ident),* $(,)?], $server:ident, $client:ident, $arguments:tt) => {
        $(
            #[test]
            fn $scenario() {
                bounded(|| websockets::$scenario::<$server, $client> $arguments);
            }
        )*
    };
}

macro_rules! between {
    ($($name:ident, $server:ident, $client:ident;)*) => {
        $(
            mod $name {
                use super::*;
                scenarios!([
                    a_peer_that_vanishes_is_an_error_behind_its_messages,
                    a_rejection_arrives_with_its_status,
                    dropped_futures_tear_lose_and_repeat_nothing,
                    echo_of_all_sizes,
                    everything_accepted_arrives_before_the_close,
                    pieces_make_up_the_message,
                ], $server, $client, (&Layer::Plain));
                scenarios!([
                    attempts_are_limited, connections_are_limited, handshakes_are_limited,
                ], $server, $client, ());
            }
        )*
    };
}

macro_rules! alone {
    ([$($scenario:ident),* $(,)?], $net:ident) => {
        $(
            #[test]
            fn $scenario() {
                bounded(websockets::$scenario::<$net>);
            }
        )*
    };
}

macro_rules! on {
    ($($name:ident, $net:ident;)*) => {
        $(
            mod $name {
                use super::*;
                alone!([
                    a_client_that_does_not_ask_in_time_is_dropped,
                    a_server_that_does_not_answer_in_time_is_given_up,
                    answers_that_open_nothing_have_their_errors,
                    silent_peer_is_found,
                ], $net);
            }
        )*
    };
}

sealock_tests::every_pair!(between);
sealock_tests::every_driver!(on);
