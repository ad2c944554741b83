//! Jobs: one input, its outputs, one kind of work; and what became of it.

use std::path::PathBuf;

use super::exports::cost;
use crate::depth::gate::Scores;
use crate::error::{Error, ErrorKind};
use crate::picture::{Extent, Format};
use crate::plan::Exports;
use crate::recipe::{Colors, DepthUnit, OpSetting, Recipe};

/// One input to one set of outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The picture.
    pub input: PathBuf,
    /// Page of it, counted from 0; `None` = the first one, with a warning when there are more.
    pub page: Option<u32>,
    /// Name in the journal: the path relative to what the user named.
    pub name: String,
    /// Final names of the outputs, in the order of [`Work`].
    pub targets: Vec<PathBuf>,
}

/// One form of a depth map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DepthExport {
    /// 16-bit gray PNG of normalized disparity: 65535 = nearest.
    Png,
    /// 16-bit gray TIFF of the same.
    Tiff,
    /// Gray TIFF of floats: normalized disparity, 1 = nearest; or meters.
    TiffFloat,
    /// EXR with a float channel `Z`: relative depth, 1 = nearest, larger = farther; or meters.
    Exr,
    /// Portable float map of normalized disparity or meters; facts in a JSON file beside it.
    Pfm,
    /// NumPy array of normalized disparity or meters; facts in a JSON file beside it.
    Npy,
    /// 8-bit colored PNG for people.
    Preview,
    /// 8-bit PNG for people: the picture, and beside it its colored map.
    SideBySide,
}

impl DepthExport {
    /// All kinds.
    pub const ALL: [Self; 8] =
        [Self::Png, Self::Tiff, Self::TiffFloat, Self::Exr, Self::Pfm, Self::Npy, Self::Preview, Self::SideBySide];

    /// Word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Tiff => "tiff",
            Self::TiffFloat => "tiff32",
            Self::Exr => "exr",
            Self::Pfm => "pfm",
            Self::Npy => "npy",
            Self::Preview => "preview",
            Self::SideBySide => "side-by-side",
        }
    }

    /// What replaces the extension of the picture's name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Png => "_depth.png",
            Self::Tiff => "_depth.tif",
            Self::TiffFloat => "_depth32.tif",
            Self::Exr => "_depth.exr",
            Self::Pfm => "_depth.pfm",
            Self::Npy => "_depth.npy",
            Self::Preview => "_depth_preview.png",
            Self::SideBySide => "_side_by_side.png",
        }
    }

    /// File format.
    pub fn format(self) -> Format {
        match self {
            Self::Png | Self::Preview | Self::SideBySide => Format::Png,
            Self::Tiff | Self::TiffFloat => Format::Tiff,
            Self::Exr => Format::Exr,
            Self::Pfm => Format::Pfm,
            Self::Npy => Format::Npy,
        }
    }

    /// What the name of the file with its facts has behind its own; `None` where they are inside.
    pub fn sidecar(self) -> Option<&'static str> {
        matches!(self, Self::Pfm | Self::Npy).then_some(SIDECAR)
    }

    /// True for forms of floats, which can hold meters.
    pub fn holds_meters(self) -> bool {
        matches!(self, Self::TiffFloat | Self::Exr | Self::Pfm | Self::Npy)
    }

    /// True for forms that cannot say which way up the picture is.
    pub fn has_no_orientation(self) -> bool {
        matches!(self, Self::Exr | Self::Pfm | Self::Npy)
    }

    /// The files of this form whose map is `path`: the map, and its facts where they lie beside it.
    pub fn files(self, path: PathBuf) -> Vec<PathBuf> {
        let beside = self.sidecar().map(|end| {
            let mut name = path.clone().into_os_string();
            name.push(end);
            PathBuf::from(name)
        });
        [path].into_iter().chain(beside).collect()
    }
}

/// End of the name of a file with the facts of another: `a_depth.npy.json`.
pub const SIDECAR: &str = ".json";

/// Choices within the forms of depth maps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MapStyle {
    /// Colors of those for people.
    pub colors: Colors,
    /// Unit of those of floats.
    pub unit: DepthUnit,
}

