use super::*;
use crate::entropy::Jitter;
use crate::sim::seeds;
use core::time::Duration;

const NOW: Instant = Instant::from_nanos(1);

fn admission(config: AdmissionConfig) -> Result<Admission, AdmissionError> {
    Admission::new(config, &Seed::new(&mut [1; 32]))
}

/// 2 attempts in 10 s a source, 3 handshakes, all of which may be one source's, 4 sessions.
fn small() -> Admission {
    let keyed = KeyedConfig::default().with_attempts(2).with_cool_down(Duration::from_secs(10));
    let config = AdmissionConfig::default().with_keyed(Some(keyed));
    let config = config.with_max_handshakes(3).with_max_handshakes_per_source(Some(3));
    admission(config.with_max_sessions(4)).unwrap()
}

fn source(n: u8) -> Option<Source> {
    Some(Source::from_identity([n; 32]))
}

fn too_many_attempts() -> Result<(), Refusal> {
    Err(Refusal::TooManyAttempts { until: NOW + Duration::from_secs(10) })
}

#[test]
fn the_field_out_of_range_is_named() {
    let ok = AdmissionConfig::default();
    let keyed = Some(KeyedConfig::default().with_attempts(0));
    for (config, error) in [
        (ok.with_max_handshakes(0), AdmissionError::MaxHandshakes),
        (ok.with_max_handshakes_per_source(Some(0)), AdmissionError::MaxHandshakesPerSource),
        (ok.with_max_sessions(0), AdmissionError::MaxSessions),
        (ok.with_keyed(keyed), AdmissionError::Keyed(KeyedError::Attempts)),
    ] {
        assert_eq!(admission(config).err(), Some(error));
    }
}

#[test]
fn defaults_are_256_handshakes_10_000_sessions_and_10_attempts() {
    let mut listener = admission(AdmissionConfig::default()).unwrap();
    (0..256).for_each(|_| assert_eq!(listener.admit(NOW, None), Ok(())));
    assert_eq!(listener.admit(NOW, None), Err(Refusal::TooManyHandshakes));
    (0..256).for_each(|_| listener.handshake_done(None));
    for _ in 256..10_000 {
        assert_eq!(listener.admit(NOW, None), Ok(()));
        listener.handshake_done(None);
    }
    assert_eq!(listener.admit(NOW, None), Err(Refusal::TooManySessions));
    listener.session_ended();
    for _ in 0..10 {
        assert_eq!(listener.admit(NOW, source(1)), Ok(()));
        listener.handshake_failed(source(1));
    }
    assert!(matches!(listener.admit(NOW, source(1)), Err(Refusal::TooManyAttempts { .. })));
}

#[test]
fn handshakes_are_capped_and_a_failed_one_frees_its_slot() {
    let mut listener = small();
    (0..3).for_each(|n| assert_eq!(listener.admit(NOW, source(n)), Ok(())));
    assert_eq!(listener.admit(NOW, source(9)), Err(Refusal::TooManyHandshakes));
    listener.handshake_failed(source(0));
    assert_eq!(listener.admit(NOW, source(9)), Ok(()));
}

#[test]
fn the_session_cap_counts_handshakes_and_an_ended_session_frees_its_slot() {
    let mut listener = small();
    for _ in 0..3 {
        assert_eq!(listener.admit(NOW, None), Ok(()));
        listener.handshake_done(None);
    }
    assert_eq!(listener.admit(NOW, None), Ok(()));
    assert_eq!(listener.admit(NOW, None), Err(Refusal::TooManySessions));
    listener.session_ended();
    assert_eq!(listener.admit(NOW, None), Ok(()));
}

#[test]
fn a_refusal_for_want_of_room_is_no_attempt_of_the_source() {
    let mut listener = small();
    (0..3).for_each(|_| assert_eq!(listener.admit(NOW, None), Ok(())));
    (0..9).for_each(|_| assert_eq!(listener.admit(NOW, source(1)), Err(Refusal::TooManyHandshakes)));
    listener.handshake_failed(None);
    assert_eq!(listener.admit(NOW, source(1)), Ok(()));
    listener.handshake_failed(source(1));
    assert_eq!(listener.admit(NOW, source(1)), Ok(()));
    listener.handshake_failed(source(1));
    assert_eq!(listener.admit(NOW, source(1)), too_many_attempts());
}

#[test]
fn a_refused_source_occupies_nothing() {
    let mut listener = small();
    for n in 0..50 {
        let admitted = listener.admit(NOW, source(1)).is_ok();
        assert_eq!(admitted, n < 2);
    }
    assert_eq!(listener.stats().handshakes, 2);
}

#[test]
fn success_forgives_the_source_and_failure_does_not() {
    let mut listener = small();
    for _ in 0..10 {
        assert_eq!(listener.admit(NOW, source(1)), Ok(()));
        listener.handshake_done(source(1));
        listener.session_ended();
    }
    for want in [Ok(()), Ok(()), too_many_attempts()] {
        assert_eq!(listener.admit(NOW, source(2)), want);
        want.into_iter().for_each(|()| listener.handshake_failed(source(2)));
    }
}

