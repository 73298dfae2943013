//! `sealock`: authenticated, encrypted, framed sessions from the command line.
#![forbid(unsafe_code)]

mod args;
mod bench;
mod connect;
mod demo;
mod dial;
mod failure;
mod hint;
mod keyfile;
mod listen;
mod netcat;
mod out;
mod policy;
mod runtime;
mod stdin;
mod table;
mod units;

use anyhow::Result;
use args::{Cli, Command};
use clap::Parser;
use runtime::with_runtime;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Keygen(args) if args.psk => keyfile::create_psk(&args.file)?,
        Command::Keygen(args) => out::print(format_args!("{}\n", keyfile::create_key(&args.file)?))?,
        Command::Pubkey(args) => out::print(format_args!("{}\n", keyfile::read_key(&args.file)?.public()))?,
        Command::Listen(args) => with_runtime!(args.session.driver, listen::run(&args))?,
        Command::Connect(args) => with_runtime!(args.session.driver, connect::run(&args))?,
        Command::Bench(args) => with_runtime!(args.session.driver, bench::run(&args))?,
        Command::Demo(args) => demo::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}
