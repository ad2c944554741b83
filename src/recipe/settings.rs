//! The settings outside operations: what each word means, and setting one from a checked value. The parser and `--set` both
//! come through here.

use std::path::Path;

use super::color::ColorChoice;
use super::contract::Contract;
use super::depth_source::{self, DepthSource};
use super::gate::{self, Gate, Limits};
use super::keys::{DEPTH, KeyInfo, OUTPUT};
use super::luts::beside;
use super::maps::{self, Colors, DepthUnit};
use super::model::{Bits, DepthSettings, Detail, Guide, InputSettings, OutputKind, OutputSettings};
use super::{keys, suggest};
use crate::color::encodings;
use crate::ops::{Grading, Value};
use crate::picture::{Compression, Format, Policy, Subsampling};

/// The word for "as the input".
const INPUT: &str = "input";

/// The word for "as the file type has it", or "by the quality".
const AUTO: &str = "auto";

const GRADINGS: [(&str, Grading); 2] = [("display", Grading::Display), ("acescct", Grading::Acescct)];
const KINDS: [(&str, OutputKind); 4] = [
    ("picture", OutputKind::Picture),
    ("depth", OutputKind::Depth),
    ("depth-preview", OutputKind::DepthPreview),
    ("side-by-side", OutputKind::SideBySide),
];
const COMPRESSIONS: [(&str, Compression); 4] = [
    ("none", Compression::None),
    ("lzw", Compression::Lzw),
    ("deflate", Compression::Deflate),
    ("lossless", Compression::Lossless),
];

/// Words of `grading`.
pub(super) fn grading_words() -> Vec<&'static str> {
    GRADINGS.iter().map(|(word, _)| *word).collect()
}

/// Words of `output.kind`.
pub(super) fn kind_words() -> Vec<&'static str> {
    KINDS.iter().map(|(word, _)| *word).collect()
}

/// The word of a kind.
pub(super) fn kind_word(kind: OutputKind) -> &'static str {
    KINDS.iter().find(|(_, k)| *k == kind).map_or("picture", |(word, _)| *word)
}

/// Words of `output.format`.
pub(super) fn format_words() -> Vec<&'static str> {
    let maps_only = Format::MAPS.iter().filter(|f| !f.is_written());
    Format::WRITTEN.iter().chain(maps_only).map(|f| f.name()).chain([INPUT]).collect()
}

/// Words of `output.colors`.
pub(super) fn color_map_words() -> Vec<&'static str> {
    Colors::ALL.iter().map(|colors| colors.name()).collect()
}

/// Words of `output.unit`.
pub(super) fn unit_words() -> Vec<&'static str> {
    DepthUnit::ALL.iter().map(|unit| unit.name()).collect()
}

/// Words of `depth.detail`.
pub(super) fn detail_words() -> Vec<&'static str> {
    Detail::ALL.iter().map(|detail| detail.name()).collect()
}

/// Words of `depth.guide`.
pub(super) fn guide_words() -> Vec<&'static str> {
    Guide::ALL.iter().map(|guide| guide.name()).collect()
}

/// Words of `output.compression`.
pub(super) fn compression_words() -> Vec<&'static str> {
    COMPRESSIONS.iter().map(|(word, _)| *word).chain([INPUT]).collect()
}

/// Words of `output.subsampling`.
pub(super) fn subsampling_words() -> Vec<&'static str> {
    Subsampling::ALL.iter().map(|s| s.name()).chain([AUTO]).collect()
}

/// Words of `output.color`.
pub(super) fn color_words() -> Vec<&'static str> {
    encodings::storable_names().chain([INPUT]).collect()
}

/// Words of `input.color`.
pub(super) fn input_color_words() -> Vec<&'static str> {
    encodings::NAMES.iter().copied().chain([AUTO]).collect()
}

/// Words of `output.metadata`.
pub(super) fn metadata_words() -> Vec<&'static str> {
    Policy::ALL.iter().map(|policy| policy.name()).collect()
}

/// The word of a tonal domain.
pub(super) fn grading_word(grading: Grading) -> &'static str {
    match grading {
        Grading::Display => "display",
        Grading::Acescct => "acescct",
    }
}

