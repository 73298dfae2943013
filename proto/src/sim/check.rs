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
#[cfg(feature = "std")]
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
    let verdict = match std::env::var(VARIABLE) {
        Ok(asked) => match parse(&asked) {
            Some(range) => run_seeds(range, test),
            None => panic!("{VARIABLE} must be a number or a range such as 0..1000, it is {asked:?}"),
        },
        Err(_) => run_seeds(seeds, test),
    };
    if let Err(FailedSeed { seed, reason }) = verdict {
        panic!("{}\n{reason}", replay(name, seed));
    }
}

#[cfg(feature = "std")]
const VARIABLE: &str = "SEALOCK_SEED";

/// `17` or `0..1000`.
#[cfg(feature = "std")]
pub(super) fn parse(seeds: &str) -> Option<core::ops::RangeInclusive<u64>> {
    match seeds.split_once("..") {
        Some((from, to)) => Some(from.parse().ok()?..=to.parse::<u64>().ok()?.checked_sub(1)?),
        None => seeds.parse().ok().map(|seed| seed..=seed),
    }
}

/// Says which seed it was when the test panics.
#[cfg(feature = "std")]
struct PrintOnPanic<'a> {
    name: &'a str,
    seed: u64,
}

#[cfg(feature = "std")]
impl Drop for PrintOnPanic<'_> {
    fn drop(&mut self) {
        std::eprintln!("{}", replay(self.name, self.seed));
    }
}

/// The message with the command. Cargo tells a test its package, and the test's file tells its target.
#[cfg(feature = "std")]
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
