//! `sealock`: authenticated, encrypted, framed sessions from the command line.
#![forbid(unsafe_code)]

mod args;
mod failure;
mod keyfile;
mod out;
mod policy;
mod table;
mod units;

use anyhow::Result;
use args::{Cli, Command};
use clap::Parser;
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
        _ => todo!(),
    }
    Ok(ExitCode::SUCCESS)
}
