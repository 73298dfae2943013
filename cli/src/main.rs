//! `sealock`: authenticated, encrypted, framed sessions from the command line.
#![forbid(unsafe_code)]

mod admission;
mod args;
mod bench;
mod connect;
mod demo;
mod dial;
mod failure;
mod hardware;
mod hint;
mod keyfile;
mod listen;
mod netcat;
mod out;
mod policy;
mod runtime;
mod secretfile;
mod stdin;
mod stdout;
mod table;
mod ticket;
mod udp;
mod units;
mod ws;

use anyhow::Result;
use args::{Cli, Command, Keygen, Ws};
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
        Command::Keygen(args) => keygen(&args)?,
        Command::Pubkey(args) => out::print(format_args!("{}\n", keyfile::read_public(&args.file)?))?,
        Command::Listen(args) => with_runtime!(args.session.driver, listen::run(&args))?,
        Command::Connect(args) => with_runtime!(args.session.driver, connect::run(&args))?,
        Command::Bench(args) => with_runtime!(args.session.driver, bench::run(&args))?,
        Command::Ws(Ws::Listen(args)) => with_runtime!(args.options.driver, ws::listen(&args))?,
        Command::Ws(Ws::Connect(args)) => with_runtime!(args.options.driver, ws::connect(&args))?,
        Command::Demo(args) => demo::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn keygen(args: &Keygen) -> Result<()> {
    let file = args.file.display();
    if args.psk {
        keyfile::create_psk(&args.file)?;
        out::note(format_args!("the pre-shared key is in {file}: the other end needs a copy, nobody else"));
        return Ok(());
    }
    if args.identity {
        let identity = keyfile::create_identity(&args.file)?;
        out::note(format_args!(
            "the identity's secret key is in {file}: keep it; the identity, to give to others, is"
        ));
        return out::print(format_args!("{identity}\n"));
    }
    let public = keyfile::create_key(&args.file)?;
    out::note(format_args!("the secret key is in {file}: keep it; its public key, to give to others, is"));
    out::print(format_args!("{public}\n"))
}
