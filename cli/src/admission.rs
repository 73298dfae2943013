//! From options to whose sessions a listener takes.

use crate::args::Admission;
use sealock_proto::guard::{Excess, GuardConfig, Policy};
use sealock_proto::limit::AdmissionConfig;
use sealock_tokio::ListenOptions;

/// How to listen. What needs no key is refused before any work is done.
pub(crate) fn options(args: &Admission) -> ListenOptions {
    let mut admission = AdmissionConfig::default();
    if let Some(sessions) = args.max_sessions {
        admission = admission.with_max_sessions(sessions);
    }
    let policy = Policy::default()
        .with_allowed((!args.peers.is_empty()).then_some(&args.peers))
        .with_denied(&args.denied)
        .with_attempts(args.attempts)
        .with_max_sessions_per_identity(args.max_sessions_per_peer)
        .with_excess(if args.newest_wins { Excess::EndOldest } else { Excess::RefuseNewest });
    let guard = GuardConfig::default().with_policy(policy);
    ListenOptions::default().with_admission(admission).with_guard(Some(guard))
}