#[test]
fn a_success_forgives_its_own_attempt_and_not_those_under_way() {
    let keyed = KeyedConfig::default().with_attempts(3);
    let mut listener = admission(AdmissionConfig::default().with_keyed(Some(keyed))).unwrap();
    // As many as say nothing, and one that succeeds, again and again.
    for _ in 0..100 {
        let admitted = (0..3).filter(|_| listener.admit(NOW, source(1)).is_ok()).count();
        assert!(listener.stats().handshakes <= 3, "{:?}", listener.stats());
        if admitted > 0 {
            listener.handshake_done(source(1));
            listener.session_ended();
        }
    }
    assert_eq!(listener.admit(NOW, source(2)), Ok(()));
}

#[test]
fn no_source_holds_more_than_its_share_of_the_handshakes() {
    let lenient = AdmissionConfig::default().with_keyed(Some(KeyedConfig::lenient()));
    for (config, share) in [
        (lenient, 32),
        (lenient.with_max_handshakes(7), 1),
        (lenient.with_max_handshakes_per_source(Some(20)), 20),
    ] {
        let mut listener = admission(config).unwrap();
        (0..share).for_each(|_| assert_eq!(listener.admit(NOW, source(1)), Ok(())));
        for _ in 0..3 {
            assert_eq!(listener.admit(NOW, source(1)), Err(Refusal::TooManyHandshakesOfSource));
        }
        assert_eq!(listener.stats().too_many_handshakes_of_source, 3);
        assert_eq!(listener.admit(NOW, source(2)), Ok(()));
        listener.handshake_failed(source(1));
        assert_eq!(listener.admit(NOW, source(1)), Ok(()));
        listener.handshake_done(source(1));
        assert_eq!(listener.admit(NOW, source(1)), Ok(()));
    }
}

#[test]
fn no_source_and_no_keyed_limit_mean_no_limit_per_source() {
    let unkeyed = admission(AdmissionConfig::default().with_keyed(None)).unwrap();
    assert_eq!(unkeyed.memory(), size_of::<Admission>());
    assert!(small().memory() >= 320_000);
    for (mut listener, source) in [(small(), None), (unkeyed, source(1))] {
        for _ in 0..100 {
            assert_eq!(listener.admit(NOW, source), Ok(()));
            listener.handshake_failed(source);
        }
    }
}

#[test]
fn a_report_without_its_counterpart_is_ignored() {
    let mut listener = small();
    listener.handshake_done(source(1));
    listener.handshake_failed(source(1));
    listener.session_ended();
    assert_eq!(listener.stats(), AdmissionStats::default());
}

/// Lists instead of counters: the source of each handshake, and the refusals in order.
#[test]
fn agrees_with_lists_of_handshakes_and_sessions() {
    for seed in seeds("agrees_with_lists_of_handshakes_and_sessions", 0..100) {
        let mut jitter = Jitter::new(seed);
        let mut draw = |below: u64| jitter.next_u64() % below;
        let (mut listener, mut limiter) = (small(), small().keyed.unwrap());
        let mut handshakes = alloc::vec::Vec::new();
        let (mut sessions, mut want) = (0_usize, AdmissionStats::default());
        let mut now = NOW;
        for step in 0..400 {
            now += Duration::from_millis(draw(2_000));
            match draw(5) {
                0 | 1 => {
                    let source = if draw(4) == 0 { None } else { source(draw(3) as u8) };
                    let got = listener.admit(now, source);
                    let expected = if sessions + handshakes.len() == 4 {
                        want.too_many_sessions += 1;
                        Err(Refusal::TooManySessions)
                    } else if handshakes.len() == 3 {
                        want.too_many_handshakes += 1;
                        Err(Refusal::TooManyHandshakes)
                    } else if let Some(Verdict::Refuse { until }) = source.map(|s| limiter.check(now, s)) {
                        want.too_many_attempts += 1;
                        Err(Refusal::TooManyAttempts { until })
                    } else {
                        want.admitted += 1;
                        handshakes.push(source);
                        Ok(())
                    };
                    assert_eq!(got, expected, "seed {seed} step {step}");
                }
                2 => {
                    if let Some(source) = handshakes.pop() {
                        listener.handshake_failed(source);
                    }
                }
                3 => {
                    if let Some(source) = handshakes.pop() {
                        listener.handshake_done(source);
                        sessions += 1;
                        source.into_iter().for_each(|source| limiter.forgive(source));
                    }
                }
                4 if sessions > 0 => {
                    listener.session_ended();
                    sessions -= 1;
                }
                _ => {}
            }
            (want.handshakes, want.sessions) = (handshakes.len(), sessions);
            assert_eq!(listener.stats(), want, "seed {seed} step {step}");
        }
    }
}
