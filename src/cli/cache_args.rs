//! The arguments of `chiaro cache`, and of what uses the cache.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chiaro::engine::depth_cache::{self, DepthCacheOptions};
use clap::{Args, Subcommand, ValueHint};

use super::values;

/// Seconds of the units of ages.
const UNITS: [(char, u64); 4] = [('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];

/// What is done with the cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Show where estimated depth is kept, how much of it, and of which models
    Info {
        #[command(flatten)]
        place: PlaceArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove depth and compiled models that were not used for long, and the longest unused depth until the rest fits
    Gc {
        #[command(flatten)]
        place: PlaceArgs,
        /// Bytes that stay at most, for example 500MiB [default: 1GiB]
        #[arg(long, value_name = "SIZE", value_parser = values::size)]
        max_size: Option<u64>,
        /// How long unused depth stays, for example 12h, 30d, 8w [default: 90d]
        #[arg(long, value_name = "AGE", value_parser = age)]
        max_age: Option<Duration>,
    },
    /// Remove all estimated depth and compiled models; they are made again when they are needed
    Clear {
        #[command(flatten)]
        place: PlaceArgs,
    },
}

/// Where it is.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// The folder [default: depth below $CHIARO_CACHE, or chiaro/depth below the user's caches]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub depth_cache: Option<PathBuf>,
}

/// Where a run keeps estimated depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheArg {
    /// Nowhere.
    Off,
    /// Here.
    Folder(PathBuf),
}

impl CacheArg {
    /// What the engine is told; without the flag, the user's own folder.
    pub fn options(given: Option<&Self>) -> Option<DepthCacheOptions> {
        match given {
            Some(Self::Off) => None,
            Some(Self::Folder(folder)) => Some(DepthCacheOptions::in_folder(folder)),
            None => depth_cache::default_folder().map(DepthCacheOptions::in_folder),
        }
    }
}

/// A folder, or `off`.
pub fn cache(text: &str) -> Result<CacheArg, String> {
    match text {
        "" => Err("allowed: a folder, or off".to_owned()),
        depth_cache::OFF => Ok(CacheArg::Off),
        folder => Ok(CacheArg::Folder(Path::new(folder).to_path_buf())),
    }
}

/// `12h`, `30d`; 0 needs no unit.
fn age(text: &str) -> Result<Duration, String> {
    let wrong = || "allowed: a whole number of minutes, hours, days or weeks, for example 30m, 12h, 90d, 8w".to_owned();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(*unit)).ok_or_else(wrong)?;
    let number: u64 = text.trim_end_matches(unit.0).parse().map_err(|_| wrong())?;
    number.checked_mul(unit.1).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_places() {
        assert_eq!(age("90d"), Ok(depth_cache::DEFAULT_MAX_AGE));
        assert_eq!(age("0"), Ok(Duration::ZERO));
        for wrong in ["", "d", "12", "-1d", "1.5h", "9999999999999999999w"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
        assert_eq!(cache("off"), Ok(CacheArg::Off));
        assert_eq!(cache("here"), Ok(CacheArg::Folder("here".into())));
        assert!(cache("").is_err() && CacheArg::options(Some(&CacheArg::Off)).is_none());
    }
}
