//! Where depth comes from, and what the numbers of a supplied map mean: the keys `source`, `unit`, `polarity`, `scale`, `near_m` and
//! `far_m` of `[depth]`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::ops::Value;

/// Where depth comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum DepthSource {
    /// What the picture itself carries (a depth channel of an EXR, depth of a phone in a JPEG), else the model.
    Auto,
    /// Always the model, even when the picture carries depth.
    Model,
    /// This channel of an EXR picture; a picture without it fails.
    Channel(String),
    /// Depth that a phone has put into the JPEG; a picture without it fails.
    Phone,
    /// A file beside the picture.
    File(MapPattern),
}

/// The name of a depth map, made from the name of its picture.
#[derive(Debug, Clone, PartialEq)]
pub struct MapPattern {
    /// The pattern as written, without the channel: relative to the folder of the picture.
    pub text: String,
    /// The channel of an EXR map, when one is named.
    pub channel: Option<String>,
}

/// Fields of a pattern: name, what it stands for.
pub const PATTERN_FIELDS: [(&str, &str); 4] = [
    ("stem", "the picture's name without its extension"),
    ("name", "the picture's whole name"),
    ("ext", "its extension"),
    ("parent", "the name of its folder"),
];

/// What a number of the map stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapUnit {
    /// Meters, larger = farther.
    Meters,
    /// Millimeters.
    Millimeters,
    /// 1/256 meter (KITTI development kit, depth maps; 0 = no value).
    Kitti,
    /// 1/5000 meter (TUM RGB-D benchmark, file formats; 0 = no value).
    Tum,
    /// Depth in a unit that is not known: twice the number is twice as far.
    Proportional,
    /// Relative disparity: scale and shift are not known.
    Relative,
    /// Distance, linear from the nearest to the farthest point: a Z pass or mist pass that was brought to 0..1.
    Distance,
}

/// Words of `unit`.
const UNITS: [(&str, MapUnit); 7] = [
    ("meters", MapUnit::Meters),
    ("millimeters", MapUnit::Millimeters),
    ("kitti", MapUnit::Kitti),
    ("tum", MapUnit::Tum),
    ("proportional", MapUnit::Proportional),
    ("relative", MapUnit::Relative),
    ("distance", MapUnit::Distance),
];

impl MapUnit {
    /// Word in recipes.
    pub fn name(self) -> &'static str {
        UNITS.iter().find(|(_, unit)| *unit == self).map_or("relative", |(word, _)| *word)
    }

    /// Meters per number; `None` for units that are no meters.
    pub fn meters(self) -> Option<f64> {
        match self {
            Self::Meters => Some(1.0),
            Self::Millimeters => Some(0.001),
            Self::Kitti => Some(1.0 / 256.0),
            Self::Tum => Some(1.0 / 5000.0),
            Self::Proportional | Self::Relative | Self::Distance => None,
        }
    }

    /// True where a number is proportional to depth, so that larger can only be farther.
    pub fn is_depth(self) -> bool {
        self.meters().is_some() || self == Self::Proportional
    }
}

/// Which way the numbers of a map run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polarity {
    /// The larger, the nearer (white is near).
    NearIsLarge,
    /// The larger, the farther (black is near).
    NearIsSmall,
}

/// Words of `polarity`.
const POLARITIES: [(&str, Polarity); 2] =
    [("near-is-large", Polarity::NearIsLarge), ("near-is-small", Polarity::NearIsSmall)];

impl Polarity {
    /// Word in recipes.
    pub fn name(self) -> &'static str {
        POLARITIES.iter().find(|(_, polarity)| *polarity == self).map_or("near-is-large", |(word, _)| *word)
    }
}

/// Words of `depth.unit`.
pub(super) fn unit_words() -> Vec<&'static str> {
    UNITS.iter().map(|(word, _)| *word).collect()
}

/// Words of `depth.polarity`.
pub(super) fn polarity_words() -> Vec<&'static str> {
    POLARITIES.iter().map(|(word, _)| *word).collect()
}

/// What a recipe says of supplied depth. `None` = the file says it, or its format's habit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SuppliedSettings {
    /// What a number stands for.
    pub unit: Option<MapUnit>,
    /// Which way numbers run.
    pub polarity: Option<Polarity>,
    /// Factor on the numbers of the file, above 0.
    pub scale: Option<f32>,
    /// The distance that counts as nearest, in meters, above 0.
    pub near_m: Option<f32>,
    /// The distance that counts as farthest, in meters; `None` beside a `near_m` = infinite.
    pub far_m: Option<f32>,
}

