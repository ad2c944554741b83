//! Depth maps on their way into files: which form, which facts, which samples.
//!
//! * `facts`: what a map's numbers mean, in words that other programs (and Chiaro itself) read back
//! * `samples`: normalized disparity as the samples of a form
//! * `pair`: two halves that become one picture

mod facts;
mod pair;
mod samples;

use std::io::Write;

use super::job::DepthExport;
use super::staged::Staged;
use crate::codec::{self, Sink, SinkSpec};
use crate::color::encodings;
use crate::depth::registry::ModelEntry;
use crate::error::{Error, Result};
use crate::picture::{Alpha, Channels, Compression, Extent, Format, Metadata, PictureInfo, PixelLayout, SampleType};
use crate::plan::{DepthFacts, Exports, OutputPlan, Plan, SuppliedKind};
use crate::recipe::{Bits, Colors, DepthUnit, OutputKind, OutputSettings};
pub use facts::{KnownUnit, MapFacts};

/// A form and what is left to choose in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Which.
    pub export: DepthExport,
    /// Of those for people.
    pub colors: Colors,
    /// Of those of floats.
    pub unit: DepthUnit,
}

/// The form of an output of a recipe; `None` for a graded picture. `float`: its samples are floats.
fn export_of(kind: OutputKind, format: Format, float: bool) -> Option<DepthExport> {
    match (kind, format) {
        (OutputKind::Picture, _) => None,
        (OutputKind::DepthPreview, _) => Some(DepthExport::Preview),
        (OutputKind::SideBySide, _) => Some(DepthExport::SideBySide),
        (OutputKind::Depth, Format::Exr) => Some(DepthExport::Exr),
        (OutputKind::Depth, Format::Pfm) => Some(DepthExport::Pfm),
        (OutputKind::Depth, Format::Npy) => Some(DepthExport::Npy),
        (OutputKind::Depth, Format::Tiff) if float => Some(DepthExport::TiffFloat),
        (OutputKind::Depth, Format::Tiff) => Some(DepthExport::Tiff),
        (OutputKind::Depth, _) => Some(DepthExport::Png),
    }
}

/// The form that the settings of an output ask for.
pub fn export_asked(output: &OutputSettings) -> Option<DepthExport> {
    export_of(output.kind, output.format.unwrap_or(Format::Png), output.bits == Some(Bits::Float))
}

impl Form {
    /// Of an output of a plan; `None` for a graded picture.
    pub fn of(output: &OutputPlan) -> Option<Self> {
        let export = export_of(output.kind, output.format, !output.layout.sample.is_integer())?;
        Some(Self { export, colors: output.colors, unit: output.unit })
    }

    /// True when it is written in meters.
    pub fn is_metric(self) -> bool {
        self.unit == DepthUnit::Meters && self.export.holds_meters()
    }

    /// Samples of the file.
    fn layout(self) -> PixelLayout {
        let (sample, channels) = match self.export {
            DepthExport::Png | DepthExport::Tiff => (SampleType::U16, Channels::Gray),
            DepthExport::TiffFloat | DepthExport::Exr | DepthExport::Pfm | DepthExport::Npy => {
                (SampleType::F32, Channels::Gray)
            }
            DepthExport::Preview | DepthExport::SideBySide => (SampleType::U8, Channels::Rgb),
        };
        PixelLayout { sample, channels, alpha: Alpha::None }
    }

    /// What the sink is asked to write; `info` is of the picture.
    fn spec(self, info: &PictureInfo, text: Vec<(String, String)>) -> Result<SinkSpec> {
        let is_float = !self.layout().sample.is_integer();
        let extent = match self.export {
            DepthExport::SideBySide => pair::extent(info.extent)?,
            _ => info.extent,
        };
        Ok(SinkSpec {
            extent,
            layout: self.layout(),
            encoding: if is_float { encodings::linear_rec709() } else { encodings::srgb() },
            orientation: info.orientation,
            // A map lies where its picture lies.
            metadata: Metadata { frame: info.metadata.frame.clone(), ..Metadata::default() },
            compression: Compression::Deflate,
            extras: None,
            gray_name: "Z",
            text,
        })
    }
}

/// The staged files of one output: the picture or map and, where the format has no room for facts, what lies beside it.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    /// The output itself.
    pub main: &'a Staged,
    /// Its facts.
    pub beside: Option<&'a Staged>,
}

/// Hands the staged files out, in the order of the outputs.
///
/// # Errors
/// An internal one when there are too few.
pub fn files<'a>(forms: &[Option<Form>], staged: &'a [Staged]) -> Result<Vec<Files<'a>>> {
    let mut staged = staged.iter();
    let mut next =
        || staged.next().ok_or_else(|| Error::Environment("internal error: an output without a file".to_owned()));
    let one = |form: &Option<Form>| {
        let main = next()?;
        let has_facts_beside = form.is_some_and(|form| form.export.sidecar().is_some());
        Ok(Files { main, beside: if has_facts_beside { Some(next()?) } else { None } })
    };
    forms.iter().map(one).collect()
}

