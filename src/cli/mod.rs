//! The command line: a thin face over the engine.
//!
//! Parsing ([`args`]) touches nothing; each command is one file. **Results go to stdout, everything else to stderr**, and every error
//! is printed exactly once, either by the [`console`] of a batch or at the end of [`run()`]. What a shell learns is an
//! [`exit::Exit`].

mod args;
mod batch;
mod cache;
mod cache_args;
mod completions;
mod console;
mod depth;
mod doctor;
mod existing;
mod exit;
mod inputs;
mod lut;
mod lut_args;
mod lut_make;
mod man;
mod models;
mod models_add;
mod ops;
mod output;
mod plan;
mod plan_depth;
mod plan_view;
mod probe;
mod probe_view;
mod profile;
mod progress;
mod recipes;
mod reference;
mod report;
mod run;
mod schema;
mod signals;
mod summary;
mod values;
mod voice;
mod write;

use clap::Parser;

use args::{Cli, Command};
use exit::Exit;

/// Parses the arguments, runs the command, says what went wrong.
pub fn run() -> Exit {
    voice::settle(std::env::args_os().skip(1));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error),
    };
    let result = match cli.command {
        Command::Run(args) => run::run(args),
        Command::Plan(args) => plan::run(&args),
        Command::Depth(args) => depth::run(args),
        Command::Probe(args) => probe::run(&args),
        Command::Lut(command) => lut::run(command),
        Command::Models(command) => models::run(&command),
        Command::Cache(command) => cache::run(&command),
        Command::Ops(args) => ops::run(&args),
        Command::Recipes(args) => recipes::run(&args),
        Command::Doctor => doctor::run(),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
        Command::Reference => reference::run(),
    };
    result.unwrap_or_else(|error| exit::report(&error))
}