/// Names of the keys of [`SuppliedSettings`].
pub(super) const SUPPLIED_KEYS: [&str; 5] = ["unit", "polarity", "scale", "near_m", "far_m"];

/// Allowed values of the keys that are numbers.
pub(super) const NUMBERS: (f64, f64) = (1e-6, 1e6);

impl SuppliedSettings {
    /// Nearest and farthest distance in meters; the farthest may be infinite.
    pub fn anchors(&self) -> Option<(f32, f32)> {
        Some((self.near_m?, self.far_m.unwrap_or(f32::INFINITY)))
    }

    /// Sets one key from a value of the right kind; `None` when the value is not allowed.
    pub(super) fn set(&mut self, key: &str, value: &Value) -> Option<()> {
        let word = |text: &str| matches!(value, Value::Text(word) if word == text);
        let number = || match value {
            Value::Number(n) if (NUMBERS.0..=NUMBERS.1).contains(n) => Some(*n as f32),
            _ => None,
        };
        match key {
            "unit" => self.unit = Some(UNITS.iter().find(|(name, _)| word(name))?.1),
            "polarity" => self.polarity = Some(POLARITIES.iter().find(|(name, _)| word(name))?.1),
            "scale" => self.scale = Some(number()?),
            "near_m" => self.near_m = Some(number()?),
            "far_m" => self.far_m = Some(number()?),
            _ => return None,
        }
        Some(())
    }

    /// The keys that are set, as a recipe writes them.
    pub fn values(&self) -> Vec<(&'static str, Value)> {
        // Through the shortest decimal form: 0.7 stays 0.7.
        let number = |v: f32| Value::Number(v.to_string().parse().unwrap_or(f64::from(v)));
        let text = |word: &str| Value::Text(word.to_owned());
        let values = [
            self.unit.map(|unit| text(unit.name())),
            self.polarity.map(|polarity| text(polarity.name())),
            self.scale.map(number),
            self.near_m.map(number),
            self.far_m.map(number),
        ];
        SUPPLIED_KEYS.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect()
    }

    /// Whether the keys go together.
    ///
    /// # Errors
    /// A sentence: `far_m` alone or not beyond `near_m`, or a polarity that contradicts the unit.
    pub fn check(&self) -> Result<(), String> {
        match (self.near_m, self.far_m) {
            (None, Some(far)) => {
                return Err(format!("far_m is {far} without near_m: give near_m, the distance that counts as nearest"));
            }
            (Some(near), Some(far)) if far <= near => {
                return Err(format!("far_m is {far}, it must lie beyond near_m, which is {near}"));
            }
            _ => {}
        }
        match (self.unit, self.polarity) {
            (Some(unit), Some(Polarity::NearIsLarge)) if unit.is_depth() => Err(format!(
                "polarity is \"near-is-large\", but unit {:?} grows with distance: a map that is larger where it is nearer has unit \"relative\" or \"distance\"",
                unit.name()
            )),
            _ => Ok(()),
        }
    }
}

impl DepthSource {
    /// Reads the value of `depth.source`.
    ///
    /// # Errors
    /// A sentence for a pattern that is wrong; `None` for a word that is no source at all.
    pub fn parse(text: &str) -> Option<Result<Self, String>> {
        match text {
            "auto" => Some(Ok(Self::Auto)),
            "model" => Some(Ok(Self::Model)),
            "jpeg" => Some(Ok(Self::Phone)),
            _ => match text.strip_prefix("exr:") {
                Some("") => None,
                Some(name) => Some(Ok(Self::Channel(name.to_owned()))),
                None => {
                    let is_file = text.contains(['{', '/', '\\']) || Path::new(text).extension().is_some();
                    is_file.then(|| MapPattern::parse(text).map(Self::File))
                }
            },
        }
    }

    /// True where no picture of a run can need the model.
    pub fn never_estimates(&self) -> bool {
        matches!(self, Self::Channel(_) | Self::Phone | Self::File(_))
    }
}

impl std::fmt::Display for DepthSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Model => f.write_str("model"),
            Self::Phone => f.write_str("jpeg"),
            Self::Channel(name) => write!(f, "exr:{name}"),
            Self::File(MapPattern { text, channel: None }) => f.write_str(text),
            Self::File(MapPattern { text, channel: Some(channel) }) => write!(f, "{text}:{channel}"),
        }
    }
}

