use super::*;
use crate::sim::{is_replay, seeds};

const MS: Duration = Duration::from_millis(1);

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

/// The four rules counted millisecond by millisecond, without a deadline but the ping's.
struct Model {
    config: HeartbeatConfig,
    jitter: Jitter,
    listening: bool,
    next_ping: Instant,
    owed: bool,
    /// Milliseconds listened since the probe began or was begun anew, and the misses before it.
    probe: Option<(u64, u32)>,
    silent_ms: u64,
    idle_ms: u64,
    /// Milliseconds not listened, since the last ping was owed.
    held_ms: u64,
}

impl Model {
    fn new(config: HeartbeatConfig, seed: u64) -> Self {
        let jitter = Jitter::new(seed);
        let next_ping = Instant::ZERO;
        let mut model = Self {
            config,
            jitter,
            listening: true,
            next_ping,
            owed: false,
            probe: None,
            silent_ms: 0,
            idle_ms: 0,
            held_ms: 0,
        };
        model.period(Instant::ZERO);
        model
    }

    fn period(&mut self, now: Instant) {
        let early = self.jitter.up_to(self.config.interval / 10);
        self.next_ping = now + (self.config.interval - early);
    }

    fn millisecond_passes(&mut self) {
        if self.listening {
            self.silent_ms += 1;
            self.idle_ms += 1;
            self.probe = self.probe.map(|(ms, missed)| (ms + 1, missed));
        } else {
            self.held_ms += 1;
        }
    }

    fn listen(&mut self, listening: bool) {
        if listening && !self.listening {
            self.probe = self.probe.map(|(_, missed)| (0, missed));
            self.held_ms = 0;
        }
        self.listening = listening;
    }

    fn received(&mut self) {
        self.silent_ms = 0;
        self.probe = None;
    }

    fn take_ping(&mut self) -> Option<u64> {
        core::mem::take(&mut self.owed).then(|| self.jitter.next_u64() ^ self.jitter.next_u64())
    }

    fn act(&mut self, now: Instant) -> Result<(), Dead> {
        let timeout = self.config.probe_timeout.as_millis() as u64;
        let late = self.probe.filter(|(ms, _)| *ms >= timeout && self.listening);
        if let Some((_, missed)) = late {
            if missed == self.config.misses {
                let silence = Duration::from_millis(self.silent_ms);
                return Err(Dead::Silent { silence, probes: missed + 1 });
            }
            self.probe = Some((0, missed + 1));
            self.owed = true;
            self.period(now);
        }
        let held = !self.listening && 2 * self.held_ms >= timeout;
        if let Some(limit) = self.config.idle {
            if self.listening && self.idle_ms >= limit.as_millis() as u64 {
                return Err(Dead::Idle { limit });
            }
        }
        if now >= self.next_ping || held {
            self.owed = true;
            self.held_ms = 0;
            self.probe = self.probe.or(Some((0, 0)));
            self.period(now);
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Input {
    Received,
    Message,
    Listening(bool),
    Pong { genuine: bool },
    Transmit,
}

/// Polled only at its own deadlines, polled every millisecond, and counted by the model: all the same.
#[test]
fn deadlines_are_complete_actionable_and_agree_with_counting() {
    let (mut silent, mut idle, mut alive, mut rtts) = (0, 0, 0, 0);
    for seed in seeds("deadlines_are_complete_actionable_and_agree_with_counting", 0..400) {
        let mut draw = Jitter::new(seed);
        let mut below = |n: u64| draw.next_u64() % n;
        let config = HeartbeatConfig::default()
            .with_interval((10 + below(80)) as u32 * MS)
            .with_probe_timeout((1 + below(60)) as u32 * MS)
            .with_misses(below(4) as u32)
            .with_idle([None, Some((20 + below(300)) as u32 * MS)][below(2) as usize]);
        let quiet = 1 + below(60);
        let new = || Heartbeat::new(config, Jitter::new(!seed), Instant::ZERO);
        let (mut sparse, mut dense, mut model) = (new(), new(), Model::new(config, !seed));
        let mut last = None;
        let mut end = Ok(());
        for step in 0..2_000 {
            let now = at(step);
            if step > 0 {
                model.millisecond_passes();
            }
            if below(quiet) == 0 {
                let input = match below(8) {
                    0 | 1 => Input::Received,
                    2 => Input::Message,
                    3 => Input::Listening(false),
                    4 => Input::Listening(true),
                    5 => Input::Pong { genuine: below(2) == 0 },
                    _ => Input::Transmit,
                };
                match input {
                    Input::Received => model.received(),
                    Input::Message => model.idle_ms = 0,
                    Input::Listening(listening) => model.listen(listening),
                    Input::Pong { .. } => model.received(),
                    Input::Transmit => last = model.take_ping().map(|id| (id, step)).or(last),
                }
                for heartbeat in [&mut sparse, &mut dense] {
                    match input {
                        Input::Received => heartbeat.on_received(now),
                        Input::Message => heartbeat.on_message(now),
                        Input::Listening(listening) => heartbeat.set_listening(now, listening),
                        Input::Pong { genuine } => {
                            let want = last.filter(|_| genuine);
                            let id = want.map_or(step, |(id, _)| id);
                            let trip = want.map(|(_, sent)| Duration::from_millis(step - sent));
                            assert_eq!(heartbeat.on_pong(now, id), trip, "seed {seed} step {step}");
                        }
                        Input::Transmit => {
                            let had = heartbeat.ping_owed();
                            let id = heartbeat.take_ping(now);
                            assert_eq!(id.is_some(), had, "seed {seed} step {step}");
                            if let Some(id) = id {
                                assert_eq!(last, Some((id, step)), "seed {seed} step {step}");
                            }
                        }
                    }
                }
                if matches!(input, Input::Pong { genuine: true }) {
                    rtts += u32::from(last.take().is_some());
                }
            }
            end = model.act(now);
            let due = sparse.poll_timeout().is_some_and(|due| due <= now);
            let got = if due { sparse.handle_timeout(now) } else { Ok(()) };
            assert_eq!(got, end, "seed {seed} step {step}, polled at its deadlines");
            assert_eq!(dense.handle_timeout(now), end, "seed {seed} step {step}, polled always");
            assert!(sparse.poll_timeout().is_none_or(|next| next > now), "seed {seed} step {step}");
            assert_eq!(sparse.poll_timeout(), dense.poll_timeout(), "seed {seed} step {step}");
            if end.is_err() {
                break;
            }
            assert_eq!(sparse.ping_owed(), model.owed, "seed {seed} step {step}");
            assert_eq!(dense.ping_owed(), model.owed, "seed {seed} step {step}");
        }
        match end {
            Ok(()) => alive += 1,
            Err(Dead::Idle { .. }) => idle += 1,
            Err(Dead::Silent { .. }) => silent += 1,
        }
    }
    let enough = silent > 20 && idle > 20 && alive > 20 && rtts > 200;
    assert!(enough || is_replay(), "{silent} {idle} {alive} {rtts}");
}
