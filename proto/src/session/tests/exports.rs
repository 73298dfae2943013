//! Secrets exported from a session (docs/wire.md, section 7).

use super::pair::*;
use crate::noise;
use crate::session::{CloseCode, ExportError, RekeyPolicy, Session};
use alloc::vec::Vec;

const LABEL: &str = "example token";

fn export(session: &Session, label: &str) -> Result<[u8; 32], ExportError> {
    let mut out = [0; 32];
    session.export(label, b"context", &mut out).map(|()| out)
}

#[test]
fn both_ends_export_the_same_and_no_other_session_does() {
    let mut seen = Vec::new();
    for (name, seed) in [(NN, 1), (NN, 5), (XX, 1), (IK, 1)] {
        let (a, b) = configs(name);
        let mut pair = Pair::new(a, b);
        pair.a = End::new(&configs(name).0.build().unwrap(), seed);
        pair.pump();
        let [a, b] = [&pair.a, &pair.b].map(|end| export(&end.session, LABEL).unwrap());
        assert_eq!(a, b, "{name}");
        assert!(!seen.contains(&a) && a != [0; 32], "{name} {seed}");
        assert_ne!(export(&pair.a.session, "another"), Ok(a), "{name}");
        seen.push(a);
    }
}

#[test]
fn nothing_is_exported_before_a_session_is_established() {
    let (a, b) = configs(XX);
    let mut pair = Pair::new(a, b);
    assert_eq!(export(&pair.a.session, LABEL), Err(ExportError::NotEstablished));
    pair.link = [true, false];
    pair.pump();
    assert_eq!(export(&pair.b.session, LABEL), Err(ExportError::NotEstablished));
    pair.link = [true, true];
    pair.pump();
    assert_eq!(export(&pair.a.session, ""), Err(ExportError::Range(noise::ExportError::Label)));
    assert_eq!(export(&pair.a.session, "sealock resumption"), Err(ExportError::Reserved));
    assert!(export(&pair.a.session, "sealock").is_ok());
    assert!(export(&pair.a.session, LABEL).is_ok());
}

#[test]
fn an_export_outlasts_a_change_of_keys_and_the_end() {
    let (a, b) = configs(NN);
    let policy = RekeyPolicy::default().with_records(1);
    let mut pair = Pair::established_with(a.with_rekey(policy), b);
    let before = export(&pair.a.session, LABEL);
    pair.a.send(b"under the first key");
    pair.pump();
    assert_eq!(pair.b.session.stats().received.rekeys, 1);
    assert_eq!(export(&pair.a.session, LABEL), before);
    pair.a.session.close(pair.now, CloseCode::NORMAL, "", &mut pair.a.tx).unwrap();
    pair.pump();
    assert!(pair.a.session.is_finished());
    assert_eq!((export(&pair.a.session, LABEL), export(&pair.b.session, LABEL)), (before, before));
}

#[cfg(feature = "std")]
#[test]
fn the_halves_export_what_the_session_does() {
    let pair = Pair::established(XX);
    let whole = export(&pair.b.session, LABEL).unwrap();
    let (sender, receiver) = pair.a.session.split();
    let mut out = [[0; 32]; 2];
    assert_eq!(sender.export(LABEL, b"context", &mut out[0]), Ok(()));
    assert_eq!(receiver.export(LABEL, b"context", &mut out[1]), Ok(()));
    assert_eq!(out, [whole; 2]);
}