/// The word of a compression.
pub(super) fn compression_word(compression: Compression) -> &'static str {
    COMPRESSIONS.iter().find(|(_, c)| *c == compression).map_or(INPUT, |(word, _)| *word)
}

impl Bits {
    /// As recipes write it, without quotes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eight => "8",
            Self::Sixteen => "16",
            Self::Half => "half",
            Self::Float => "float",
        }
    }
}

/// The message for a key that a table does not have.
pub(super) fn unknown_key(table: &str, key: &str, known: &[KeyInfo]) -> String {
    if let Some(message) = keys::later(table, key) {
        return message.to_owned();
    }
    let names: Vec<&str> = known.iter().map(|k| k.name).collect();
    suggest::unknown(&format!("key of [{table}]"), key, &names)
}

/// The message for a value that a key does not accept.
pub(super) fn refused(key: &str, value: &Value, known: &[KeyInfo]) -> String {
    let Some(info) = known.iter().find(|k| k.name == key) else { return format!("unknown key {key:?}") };
    let hint = match (value, info.accepts) {
        (Value::Text(word), keys::Accepts::Words(words) | keys::Accepts::Color(words)) => suggest::hint(word, &words()),
        (Value::Text(word), keys::Accepts::Bits) => suggest::hint(word, &["half", "float", INPUT]),
        (Value::Text(word), keys::Accepts::DepthSource) => suggest::hint(word, &["auto", "model", "jpeg"]),
        _ => String::new(),
    };
    format!("{key} is {value}, allowed: {}{hint}", info.accepts.expected())
}

/// The tonal domain of a value of `grading`.
pub(super) fn grading(value: &Value) -> Result<Grading, String> {
    let found = GRADINGS.iter().find(|(word, _)| is(value, word));
    found.map(|(_, grading)| *grading).ok_or_else(|| refused("grading", value, keys::TOP))
}

/// Sets one key of the contract of a model file.
pub(super) fn set_contract(contract: &mut Contract, info: &KeyInfo, value: &Value) -> Result<(), String> {
    let text = match (info.accepts, value) {
        (keys::Accepts::Words(words), Value::Text(word)) if words().contains(&word.as_str()) => word.clone(),
        (keys::Accepts::ModelSize, Value::Text(size)) if size.contains('x') => size.clone(),
        (keys::Accepts::ModelSize | keys::Accepts::Whole(..) | keys::Accepts::PerChannel, Value::Number(n)) => {
            n.to_string()
        }
        (keys::Accepts::PerChannel, Value::List(list)) if list.len() == 3 => {
            list.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
        }
        _ => return Err(refused(info.name, value, DEPTH)),
    };
    contract.set(info.name, &text)
}

/// Sets one key of `[depth]`; an `.onnx` file is relative to `dir`.
pub(super) fn set_depth(depth: &mut DepthSettings, key: &str, value: &Value, dir: &Path) -> Result<(), String> {
    match (key, value) {
        ("model", Value::Text(model)) if model.trim().is_empty() => {
            Err("model is empty, expected a model id or the path of an .onnx file".to_owned())
        }
        ("model", Value::Text(model)) => {
            let is_file = Path::new(model).extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx"));
            depth.model = if is_file { beside(dir, model)? } else { model.clone() };
            Ok(())
        }
        ("source", Value::Text(source)) => {
            depth.source = DepthSource::parse(source).ok_or_else(|| refused(key, value, DEPTH))??;
            Ok(())
        }
        ("detail", value) => {
            let found =
                Detail::ALL.into_iter().find(|detail| matches!(value, Value::Text(word) if word == detail.name()));
            depth.detail = found.ok_or_else(|| refused(key, value, DEPTH))?;
            Ok(())
        }
        ("guide", value) => {
            let found = Guide::ALL.into_iter().find(|guide| matches!(value, Value::Text(word) if word == guide.name()));
            depth.guide = found.ok_or_else(|| refused(key, value, DEPTH))?;
            Ok(())
        }
        _ if depth_source::SUPPLIED_KEYS.contains(&key) => {
            depth.supplied.set(key, value).ok_or_else(|| refused(key, value, DEPTH))
        }
        ("model" | "source", _) => Err(refused(key, value, DEPTH)),
        ("gate", Value::Text(word)) if Gate::words().contains(&word.as_str()) => {
            depth.gate.usual = word == "usual";
            if !depth.gate.usual {
                depth.gate.own = Limits::default();
            }
            Ok(())
        }
        ("gate", _) => Err(refused(key, value, DEPTH)),
        (_, Value::Number(n)) if gate::KEYS.contains(&key) => {
            let within = DEPTH.iter().find(|info| info.name == key).is_some_and(|info| match info.accepts {
                keys::Accepts::Number(least, most) => (least..=most).contains(n),
                _ => false,
            });
            if within && depth.gate.set(key, *n as f32) { Ok(()) } else { Err(refused(key, value, DEPTH)) }
        }
        _ => match DEPTH.iter().find(|info| info.name == key) {
            Some(info) => set_contract(&mut depth.contract, info, value),
            None => Err(unknown_key("depth", key, DEPTH)),
        },
    }
}

