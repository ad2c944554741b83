//! Values of flags that are more than a word: sizes, limits, policies, engines.

use std::path::PathBuf;

use chiaro::codec::Limits;
use chiaro::depth::engine::EngineChoice;
use chiaro::depth::provider::{self, Provider};
use chiaro::engine::job::DepthExport;
use chiaro::engine::naming::{self, Intake};
use chiaro::engine::on_exist::OnExist;
use chiaro::recipe::{Colors, DepthSource, DepthUnit};
use clap::ValueEnum;

/// Smallest budget that `--memory` accepts: one strip of a wide picture and its output.
const LEAST_MEMORY_BYTES: u64 = 16 << 20;

/// Units of sizes, binary whether or not the `i` is written.
const UNITS: [(&str, u32); 5] = [("", 0), ("k", 10), ("m", 20), ("g", 30), ("t", 40)];

/// Bytes of a `--memory` that is enough to work with.
pub fn memory(text: &str) -> Result<u64, String> {
    let bytes = size(text)?;
    if bytes >= LEAST_MEMORY_BYTES {
        Ok(bytes)
    } else {
        Err(format!("allowed: {} MiB and more", LEAST_MEMORY_BYTES >> 20))
    }
}

/// Bytes of `2GiB`, `512M`, `1.5g` or a plain number.
pub fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let unit = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit);
    let shift = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, shift)| *shift);
    let (Ok(number), Some(shift)) = (number.parse::<f64>(), shift) else {
        return Err("a size is a number with KiB, MiB, GiB or TiB, for example 2GiB".to_owned());
    };
    let bytes = number * (1u64 << shift) as f64;
    if bytes < 9e18 { Ok(bytes as u64) } else { Err("allowed: less than 8 EiB".to_owned()) }
}

/// A bound on failures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxFailures {
    /// So many pictures.
    Count(u64),
    /// So many of a hundred of the pictures of the run.
    Percent(f64),
}

impl MaxFailures {
    /// The bound for a run of `pictures`.
    pub fn of(self, pictures: u64) -> u64 {
        match self {
            Self::Count(n) => n,
            Self::Percent(p) => (pictures as f64 * p / 100.0) as u64,
        }
    }
}

/// `12` or `5%`.
pub fn max_failures(text: &str) -> Result<MaxFailures, String> {
    let wrong = || "allowed: a number of pictures, or a share from 0% to 100%".to_owned();
    match text.strip_suffix('%') {
        Some(percent) => {
            percent.parse().ok().filter(|p| (0.0..=100.0).contains(p)).map(MaxFailures::Percent).ok_or_else(wrong)
        }
        None => text.parse().map(MaxFailures::Count).map_err(|_| wrong()),
    }
}

/// `auto`, `rten`, `ort` or `ort=PATH`.
pub fn inference(text: &str) -> Result<EngineChoice, String> {
    match text {
        "auto" => Ok(EngineChoice::Auto),
        "rten" => Ok(EngineChoice::Rten),
        "ort" => Ok(EngineChoice::Ort(None)),
        _ => match text.strip_prefix("ort=") {
            Some(path) if !path.is_empty() => Ok(EngineChoice::Ort(Some(PathBuf::from(path)))),
            _ => Err("allowed: auto, rten, ort, ort=PATH".to_owned()),
        },
    }
}

/// What ONNX Runtime computes on.
pub fn provider(text: &str) -> Result<Provider, String> {
    Provider::named(text).ok_or_else(|| format!("allowed: {}", provider::names(&Provider::ALL)))
}

/// `auto`, `model`, `jpeg`, `exr:NAME` or the pattern of a file, as in recipes.
pub fn depth_source(text: &str) -> Result<DepthSource, String> {
    let allowed = "allowed: auto, model, jpeg, exr:NAME, or a file beside each picture, {stem}_depth.png";
    DepthSource::parse(text).unwrap_or_else(|| Err(allowed.to_owned()))
}

/// One kind of depth map.
pub fn depth_export(text: &str) -> Result<DepthExport, String> {
    DepthExport::ALL.into_iter().find(|e| e.name() == text).ok_or_else(|| {
        let names = DepthExport::ALL.map(DepthExport::name);
        format!("allowed: {}", names.join(", "))
    })
}

/// One color map.
pub fn colors(text: &str) -> Result<Colors, String> {
    let names = Colors::ALL.map(Colors::name);
    Colors::by_name(text).ok_or_else(|| format!("allowed: {}", names.join(", ")))
}

