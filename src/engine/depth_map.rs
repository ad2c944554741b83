//! A depth map beside a picture, or inside it: opened, and read as plain numbers.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::codec::{self, Limits, Pool, Source};
use crate::error::{Error, Result};
use crate::picture::{ColorModel, Extent, PictureInfo, Region, SampleType, Strip};
use crate::plan::MapOrigin;
use crate::plan::supplied::{FileSays, MapSamples};

/// An opened map. Errors name the picture and the map: the picture is what fails, the map is what must be looked at.
pub struct DepthMap {
    picture: PathBuf,
    name: String,
    source: Box<dyn Source>,
    samples: MapSamples,
    /// A depth channel is read, not the gray of a picture.
    is_channel: bool,
    /// Where facts stand that its own format has no room for.
    sidecar: Option<PathBuf>,
    /// The row that is read next, for sources that only go on.
    next_row: u32,
    strip: Strip,
    /// Pixels whose channels differ, and all pixels seen.
    colored: (u64, u64),
}

/// How far channels of a gray map may differ, in 8-bit codes: JPEG rounds.
const GRAY_CODES: f32 = 8.0;
/// Bytes of the facts beside a map at most.
const MOST_FACTS: u64 = 1 << 16;
/// Share of pixels with color from which on a map is none.
const COLORED: f64 = 0.02;

impl DepthMap {
    /// Opens the map of `picture`. Reads its header only.
    ///
    /// # Errors
    /// `Input` or `Unsupported` with the picture's path and a sentence about the map: it is not there, a folder, empty, damaged, of a format
    /// that is not read, or a picture in color.
    pub fn open(picture: &Path, origin: &MapOrigin, limits: &Limits) -> Result<Self> {
        let name = origin.words();
        let told = |error: Error| of_map(picture, &name, error);
        let (source, channel) = match origin {
            MapOrigin::Channel(_) => {
                return Err(Error::Environment("internal error: a channel is no map of its own".to_owned()));
            }
            MapOrigin::File { path, channel } => {
                look_at(path).map_err(|reason| Error::input(picture, format!("{name}: {reason}")))?;
                (codec::open_map(path, limits, channel.as_deref()).map_err(told)?, channel.as_deref())
            }
            MapOrigin::Phone(_) => (codec::jpeg::open_phone_depth(picture, limits).map_err(told)?, None),
        };
        let mut map = Self {
            picture: picture.to_owned(),
            samples: MapSamples::Floats,
            is_channel: false,
            sidecar: match origin {
                MapOrigin::File { path, .. } => Some(facts_path(path)),
                _ => None,
            },
            next_row: 0,
            strip: Strip::new(Region { width: source.info().extent.width, y: 0, rows: 0 }, source.info().layout),
            colored: (0, 0),
            source,
            name,
        };
        map.choose(channel).map_err(|reason| Error::unsupported(picture, format!("{}: {reason}", map.name)))?;
        Ok(map)
    }

    /// Decides what of the file is read.
    fn choose(&mut self, channel: Option<&str>) -> std::result::Result<(), String> {
        let info = self.source.info().clone();
        let is_exr = info.format == "exr";
        match channel {
            Some(wanted) if !info.depth_channels.iter().any(|name| name == wanted) => {
                let list: Vec<String> = info.depth_channels.iter().take(16).map(|name| format!("{name:?}")).collect();
                let list = if list.is_empty() { "none that can be depth".to_owned() } else { list.join(", ") };
                return Err(format!("it has no channel {wanted:?}; it has {list}"));
            }
            Some(wanted) => self.source.select_depth(wanted).map_err(|e| e.to_string())?,
            None => {}
        }
        self.is_channel = is_exr && (channel.is_some() || info.depth_channel.is_some());
        self.samples = match info.layout.sample {
            _ if is_exr => MapSamples::Exr,
            SampleType::F16 | SampleType::F32 => MapSamples::Floats,
            codes => MapSamples::Codes(codes),
        };
        match info.model {
            ColorModel::AsLayout => Ok(()),
            _ => Err("it is in CMYK or L*a*b*: save it as 16-bit gray".to_owned()),
        }
    }

