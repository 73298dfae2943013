//! Whose sessions a listener has: keys that are claimed and not proven, sessions that come too late, and those that it ends.

use super::*;
use sealock_proto::drive::{Gate, SessionConnection, SessionError};
use sealock_proto::entropy::Seed;
use sealock_proto::guard::{
    Answer, Excess, FirstSeen, Guard, GuardConfig, Policy, Question, Refusal, ReplayConfig,
};
use sealock_proto::identity::{IdentityKey, SignWith};
use sealock_proto::limit::{AdmissionConfig, KeyedConfig};
use sealock_proto::noise::{PublicKey, SecretKey};
use sealock_proto::session::{Alert, CloseCode, Config, Error, Event, Peers};
use std::pin::Pin;

type Session = SessionConnection<MemRead, MemWrite>;
type Outcome = Result<Session, SessionError<MemError>>;
type Handshake = Pin<Box<dyn Future<Output = Outcome>>>;

/// A listener whose only client is Alice, with one key.
struct Host {
    clock: Arc<Clock>,
    gate: Gate,
    server: Arc<Config>,
    client: Arc<Config>,
}

impl Host {
    fn new(pattern: &str, policy: Policy) -> Self {
        Self::with(pattern, policy, |server, client| [server, client])
    }

    fn with(pattern: &str, policy: Policy, change: fn(Config, Config) -> [Config; 2]) -> Self {
        let protocol = format!("Noise_{pattern}_25519_ChaChaPoly_BLAKE2s").parse().unwrap();
        let secret = |n| SecretKey::new(&mut [n; 32]);
        let server = Config::responder(&[protocol]).with_static_key(secret(2)).with_peers(Peers::Any);
        let client = Config::initiator(protocol).with_static_key(secret(1)).with_peers(Peers::Any);
        let server = server.with_remote_static(secret(1).public());
        let client = client.with_remote_static(secret(2).public());
        let [server, client] =
            change(server, client).map(|config| config.with_heartbeat(None).build().unwrap());
        let seed = Seed::new(&mut [9; 32]);
        // There is no calendar here.
        let guard = GuardConfig::default().with_replay(None).with_policy(policy);
        let guard = Guard::new(guard, &seed, Duration::ZERO).unwrap();
        let gate = Gate::new(AdmissionConfig::default(), &seed).unwrap().with_guard(guard);
        Self { clock: Arc::default(), gate, server, client }
    }

    fn accept(&self, io: (MemRead, MemWrite)) -> Handshake {
        let permit = self.gate.admit(self.clock.now(), None).unwrap();
        let config = Arc::clone(&self.server);
        Box::pin(async move { Session::accept(&config, Seed::new(&mut [3; 32]), io, permit).await })
    }

    /// The handshakes of both ends, the listener's first, and what Alice says first.
    fn begin(&self) -> ([Handshake; 2], Vec<u8>) {
        let [there, back] = [(); 2].map(|()| Pipe::new(1 << 16, None));
        let (here, peer) = (end(&self.clock, &there, &back), end(&self.clock, &back, &there));
        let config = Arc::clone(&self.client);
        let mut alice: Handshake = Box::pin(async move {
            let mut session = Session::establish(&config, Seed::new(&mut [4; 32]), peer).await?;
            session.flush().await?;
            Ok(session)
        });
        assert!(now(alice.as_mut()).is_pending());
        let said = there.lock().unwrap().data.iter().copied().collect();
        ([self.accept(here), alice], said)
    }

    /// A session with Alice: the listener's end or why there is none, her end, and what she said first.
    fn enter(&self) -> (Outcome, Session, Vec<u8>) {
        let ([mut here, mut alice], said) = self.begin();
        let mut outcome = now(here.as_mut());
        let session = ready(alice.as_mut());
        if outcome.is_pending() {
            outcome = now(here);
        }
        let Poll::Ready(outcome) = outcome else { panic!("must not wait") };
        (outcome, session.unwrap(), said)
    }

    /// [`Host::enter`], and a message that comes.
    fn proven(&self) -> ([Session; 2], Vec<u8>) {
        let (here, alice, said) = self.enter();
        let mut ends = [here.unwrap(), alice];
        works(&mut ends);
        (ends, said)
    }

