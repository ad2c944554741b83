//! `chiaro cache`: the cache of estimated depth, looked at and cleaned. Starts no inference.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chiaro::engine::depth_cache::compiled::{self, Compiled};
use chiaro::engine::depth_cache::{self, FamilySurvey, Removed};
use chiaro::error::escape;
use serde_json::json;

use super::cache_args::{CacheCommand, PlaceArgs};
use super::exit::{Exit, Usage};
use super::output::{self, Facts};

/// Hexadecimal digits of a model's hash that are shown.
const HASH_DIGITS: usize = 12;

/// Runs the command.
///
/// # Errors
/// There is no folder, it cannot be listed or cleaned; what writing to stdout returns.
pub fn run(command: &CacheCommand) -> anyhow::Result<Exit> {
    match command {
        CacheCommand::Info { place, json } => info(&folder(place)?, *json)?,
        CacheCommand::Gc { place, max_size, max_age } => {
            let (size, age) = (
                max_size.unwrap_or(depth_cache::DEFAULT_BUDGET_BYTES),
                max_age.unwrap_or(depth_cache::DEFAULT_MAX_AGE),
            );
            let (folder, now) = (folder(place)?, SystemTime::now());
            let maps = depth_cache::collect(&folder, size, age, now)?;
            output::line(&removed(&maps, &compiled::collect(&folder, age, now)?))?;
        }
        CacheCommand::Clear { place } => {
            let folder = folder(place)?;
            let maps = depth_cache::clear(&folder)?;
            output::line(&removed(&maps, &compiled::collect(&folder, Duration::ZERO, SystemTime::now())?))?;
        }
    }
    Ok(Exit::Success)
}

fn folder(place: &PlaceArgs) -> anyhow::Result<PathBuf> {
    if place.depth_cache.as_deref().is_some_and(|folder| folder == depth_cache::OFF) {
        let off = depth_cache::OFF;
        return Err(Usage(format!("--depth-cache {off} is no folder: give one (./{off} if that is its name)")).into());
    }
    place.depth_cache.clone().or_else(depth_cache::default_folder).ok_or_else(|| {
        let variable = depth_cache::VARIABLE;
        Usage(format!("there is no depth cache: {variable} is off, or the user has no folder of caches; give one with --depth-cache"))
            .into()
    })
}

fn info(folder: &std::path::Path, as_json: bool) -> anyhow::Result<()> {
    let families = depth_cache::survey(folder)?;
    let compiled = compiled::survey(folder)?;
    let (maps, bytes) = families.iter().fold((0, 0), |(maps, bytes), f| (maps + f.maps, bytes + f.bytes));
    if as_json {
        return Ok(output::json(&json!({
            "folder": chiaro::engine::journal::path_text(folder),
            "maps": maps,
            "bytes": bytes,
            "budget_bytes": depth_cache::DEFAULT_BUDGET_BYTES,
            "max_age_seconds": depth_cache::DEFAULT_MAX_AGE.as_secs(),
            "models": families,
            "compiled": compiled,
        }))?);
    }
    let days = depth_cache::DEFAULT_MAX_AGE.as_secs() / 86_400;
    let mut facts = Facts::default();
    facts.add("folder", escape(folder));
    facts.add("kept", format!("{}, {}", output::count(maps, "depth map"), output::bytes(bytes)));
    if compiled.models > 0 {
        facts.add("compiled", compiled_models(&compiled));
    }
    facts.add("bounds", format!("{}, {days} days unused", output::bytes(depth_cache::DEFAULT_BUDGET_BYTES)));
    output::line(&format!("depth cache\n{facts}"))?;
    if !families.is_empty() {
        output::text(&output::table(&families.iter().map(row).collect::<Vec<_>>()))?;
    }
    Ok(())
}

/// Model, hash, engine, maps, bytes, age of the longest unused.
fn row(family: &FamilySurvey) -> Vec<String> {
    let about = family.about.clone().unwrap_or_default();
    let or_unknown = |text: &str| if text.is_empty() { "unknown".to_owned() } else { escape(text.as_ref()) };
    let unused = family.oldest.and_then(|oldest| SystemTime::now().duration_since(oldest).ok()).unwrap_or_default();
    vec![
        format!("  {}", or_unknown(&about.model)),
        or_unknown(about.sha256.get(..HASH_DIGITS).unwrap_or(&about.sha256)),
        or_unknown(&about.engine),
        output::count(family.maps, "map"),
        output::bytes(family.bytes),
        format!("oldest use {} ago", output::duration(unused.as_secs_f64())),
    ]
}

fn removed(removed: &Removed, compiled: &Compiled) -> String {
    let models = if compiled.models > 0 { format!("; removed {}", compiled_models(compiled)) } else { String::new() };
    format!(
        "removed {}, {}; kept {}, {}{models}",
        output::count(removed.maps, "depth map"),
        output::bytes(removed.bytes),
        removed.kept_maps,
        output::bytes(removed.kept_bytes)
    )
}

fn compiled_models(compiled: &Compiled) -> String {
    format!("{}, {}", output::count(compiled.models, "compiled model"), output::bytes(compiled.bytes))
}