    /// Header facts of the file.
    pub fn info(&self) -> &PictureInfo {
        self.source.info()
    }

    /// Its samples, as far as their meaning goes by them.
    pub fn samples(&self) -> MapSamples {
        self.samples
    }

    /// What the file itself, or that with the facts beside it, says of its numbers, and how it lies: the orientation (EXIF 1 to 8), 1 where
    /// nobody says it.
    ///
    /// # Errors
    /// `Input` with the picture's path: the file beside it cannot be read, or is damaged.
    pub fn says(&self) -> Result<(FileSays, u16)> {
        let mut facts = self.source.texts();
        let mut orientation = self.info().orientation;
        if let Some(path) = &self.sidecar {
            let told = |reason| Error::input(&self.picture, format!("{}: {reason}", self.name));
            let beside = sidecar(path).map_err(told)?;
            facts.extend(beside.texts);
            if orientation <= 1 {
                orientation = beside.orientation.unwrap_or(1);
            }
        }
        Ok((FileSays::of(&facts), orientation))
    }

    /// In words, for plans.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Format, samples and size in words.
    pub fn described(&self) -> String {
        let info = self.info();
        format!("{}, {}, {}", info.format, info.described_layout(), info.extent)
    }

    /// Bytes it holds while so many rows are read.
    pub fn bytes(&self, rows: u32) -> u64 {
        let info = self.info();
        let row = u64::from(info.extent.width) * (info.layout.pixel_bytes() as u64 + 4);
        self.source.resident_bytes(rows) + row * u64::from(rows.min(info.extent.height))
    }

    /// Its size.
    pub fn extent(&self) -> Extent {
        self.info().extent
    }

    /// Reads rows as the numbers that the file holds, one per pixel.
    ///
    /// # Errors
    /// Those of its codec, with the picture's path.
    pub fn read(&mut self, region: Region, into: &mut Vec<f32>, pool: &Pool) -> Result<()> {
        into.resize(region.pixels(), 0.0);
        let result = self.read_rows(region, into, pool);
        result.map_err(|error| of_map(&self.picture, &self.name, error))
    }

    fn read_rows(&mut self, region: Region, into: &mut [f32], pool: &Pool) -> Result<()> {
        if region.y < self.next_row {
            self.source.rewind()?;
        }
        self.next_row = region.y + region.rows;
        if self.is_channel {
            return self.source.read_depth(region, into, pool);
        }
        self.source.read(region, &mut self.strip, pool)?;
        let channels = self.strip.layout.channels.count();
        let is_color = self.strip.layout.channels.is_color();
        let sample = self.strip.layout.sample;
        let bytes = sample.bytes();
        for (value, pixel) in into.iter_mut().zip(self.strip.bytes().chunks_exact(channels * bytes)) {
            let mut samples = pixel.chunks_exact(bytes).map(|bytes| number(bytes, sample));
            *value = samples.next().unwrap_or(f32::NAN);
            if is_color {
                let (g, b) = (samples.next().unwrap_or(*value), samples.next().unwrap_or(*value));
                let allowed = if bytes == 1 { GRAY_CODES } else { GRAY_CODES / 255.0 * value.abs().max(256.0) };
                let differs = (g - *value).abs() > allowed || (b - *value).abs() > allowed;
                self.colored.0 += u64::from(differs);
                self.colored.1 += 1;
            }
        }
        Ok(())
    }

    /// Whether what was read so far is gray, and the file is what it was.
    ///
    /// # Errors
    /// `Unsupported` for a map in color; `Input` when the file was changed while it was read.
    pub fn check(&self) -> Result<()> {
        let (colored, all) = self.colored;
        if colored as f64 > COLORED * all as f64 {
            let what = format!(
                "{}: {:.0} % of its pixels are in color: this is no depth map but a picture, or a map colored for people; give gray values",
                self.name,
                100.0 * colored as f64 / all.max(1) as f64
            );
            return Err(Error::unsupported(&self.picture, what));
        }
        self.source.check_intact().map_err(|error| of_map(&self.picture, &self.name, error))
    }
}

