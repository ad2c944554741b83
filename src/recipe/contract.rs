//! What a recipe (or a note in the file) says about a depth model that the model's graph does not: its contract.
//!
//! Plain values; what they mean for a run is decided where models are opened. The keys are those of `[depth]` and, with the prefix
//! `chiaro.`, of the notes a model file may carry.

use super::models;
use crate::ops::Value;

/// Keys of a contract.
const KEYS: [&str; 11] =
    ["preset", "size", "multiple_of", "fit", "channels", "mean", "std", "output", "edge_error_px", "license", "name"];
const FITS: [(&str, Fit); 5] = [
    ("stretch", Fit::Stretch),
    ("lower-bound", Fit::LowerBound),
    ("upper-bound", Fit::UpperBound),
    ("minimal", Fit::Minimal),
    ("letterbox", Fit::Letterbox),
];
const ORDERS: [(&str, ChannelOrder); 2] = [("rgb", ChannelOrder::Rgb), ("bgr", ChannelOrder::Bgr)];
const MEANINGS: [(&str, OutputMeaning); 5] = [
    ("disparity", OutputMeaning::RelativeDisparity),
    ("meters", OutputMeaning::MetricDepth),
    ("inverse-meters", OutputMeaning::InverseMeters),
    ("depth", OutputMeaning::RelativeDepth),
    ("sigmoid", OutputMeaning::SigmoidDisparity),
];

/// How a picture comes to the size of the model's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Stretched to exactly the size.
    Stretch,
    /// The picture's aspect, covering the size: the short side of a square size is met.
    LowerBound,
    /// The picture's aspect, inside the size: the long side of a square size is met.
    UpperBound,
    /// The picture's aspect, scaled as little as possible: as [`Fit::LowerBound`] for pictures larger than the size, but for the
    /// rounding, which may end below it.
    Minimal,
    /// The picture's aspect inside exactly the size; the rest is filled with the mean.
    Letterbox,
}

/// Order of the color planes of the input tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// What the numbers of the output mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputMeaning {
    /// Larger = nearer, unknown scale and shift.
    RelativeDisparity,
    /// Meters, larger = farther.
    MetricDepth,
    /// One divided by meters, larger = nearer.
    InverseMeters,
    /// Larger = farther, unknown scale and shift.
    RelativeDepth,
    /// 0 to 1, larger = nearer: the sigmoid of self-supervised models, which stands for depths of 100 to 0.1 of an unknown unit.
    SigmoidDisparity,
}

impl OutputMeaning {
    /// The word in recipes.
    pub fn name(self) -> &'static str {
        MEANINGS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }

    /// The meaning in words, with unit and direction.
    pub fn words(self) -> &'static str {
        match self {
            Self::RelativeDisparity => "relative disparity (larger = nearer)",
            Self::MetricDepth => "metric depth (meters, larger = farther)",
            Self::InverseMeters => "inverse metric depth (1/m, larger = nearer)",
            Self::RelativeDepth => "relative depth (larger = farther)",
            Self::SigmoidDisparity => "relative disparity (0 to 1, larger = nearer)",
        }
    }

    /// Whether the numbers carry meters.
    pub fn is_metric(self) -> bool {
        matches!(self, Self::MetricDepth | Self::InverseMeters)
    }
}

/// What is given about a model beside its graph; later sources overwrite earlier ones: family preset, notes of the file, user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contract {
    /// A model or family whose contract is published, by its id in the list of [`super::models`].
    pub preset: Option<String>,
    /// Input size (width, height), or the short side with `multiple_of`.
    pub size: Option<(u32, u32)>,
    /// The picture's aspect is kept and both sides are multiples of this.
    pub multiple_of: Option<u32>,
    /// How the picture comes to that size.
    pub fit: Option<Fit>,
    /// Order of the color planes; RGB when nobody says otherwise.
    pub channels: Option<ChannelOrder>,
    /// Mean per channel.
    pub mean: Option<[f32; 3]>,
    /// Deviation per channel, above 0.
    pub std: Option<[f32; 3]>,
    /// What the output means.
    pub output: Option<OutputMeaning>,
    /// How far edges of the answer may be off, in the model's own pixels, 0 to 2; 1 when nobody says otherwise.
    pub edge_error_px: Option<u32>,
    /// SPDX expression of the weights.
    pub license: Option<String>,
    /// Name for people.
    pub name: Option<String>,
}

