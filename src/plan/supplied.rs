//! Supplied depth as a plan holds it: where it lies, what its numbers mean, and how it meets the picture.

use std::path::{Path, PathBuf};

use crate::ops;
use crate::picture::{Extent, SampleType};
use crate::recipe::{MapUnit, Polarity, SuppliedSettings};

/// Supplied depth of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct SuppliedPlan {
    /// Where it lies.
    pub origin: MapOrigin,
    /// What its numbers mean.
    pub meaning: Meaning,
    /// How it meets the picture.
    pub size: MapSize,
    /// Bytes that reading it takes.
    pub bytes: u64,
    /// File format, samples and size in words; empty for a channel of the picture.
    pub described: String,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

/// Where supplied depth lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MapOrigin {
    /// A channel of the picture itself.
    Channel(String),
    /// A file beside the picture.
    File {
        /// The file.
        path: PathBuf,
        /// A channel of it, where one is named.
        channel: Option<String>,
    },
    /// What a phone put into the picture: the name of the convention.
    Phone(String),
}

impl MapOrigin {
    /// In words: "channel Z of the picture", "depth map ../z/a.exr, channel depth.Z".
    pub fn words(&self) -> String {
        match self {
            Self::Channel(name) => format!("channel {name} of the picture"),
            Self::File { path, channel: None } => format!("depth map {}", shown(path)),
            Self::File { path, channel: Some(channel) } => format!("depth map {}, channel {channel}", shown(path)),
            Self::Phone(convention) => format!("depth of the phone ({convention})"),
        }
    }
}

fn shown(path: &Path) -> String {
    crate::error::escape(path)
}

/// How a map meets the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapSize {
    /// Of the picture's own size: read beside its strips, never filtered.
    Own,
    /// Of another size: brought to `cells` and joined to the picture's edges.
    Joined {
        /// Width and height of the join, as the picture is stored.
        cells: (u32, u32),
        /// The orientation (EXIF 1 to 8) that stands the map up as the file has it.
        map: u16,
        /// The orientation that stands the picture up, where the map does not lie as the picture does; else as `map`.
        picture: u16,
    },
}

/// What the numbers of a map are, once factor and polarity are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuppliedKind {
    /// Depth, larger = farther: meters, or any unit proportional to them. Positive; infinite = farthest.
    Depth,
    /// Disparity, larger = nearer, of any scale and shift.
    Disparity,
    /// Distance, larger = farther, linear from the nearest to the farthest point.
    Distance,
}

/// What the numbers of a map mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meaning {
    /// Kind of numbers.
    pub kind: SuppliedKind,
    /// Factor on the numbers of the file; below 0 where they run the other way.
    pub factor: f32,
    /// True when `kind` is depth in meters.
    pub metric: bool,
    /// Numbers of the file that stand for no value: 0 and the largest code of 16 bits, as depth cameras write them.
    pub gaps: Gaps,
    /// What it was taken from, in words: "meters", "relative, near-is-large (nothing says so)".
    pub words: Words,
    /// The distances that count as nearest and farthest, in meters.
    pub anchors: Option<(f32, f32)>,
}

/// Which numbers of a file stand for no value. Numbers that are none (NaN) always do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gaps {
    /// 0.
    pub zero: bool,
    /// 65535.
    pub full: bool,
    /// They are holes to be filled from their neighbors, not what lies behind everything.
    pub filled: bool,
}

/// Unit and polarity, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// The unit.
    pub unit: MapUnit,
    /// Which way numbers run.
    pub polarity: Polarity,
    /// Who says so.
    pub said: SaidBy,
}

/// Who says what the numbers of a map mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaidBy {
    /// The recipe.
    Recipe,
    /// The file itself.
    File,
    /// Nobody: the habit of the format.
    Habit,
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.unit {
            MapUnit::Kitti => "kitti (1/256 m)",
            MapUnit::Tum => "tum (1/5000 m)",
            MapUnit::Proportional => "proportional depth",
            MapUnit::Relative => "relative disparity",
            other => other.name(),
        };
        f.write_str(unit)?;
        if !self.unit.is_depth() {
            write!(f, ", {}", self.polarity.name())?;
        }
        match self.said {
            SaidBy::Recipe => Ok(()),
            SaidBy::File => f.write_str(" (the file says so)"),
            SaidBy::Habit => f.write_str(" (nothing says so: depth.unit and depth.polarity would)"),
        }
    }
}

/// What a file says of its numbers; `None` = nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileSays {
    /// The unit.
    pub unit: Option<MapUnit>,
    /// Which way numbers run.
    pub polarity: Option<Polarity>,
}

