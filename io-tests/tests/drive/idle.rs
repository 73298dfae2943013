//! What a connection costs at rest: no memory in its buffers, and no wake-ups.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Two toys that are both about to wait, each with a waker that counts.
struct Pair {
    clock: Arc<Clock>,
    at: Instant,
    toys: [MemToy; 2],
    flags: [Arc<Flag>; 2],
}

impl Pair {
    fn new() -> Self {
        let clock: Arc<Clock> = Arc::default();
        let (toys, _) = toys(&clock, 1 << 20, None, Config::default());
        let mut pair = Self { clock, at: Instant::ZERO, toys, flags: [Arc::default(), Arc::default()] };
        pair.wait();
        pair
    }

    /// Every toy waits, or receives messages first, whose lengths are returned.
    fn wait(&mut self) -> Vec<usize> {
        let mut lens = Vec::new();
        loop {
            let before: Vec<usize> = self.wakes();
            for (toy, flag) in self.toys.iter_mut().zip(&self.flags) {
                let waker = Waker::from(Arc::clone(flag));
                let mut cx = Context::from_waker(&waker);
                while let Poll::Ready(event) = pin!(toy.next()).poll(&mut cx) {
                    match event.unwrap() {
                        Some(Event::Message(payload)) => lens.push(payload.len()),
                        Some(Event::Pong(_)) => {}
                        other => panic!("{other:?}"),
                    }
                }
            }
            if self.wakes() == before {
                return lens;
            }
        }
    }

    fn wakes(&self) -> Vec<usize> {
        self.flags.iter().map(|flag| flag.wakes.load(Ordering::SeqCst)).collect()
    }

    /// A time goes by in which only the timers happen.
    fn rest(&mut self, time: Duration) {
        let until = self.at + time;
        while let Some(next) = self.clock.next().filter(|next| *next <= until) {
            self.clock.advance_to(next);
            assert!(self.wait().is_empty());
        }
        self.clock.advance_to(until);
        self.at = until;
    }

    fn memory(&self) -> [usize; 2] {
        [0, 1].map(|at| self.toys[at].receiver.buffer_memory())
    }

    fn say(&mut self, len: usize) {
        send(&mut self.toys[0], &message(0, len)).unwrap();
        ready(self.toys[0].flush()).unwrap();
        assert_eq!(self.wait(), [len.max(8)]);
    }
}

#[test]
fn buffers_are_given_back_when_idle_and_only_then() {
    for len in [8, 600, 300_000] {
        let mut pair = Pair::new();
        assert_eq!(pair.memory(), [0, 0], "nothing was said yet");
        for _ in 0..10 {
            pair.say(len);
            let memory = pair.memory();
            assert!(memory.iter().all(|memory| *memory >= len), "in use: {memory:?}");
            pair.rest(SECOND * 9 / 10);
            assert_eq!(pair.memory(), memory, "still in use");
        }
        pair.rest(SECOND * 2);
        assert_eq!(pair.memory(), [0, 0], "{len} bytes");
        pair.say(len);
    }
}

#[test]
fn a_sender_that_flushes_by_itself_leaves_nothing_behind() {
    let mut pair = Pair::new();
    send(&mut pair.toys[0], &message(0, 50_000)).unwrap();
    ready(pair.toys[0].flush()).unwrap();
    assert_eq!(pair.wakes()[0], 1, "the receiver waits without a deadline and must learn of it");
    assert_eq!(pair.wait(), [50_000]);
    pair.rest(SECOND * 2);
    assert_eq!(pair.memory(), [0, 0]);
}

#[test]
fn steady_traffic_allocates_nothing_over_many_seconds() {
    for both_ways in [false, true] {
        let mut pair = Pair::new();
        let second = |pair: &mut Pair| {
            for _ in 0..4 {
                pair.say(2_000);
                if both_ways {
                    pair.toys.reverse();
                    pair.flags.reverse();
                }
                pair.rest(SECOND / 4);
            }
        };
        (0..5).for_each(|_| second(&mut pair));
        let before = pair.memory();
        for _ in 0..20 {
            second(&mut pair);
            assert_eq!(pair.memory(), before, "neither given back nor grown");
        }
    }
}

