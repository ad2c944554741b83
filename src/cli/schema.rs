//! `chiaro schema`: what programs may rely on.

use super::args::SchemaArgs;
use super::exit::Exit;
use super::output;
use super::values::SchemaArg;

/// Version of the JSON lines, told by their first event. It grows when something a reader may rely on changes; new keys and events do not.
pub const LOG_VERSION: u32 = 1;

/// Version of reports, told by their key `schema`. As [`LOG_VERSION`].
pub const REPORT_VERSION: u32 = 1;

/// JSON Schema of a line on stderr.
const LOG: &str = include_str!("../../docs/schema/log.schema.json");

/// JSON Schema of a report.
const REPORT: &str = include_str!("../../docs/schema/report.schema.json");

/// Runs the command.
///
/// # Errors
/// What writing to stdout returns.
pub fn run(args: &SchemaArgs) -> anyhow::Result<Exit> {
    match args.what {
        SchemaArg::Recipe => output::json(&chiaro::recipe::schema())?,
        SchemaArg::Log => output::text(LOG)?,
        SchemaArg::Report => output::text(REPORT)?,
    }
    Ok(Exit::Success)
}
