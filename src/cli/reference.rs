//! The reference of the command line in Markdown, `docs/cli.md`: written from the same definition that parses.

use std::fmt::Write;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::args::Cli;
use super::exit::Exit;
use super::output;

const HEAD: &str = "\
# The command line

<!-- Written by `chiaro reference` from the definition of the arguments; a test compares. Do not edit. -->

Results go to standard output, everything else to standard error. `chiaro help COMMAND` prints the same text; `chiaro man --out FOLDER`
writes man pages, `chiaro completions SHELL` a completion script.
";

/// Runs the command.
///
/// # Errors
/// What writing to stdout returns.
pub fn run() -> anyhow::Result<Exit> {
    let mut command = Cli::command();
    command.build();
    let mut text = HEAD.to_owned();
    contents(&command, &mut text);
    for sub in shown(&command) {
        section(sub, &format!("chiaro {}", sub.get_name()), 2, &mut text);
    }
    if let Some(end) = command.get_after_help() {
        _ = write!(text, "\n## Exit codes\n\n{}\n", end.to_string().trim_start_matches("Exit codes: "));
    }
    output::text(&text)?;
    Ok(Exit::Success)
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn contents(command: &Command, text: &mut String) {
    text.push_str("\n| command | |\n|---|---|\n");
    for sub in shown(command) {
        let name = sub.get_name();
        _ = writeln!(text, "| [`chiaro {name}`](#chiaro-{name}) | {} |", cell(&about(sub)));
    }
}

/// One command with its arguments, then the commands below it.
fn section(command: &Command, name: &str, level: usize, text: &mut String) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    _ = write!(text, "\n{} {name}\n\n{}.\n\n```text\n{usage}\n```\n", "#".repeat(level), about(command));
    let rows: Vec<String> = command.get_arguments().filter(|arg| shown_arg(arg)).map(row).collect();
    if !rows.is_empty() {
        _ = write!(text, "\n| argument | meaning |\n|---|---|\n{}", rows.concat());
    }
    if let Some(after) = command.get_after_help() {
        _ = write!(text, "\n```text\n{after}\n```\n");
    }
    for sub in shown(command) {
        section(sub, &format!("{name} {}", sub.get_name()), level + 1, text);
    }
}

/// Every command has --help: a row for each would tell nothing.
fn shown_arg(arg: &Arg) -> bool {
    !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str())
}

fn row(arg: &Arg) -> String {
    let mut meaning = cell(&arg.get_help().map(ToString::to_string).unwrap_or_default());
    let values: Vec<_> = if arg.get_action().takes_values() { arg.get_possible_values() } else { Vec::new() };
    let values: Vec<_> = values.into_iter().filter(|v| !v.is_hide_set()).collect();
    if values.iter().any(|v| v.get_help().is_some()) {
        let words = values.iter().map(|v| {
            let help = v.get_help().map(ToString::to_string).unwrap_or_default();
            format!("`{}`: {}", v.get_name(), cell(&help))
        });
        meaning += &format!("<br>{}", words.collect::<Vec<_>>().join("<br>"));
    } else if !values.is_empty() {
        let words: Vec<String> = values.iter().map(|v| format!("`{}`", v.get_name())).collect();
        meaning += &format!(" ({})", words.join(", "));
    }
    let defaults: Vec<_> = arg.get_default_values().iter().map(|v| v.to_string_lossy().into_owned()).collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        meaning += &format!(" (default `{}`)", cell(&defaults.join(",")));
    }
    format!("| `{}` | {meaning} |\n", cell(&names(arg)))
}

/// `-o, --out FOLDER`, `INPUT...`
fn names(arg: &Arg) -> String {
    let flags = arg.get_short().map(|c| format!("-{c}")).into_iter().chain(arg.get_long().map(|l| format!("--{l}")));
    let flags: Vec<String> = flags.collect();
    let value = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let value = value.filter(|_| arg.get_action().takes_values()).unwrap_or_default();
    let many = if flags.is_empty() && matches!(arg.get_action(), ArgAction::Append) { "..." } else { "" };
    format!("{} {value}{many}", flags.join(", ")).trim().to_owned()
}

/// Text inside a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