impl FileSays {
    /// Reads the facts that depth maps of this program carry as texts: `depth:kind` (relative-disparity, relative-depth, metric-depth),
    /// `depth:unit` (relative, meters) and `depth:polarity` (near-is-large, near-is-small), and the sentences of earlier versions.
    pub fn of(facts: &[(String, String)]) -> Self {
        let fact = |key: &str| {
            let found = facts.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
            found.map(|(_, value)| value.to_ascii_lowercase())
        };
        let kind = fact("depth:kind").unwrap_or_default();
        let unit = fact("depth:unit").unwrap_or_default();
        let polarity = fact("depth:polarity").unwrap_or_default();
        let any = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
        let unit = if any(&unit, &["millimet"]) {
            Some(MapUnit::Millimeters)
        } else if any(&unit, &["meter", "metre"]) || unit == "m" {
            Some(MapUnit::Meters)
        } else if any(&polarity, &["relative depth"]) || any(&kind, &["relative-depth", "proportional"]) {
            Some(MapUnit::Proportional)
        } else if any(&kind, &["distance"]) {
            Some(MapUnit::Distance)
        } else if any(&kind, &["disparity"]) || any(&unit, &["relative", "none"]) {
            Some(MapUnit::Relative)
        } else {
            None
        };
        let polarity = if any(&polarity, &["near-is-large", "larger = nearer", "65535 = nearest", "255 = nearest"]) {
            Some(Polarity::NearIsLarge)
        } else if any(&polarity, &["near-is-small", "larger = farther", "0 = nearest"]) {
            Some(Polarity::NearIsSmall)
        } else {
            None
        };
        Self { unit, polarity }
    }
}

/// Samples of a map's file, as far as habits go by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapSamples {
    /// Integers of 8 or 16 bits.
    Codes(SampleType),
    /// Floats of a PFM, TIFF or NPY file.
    Floats,
    /// A channel of an EXR file.
    Exr,
}

impl Meaning {
    /// What the numbers mean: the recipe says it, else the file itself, else the habit of the format (EXR: depth; all others: disparity).
    ///
    /// # Errors
    /// A sentence when unit and polarity contradict each other.
    pub fn new(settings: &SuppliedSettings, file: FileSays, samples: MapSamples) -> Result<Self, String> {
        let habit = if samples == MapSamples::Exr { MapUnit::Proportional } else { MapUnit::Relative };
        let said = match (settings.unit, settings.polarity, file.unit) {
            (None, None, None) => SaidBy::Habit,
            (None, None, Some(_)) => SaidBy::File,
            _ => SaidBy::Recipe,
        };
        // A polarity alone cannot turn a habit of depth around: such a map is disparity.
        let turned = settings.polarity == Some(Polarity::NearIsLarge);
        let unit = settings.unit.or(file.unit.filter(|unit| !(turned && unit.is_depth())));
        let unit = unit.unwrap_or(if turned { MapUnit::Relative } else { habit });
        let usual = if unit == MapUnit::Relative { Polarity::NearIsLarge } else { Polarity::NearIsSmall };
        let polarity = match (settings.polarity, settings.unit) {
            (Some(polarity), _) => polarity,
            (None, Some(_)) => usual,
            (None, None) => file.polarity.filter(|_| !unit.is_depth()).unwrap_or(usual),
        };
        SuppliedSettings { unit: Some(unit), polarity: Some(polarity), ..*settings }.check()?;
        let kind = match unit {
            MapUnit::Relative => SuppliedKind::Disparity,
            MapUnit::Distance => SuppliedKind::Distance,
            _ => SuppliedKind::Depth,
        };
        let scale = settings.scale.unwrap_or(1.0);
        let factor = (f64::from(scale) * unit.meters().unwrap_or(1.0)) as f32;
        let codes = matches!(samples, MapSamples::Codes(_));
        let gaps = Gaps {
            zero: kind == SuppliedKind::Depth,
            full: kind == SuppliedKind::Depth && samples == MapSamples::Codes(SampleType::U16),
            filled: codes || samples == MapSamples::Floats,
        };
        Ok(Self {
            kind,
            factor: if polarity == usual { factor } else { -factor },
            metric: unit.meters().is_some(),
            gaps,
            words: Words { unit, polarity, said },
            anchors: settings.anchors(),
        })
    }

    /// Depth as EXR channels hold it: what a picture's own channel is when nothing else is said.
    ///
    /// # Errors
    /// As [`Meaning::new`].
    pub fn of_channel(settings: &SuppliedSettings) -> Result<Self, String> {
        Self::new(settings, FileSays::default(), MapSamples::Exr)
    }

