//! The session scenarios on all drivers, and what must work between any two of them also between any two.

#[path = "../support/drivers.rs"]
mod drivers;
mod nets;

use drivers::{Smol, Std, Tokio};
use sealock_tests::run::bounded;
use sealock_tests::sessions::{self, Kind};

macro_rules! scenarios {
    ($name:ident, $server:ty, $client:ty, $kind:ident, [$($scenario:ident),* $(,)?]) => {
        mod $name {
            use super::*;
            $(
                #[test]
                fn $scenario() {
                    bounded(|| sessions::$scenario::<$server, $client>(Kind::$kind));
                }
            )*
        }
    };
}

macro_rules! between {
    ($($name:ident, $server:ty, $client:ty;)*) => {
        $(
            mod $name {
                use super::*;
                scenarios!(tcp, $server, $client, Tcp, [
                    echo_of_all_sizes, both_directions_at_once, drain_loses_nothing, close_says_why_and_counts,
                ]);
                scenarios!(guarded, $server, $client, Tcp, [
                    a_client_that_comes_back_resumes_by_itself,
                    a_ticket_resumes_a_session_once,
                    first_flight_from_before_the_start_is_refused,
                    load_asks_for_a_cookie,
                    newest_session_of_a_key_wins,
                    policy_is_changed_while_sessions_live,
                    replayed_first_flight_is_refused,
                ]);
                #[cfg(unix)]
                scenarios!(unix, $server, $client, Unix, [
                    echo_of_all_sizes, both_directions_at_once, drain_loses_nothing, close_says_why_and_counts,
                ]);
            }
        )*
    };
}

macro_rules! on {
    ($($name:ident, $net:ty;)*) => {
        $(
            mod $name {
                use super::*;
                scenarios!(any, $net, $net, Tcp, [
                    a_flood_does_not_put_off_the_end,
                    a_session_is_handed_over_under_load,
                    a_snapshot_that_is_refused_leaves_the_stream,
                    a_ticket_is_not_accepted_without_a_guard,
                    an_expired_ticket_is_not_shown,
                    attempts_are_limited,
                    burst_is_one_write,
                    connecting_to_nobody_names_address_and_cause,
                    dropped_futures_tear_lose_and_repeat_nothing,
                    flood_is_closed,
                    flood_is_throttled,
                    handshakes_are_limited,
                    keys_are_replaced_under_load,
                    keys_are_replaced_while_sessions_live,
                    policy_is_kept,
                    reconnects_after_a_restart,
                    rekey_under_load,
                    replayed_first_flight_is_answered_without_a_guard,
                    retries_end,
                    sessions_are_limited,
                    silent_client_times_out,
                    silent_peer_is_found,
                    stranger_is_refused,
                    truncation_is_an_error,
                    what_waits_is_handed_over_too,
                    who_is_not_handed_over_goes_on,
                    wrong_peer_is_refused,
                ]);
                #[cfg(target_os = "linux")]
                scenarios!(linux, $net, $net, Tcp, [connecting_takes_a_bounded_time]);
                #[cfg(target_os = "linux")]
                scenarios!(linux_unix, $net, $net, Unix, [connecting_takes_a_bounded_time]);
                #[cfg(unix)]
                scenarios!(unix, $net, $net, Unix, [
                    a_session_is_handed_over_under_load,
                    a_snapshot_that_is_refused_leaves_the_stream,
                    a_deaf_peer_does_not_hold_a_send,
                    reconnects_after_a_restart,
                    retries_end,
                    sessions_are_limited,
                    stranger_is_refused,
                    truncation_is_an_error,
                    what_waits_is_handed_over_too,
                    who_is_not_handed_over_goes_on,
                ]);
            }
        )*
    };
}

sealock_tests::every_pair!(between);
sealock_tests::every_driver!(on);
