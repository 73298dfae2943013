//! Forged first messages cost next to nothing, and under load whoever comes must show first that it can be reached.

use super::flight::{first, knock, seed};
use super::pair::{friends_by, meet};
use super::{Verdict, seen};
use crate::runtime::Runtime;
use crate::{dial, listen, units};
use anyhow::Result;
use sealock_proto::buf::TxBuf;
use sealock_proto::drive::DriveError;
use sealock_proto::guard::{GateConfig, GuardConfig, LoadConfig};
use sealock_proto::limit::AdmissionConfig;
use sealock_proto::session::{Config, Error, Session};
use sealock_proto::time;
use sealock_tokio::{Address, ListenOptions};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The initiator knows the responder's key, as its first message shows.
pub(super) const PROTOCOL: &str = "Noise_IK_25519_ChaChaPoly_BLAKE2s";
const FORGED: u64 = 500;
/// Messages that are no forgery, from somebody who does not go on. The first is not under load yet.
const CROWD: u64 = 100;
/// An honest message costs at least so many times as much as a forged one; far more on a machine at rest.
const DEARER: u32 = 5;

pub(super) fn run<A: Runtime, B: Runtime>() -> Result<Verdict> {
    let ends = friends_by(PROTOCOL)?;
    let (theirs, ours) = (ends.responder.build()?, ends.initiator.build()?);
    let mut forged = first(&ours)?;
    // Whoever does not know the responder's key cannot make the MAC at the end.
    forged.iter_mut().last().into_iter().for_each(|byte| *byte ^= 1);
    let (cheap, dear) = (cost(&theirs, &forged)?, cost(&theirs, &first(&ours)?)?);
    let serve = async |listener: A::Listener<Arc<Config>>| {
        let mut refused = 0;
        for _ in 0..FORGED {
            let outcome = A::handshake(A::accept(&listener).await?).await;
            refused += u64::from(matches!(outcome, Err(DriveError::Protocol(Error::BadMac1))));
        }
        for _ in 0..CROWD {
            // None of them goes on.
            let _ = A::handshake(A::accept(&listener).await?).await;
        }
        let mut friend = A::handshake(A::accept(&listener).await?).await?;
        listen::echo::<A>(&mut friend).await?;
        let stats = A::gate(&listener).guard_stats().unwrap_or_default();
        Ok((refused, stats.gate.cookies, stats.gate.verified))
    };
    let visit = async move |address: Address| {
        let mut silence = 0;
        for _ in 0..FORGED {
            silence += u64::from(knock(&address, &forged)?.is_empty());
        }
        let crowd = first(&ours)?;
        for _ in 0..CROWD {
            knock(&address, &crowd)?;
        }
        dial::hang_up::<B>(B::connect(&address, &ours, None).await?).await?;
        Ok(silence)
    };
    let ((refused, cookies, verified), silence) = meet::<A, B, _, _>(theirs, options(), serve, visit)?;
    let good = (refused, silence) == (FORGED, FORGED) && (cookies, verified) == (CROWD, 1);
    seen(
        good && dear > cheap * DEARER,
        format!(
            "{silence} of {FORGED} forged first messages unanswered, at {} each; an honest one takes {}\n\
             under load {cookies} were asked for a cookie, and the one who showed it was let in",
            units::time(cheap),
            units::time(dear)
        ),
    )
}

/// Load from the second message on. All come from one address, which is given as many attempts as it likes.
fn options() -> ListenOptions {
    let load = LoadConfig::default().with_per_second(1).with_burst(1).with_hold(Duration::from_secs(5));
    let guard = GuardConfig::default().with_gate(Some(GateConfig::default().with_load(load)));
    let admission = AdmissionConfig::default().with_keyed(None);
    ListenOptions::default().with_guard(Some(guard)).with_admission(admission)
}

/// What a responder's machine takes for `flight`, at the quickest of several times.
fn cost(config: &Arc<Config>, flight: &[u8]) -> Result<Duration> {
    let mut quickest = Duration::MAX;
    let mut tx = TxBuf::new(1 << 16);
    for _ in 0..50 {
        let (mut buffer, seed) = (flight.to_vec(), seed()?);
        let begin = Instant::now();
        let mut session = Session::new(config, seed, time::Instant::ZERO)?;
        // Refused or not, what it takes is all that is asked.
        let _ = session.recv(time::Instant::ZERO, &mut buffer);
        session.poll_transmit(time::Instant::ZERO, &mut tx);
        quickest = quickest.min(begin.elapsed());
        tx.consume(tx.sealed().len());
    }
    Ok(quickest)
}