impl MapPattern {
    /// Reads a pattern: `{stem}_depth.png`, `../depth/{stem}.exr:depth.Z`.
    ///
    /// # Errors
    /// A sentence: an unknown field, or a brace without its partner.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_exr = |file: &str| file.to_ascii_lowercase().ends_with(".exr");
        let (file, channel) = match text.rsplit_once(':') {
            Some((file, channel)) if is_exr(file) && !channel.is_empty() => (file, Some(channel.to_owned())),
            _ => (text, None),
        };
        let mut rest = file;
        while let Some(at) = rest.find(['{', '}']) {
            let inside = rest.get(at + 1..).unwrap_or_default();
            let field = inside.split_once('}').map(|(field, _)| field).filter(|_| rest[at..].starts_with('{'));
            let Some(field) = field else { return Err(format!("source is {text:?}: a brace has no partner")) };
            if !PATTERN_FIELDS.iter().any(|(name, _)| *name == field) {
                let known: Vec<String> = PATTERN_FIELDS.iter().map(|(name, _)| format!("{{{name}}}")).collect();
                return Err(format!("source is {text:?}: {{{field}}} is not known, fields are {}", known.join(" ")));
            }
            rest = inside.get(field.len() + 1..).unwrap_or_default();
        }
        if file.trim().is_empty() || file.chars().any(char::is_control) {
            return Err(format!("source is {text:?}: this cannot be the name of a file"));
        }
        Ok(Self { text: file.to_owned(), channel })
    }

    /// The map of `picture`. Only the pattern decides the folder: names of pictures hold no separators.
    pub fn path_for(&self, picture: &Path) -> PathBuf {
        let folder = picture.parent().unwrap_or(Path::new(""));
        let mut name = OsString::new();
        let mut rest = self.text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            name.push(before);
            let Some((field, behind)) = after.split_once('}') else { break };
            match field {
                "stem" => name.push(picture.file_stem().unwrap_or_default()),
                "name" => name.push(picture.file_name().unwrap_or_default()),
                "ext" => name.push(picture.extension().unwrap_or_default()),
                _ => name.push(real_folder(folder).file_name().unwrap_or_default()),
            }
            rest = behind;
        }
        name.push(rest);
        folder.join(name)
    }
}

/// The folder with its name, also where it is the current one.
fn real_folder(folder: &Path) -> PathBuf {
    if folder.file_name().is_some() {
        return folder.to_owned();
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> DepthSource {
        DepthSource::parse(text).unwrap().unwrap()
    }

    #[test]
    fn sources_are_read_and_written_back() {
        let all = [
            "auto",
            "model",
            "jpeg",
            "exr:depth.Z",
            "{stem}_depth.png",
            "../depth/{name}.exr:depth.Z",
            "/z/{stem}.tif",
        ];
        for text in all {
            assert_eq!(source(text).to_string(), text);
        }
        let DepthSource::File(pattern) = source("../{parent}_z/{stem}.exr:view.Z") else { panic!("no file") };
        assert_eq!((pattern.text.as_str(), pattern.channel.as_deref()), ("../{parent}_z/{stem}.exr", Some("view.Z")));
        assert_eq!(pattern.path_for(Path::new("a/b.c.tif")), Path::new("a/../a_z/b.c.exr"));
        let DepthSource::File(pattern) = source("{stem}{ext}_{name}.png") else { panic!("no file") };
        assert_eq!(pattern.path_for(Path::new("b.tif")), Path::new("btif_b.tif.png"));
        assert!(DepthSource::parse("atuo").is_none() && DepthSource::parse("exr:").is_none());
        assert!(DepthSource::parse("{stme}.png").unwrap().unwrap_err().contains("{stem} {name}"));
        for wrong in ["{stem.png", "stem}.png", "{}{.png"] {
            assert!(DepthSource::parse(wrong).unwrap().is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_must_go_together() {
        let mut settings = SuppliedSettings::default();
        let text = |word: &str| Value::Text(word.to_owned());
        settings.set("unit", &text("tum")).unwrap();
        settings.set("polarity", &text("near-is-large")).unwrap();
        assert!(settings.check().unwrap_err().contains("grows with distance"));
        settings.set("polarity", &text("near-is-small")).unwrap();
        settings.set("far_m", &Value::Number(8.0)).unwrap();
        assert!(settings.check().unwrap_err().contains("without near_m"));
        settings.set("near_m", &Value::Number(9.0)).unwrap();
        assert!(settings.check().unwrap_err().contains("beyond"));
        settings.set("near_m", &Value::Number(0.5)).unwrap();
        assert_eq!((settings.check(), settings.anchors()), (Ok(()), Some((0.5, 8.0))));
        assert!(settings.set("near_m", &Value::Number(0.0)).is_none() && settings.set("unit", &text("feet")).is_none());
        assert_eq!(settings.values().len(), 4);
    }
}
