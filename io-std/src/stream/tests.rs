use super::*;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// A stream that answers from a script and remembers the read timeouts it was given.
#[derive(Clone, Default)]
struct Script {
    answers: Rc<RefCell<VecDeque<ErrorKind>>>,
    timeouts: Rc<RefCell<Vec<Duration>>>,
}

impl Script {
    /// The next error, or one byte.
    fn answer(&mut self) -> io::Result<usize> {
        self.answers.borrow_mut().pop_front().map_or(Ok(1), |kind| Err(kind.into()))
    }

    fn timeouts(&self) -> Vec<Duration> {
        self.timeouts.borrow().clone()
    }
}

impl Read for Script {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.answer()
    }
}

impl Write for Script {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        self.answer()
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Timeouts for Script {
    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.timeouts.borrow_mut().push(timeout);
        Ok(())
    }

    fn set_write_timeout(&self, _: Duration) -> io::Result<()> {
        Ok(())
    }

    fn close_write(&self) -> io::Result<()> {
        self.clone().answer().map(|_| ())
    }
}

fn cx() -> Context<'static> {
    Context::from_waker(std::task::Waker::noop())
}

fn read(read: &mut StdRead<Script>, wait: Option<Duration>) -> Poll<io::Result<usize>> {
    let _ = read.poll_timer(&mut cx(), wait.map(|wait| now() + wait));
    read.poll_read(&mut cx(), &mut [0; 8])
}

#[test]
fn the_read_timeout_follows_the_deadline_without_a_system_call_each() {
    let script = Script::default();
    let (mut half, _write) = halves(script.clone(), script.clone()).unwrap();
    for _ in 0..1000 {
        assert!(read(&mut half, Some(Duration::from_secs(15))).is_ready());
    }
    assert_eq!(script.timeouts().len(), 1);
    assert!(read(&mut half, None).is_ready());
    assert_eq!(script.timeouts().len(), 1, "no deadline waits as long as a far one");
    let _ = read(&mut half, Some(Duration::from_millis(100)));
    assert!(script.timeouts()[1] <= Duration::from_millis(100));
    let _ = read(&mut half, Some(Duration::ZERO));
    assert_eq!(script.timeouts()[2], Duration::from_millis(1));
}

#[test]
fn while_written_bytes_wait_reads_are_short() {
    let script = Script::default();
    let (mut half, mut write) = halves(script.clone(), script.clone()).unwrap();
    let _ = read(&mut half, None);
    script.answers.borrow_mut().push_back(ErrorKind::WouldBlock);
    assert!(write.poll_write(&mut cx(), b"x").is_pending());
    let _ = read(&mut half, None);
    assert!(write.poll_write(&mut cx(), b"x").is_ready());
    let _ = read(&mut half, None);
    let timeouts = script.timeouts();
    assert!(
        timeouts.len() == 3 && timeouts[1] <= READ_WHILE_WRITING && timeouts[2] == timeouts[0],
        "{timeouts:?}"
    );
}

#[test]
fn signals_are_ignored_and_timeouts_are_not_errors() {
    use ErrorKind::{ConnectionReset, Interrupted, NotConnected, TimedOut, WouldBlock};
    let script = Script::default();
    let (mut half, mut write) = halves(script.clone(), script.clone()).unwrap();
    for (answers, expected) in [
        (vec![Interrupted, Interrupted], Poll::Ready(Ok(1))),
        (vec![Interrupted, WouldBlock], Poll::Pending),
        (vec![TimedOut], Poll::Pending),
        (vec![ConnectionReset], Poll::Ready(Err(ConnectionReset))),
    ] {
        script.answers.borrow_mut().extend(&answers);
        assert_eq!(read(&mut half, None).map_err(|error| error.kind()), expected, "reading {answers:?}");
        script.answers.borrow_mut().extend(&answers);
        assert_eq!(
            write.poll_write(&mut cx(), b"x").map_err(|error| error.kind()),
            expected,
            "writing {answers:?}"
        );
    }
    script.answers.borrow_mut().push_back(NotConnected);
    assert!(matches!(write.poll_close(&mut cx()), Poll::Ready(Ok(()))), "closed by the peer is closed");
}

#[test]
fn the_clock_goes_forward_and_a_deadline_comes() {
    let script = Script::default();
    let (mut half, _write) = halves(script.clone(), script).unwrap();
    assert!(half.poll_timer(&mut cx(), None).is_pending());
    assert!(half.poll_timer(&mut cx(), Some(now() + Duration::from_secs(3600))).is_pending());
    assert!(half.poll_timer(&mut cx(), Some(now())).is_ready());
}

#[test]
fn who_only_looks_waits_for_the_shortest_time_and_the_next_read_does_not() {
    let script = Script::default();
    let (mut half, _write) = halves(script.clone(), script.clone()).unwrap();
    let mut look = || read(&mut half, Some(Duration::from_secs(15)));
    assert!(without_waiting(&mut look).is_ready() && look().is_ready());
    assert_eq!(script.timeouts(), [crate::timeout::SHORTEST, quantised(Duration::from_secs(15))]);
}
