//! `chiaro man`: pages in the form of man(7), written from the same definition that parses.

use std::path::Path;

use chiaro::error::{Error, Result};
use clap::{Command, CommandFactory};

use super::args::{Cli, ManArgs};
use super::exit::Exit;
use super::{output, write};

/// Runs the command.
///
/// # Errors
/// What writing returns.
pub fn run(args: &ManArgs) -> anyhow::Result<Exit> {
    let mut command = Cli::command();
    command.build();
    match &args.out {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|e| Error::output(folder, format!("cannot be created: {e}")))?;
            let mut names = Vec::new();
            pages(folder, &command, "chiaro", &mut names)?;
            for name in names {
                output::line(&chiaro::error::escape(&folder.join(name)))?;
            }
        }
        None => output::text(&page(command, "chiaro"))?,
    }
    Ok(Exit::Success)
}

/// Writes the page of `command` and those of its commands; hidden ones have none.
fn pages(folder: &Path, command: &Command, name: &str, names: &mut Vec<String>) -> Result<()> {
    let file = format!("{name}.1");
    let text = page(command.clone(), name);
    write::atomic(&folder.join(&file), "the page", |out| out.write_all(text.as_bytes()))?;
    names.push(file);
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help");
    shown.into_iter().try_for_each(|sub| pages(folder, sub, &format!("{name}-{}", sub.get_name()), names))
}

fn page(command: Command, name: &str) -> String {
    let version = format!("chiaro {}", env!("CARGO_PKG_VERSION"));
    let page = clap_mangen::Man::new(command).title(name).source(version).manual("Chiaro");
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = page.render(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}