/// Where the facts of a map stand that its own format has no room for: `NAME.json`.
pub fn facts_path(map: &Path) -> PathBuf {
    let mut name = map.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

/// What a file beside a map says.
#[derive(Default)]
struct Beside {
    /// Its facts about the meaning of the numbers.
    texts: Vec<(String, String)>,
    /// How the map lies.
    orientation: Option<u16>,
}

/// Reads the file of facts beside a map. Nothing when there is none, or when it is JSON without a fact of ours, as other programs put it there.
///
/// # Errors
/// A sentence: a file that cannot be read or is damaged. It may be what says that the map is in meters, so nothing is guessed without it.
fn sidecar(path: &Path) -> std::result::Result<Beside, String> {
    let bad = |why: String| {
        let name = crate::error::escape(path);
        format!("the facts beside it, {name}, {why}: mend the file, or move it away and say depth.unit in the recipe")
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Beside::default()),
        Err(e) => return Err(bad(format!("cannot be read ({e})"))),
    };
    let mut bytes = Vec::new();
    file.take(MOST_FACTS + 1).read_to_end(&mut bytes).map_err(|e| bad(format!("cannot be read ({e})")))?;
    if bytes.len() as u64 > MOST_FACTS {
        return Err(bad(format!("is larger than {} KiB", MOST_FACTS >> 10)));
    }
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|e| bad(format!("is damaged, it is no JSON ({e})")))?;
    let Some(facts) = value.as_object().filter(|facts| facts.keys().any(|key| is_fact(key))) else {
        return Ok(Beside::default());
    };
    let text = |(key, value): (&String, &serde_json::Value)| match value.as_str() {
        Some(text) => Ok((key.clone(), text.to_owned())),
        None => Err(bad(format!("is damaged, {} is no text", crate::error::escape(Path::new(key))))),
    };
    let texts = facts.iter().filter(|(key, _)| is_meaning(key)).map(text);
    let orientation = facts.get("orientation").map(|value| {
        let number = value.as_u64().and_then(|v| u16::try_from(v).ok()).filter(|v| (1..=8).contains(v));
        number.ok_or_else(|| bad("is damaged, \"orientation\" is no number from 1 to 8".to_owned()))
    });
    Ok(Beside { texts: texts.collect::<std::result::Result<_, _>>()?, orientation: orientation.transpose()? })
}

/// Whether a key is one of those that [`FileSays::of`] reads.
fn is_meaning(key: &str) -> bool {
    ["depth:kind", "depth:unit", "depth:polarity"].iter().any(|known| key.eq_ignore_ascii_case(known))
}

/// Whether a key is one of the facts that maps of this program carry.
fn is_fact(key: &str) -> bool {
    key.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("depth:"))
}

/// One sample as the number it is.
fn number(bytes: &[u8], sample: SampleType) -> f32 {
    match (sample, bytes) {
        (SampleType::U8, &[v]) => f32::from(v),
        (SampleType::U16, &[a, b]) => f32::from(u16::from_ne_bytes([a, b])),
        (SampleType::F16, &[a, b]) => half::f16::from_ne_bytes([a, b]).to_f32(),
        (SampleType::F32, &[a, b, c, d]) => f32::from_ne_bytes([a, b, c, d]),
        _ => f32::NAN,
    }
}

/// Why a file cannot be a map, before it is opened.
fn look_at(path: &Path) -> std::result::Result<(), String> {
    match std::fs::metadata(path) {
        Ok(facts) if facts.is_dir() => Err("it is a folder, a file is needed: name the file in depth.source".to_owned()),
        Ok(facts) if !facts.is_file() => Err("it is not a regular file".to_owned()),
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(
            "there is no such file: put the map there, or say in depth.source where it is (model estimates depth instead)"
                .to_owned(),
        ),
        Err(e) => Err(e.to_string()),
    }
}

/// The error of a map as the error of its picture.
fn of_map(picture: &Path, name: &str, error: Error) -> Error {
    match error {
        Error::Input { reason, .. } => Error::input(picture, format!("{name}: {reason}")),
        Error::Unsupported { what, .. } => Error::unsupported(picture, format!("{name}: {what}")),
        Error::Limit { what, value, limit, .. } => {
            Error::unsupported(picture, format!("{name}: {what} is {value}, the limit is {limit}"))
        }
        other => other,
    }
}
