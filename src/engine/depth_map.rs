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
                (codec::open_map(path, limits).map_err(told)?, channel.as_deref())
            }
            MapOrigin::Phone(_) => (codec::jpeg::open_phone_depth(picture, limits).map_err(told)?, None),
        };
        let mut map = Self {
            picture: picture.to_owned(),
            samples: MapSamples::Floats,
            is_channel: false,
            sidecar: match origin {
                MapOrigin::File { path, .. } => {
                    let mut name = path.clone().into_os_string();
                    name.push(".json");
                    Some(name.into())
                }
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

    /// What the file itself says of its numbers.
    pub fn says(&self) -> FileSays {
        let mut facts = self.source.texts();
        facts.extend(self.sidecar.iter().flat_map(|path| sidecar(path)));
        FileSays::of(&facts)
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

/// The facts in the JSON object of a file beside the map; nothing when there is none, or it is something else.
fn sidecar(path: &Path) -> Vec<(String, String)> {
    let Ok(file) = std::fs::File::open(path) else { return Vec::new() };
    let mut text = String::new();
    let read = file.take(MOST_FACTS).read_to_string(&mut text);
    let value = read.ok().and_then(|_| serde_json::from_str::<serde_json::Value>(&text).ok());
    let facts = value.as_ref().and_then(serde_json::Value::as_object).into_iter().flatten();
    facts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
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
