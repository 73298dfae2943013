//! Runs a test for many seeds and says how to repeat the one that fails.

use alloc::string::String;
use core::fmt;

/// A seed for which a test failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedSeed {
    /// The seed.
    pub seed: u64,
    /// What the test said.
    pub reason: String,
}

impl fmt::Display for FailedSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {} failed: {}", self.seed, self.reason)
    }
}

impl core::error::Error for FailedSeed {}

/// Runs `test` for each of `seeds` until one fails.
///
/// # Errors
/// The first seed that fails, and why.
pub fn run_seeds(
    seeds: impl IntoIterator<Item = u64>,
    mut test: impl FnMut(u64) -> Result<(), String>,
) -> Result<(), FailedSeed> {
    for seed in seeds {
        test(seed).map_err(|reason| FailedSeed { seed, reason })?;
    }
    Ok(())
}

/// Runs `test` for each of `seeds`. The first that fails, by an error or a panic, is printed with the command that runs
/// it again; `name` is what that command filters tests by.
///
/// The environment variable `SEALOCK_SEED` replaces the seeds: by one, such as `17`, or by a range to search through,
/// such as `0..100000`.
///
/// Put seeds that once failed in front:
///
/// ```
/// # use sealock_proto::sim::{Link, check};
/// # use sealock_proto::time::Instant;
/// check("a_link_keeps_every_byte", [17, 99].into_iter().chain(0..10), |seed| {
///     let mut link = Link::new(seed).with_chunks(3);
///     link.write(Instant::ZERO, b"hello");
///     let mut read = 0;
///     while link.ready(Instant::ZERO) > 0 {
///         read += link.read(Instant::ZERO, &mut [0; 8]);
///     }
///     if read == 5 { Ok(()) } else { Err(format!("{read} bytes")) }
/// });
/// ```
///
/// # Panics
/// If a seed fails, or if `SEALOCK_SEED` is neither a number nor a range.
#[cfg(any(feature = "std", test))]
pub fn check(
    name: &str,
    seeds: impl IntoIterator<Item = u64>,
    mut test: impl FnMut(u64) -> Result<(), String>,
) {
    let test = |seed| {
        let guard = PrintOnPanic { name, seed };
        let verdict = test(seed);
        core::mem::forget(guard);
        verdict
    };
    let verdict = match asked() {
        Some(range) => run_seeds(range, test),
        None => run_seeds(seeds, test),
    };
    if let Err(FailedSeed { seed, reason }) = verdict {
        panic!("{}\n{reason}", replay(name, seed));
    }
}

/// The same for a plain loop: gives each of `seeds`, or those that `SEALOCK_SEED` asks for, and when the loop panics
/// prints the seed it was at with the command that runs it again.
///
/// ```
/// # use sealock_proto::entropy::Jitter;
/// # use sealock_proto::sim::seeds;
/// # use std::time::Duration;
/// for seed in seeds("a_draw_is_not_past_its_limit", 0..100) {
///     assert!(Jitter::new(seed).up_to(Duration::from_secs(1)) <= Duration::from_secs(1));
/// }
/// ```
///
/// # Panics
/// If `SEALOCK_SEED` is neither a number nor a range.
#[cfg(any(feature = "std", test))]
#[must_use = "it does nothing until it is looped over"]
pub fn seeds<I: IntoIterator<Item = u64>>(name: &str, seeds: I) -> Seeds<'_, I::IntoIter> {
    Seeds { name, seeds: seeds.into_iter(), asked: asked(), current: None }
}

/// What [`seeds`] gives.
#[cfg(any(feature = "std", test))]
#[derive(Debug)]
pub struct Seeds<'a, I> {
    name: &'a str,
    seeds: I,
    asked: Option<core::ops::RangeInclusive<u64>>,
    current: Option<u64>,
}

#[cfg(any(feature = "std", test))]
impl<I: Iterator<Item = u64>> Iterator for Seeds<'_, I> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.current = match &mut self.asked {
            Some(asked) => asked.next(),
            None => self.seeds.next(),
        };
        self.current
    }
}

#[cfg(any(feature = "std", test))]
impl<I> Drop for Seeds<'_, I> {
    fn drop(&mut self) {
        if let Some(seed) = self.current.filter(|_| std::thread::panicking()) {
            std::eprintln!("{}", replay(self.name, seed));
        }
    }
}

/// Whether `SEALOCK_SEED` chooses the seeds: what a test asks of all of its seeds together means nothing then.
#[cfg(any(feature = "std", test))]
#[must_use]
pub fn is_replay() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

#[cfg(any(feature = "std", test))]
fn asked() -> Option<core::ops::RangeInclusive<u64>> {
    let asked = std::env::var(VARIABLE).ok()?;
    let Some(seeds) = parse(&asked) else {
        panic!("{VARIABLE} must be a number or a range such as 0..1000, it is {asked:?}");
    };
    Some(seeds)
}

#[cfg(any(feature = "std", test))]
const VARIABLE: &str = "SEALOCK_SEED";

/// `17` or `0..1000`.
#[cfg(any(feature = "std", test))]
pub(super) fn parse(seeds: &str) -> Option<core::ops::RangeInclusive<u64>> {
    match seeds.split_once("..") {
        Some((from, to)) => Some(from.parse().ok()?..=to.parse::<u64>().ok()?.checked_sub(1)?),
        None => seeds.parse().ok().map(|seed| seed..=seed),
    }
}

/// Says which seed it was when the test panics.
#[cfg(any(feature = "std", test))]
struct PrintOnPanic<'a> {
    name: &'a str,
    seed: u64,
}

#[cfg(any(feature = "std", test))]
impl Drop for PrintOnPanic<'_> {
    fn drop(&mut self) {
        std::eprintln!("{}", replay(self.name, self.seed));
    }
}

/// The message with the command. Cargo tells a test its package, and the test's file tells its target.
#[cfg(any(feature = "std", test))]
fn replay(name: &str, seed: u64) -> String {
    let package = std::env::var("CARGO_PKG_NAME").ok();
    let exe = std::env::current_exe().ok();
    let stem = exe.as_ref().and_then(|exe| exe.file_stem()?.to_str());
    let target = stem.and_then(|stem| stem.rsplit_once('-')).map(|(target, _)| target);
    let target = match (&package, target) {
        (Some(package), Some(target)) if package.replace('-', "_") == target => " --lib".into(),
        (Some(_), Some(target)) => alloc::format!(" --test {target}"),
        _ => String::new(),
    };
    let package = package.map(|package| alloc::format!(" -p {package}")).unwrap_or_default();
    alloc::format!("seed {seed} failed; replay: {VARIABLE}={seed} cargo test{package}{target} {name}")
}
