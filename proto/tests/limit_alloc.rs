//! The limiters allocate at construction only, whatever is thrown at them.

use allocation_counter::measure;
use sealock_proto::entropy::{Jitter, Seed};
use sealock_proto::limit::{Admission, AdmissionConfig, KeyedConfig, KeyedLimiter, Source};
use sealock_proto::time::Instant;
use std::time::Duration;

fn hostile(jitter: &mut Jitter) -> Source {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&jitter.next_u64().to_le_bytes());
    Source::from_identity(key)
}

#[test]
fn the_memory_reported_is_the_memory_allocated() {
    for sources in [1, 8, 9, 1_000, 100_000] {
        let mut limiter = None;
        let config = KeyedConfig::default().with_sources(sources);
        let info = measure(|| limiter = KeyedLimiter::new(config, &Seed::new(&mut [1; 32])).ok());
        let limiter = limiter.unwrap();
        assert_eq!(info.count_current, 1, "one table");
        assert_eq!(info.bytes_current as usize + size_of::<KeyedLimiter>(), limiter.memory());
        assert!(limiter.capacity() >= sources && limiter.capacity() < sources + 8);
    }
}

#[test]
fn a_keyed_limiter_full_of_hostile_keys_allocates_nothing() {
    let config = KeyedConfig::default().with_sources(1_000).with_attempts(1);
    let mut limiter = KeyedLimiter::new(config, &Seed::new(&mut [1; 32])).unwrap();
    let mut jitter = Jitter::new(1);
    let memory = limiter.memory();
    let info = measure(|| {
        for n in 0..50_000 {
            let now = Instant::ZERO + Duration::from_millis(n);
            let source = hostile(&mut jitter);
            let _ = limiter.check(now, source);
            let _ = limiter.check(now, source);
            if n % 10 == 0 {
                limiter.forgive(source);
            }
        }
    });
    assert_eq!((info.count_total, limiter.memory()), (0, memory));
}

#[test]
fn an_admission_under_a_flood_allocates_nothing() {
    let config = AdmissionConfig::default().with_max_handshakes(8).with_max_sessions(64);
    let mut admission = Admission::new(config, &Seed::new(&mut [1; 32])).unwrap();
    let mut jitter = Jitter::new(1);
    let info = measure(|| {
        for n in 0..50_000_u64 {
            let source = Some(hostile(&mut jitter));
            let admitted = admission.admit(Instant::ZERO + Duration::from_millis(n), source).is_ok();
            match n % 4 {
                0 if admitted => admission.handshake_done(source),
                1 => admission.session_ended(),
                2 => admission.handshake_failed(source),
                _ => {}
            }
        }
    });
    let stats = admission.stats();
    assert!(stats.admitted > 1_000 && stats.too_many_handshakes > 1_000, "{stats:?}");
    assert_eq!(info.count_total, 0);
}