/// One unit of depth maps.
pub fn depth_unit(text: &str) -> Result<DepthUnit, String> {
    let names = DepthUnit::ALL.map(DepthUnit::name);
    DepthUnit::by_name(text).ok_or_else(|| format!("allowed: {}", names.join(", ")))
}

/// What happens to outputs that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnExistArg {
    /// Skip what is up to date, replace what is ours and stale, fail on anything else
    SkipIfValid,
    /// Leave whatever exists
    Skip,
    /// Replace whatever exists
    Overwrite,
    /// Keep what exists and write stem-1.ext, stem-2.ext, ...
    Rename,
    /// Fail on whatever exists
    Error,
}

impl From<OnExistArg> for OnExist {
    fn from(arg: OnExistArg) -> Self {
        match arg {
            OnExistArg::SkipIfValid => Self::SkipIfValid,
            OnExistArg::Skip => Self::Skip,
            OnExistArg::Overwrite => Self::Overwrite,
            OnExistArg::Rename => Self::Rename,
            OnExistArg::Error => Self::Error,
        }
    }
}

/// Which pages of a picture become outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PagesArg {
    /// The first
    First,
    /// Every one
    All,
}

impl PagesArg {
    /// Makes one job per page where all are asked for.
    pub fn apply(self, intake: &mut Intake) {
        if self == Self::All {
            naming::each_page(intake, &Limits::default());
        }
    }
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressArg {
    /// A bar on a terminal, else a line now and then
    Auto,
    /// A bar
    Bar,
    /// A line now and then
    Plain,
    /// One JSON object per event on stderr
    Json,
    /// Nothing
    None,
}

/// Form of messages on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object per line
    Json,
}

/// What a schema is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaArg {
    /// Recipe files
    Recipe,
    /// Lines on stderr with --log-format json
    Log,
    /// The file of --report
    Report,
}

/// Nodes along one axis of a table that is made.
pub fn bake_size() -> clap::builder::RangedI64ValueParser<u32> {
    let sizes = chiaro::engine::bake::SIZES;
    clap::value_parser!(u32).range(i64::from(*sizes.start())..=i64::from(*sizes.end()))
}

/// The name of an encoding.
pub fn encoding() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(chiaro::color::encodings::NAMES)
}

/// A mix, 0 to 1.
pub fn strength(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|s| (0.0..=1.0).contains(s)).ok_or_else(|| "allowed: 0 to 1".to_owned())
}

/// A SHA-256 in hexadecimal digits, as lowercase.
pub fn sha256(text: &str) -> Result<String, String> {
    let right = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if right { Ok(text.to_lowercase()) } else { Err("allowed: 64 hexadecimal digits".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary() {
        assert_eq!(memory("2GiB"), Ok(2 << 30));
        assert_eq!(memory("512M"), Ok(512 << 20));
        assert_eq!(memory("1.5g"), Ok(3 << 29));
        assert_eq!(memory("16777216"), Ok(16 << 20));
        for wrong in ["", "GiB", "2 parsecs", "1k", "-1G", "1e3G", "99999999T"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn failures_are_counted_or_a_share() {
        assert_eq!(max_failures("3").map(|m| m.of(10)), Ok(3));
        assert_eq!(max_failures("5%").map(|m| m.of(900)), Ok(45));
        assert!(max_failures("101%").is_err() && max_failures("-1").is_err() && max_failures("x").is_err());
    }

    #[test]
    fn words_with_a_tail() {
        assert_eq!(inference("ort=/x"), Ok(EngineChoice::Ort(Some("/x".into()))));
        assert!(inference("ort=").is_err() && inference("tract").is_err());
        assert_eq!(depth_source("exr:Z"), Ok(DepthSource::Channel("Z".into())));
        assert!(depth_source("exr:").is_err());
        assert!(matches!(depth_source("{stem}_z.exr:Z"), Ok(DepthSource::File(_))));
        assert_eq!(depth_export("preview"), Ok(DepthExport::Preview));
        assert!(depth_export("jpg").unwrap_err().contains("tiff32, exr, pfm, npy, preview, side-by-side"));
        assert_eq!((colors("magma"), depth_unit("meters")), (Ok(Colors::Magma), Ok(DepthUnit::Meters)));
        assert!(colors("jet").unwrap_err().contains("viridis") && depth_unit("feet").is_err());
    }
}