#[test]
fn an_idle_connection_is_woken_at_most_twice_and_then_left_alone() {
    let mut pair = Pair::new();
    pair.say(100);
    let before = pair.wakes();
    pair.rest(SECOND * 3);
    let woken: Vec<_> = pair.wakes().iter().zip(&before).map(|(after, before)| after - before).collect();
    assert!(woken.iter().all(|wakes| (1..=2).contains(wakes)), "{woken:?}");
    let before = pair.wakes();
    pair.rest(SECOND * 3600);
    assert_eq!(pair.wakes(), before);
}

#[test]
fn heartbeats_keep_no_memory_between_them() {
    let mut pair = Pair::new();
    for token in 0..10 {
        ready(pair.toys[0].sender.call(|half, _, tx| half.ping(token, tx))).unwrap();
        ready(pair.toys[0].flush()).unwrap();
        pair.wait();
        pair.rest(SECOND * 2);
        assert_eq!(pair.memory(), [0, 0]);
        pair.rest(SECOND * 13);
    }
}

#[test]
fn a_message_to_an_idle_connection_arrives_whole_in_any_pieces() {
    let whole = message(3, 3_000);
    for piece in [1, 2, 7, 511, 512, 513, 3_005] {
        let clock: Arc<Clock> = Arc::default();
        let ([mut a, mut b], [there, _]) = toys(&clock, 1 << 20, None, Config::default());
        for round in 0..2 {
            assert_eq!(b.receiver.buffer_memory(), 0, "round {round}");
            send(&mut a, &whole).unwrap();
            ready(a.flush()).unwrap();
            let bytes: Vec<u8> = there.lock().unwrap().data.drain(..).collect();
            let mut arrived = false;
            for bytes in bytes.chunks(piece) {
                assert!(!arrived);
                there.lock().unwrap().data.extend(bytes);
                if let Poll::Ready(event) = now(b.next()) {
                    assert_eq!(event, Ok(Some(Event::Message(&mut whole.clone()[..]))), "pieces of {piece}");
                    arrived = true;
                }
            }
            assert!(arrived, "pieces of {piece}");
            for _ in 0..3 {
                assert!(now(b.next()).is_pending());
                clock.advance_to(clock.now() + SECOND);
            }
        }
    }
}

#[test]
fn a_wake_up_that_brings_bytes_reads_the_clock_once() {
    let mut pair = Pair::new();
    for _ in 0..3 {
        send(&mut pair.toys[0], &message(0, 100)).unwrap();
        ready(pair.toys[0].flush()).unwrap();
        let before = pair.clock.reads();
        assert!(matches!(ready(pair.toys[1].next()), Ok(Some(Event::Message(_)))));
        assert_eq!(pair.clock.reads() - before, 1);
        pair.wait();
    }
}

#[test]
fn an_end_is_at_rest_if_there_is_nothing_to_take_however_much_was_taken() {
    // Around the number of events behind which a poll only gives others their turn.
    for taken in [0, 62, 63, 64, 65] {
        for (left, at_rest) in
            [("nothing", true), ("a message", false), ("half a message", false), ("the end", false)]
        {
            let clock = Arc::default();
            let ([mut a, mut b], [there, _]) = toys(&clock, 1 << 20, None, Config::default());
            for number in 0..taken {
                send(&mut a, &message(number, 100)).unwrap();
            }
            ready(a.flush()).unwrap();
            for _ in 0..taken {
                assert!(matches!(ready(b.receiver.next()), Ok(Some(Event::Message(_)))));
            }
            if left.ends_with("a message") {
                send(&mut a, &message(taken, 100)).unwrap();
                ready(a.flush()).unwrap();
            }
            let mut pipe = there.lock().unwrap();
            if left == "half a message" {
                pipe.data.truncate(50);
            }
            pipe.closed = left == "the end";
            drop(pipe);
            assert_eq!(b.receiver.is_at_rest(), at_rest, "{left} behind {taken}");
        }
    }
}