/// The problem of `override` alone.
pub(super) const LONE_OVERRIDE: &str = "override without color has nothing to put in place of what pictures say";

/// Sets one key of `[input]`; a profile is relative to `dir`.
pub(super) fn set_input(input: &mut InputSettings, key: &str, value: &Value, dir: &Path) -> Result<(), String> {
    let refuse = || refused(key, value, keys::INPUT);
    match (key, value) {
        ("color", _) => input.color = color(value, AUTO, dir)?.ok_or_else(refuse)?,
        ("override", Value::Bool(flag)) => input.override_tags = *flag,
        ("override", Value::Text(text)) if text == "true" || text == "false" => input.override_tags = text == "true",
        ("override", _) => return Err(refuse()),
        _ => return Err(unknown_key("input", key, keys::INPUT)),
    }
    Ok(())
}

/// `Some(None)` for the word `none`, `Some(Some(_))` for a known name or a profile, `None` for anything else.
fn color(value: &Value, none: &str, dir: &Path) -> Result<Option<Option<ColorChoice>>, String> {
    match value {
        Value::Text(text) if text == none => Ok(Some(None)),
        Value::Text(text) => Ok(ColorChoice::read(text, dir)?.map(Some)),
        _ => Ok(None),
    }
}

/// Sets one key of `[output]`; a profile is relative to `dir`.
pub(super) fn set_output(output: &mut OutputSettings, key: &str, value: &Value, dir: &Path) -> Result<(), String> {
    let refuse = || refused(key, value, OUTPUT);
    match key {
        "name" => output.name = output_name(value)?,
        "kind" => {
            let found = KINDS.iter().find(|(word, _)| is(value, word));
            output.kind = found.map(|(_, kind)| *kind).ok_or_else(refuse)?;
        }
        "long_edge_px" | "short_edge_px" | "width_px" | "height_px" => {
            let name = OUTPUT.iter().find(|info| info.name == key).map(|info| info.name).ok_or_else(refuse)?;
            let side = match value {
                Value::Number(n) if n.fract() == 0.0 && (1.0..=65_535.0).contains(n) => *n as u32,
                _ => return Err(refuse()),
            };
            output.size.insert(name, side);
        }
        "format" => {
            let written = |f: &&Format| f.is_written() || Format::MAPS.contains(f);
            let by_name =
                |w: &str| Format::MAPS.iter().chain(&Format::WRITTEN).filter(written).find(|f| f.name() == w).copied();
            output.format = word(value, by_name).ok_or_else(refuse)?;
        }
        "bits" => output.bits = bits(value).ok_or_else(refuse)?,
        "compression" => {
            let by_name = |w: &str| COMPRESSIONS.iter().find(|(name, _)| *name == w).map(|(_, c)| *c);
            output.compression = word(value, by_name).ok_or_else(refuse)?;
        }
        "color" => {
            let choice = color(value, INPUT, dir)?.ok_or_else(refuse)?;
            choice.iter().try_for_each(ColorChoice::check_output)?;
            output.color = choice;
        }
        "colors" => {
            output.colors = Some(Colors::ALL.into_iter().find(|c| is(value, c.name())).ok_or_else(refuse)?);
        }
        "unit" => output.unit = Some(DepthUnit::ALL.into_iter().find(|u| is(value, u.name())).ok_or_else(refuse)?),
        "metadata" => {
            output.metadata = *Policy::ALL.iter().find(|policy| is(value, policy.name())).ok_or_else(refuse)?;
        }
        "quality" => {
            let Value::Number(n) = value else { return Err(refuse()) };
            let whole = (1.0..=100.0).contains(n) && n.fract() == 0.0;
            output.quality = Some(if whole { *n as u8 } else { return Err(refuse()) });
        }
        "subsampling" => {
            output.subsampling = match value {
                Value::Text(word) if word == AUTO => None,
                _ => Some(Subsampling::ALL.into_iter().find(|s| is(value, s.name())).ok_or_else(refuse)?),
            }
        }
        _ => return Err(unknown_key("output", key, OUTPUT)),
    }
    Ok(())
}