/// Words of `preset`.
pub(super) fn preset_words() -> Vec<&'static str> {
    models::known().ids()
}

/// Words of `fit`.
pub(super) fn fit_words() -> Vec<&'static str> {
    FITS.iter().map(|(word, _)| *word).collect()
}

/// Words of `channels`.
pub(super) fn channel_words() -> Vec<&'static str> {
    ORDERS.iter().map(|(word, _)| *word).collect()
}

/// Words of `output`.
pub(super) fn output_words() -> Vec<&'static str> {
    MEANINGS.iter().map(|(word, _)| *word).collect()
}

impl Contract {
    /// Sets one key from text: `preset`, `size` (`518` or `256x192`), `multiple_of`, `fit`, `channels` (`rgb`, `bgr`), `mean` and `std`
    /// (one or three numbers), `output` (`disparity`, `meters`, ...), `edge_error_px` (0..2), `license`, `name`. `-` may stand for `_`.
    ///
    /// # Errors
    /// The reason, with the allowed values.
    pub fn set(&mut self, key: &str, value: &str) -> std::result::Result<(), String> {
        let (key, value) = (key.replace('-', "_"), value.trim());
        match key.as_str() {
            "preset" => {
                let ids = models::known().ids();
                let found = ids.iter().find(|id| **id == value);
                let found = found.ok_or_else(|| format!("preset is {value:?}, allowed: {}", ids.join(", ")))?;
                self.preset = Some((*found).to_owned());
            }
            "size" => {
                let (width, height) = value.split_once('x').unwrap_or((value, value));
                self.size = Some((side("size", width)?, side("size", height)?));
            }
            "multiple_of" => self.multiple_of = Some(side("multiple_of", value)?),
            "fit" => self.fit = Some(word(&FITS, &key, value)?),
            "channels" => self.channels = Some(word(&ORDERS, &key, value)?),
            "mean" => self.mean = Some(triple("mean", value, |v| v.is_finite())?),
            "std" => self.std = Some(triple("std", value, |v| v.is_finite() && v > 0.0)?),
            "output" => self.output = Some(word(&MEANINGS, &key, value)?),
            "edge_error_px" => {
                let error = value.parse().ok().filter(|px| *px <= 2);
                self.edge_error_px = Some(error.ok_or(format!("edge_error_px is {value:?}, allowed: 0, 1, 2"))?);
            }
            "license" => {
                let what = "allowed: an SPDX expression (MIT, CC-BY-NC-4.0), or unknown";
                self.license = Some(said(&key, value).map_err(|reason| format!("{reason}, {what}"))?);
            }
            "name" => self.name = Some(said(&key, value).map_err(|reason| format!("{reason}, allowed: any text"))?),
            _ => return Err(format!("unknown key {key:?}, known: {}", KEYS.join(", "))),
        }
        Ok(())
    }

