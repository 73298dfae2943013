//! Running the binary, bounded in time, and files for it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// More than anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// What a run left behind.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.out.clone()).expect("text on standard output")
    }

    /// Checks the exit code, and that what was said is for people: no panic, and every line says who speaks.
    #[track_caller]
    pub(crate) fn expect(self, code: i32, said: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.err);
        for words in said {
            assert!(self.err.contains(words), "{words:?} is not in: {}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
        if code != 2 {
            assert!(self.err.lines().all(|line| line.starts_with("sealock: ")), "{}", self.err);
        }
        self
    }
}

/// What to give a program on its standard input.
pub(crate) enum Stdin {
    Bytes(Vec<u8>),
    /// Open, with nothing coming.
    Open,
    /// Open, with nothing coming after this.
    OpenAfter(Vec<u8>),
}

/// What becomes of its standard output.
pub(crate) enum Stdout {
    Read,
    /// Open, but nobody reads it.
    Stuck,
    Closed,
}

/// A program under way. Stopped when dropped.
pub(crate) struct Running {
    child: Child,
    out: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
    lines: Receiver<String>,
    err: String,
}

pub(crate) fn start(args: &[&str], stdin: Stdin) -> Running {
    spawn(args, stdin, Stdout::Read)
}

pub(crate) fn spawn(args: &[&str], stdin: Stdin, stdout: Stdout) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealock"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let err = BufReader::new(child.stderr.take().expect("piped"));
    if let Stdin::Bytes(bytes) | Stdin::OpenAfter(bytes) = &stdin {
        let (mut pipe, bytes) = (child.stdin.take().expect("piped"), bytes.clone());
        let keep = matches!(stdin, Stdin::OpenAfter(_));
        thread::spawn(move || {
            // The program may end before it has read everything.
            let _ = pipe.write_all(&bytes);
            if keep {
                thread::sleep(2 * LIMIT);
            }
        });
    }
    let out = Arc::default();
    let reader = match stdout {
        Stdout::Read => Some(read(child.stdout.take().expect("piped"), Arc::clone(&out))),
        Stdout::Stuck => None,
        Stdout::Closed => {
            drop(child.stdout.take());
            None
        }
    };
    let (send, lines) = mpsc::channel();
    thread::spawn(move || err.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    Running { child, out, reader, lines, err: String::new() }
}

fn read(mut pipe: ChildStdout, out: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut chunk = [0; 64 * 1024];
        loop {
            match pipe.read(&mut chunk).expect("standard output can be read") {
                0 => return,
                n => out.lock().expect("no panic").extend_from_slice(&chunk[..n]),
            }
        }
    })
}

pub(crate) fn run(args: &[&str], stdin: &[u8]) -> Ended {
    start(args, Stdin::Bytes(stdin.to_vec())).end()
}

impl Running {
    /// Waits for a line on standard error with `words` in it.
    #[track_caller]
    pub(crate) fn line(&mut self, words: &str) -> String {
        let until = Instant::now() + LIMIT;
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.err.push_str(&line);
            self.err.push('\n');
            if line.contains(words) {
                return line;
            }
        }
        panic!("nothing said {words:?}: {}", self.err);
    }

    /// The address and the key of a listener, once it listens.
    #[track_caller]
    pub(crate) fn listening(&mut self) -> (String, String) {
        let line = self.line("listening on ");
        let mut words = line.strip_prefix("sealock: listening on ").expect("who speaks").split(' ');
        let address = words.next().expect("an address").to_owned();
        assert_eq!(words.next(), Some("as"));
        (address, words.next().expect("a key").to_owned())
    }

    /// Waits until its standard output is `bytes`.
    #[track_caller]
    pub(crate) fn printed(&self, bytes: &[u8]) {
        let until = Instant::now() + LIMIT;
        while *self.out.lock().expect("no panic") != bytes {
            assert!(Instant::now() < until, "not printed after {LIMIT:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let status = self.wait();
        self.ended(status)
    }

    /// Stops the program.
    pub(crate) fn stop(mut self) -> Ended {
        self.child.kill().expect("it can be stopped");
        let status = self.wait();
        self.ended(status)
    }

    fn ended(mut self, status: ExitStatus) -> Ended {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("read to the end");
        }
        let out = std::mem::take(&mut *self.out.lock().expect("no panic"));
        self.err.extend(self.lines.iter().map(|line| line + "\n"));
        Ended { code: status.code(), out, err: std::mem::take(&mut self.err) }
    }

    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + LIMIT;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("not finished after {LIMIT:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already in most cases.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory of its own for each test, removed in the end.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // Short, since the path of a Unix-domain socket must be.
        let name = format!("sealock-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new directory");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// Makes a key; its file and its public key.
    pub(crate) fn key(&self, name: &str) -> (String, String) {
        self.keygen(name, &[])
    }

    /// Makes an identity; its file and its public key.
    pub(crate) fn identity(&self, name: &str) -> (String, String) {
        self.keygen(name, &["--identity"])
    }

    fn keygen(&self, name: &str, options: &[&str]) -> (String, String) {
        let file = self.path(name);
        let made = run(&[&["keygen", &file], options].concat(), b"").expect(0, &[]);
        (file, made.text().trim_end().to_owned())
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