/// A name that can be a folder.
fn output_name(value: &Value) -> Result<String, String> {
    let Value::Text(name) = value else { return Err(refused("name", value, OUTPUT)) };
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ' | '.');
    if name.len() <= 64 && !name.starts_with('.') && name.trim() == name && name.chars().all(plain) {
        Ok(name.clone())
    } else {
        Err(format!(
            "name is {name:?}, allowed: up to 64 bytes of letters, digits, - _ . and blanks, no dot first, no blank at the ends"
        ))
    }
}

/// `Some(None)` for "input", `Some(Some(_))` for a known word, `None` for anything else.
fn word<T>(value: &Value, by_name: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    match value {
        Value::Text(text) if text == INPUT => Some(None),
        Value::Text(text) => by_name(text).map(Some),
        _ => None,
    }
}

fn bits(value: &Value) -> Option<Option<Bits>> {
    match value {
        Value::Number(n) if *n == 8.0 => Some(Some(Bits::Eight)),
        Value::Number(n) if *n == 16.0 => Some(Some(Bits::Sixteen)),
        _ => word(value, |w| match w {
            "half" => Some(Bits::Half),
            "float" => Some(Bits::Float),
            _ => None,
        }),
    }
}

fn is(value: &Value, word: &str) -> bool {
    matches!(value, Value::Text(text) if text == word)
}

/// Whether format and samples go together, when the recipe fixes both.
///
/// # Errors
/// A sentence with the samples that the format holds.
pub(super) fn check_output(output: &OutputSettings) -> Result<(), String> {
    let given: Vec<&str> = output.size.keys().copied().collect();
    if !matches!(given.as_slice(), [] | [_] | ["height_px", "width_px"]) {
        return Err(format!("{} contradict each other: give one edge, or width_px and height_px", given.join(", ")));
    }
    if output.kind != OutputKind::Picture {
        return maps::check(output, kind_word(output.kind));
    }
    if output.colors.is_some() || output.unit.is_some() {
        return Err(
            "colors and unit are for depth maps: give kind \"depth\", \"depth-preview\" or \"side-by-side\"".to_owned()
        );
    }
    if let Some(format) = output.format.filter(|format| !format.is_written()) {
        return Err(format!("format is {:?}, which holds depth maps only: give kind \"depth\"", format.name()));
    }
    match (output.format, output.bits) {
        (Some(Format::Png), Some(bits @ (Bits::Half | Bits::Float))) => {
            Err(format!("bits is {:?}, but png holds 8 or 16 only; use format \"tiff\" or \"exr\"", bits.name()))
        }
        (Some(Format::Exr), Some(bits @ (Bits::Eight | Bits::Sixteen))) => {
            Err(format!("bits is {}, but exr holds \"half\" or \"float\" only", bits.name()))
        }
        (Some(format), Some(bits)) if format.is_eight_bit() && bits != Bits::Eight => {
            Err(format!("bits is {:?}, but {} holds 8 only", bits.name(), format.name()))
        }
        _ if output.format == Some(Format::Jpeg) && output.compression == Some(Compression::Lossless) => {
            Err("compression is \"lossless\", but jpeg always loses; use format \"webp\", \"png\" or \"tiff\""
                .to_owned())
        }
        _ => Ok(()),
    }
}

