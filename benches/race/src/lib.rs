//! What both races write the same way: where they ran, medians, goals. Knows no contestant.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt::Write;
use std::{fs, thread};

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn first_line(path: &str, key: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap_or("unknown");
    line.split_once(": ").map_or(line, |(_, value)| value).to_owned()
}

/// The processor, its cores and the kernel.
pub fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let cpu = first_line("/proc/cpuinfo", "model name");
    format!("{cpu}, {cores} cores, Linux {}", first_line("/proc/sys/kernel/osrelease", ""))
}

/// The goals, each a figure of one run and what was wanted, as a table.
pub struct Goals(String);

impl Default for Goals {
    fn default() -> Self {
        Self("| goal | is | wanted | |\n|---|---:|---|---|\n".into())
    }
}

impl Goals {
    pub fn least(&mut self, what: &str, is: f64, least: f64) -> Result<()> {
        self.add(what, is, &format!("≥ {least:.2}"), is >= least)
    }

    pub fn most(&mut self, what: &str, is: f64, most: f64) -> Result<()> {
        self.add(what, is, &format!("≤ {most:.2}"), is <= most)
    }

    fn add(&mut self, what: &str, is: f64, wanted: &str, pass: bool) -> Result<()> {
        let verdict = if pass { "pass" } else { "**missed**" };
        Ok(writeln!(self.0, "| {what} | {is:.2} | {wanted} | {verdict} |")?)
    }

    pub fn into_table(self) -> String {
        self.0
    }
}
