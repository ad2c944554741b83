//! What a recipe (or a note in the file) says about a depth model that the model's graph does not: its contract.
//!
//! Plain values; what they mean for a run is decided where models are opened. The keys are those of `[depth]` and, with the prefix
//! `chiaro.`, of the notes a model file may carry.

use crate::ops::Value;

/// Keys of a contract.
const KEYS: [&str; 10] =
    ["preset", "size", "multiple_of", "channels", "mean", "std", "output", "edge_error_px", "license", "name"];
const FAMILIES: [(&str, Family); 2] =
    [("depth-anything-v2", Family::DepthAnythingV2), ("midas-small", Family::MidasSmall)];
const ORDERS: [(&str, ChannelOrder); 2] = [("rgb", ChannelOrder::Rgb), ("bgr", ChannelOrder::Bgr)];
const MEANINGS: [(&str, OutputMeaning); 2] =
    [("disparity", OutputMeaning::RelativeDisparity), ("meters", OutputMeaning::MetricDepth)];

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
}

/// What is given about a model beside its graph; later sources overwrite earlier ones: family preset, notes of the file, user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contract {
    /// A known family: `depth-anything-v2` or `midas-small`.
    pub preset: Option<Family>,
    /// Input size (width, height), or the short side with `multiple_of`.
    pub size: Option<(u32, u32)>,
    /// The picture's aspect is kept and both sides are multiples of this.
    pub multiple_of: Option<u32>,
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

/// Families of models whose contract is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Depth Anything V2, relative models (<https://github.com/DepthAnything/Depth-Anything-V2>): short side 518, multiples of 14.
    DepthAnythingV2,
    /// MiDaS v2.1 small (<https://github.com/isl-org/MiDaS>): short side 256, multiples of 32.
    MidasSmall,
}

/// Words of `preset`.
pub(super) fn preset_words() -> Vec<&'static str> {
    FAMILIES.iter().map(|(word, _)| *word).collect()
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
    /// Sets one key from text: `preset`, `size` (`518` or `256x192`), `multiple_of`, `channels` (`rgb`, `bgr`), `mean` and `std` (one
    /// or three numbers), `output` (`disparity`, `meters`), `edge_error_px` (0..2), `license`, `name`. `-` may stand for `_`.
    ///
    /// # Errors
    /// The reason, with the allowed values.
    pub fn set(&mut self, key: &str, value: &str) -> std::result::Result<(), String> {
        let (key, value) = (key.replace('-', "_"), value.trim());
        match key.as_str() {
            "preset" => self.preset = Some(word(&FAMILIES, &key, value)?),
            "size" => {
                let (width, height) = value.split_once('x').unwrap_or((value, value));
                self.size = Some((side("size", width)?, side("size", height)?));
            }
            "multiple_of" => self.multiple_of = Some(side("multiple_of", value)?),
            "channels" => self.channels = Some(word(&ORDERS, &key, value)?),
            "mean" => self.mean = Some(triple("mean", value, |v| v.is_finite())?),
            "std" => self.std = Some(triple("std", value, |v| v.is_finite() && v > 0.0)?),
            "output" => self.output = Some(word(&MEANINGS, &key, value)?),
            "edge_error_px" => {
                let error = value.parse().ok().filter(|px| *px <= 2);
                self.edge_error_px = Some(error.ok_or(format!("edge_error_px is {value:?}, allowed: 0, 1, 2"))?);
            }
            "license" => self.license = Some(value.into()),
            "name" => self.name = Some(value.into()),
            _ => return Err(format!("unknown key {key:?}, known: {}", KEYS.join(", "))),
        }
        Ok(())
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
            ("preset", self.preset.map(|v| word_of(&FAMILIES, v))),
            ("size", size),
            ("multiple_of", self.multiple_of.map(|v| Value::Number(f64::from(v)))),
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
        let given = [("preset", "midas-small"), ("size", "256x192"), ("multiple-of", "32"), ("channels", "bgr")];
        for (key, value) in given.into_iter().chain([("mean", "0.485"), ("std", "1,2,0.225"), ("output", "meters")]) {
            contract.set(key, value).unwrap();
        }
        let text: Vec<String> = contract.values().iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(text.len(), 7);
        assert!(text.concat().contains("0.485, 0.485, 0.485"), "{text:?}");
        assert!(Contract::knows("edge-error-px") && Contract::knows("edge_error_px") && !Contract::knows("sha"));
        assert_eq!(Contract::default().values(), []);
    }
}
