//! The `chiaro` program: see `chiaro --help`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run().into()
}