/// Whether several outputs can be told apart.
///
/// # Errors
/// The place of the second of two, and a sentence with the name that is missing or used twice.
pub(super) fn check_outputs(outputs: &[OutputSettings]) -> Result<(), (usize, String)> {
    let mut seen = std::collections::BTreeSet::new();
    match outputs.iter().enumerate().find(|(_, output)| !seen.insert(output.name.to_lowercase())) {
        Some((at, twice)) if twice.name.is_empty() => {
            Err((at, "several outputs have no name: give each [[output]] but one a name = \"...\"".to_owned()))
        }
        Some((at, twice)) => Err((at, format!("several outputs are named {:?}", twice.name))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(word: &str) -> Value {
        Value::Text(word.to_owned())
    }

    #[test]
    fn every_word_is_accepted_and_written_back() {
        let mut output = OutputSettings::default();
        for w in format_words() {
            set_output(&mut output, "format", &text(w), Path::new("")).unwrap();
            assert_eq!(output.format.map_or(INPUT, Format::name), w);
        }
        for w in compression_words() {
            set_output(&mut output, "compression", &text(w), Path::new("")).unwrap();
            assert_eq!(output.compression.map_or(INPUT, compression_word), w);
        }
        for w in color_words() {
            set_output(&mut output, "color", &text(w), Path::new("")).unwrap();
            assert_eq!(output.color.as_ref().map_or(INPUT, ColorChoice::text), w);
        }
        for w in metadata_words().into_iter().rev() {
            set_output(&mut output, "metadata", &text(w), Path::new("")).unwrap();
            assert_eq!(output.metadata.name(), w);
        }
        for w in grading_words() {
            assert_eq!(grading_word(grading(&text(w)).unwrap()), w);
        }
        assert_eq!(output, OutputSettings::default());
    }

    #[test]
    fn refusals_name_value_and_allowed_ones() {
        let mut output = OutputSettings::default();
        let message = set_output(&mut output, "bits", &Value::Number(12.0), Path::new("")).unwrap_err();
        assert_eq!(message, "bits is 12, allowed: 8, 16, \"half\", \"float\", \"input\"");
        let message = set_output(&mut output, "compression", &text("defalte"), Path::new("")).unwrap_err();
        assert!(message.ends_with("did you mean \"deflate\"?"), "{message}");
        let message = set_output(&mut output, "compresion", &text("lzw"), Path::new("")).unwrap_err();
        assert!(message.ends_with("did you mean \"compression\"?"), "{message}");
    }

    #[test]
    fn depth_sources() {
        let mut depth = DepthSettings::default();
        let mut set = |w: &str| set_depth(&mut depth, "source", &text(w), Path::new("")).map(|()| depth.source.clone());
        assert_eq!(set("model"), Ok(DepthSource::Model));
        assert_eq!(set("exr:depth.Z"), Ok(DepthSource::Channel("depth.Z".into())));
        assert_eq!(set("auto"), Ok(DepthSource::Auto));
        assert!(set("exr:").unwrap_err().contains("exr:NAME"));
        assert!(matches!(set("{stem}_depth.png"), Ok(DepthSource::File(_))));
        assert!(set("{stme}.png").unwrap_err().contains("is not known"));
        assert!(set("atuo").unwrap_err().contains("did you mean \"auto\""));
    }

    #[test]
    fn impossible_samples_are_refused() {
        let both = |format, bits| check_output(&OutputSettings { format, bits, ..OutputSettings::default() });
        assert!(both(Some(Format::Png), Some(Bits::Half)).is_err());
        assert!(both(Some(Format::Exr), Some(Bits::Sixteen)).is_err());
        assert!(both(Some(Format::Tiff), Some(Bits::Float)).is_ok());
        assert!(both(None, Some(Bits::Float)).is_ok());
    }
}