/// What an engine does with every picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Grade it with the recipe.
    Grade,
    /// Write its depth map.
    Depth(Vec<DepthExport>),
    /// Write the mask of one operation of the recipe, counted from 1, as a gray picture.
    Mask(usize),
}

impl Work {
    /// True when it needs depth although the operations of `recipe` that change something may not.
    pub fn needs_depth(&self, recipe: &Recipe) -> bool {
        match self {
            Self::Grade => false,
            Self::Depth(_) => true,
            Self::Mask(number) => recipe.ops.iter().take(*number).any(OpSetting::reads_depth),
        }
    }

    /// What the maps of a picture of this size cost while they are made.
    pub fn exports(&self, extent: Extent) -> Exports {
        let Self::Depth(exports) = self else { return Exports::default() };
        // One lane of floats that all maps are made of.
        let lane = Exports { row_bytes: u64::from(extent.width) * 4, ..Exports::default() };
        exports.iter().fold(lane, |sum, export| {
            let one = cost(*export, extent);
            Exports {
                held_bytes: sum.held_bytes + one.held_bytes,
                row_bytes: sum.row_bytes + one.row_bytes,
                packed: sum.packed + one.packed,
            }
        })
    }
}

/// Seconds of the stages of one job. Stages overlap: their sum may be more than the job's own time.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Stages {
    /// Waiting for the byte budget.
    pub admit: f64,
    /// Reading and decoding.
    pub read: f64,
    /// Reducing for depth and facts.
    pub analyse: f64,
    /// Depth inference, waiting for the model included.
    pub depth: f64,
    /// Running passes.
    pub render: f64,
    /// Encoding and writing.
    pub write: f64,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// All outputs are in place.
    Done,
    /// The outputs were there already and are what this job would write.
    UpToDate,
    /// Nothing was written, on purpose: the reason.
    Skipped(String),
    /// It failed.
    Failed {
        /// Who must act.
        kind: ErrorKind,
        /// What to tell them.
        message: String,
    },
}

/// What became of a job.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Index of the job in the list handed in.
    pub index: usize,
    /// How it ended.
    pub status: Status,
    /// Files in place.
    pub outputs: Vec<PathBuf>,
    /// Size of the picture, once known.
    pub extent: Option<Extent>,
    /// Where the depth came from, when the recipe reads it: "model chiaro-small, rten 0.27 (cpu)", "channel Z".
    pub depth: Option<String>,
    /// What looks wrong about the depth, as far as it was judged.
    pub scores: Option<Scores>,
    /// Why the outputs went to review instead of being delivered.
    pub review: Option<String>,
    /// What rendered it, once it was rendered.
    pub device: Option<String>,
    /// Time per stage.
    pub stages: Stages,
    /// Wall seconds from taking the job to handing its outputs to the committer.
    pub seconds: f64,
    /// Things worth knowing that are no failure.
    pub warnings: Vec<String>,
}

impl Outcome {
    pub(super) fn new(index: usize, status: Status) -> Self {
        Self {
            index,
            status,
            outputs: Vec::new(),
            extent: None,
            depth: None,
            scores: None,
            review: None,
            device: None,
            stages: Stages::default(),
            seconds: 0.0,
            warnings: Vec::new(),
        }
    }

    pub(super) fn fail(&mut self, error: &Error) {
        self.status = Status::Failed { kind: error.kind(), message: error.to_string() };
    }
}

/// What an engine tells while it works, in order of happening.
#[derive(Debug)]
pub enum Event<'a> {
    /// A picture was admitted.
    Started {
        /// Index of the job.
        index: usize,
    },
    /// A picture is done with.
    Finished(&'a Outcome),
    /// A remark on the run as a whole: what recovery could not look at, lines of a journal that are damaged.
    Note(&'a str),
}

/// Totals of a run.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Rendered and in place.
    pub done: u64,
    /// Of those done or up to date: in the folder `review`, because their depth looks wrong.
    pub review: u64,
    /// Nothing to do.
    pub up_to_date: u64,
    /// Left alone on purpose.
    pub skipped: u64,
    /// Failed.
    pub failed: u64,
    /// Not started because the run was stopped.
    pub not_started: u64,
    /// True when the user or a signal stopped the run.
    pub cancelled: bool,
}