    /// What comes of it if somebody says what Alice has said, and no more.
    fn replay(&self, said: &[u8]) -> Outcome {
        let [there, back] = [(); 2].map(|()| Pipe::new(1 << 16, None));
        there.lock().unwrap().data.extend(said);
        ready(self.accept(end(&self.clock, &there, &back)))
    }

    /// Sessions that are admitted, and those of them that the guard counts.
    fn counts(&self) -> (usize, usize) {
        (self.gate.stats().sessions, self.gate.guard_stats().unwrap().roster.sessions)
    }
}

/// Alice's message arrives.
fn works([here, alice]: &mut [Session; 2]) {
    ready(alice.send(b"it is me")).unwrap();
    ready(alice.flush()).unwrap();
    assert!(matches!(ready(here.next()), Ok(Some(Event::Message(m))) if *m == *b"it is me"));
}

/// What Alice is told as the listener's end, which was ended from outside, is polled.
fn told([here, alice]: &mut [Session; 2]) -> String {
    assert!(now(here.next()).is_pending(), "waits for her answer");
    match ready(alice.next()) {
        Ok(Some(Event::Closed { code: CloseCode::GOING_AWAY, reason })) => {
            String::from_utf8(reason.to_vec()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

/// Patterns of two messages after which a responder has no proof of the initiator's key.
const CLAIMING: [&str; 4] = ["IN", "IX", "KN", "KX"];

fn one_session(excess: Excess) -> Policy {
    let attempts = KeyedConfig::default().with_attempts(3);
    let policy = Policy::default().with_max_sessions_per_identity(Some(1));
    policy.with_excess(excess).with_attempts(Some(attempts))
}

#[test]
fn who_only_claims_a_key_ends_no_session_of_its_owner() {
    for pattern in CLAIMING {
        let host = Host::new(pattern, one_session(Excess::EndOldest));
        let (mut older, said) = host.proven();
        let claims: Vec<_> = (0..5).map(|_| host.replay(&said).unwrap()).collect();
        assert_eq!(host.counts(), (6, 1), "{pattern}");
        works(&mut older);
        // Nor has it used up attempts: the owner has three, and the newest of her sessions wins.
        let (mut newer, _) = host.proven();
        assert_eq!(told(&mut older), "replaced by a newer session of this key", "{pattern}");
        works(&mut newer);
        let (newest, _) = host.proven();
        assert_eq!(host.counts(), (8, 1), "{pattern}");
        let (here, mut alice, _) = host.enter();
        ready(alice.send(b"once more")).unwrap();
        ready(alice.flush()).unwrap();
        let mut ends = [here.unwrap(), alice];
        assert_eq!(told(&mut ends), "too many attempts of this key", "{pattern}");
        drop((older, newer, newest, ends, claims));
        assert_eq!(host.counts(), (0, 0), "{pattern}");
    }
}

#[test]
fn who_only_claims_a_key_holds_no_place_of_its_owner() {
    for pattern in CLAIMING {
        let host = Host::new(pattern, one_session(Excess::RefuseNewest));
        let (first, said) = host.proven();
        drop(first);
        let claims: Vec<_> = (0..5).map(|_| host.replay(&said).unwrap()).collect();
        assert_eq!(host.counts(), (5, 0), "{pattern}");
        let (mut alice, _) = host.proven();
        assert_eq!(host.counts(), (6, 1), "{pattern}");
        works(&mut alice);
        // Her place is hers now, and who comes after that is told so at once.
        let refused = host.replay(&said).map(|_| ()).unwrap_err();
        assert_eq!(refused, DriveError::Protocol(Error::Declined(Alert::Busy)), "{pattern}");
        drop(claims);
    }
}

/// An identity behind the handshake, so that a listener waits between the proof of the key and the session.
fn with_identities(server: Config, client: Config) -> [Config; 2] {
    let signer = Arc::new(SignWith::new(IdentityKey([7; 32]), |_: &[u8]| Some([9; 64])));
    let judge = Arc::new(|_: &IdentityKey, _: &[u8], _: &[u8; 64]| true);
    [server.with_identity_verifier(judge).require_identity(), client.with_identity(signer)]
}

#[test]
fn a_session_that_comes_too_late_is_not_handed_out() {
    type Change = fn(&Host);
    let overtaken: (Change, _, _) = (|_| {}, Alert::Busy, "there is no place for another session");
    let withdrawn: (Change, _, _) = (
        |host| host.gate.set_policy(Policy::default().with_allowed(Some(&[]))).unwrap().unwrap(),
        Alert::PeerNotAllowed,
        "this key is no longer accepted",
    );
    for (change, alert, reason) in [overtaken, withdrawn] {
        let host = Host::with("IK", one_session(Excess::RefuseNewest), with_identities);
        // Both are asked about before either is there.
        let [(mut first, _), (mut second, _)] = [(); 2].map(|()| host.begin());
        assert!(now(first[0].as_mut()).is_pending() && now(second[0].as_mut()).is_pending());
        let [here, alice] = first;
        let _alice = ready(alice).unwrap();
        let _here = ready(here).unwrap();
        assert_eq!(host.counts(), (1, 1));
        change(&host);
        let [here, alice] = second;
        let mut alice = ready(alice).unwrap();
        ready(alice.send(b"it is me")).unwrap();
        ready(alice.flush()).unwrap();
        let refused = ready(here).map(|_| ()).unwrap_err();
        assert_eq!(refused, DriveError::Protocol(Error::Declined(alert)));
        assert_eq!(host.counts().0, 1, "its place is free");
        match ready(alice.next()) {
            Ok(Some(Event::Closed { code: CloseCode::GOING_AWAY, reason: told })) => {
                assert_eq!(told, reason.as_bytes());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_session_that_is_ended_from_outside_delivers_nothing_more() {
    let host = Host::new("XX", Policy::default());
    let (mut ends, _) = host.proven();
    let [here, alice] = &mut ends;
    for message in [&b"taken"[..], b"arrived", b"also"] {
        ready(alice.send(message)).unwrap();
    }
    ready(alice.flush()).unwrap();
    assert!(matches!(ready(here.next()), Ok(Some(Event::Message(m))) if *m == *b"taken"));
    host.gate.set_policy(Policy::default().with_allowed(Some(&[]))).unwrap().unwrap();
    assert_eq!(told(&mut ends), "this key is no longer accepted");
    let [here, alice] = &mut ends;
    assert!(matches!(ready(alice.next()), Ok(None)));
    assert!(matches!(ready(here.next()), Ok(Some(Event::Closed { .. }))));
    assert_eq!(here.receiver.undelivered(), 2);
}

/// Nobody remembers which tickets were used.
#[test]
fn without_a_guard_no_ticket_is_accepted() {
    let now = Instant::ZERO;
    let gate = Gate::new(AdmissionConfig::default(), &Seed::new(&mut [9; 32])).unwrap();
    let permit = gate.admit(now, None).unwrap();
    let ticket = Question::Ticket { id: [1; 16], issued: Duration::from_secs(1) };
    let refused = Answer::Refuse(Refusal::Replayed);
    assert_eq!(permit.answer(now, Some(Duration::from_secs(2)), &ticket), refused);
    let first = Question::FirstMessage { mac1: [3; 16], mac2: [0; 16] };
    assert_eq!(permit.answer(now, None, &first), Answer::Proceed);
}

#[test]
fn what_a_restart_must_know_is_to_be_had_of_the_gate() {
    let [before, sent, now] = [9, 10, 11].map(Duration::from_secs);
    let seed = Seed::new(&mut [9; 32]);
    let gate = || Gate::new(AdmissionConfig::default(), &seed).unwrap();
    let first = FirstSeen { peer: None, ephemeral: PublicKey([7; 32]), timestamp: Some(sent) };
    let ask = |gate: &Gate| {
        let permit = gate.admit(Instant::ZERO, None).unwrap();
        permit.answer(Instant::ZERO, Some(now), &Question::Fresh(first))
    };
    assert_eq!(gate().newest(), None);
    let guarded = |resume: Option<Duration>| {
        let replay = ReplayConfig::default().with_resume(resume);
        let config = GuardConfig::default().with_replay(Some(replay));
        // By a clock that had not been set.
        gate().with_guard(Guard::new(config, &seed, before).unwrap())
    };
    let running = guarded(None);
    assert_eq!(running.newest(), Some(before));
    assert_eq!(ask(&running), Answer::Proceed);
    assert_eq!(running.newest(), Some(sent));
    assert_eq!(ask(&guarded(running.newest())), Answer::Refuse(Refusal::Replayed));
}