    /// True where a number of the file is the number of its kind.
    pub fn is_plain(&self) -> bool {
        self.kind == SuppliedKind::Depth && self.factor == 1.0
    }

    /// The number of the kind for a number of the file; NaN for one that stands for no value.
    #[inline(always)]
    pub fn value(&self, number: f32) -> f32 {
        let gap = (self.gaps.zero && number == 0.0) || (self.gaps.full && number == 65_535.0);
        if gap { f32::NAN } else { number * self.factor }
    }
}

/// How normalized disparity (1 = nearest, 0 = farthest) goes with meters: `disparity = scale / meters + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricScale {
    /// Factor of 1/m.
    pub scale: f32,
    /// Added afterwards.
    pub offset: f32,
}

impl MetricScale {
    /// `near_m` is disparity 1, `far_m` is disparity 0; `None` unless `0 < near_m < far_m`. `far_m` may be infinite.
    pub fn anchored(near_m: f32, far_m: f32) -> Option<Self> {
        let (near, far) = (1.0 / near_m, 1.0 / far_m);
        let range = near - far;
        let ordered = near_m > 0.0 && near_m < far_m && range.is_finite() && range > 0.0;
        ordered.then(|| Self { scale: 1.0 / range, offset: -far / range })
    }

    /// Meters of a normalized disparity; infinite where there is nothing nearer.
    pub fn meters(&self, disparity: f32) -> f32 {
        let inverse = (disparity - self.offset) / self.scale;
        if inverse > 0.0 { 1.0 / inverse } else { f32::INFINITY }
    }

    /// Normalized disparity of a distance in meters; it may lie outside 0..1.
    pub fn disparity(&self, meters: f32) -> f32 {
        self.scale / meters + self.offset
    }

    /// As the constants of the step that normalizes supplied depth.
    pub fn constants(&self) -> ops::supplied::Constants {
        ops::supplied::Constants { scale: self.scale, offset: self.offset }
    }
}

/// Cells of a join at most: a map is brought to so many, more would only cost time and memory.
pub const MOST_CELLS: u64 = 1 << 20;
/// Bytes that a cell of a join takes while it is made: sums and means of the picture, the map, and some twenty planes of the fit.
pub const CELL_BYTES: u64 = 200;
/// How far the aspects of map and picture may differ.
const ASPECT: f64 = 0.01;

impl MapSize {
    /// How a map of `map` pixels, to be shown by `orientations.0`, meets a picture of `picture` pixels, to be shown by `orientations.1`.
    /// `None` when their aspects differ by more than 1 %, however they are turned.
    pub fn of(map: Extent, picture: Extent, orientations: (u16, u16)) -> Option<Self> {
        let (of_map, of_picture) = orientations;
        let turned = |extent: Extent, orientation: u16| match orientation {
            5..=8 => Extent { width: extent.height, height: extent.width },
            _ => extent,
        };
        let aspect = |extent: Extent| f64::from(extent.width) / f64::from(extent.height.max(1));
        let alike = |a: Extent, b: Extent| (aspect(a) / aspect(b) - 1.0).abs() <= ASPECT;
        if map == picture && (of_map == of_picture || of_map == 1) {
            return Some(Self::Own);
        }
        // A map without a tag either lies as the picture is stored, or stands as it is shown.
        let (of_map, of_picture) =
            if of_map == of_picture || of_map == 1 && alike(map, picture) { (1, 1) } else { (of_map, of_picture) };
        let stands = turned(map, of_map);
        alike(stands, turned(picture, of_picture)).then(|| Self::Joined {
            cells: cells(turned(stands, of_picture), picture),
            map: of_map,
            picture: of_picture,
        })
    }

    /// True where the map is taken to lie as the picture is stored, and not turned.
    pub fn is_as_stored(&self) -> bool {
        matches!(self, Self::Own | Self::Joined { map: 1, picture: 1, .. })
    }
}