    /// `self` where it says something, else `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            preset: self.preset.or(other.preset),
            size: self.size.or(other.size),
            multiple_of: self.multiple_of.or(other.multiple_of),
            fit: self.fit.or(other.fit),
            channels: self.channels.or(other.channels),
            mean: self.mean.or(other.mean),
            std: self.std.or(other.std),
            output: self.output.or(other.output),
            edge_error_px: self.edge_error_px.or(other.edge_error_px),
            license: self.license.or(other.license),
            name: self.name.or(other.name),
        }
    }

    /// Whether [`Contract::set`] knows this key.
    pub fn knows(key: &str) -> bool {
        KEYS.contains(&key.replace('-', "_").as_str())
    }

    /// What is given of the keys that change results, in a fixed order, as recipes write it. License and name are no part.
    pub fn values(&self) -> Vec<(&'static str, Value)> {
        let size = self.size.map(|(width, height)| match width == height {
            true => Value::Number(f64::from(width)),
            false => Value::Text(format!("{width}x{height}")),
        });
        let all = [
            ("preset", self.preset.clone().map(Value::Text)),
            ("size", size),
            ("multiple_of", self.multiple_of.map(|v| Value::Number(f64::from(v)))),
            ("fit", self.fit.map(|v| word_of(&FITS, v))),
            ("channels", self.channels.map(|v| word_of(&ORDERS, v))),
            ("mean", self.mean.map(list)),
            ("std", self.std.map(list)),
            ("output", self.output.map(|v| word_of(&MEANINGS, v))),
            ("edge_error_px", self.edge_error_px.map(|v| Value::Number(f64::from(v)))),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

fn word<T: Copy>(words: &[(&str, T)], key: &str, text: &str) -> std::result::Result<T, String> {
    let names = || words.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let found = words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| format!("{key} is {text:?}, allowed: {}", names()))
}

fn word_of<T: PartialEq>(words: &[(&str, T)], value: T) -> Value {
    let found = words.iter().find(|(_, known)| *known == value);
    Value::Text(found.map_or("", |(name, _)| name).to_owned())
}

/// Through the shortest decimal form: 0.485 stays 0.485.
fn list(values: [f32; 3]) -> Value {
    Value::List(values.iter().map(|v| v.to_string().parse().unwrap_or(f64::from(*v))).collect())
}

/// Text that says something.
fn said(key: &str, value: &str) -> std::result::Result<String, String> {
    if value.is_empty() { Err(format!("{key} is {value:?}")) } else { Ok(value.to_owned()) }
}

fn side(what: &str, text: &str) -> std::result::Result<u32, String> {
    text.parse()
        .ok()
        .filter(|side| (1..=4096).contains(side))
        .ok_or_else(|| format!("{what} is {text:?}, allowed: 1 to 4096 pixels"))
}

fn triple(what: &str, text: &str, allowed: impl Fn(f32) -> bool) -> std::result::Result<[f32; 3], String> {
    let numbers: Vec<f32> =
        text.split([' ', ',']).filter(|part| !part.is_empty()).filter_map(|part| part.parse().ok()).collect();
    let numbers = match numbers[..] {
        [one] => Some([one; 3]),
        [a, b, c] => Some([a, b, c]),
        _ => None,
    };
    numbers
        .filter(|numbers| numbers.iter().all(|&v| allowed(v)))
        .ok_or_else(|| format!("{what} is {text:?}, allowed: one or three finite numbers (std above 0)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_name_what_is_allowed() {
        let mut contract = Contract::default();
        for (key, value) in [
            ("size", "0"),
            ("size", "9x"),
            ("std", "0"),
            ("mean", "1,2"),
            ("output", "x"),
            ("edge-error-px", "3"),
            ("edge_error_px", "x"),
            ("channels", "rbg"),
            ("fit", "lower"),
            ("preset", "midas"),
            ("license", " "),
            ("name", ""),
            ("k", ""),
        ] {
            let error = contract.set(key, value).unwrap_err();
            assert!(error.contains("allowed") || error.contains("known"), "{error}");
        }
        assert_eq!(contract, Contract::default());
    }

    #[test]
    fn what_is_given_comes_back_and_unknown_keys_are_known_as_such() {
        let mut contract = Contract::default();
        let given = [
            ("preset", "midas-small"),
            ("fit", "minimal"),
            ("size", "256x192"),
            ("multiple-of", "32"),
            ("channels", "bgr"),
        ];
        for (key, value) in given.into_iter().chain([("mean", "0.485"), ("std", "1,2,0.225"), ("output", "meters")]) {
            contract.set(key, value).unwrap();
        }
        let text: Vec<String> = contract.values().iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(text.len(), 8);
        assert!(text.concat().contains("0.485, 0.485, 0.485"), "{text:?}");
        assert!(Contract::knows("edge-error-px") && Contract::knows("edge_error_px") && !Contract::knows("sha"));
        assert_eq!(Contract::default().values(), []);
    }
}