/// Sinks of one map: what takes the strips of the map, and what takes those of the picture where it is shown too.
pub struct Opened {
    /// Takes normalized disparity (or, for [`metric_facts`], what they make of it), gray floats.
    pub map: Box<dyn Sink>,
    /// Takes the picture, sRGB of 8 bit.
    pub picture: Option<Box<dyn Sink>>,
}

/// Starts the files of a map.
///
/// # Errors
/// Those of the sinks; `Unsupported` for meters of relative depth.
pub fn open(form: Form, map: &MapFacts, source: &str, info: &PictureInfo, files: Files) -> Result<Opened> {
    let target = files.main.target();
    let text = facts::text(form, map, source);
    if let Some(beside) = files.beside {
        write_beside(beside, files.main, info, &text)?;
    }
    let clone = files.main.file().try_clone();
    let file = clone.map_err(|e| Error::output(target, format!("cannot open its temporary file twice: {e}")))?;
    let format = form.export.format();
    let sink = codec::create(format, file, target, form.spec(info, text)?)?;
    let samples = samples::Samples::new(form, map);
    if form.export == DepthExport::SideBySide {
        let (picture, map) = pair::halves(sink, target, form.layout(), pair::is_swapped(info.orientation));
        return Ok(Opened { map: Box::new(samples::Convert::new(map, samples)), picture: Some(picture) });
    }
    Ok(Opened { map: Box::new(samples::Convert::new(sink, samples)), picture: None })
}

/// The facts of a map as a JSON file beside it: those that other formats carry inside, and the size and orientation that theirs say.
fn write_beside(beside: &Staged, main: &Staged, info: &PictureInfo, text: &[(String, String)]) -> Result<()> {
    let name = main.target().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut all = serde_json::Map::new();
    all.insert("file".to_owned(), name.into());
    all.insert("width".to_owned(), info.extent.width.into());
    all.insert("height".to_owned(), info.extent.height.into());
    all.insert("orientation".to_owned(), info.orientation.into());
    all.extend(text.iter().map(|(key, value)| (key.clone(), value.clone().into())));
    let bytes = serde_json::to_string_pretty(&serde_json::Value::Object(all)).unwrap_or_default() + "\n";
    let mut file = beside.file();
    file.write_all(bytes.as_bytes()).map_err(|e| Error::output(beside.target(), e))
}

/// Nearest distance that is written in meters: a micrometer or so. A power of two, so that scaling by it loses nothing.
const NEAREST_M: f32 = 1.0 / (1 << 20) as f32;

/// What the lane of metric maps runs on, and what its strips mean. Supplied depth is taken unclamped: percentiles are for looks, not for
/// measures. Supplied disparities and distances were normalized before (`SuppliedNorm::depth`) and get their meters from `map`.
pub fn metric_facts(depth: &DepthFacts, map: &MapFacts) -> (DepthFacts, MapFacts) {
    match depth {
        DepthFacts::Supplied(constants) if map.supplied == Some(SuppliedKind::Depth) => {
            let mut constants = *constants;
            (constants.scale, constants.offset) = (NEAREST_M, 0.0);
            (DepthFacts::Supplied(constants), MapFacts { near: 1.0 / NEAREST_M, far: 0.0, ..map.clone() })
        }
        normalized => (normalized.clone(), map.clone()),
    }
}

/// Refuses meters where depth is relative: `known` is what is known of it before it is looked at.
///
/// # Errors
/// `Unsupported`, with what to do.
pub fn check_unit(forms: &[Form], known: KnownUnit, what: &str, path: &std::path::Path) -> Result<()> {
    if known != KnownUnit::Relative || !forms.iter().any(|form| form.is_metric()) {
        return Ok(());
    }
    Err(Error::unsupported(
        path,
        format!(
            "depth maps in meters were asked for, but {what} is relative: it says what is nearer, not how far; use a metric model \
             (output = \"meters\" under [depth]) or supplied depth in meters, say with near_m and far_m how far its nearest and farthest are, \
             or write unit \"relative\""
        ),
    ))
}

/// Refuses a plan that writes meters of the relative depth of `model`, so that it is heard before a run.
///
/// # Errors
/// As `check_unit`.
pub fn check_plan(plan: &Plan, model: &ModelEntry, path: &std::path::Path) -> Result<()> {
    let forms: Vec<Form> = plan.outputs.iter().filter_map(Form::of).collect();
    let known = MapFacts::default().by(model).tied(plan.anchors()).unit;
    check_unit(&forms, known, &format!("the depth of model {}", model.id), path)
}

/// What one map of a picture of this size costs: EXR is written whole, and the picture beside its map is rendered too.
pub fn cost(export: DepthExport, extent: Extent) -> Exports {
    let form = Form { export, colors: Colors::default(), unit: DepthUnit::default() };
    let pixel = form.layout().pixel_bytes() as u64;
    let (held_bytes, parts) = match export {
        DepthExport::Exr => (extent.pixels() * pixel, 1),
        // The picture, its map and both side by side.
        DepthExport::SideBySide => (0, 4),
        _ => (0, 1),
    };
    let packed = match export {
        DepthExport::Exr | DepthExport::Pfm | DepthExport::Npy => 0,
        _ => 1,
    };
    Exports { held_bytes, row_bytes: u64::from(extent.width) * pixel * parts, packed }
}