/// Cells of the join for a map of this size, as the picture is stored: those of the map, of the picture's aspect, as far as allowed.
fn cells(map: Extent, picture: Extent) -> (u32, u32) {
    let pixels = map.pixels().min(picture.pixels()).min(MOST_CELLS);
    let shrink = (pixels as f64 / map.pixels().max(1) as f64).sqrt().min(1.0);
    let side = |v: u32, most: u32| ((f64::from(v) * shrink) as u32).clamp(1, most.max(1));
    (side(map.width, picture.width), side(map.height, picture.height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(settings: SuppliedSettings, samples: MapSamples) -> Meaning {
        Meaning::new(&settings, FileSays::default(), samples).unwrap()
    }

    #[test]
    fn recipes_win_over_files_and_files_over_habits() {
        let codes = MapSamples::Codes(SampleType::U16);
        let none = SuppliedSettings::default();
        assert_eq!(
            meaning(none, codes).words.to_string().split(" (").next(),
            Some("relative disparity, near-is-large")
        );
        assert_eq!(meaning(none, MapSamples::Exr).words.unit, MapUnit::Proportional);
        let facts = [("depth:unit", "meters"), ("depth:kind", "metric depth")];
        let says = FileSays::of(&facts.map(|(k, v)| (k.to_owned(), v.to_owned())));
        let told = Meaning::new(&none, says, codes).unwrap();
        assert_eq!((told.metric, told.words.said), (true, SaidBy::File));
        let tum = SuppliedSettings { unit: Some(MapUnit::Tum), ..none };
        let tum = Meaning::new(&tum, says, codes).unwrap();
        assert_eq!((tum.value(5000.0), tum.words.said), (1.0, SaidBy::Recipe));
        assert!(tum.value(0.0).is_nan() && tum.value(65_535.0).is_nan() && meaning(none, codes).value(0.0) == 0.0);
        let turned = SuppliedSettings { polarity: Some(Polarity::NearIsSmall), ..none };
        assert_eq!(meaning(turned, codes).value(7.0), -7.0);
        let turned = SuppliedSettings { polarity: Some(Polarity::NearIsLarge), ..none };
        assert_eq!(meaning(turned, MapSamples::Exr).kind, SuppliedKind::Disparity);
    }

    #[test]
    fn maps_of_this_program_say_what_they_are() {
        let says = |list: &[(&str, &str)]| {
            FileSays::of(&list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>())
        };
        let png = says(&[
            ("depth:kind", "relative disparity, estimated"),
            ("depth:polarity", "65535 = nearest, 0 = farthest"),
        ]);
        assert_eq!(png, FileSays { unit: Some(MapUnit::Relative), polarity: Some(Polarity::NearIsLarge) });
        let exr = says(&[
            ("depth:kind", "disparity, from supplied depth"),
            ("depth:polarity", "Z: relative depth, 1 = nearest, larger = farther"),
        ]);
        assert_eq!(exr.unit, Some(MapUnit::Proportional));
        let hyphens =
            says(&[("depth:kind", "relative-depth"), ("depth:unit", "relative"), ("depth:polarity", "near-is-small")]);
        assert_eq!(hyphens.unit, Some(MapUnit::Proportional));
        assert_eq!(says(&[("depth:kind", "metric-depth"), ("depth:unit", "meters")]).unit, Some(MapUnit::Meters));
        assert_eq!(says(&[("Software", "x")]), FileSays::default());
    }

    #[test]
    fn sizes_and_turns() {
        let extent = |width, height| Extent { width, height };
        let picture = extent(4000, 3000);
        let joined = |map, orientations| match MapSize::of(map, picture, orientations) {
            Some(MapSize::Joined { cells, map, picture }) => (cells, map, picture),
            other => panic!("{other:?}"),
        };
        assert_eq!(MapSize::of(picture, picture, (1, 6)), Some(MapSize::Own));
        assert_eq!(joined(extent(640, 480), (1, 1)), ((640, 480), 1, 1));
        assert_eq!(joined(extent(640, 480), (1, 6)), ((640, 480), 1, 1));
        assert_eq!(joined(extent(480, 640), (1, 6)), ((640, 480), 1, 6));
        assert_eq!(joined(extent(480, 640), (6, 1)), ((640, 480), 6, 1));
        let ((w, h), ..) = joined(extent(8000, 6000), (1, 1));
        assert!(u64::from(w) * u64::from(h) <= MOST_CELLS && w > 1100, "{w}x{h}");
        assert_eq!(MapSize::of(extent(480, 640), picture, (1, 1)), None);
        assert_eq!(MapSize::of(extent(640, 360), picture, (1, 6)), None);
    }

    #[test]
    fn meters_come_home() {
        let scale = MetricScale::anchored(2.0, 50.0).unwrap();
        assert!((scale.meters(1.0) - 2.0).abs() < 1e-5 && (scale.meters(0.0) - 50.0).abs() < 1e-3);
        assert!((scale.disparity(scale.meters(0.3)) - 0.3).abs() < 1e-6);
        let endless = MetricScale::anchored(2.0, f32::INFINITY).unwrap();
        assert_eq!((endless.meters(0.0), endless.meters(0.5)), (f32::INFINITY, 4.0));
        assert!(MetricScale::anchored(2.0, 1.0).is_none() && MetricScale::anchored(0.0, 1.0).is_none());
    }
}
