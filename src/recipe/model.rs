//! A recipe after parsing: checked, with defaults filled in and LUT files loaded.

use std::collections::BTreeMap;

use super::color::ColorChoice;
use super::contract::Contract;
use super::depth_source::{DepthSource, SuppliedSettings};
use super::gate::Gate;
use super::maps::{Colors, DepthUnit};
use crate::ops::mask::Mask;
use crate::ops::{AnyOp, Context, Grading, ParamSet, Value};
use crate::picture::{Compression, Format, Policy, Subsampling};

/// One operation of a recipe.
#[derive(Clone)]
pub struct OpSetting {
    /// The operation.
    pub op: &'static dyn AnyOp,
    /// Checked parameters, complete with defaults. Files are relative to the current folder.
    pub params: ParamSet,
    /// Mix with the input of the operation, 0 to 1.
    pub strength: f32,
    /// Where it works; `None` = everywhere. Files are relative to the current folder.
    pub mask: Option<Mask>,
    /// Line in the recipe, for messages; 0 = none.
    pub line: usize,
}

impl std::fmt::Debug for OpSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} at strength {}", self.op.id(), self.params, self.strength)
    }
}

impl OpSetting {
    /// True when it changes nothing and can be left out of a plan.
    pub fn is_identity(&self) -> bool {
        self.strength == 0.0 || self.op.is_identity(&self.params)
    }

    /// True when the operation or its mask reads depth.
    pub fn reads_depth(&self) -> bool {
        self.op.reads_depth(&self.params) || self.mask.as_ref().is_some_and(Mask::reads_depth)
    }
}

/// How much of a picture's detail a model sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Detail {
    /// The whole picture once, at the model's size.
    #[default]
    Whole,
    /// The whole picture and overlapping tiles of it, for pictures far above the model's size.
    Tiled,
}

impl Detail {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Whole, Self::Tiled];

    /// The word in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Tiled => "tiled",
        }
    }
}

/// What of a pixel decides on which side of an edge of an estimated map it lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Guide {
    /// Its luma.
    #[default]
    Luma,
    /// Its color.
    Rgb,
}

impl Guide {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Luma, Self::Rgb];

    /// The word in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Luma => "luma",
            Self::Rgb => "rgb",
        }
    }
}

/// The `[depth]` table.
#[derive(Debug, Clone, PartialEq)]
pub struct DepthSettings {
    /// Model id of the registry, or the path of an `.onnx` file (relative to the current folder).
    pub model: String,
    /// Where depth comes from.
    pub source: DepthSource,
    /// What the numbers of a supplied map mean, and which distances count as nearest and farthest.
    pub supplied: SuppliedSettings,
    /// How much of the picture's detail the model sees.
    pub detail: Detail,
    /// What estimated maps are joined to the picture by.
    pub guide: Guide,
    /// How a model file is to be used, where its graph does not say.
    pub contract: Contract,
    /// How bad a map may look before its picture goes to review.
    pub gate: Gate,
}

impl Default for DepthSettings {
    fn default() -> Self {
        Self {
            model: "chiaro-small".to_owned(),
            source: DepthSource::Auto,
            supplied: SuppliedSettings::default(),
            detail: Detail::Whole,
            guide: Guide::Luma,
            contract: Contract::default(),
            gate: Gate::default(),
        }
    }
}

/// Samples of the output file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// 8-bit integers.
    Eight,
    /// 16-bit integers.
    Sixteen,
    /// Half floats.
    Half,
    /// Single floats.
    Float,
}

/// What an output holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OutputKind {
    /// The graded picture.
    #[default]
    Picture,
    /// Its depth map.
    Depth,
    /// Its depth map, colored for people.
    DepthPreview,
    /// The picture as it came and its colored depth map, side by side.
    SideBySide,
}

/// One `[[output]]`, or the `[output]` table. `None` = as the input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OutputSettings {
    /// Name among several outputs: the folder it goes to, unless the name template says otherwise. "" = none.
    pub name: String,
    /// What it holds.
    pub kind: OutputKind,
    /// File format.
    pub format: Option<Format>,
    /// Samples.
    pub bits: Option<Bits>,
    /// Compression.
    pub compression: Option<Compression>,
    /// Quality of formats that lose, 1 to 100; `None` = [`Compression::DEFAULT_QUALITY`].
    pub quality: Option<u8>,
    /// Chroma samples of a JPEG; `None` = by the quality.
    pub subsampling: Option<Subsampling>,
    /// Color encoding.
    pub color: Option<ColorChoice>,
    /// What travels beside the pixels.
    pub metadata: Policy,
    /// Colors of a depth map for people; `None` = turbo.
    pub colors: Option<Colors>,
    /// What the numbers of a depth map count; `None` = nothing.
    pub unit: Option<DepthUnit>,
    /// Size, as the parameters of [`crate::ops::resize`] that are given.
    pub size: BTreeMap<&'static str, u32>,
}

impl OutputSettings {
    /// The operation that makes the size that is asked for.
    pub fn resize(&self) -> Option<OpSetting> {
        let op = crate::ops::find("resize").filter(|_| !self.size.is_empty())?;
        let mut params = op.defaults();
        params.extend(self.size.iter().map(|(key, value)| (*key, Value::Number(f64::from(*value)))));
        Some(OpSetting { op, params, strength: 1.0, mask: None, line: 0 })
    }
}

/// The `[input]` table: what pictures mean that do not say it themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InputSettings {
    /// Color encoding of untagged pictures; `None` = the file type's default.
    pub color: Option<ColorChoice>,
    /// `color` also replaces what tagged pictures say.
    pub override_tags: bool,
}

/// A parsed and checked recipe.
#[derive(Clone)]
pub struct Recipe {
    /// File stem or preset id.
    pub name: String,
    /// The `summary` key, one line for lists.
    pub summary: String,
    /// `grading`, when the recipe fixes it.
    pub grading: Option<Grading>,
    /// Depth settings.
    pub depth: DepthSettings,
    /// What pictures mean that do not say it.
    pub input: InputSettings,
    /// Operations in order.
    pub ops: Vec<OpSetting>,
    /// What is written for each picture: at least one.
    pub outputs: Vec<OutputSettings>,
    /// LUTs that operations name, parsed. Keys are the paths as [`OpSetting::params`] holds them. Mask files are decoded by the engine.
    pub context: Context,
    /// Hashes of the contents of LUT and mask files, by the paths that name them. BLAKE3, hex.
    pub lut_hashes: BTreeMap<String, String>,
    /// Hash of everything that changes pixels: settings in canonical form and the contents of LUT files. Hex.
    pub hash: String,
}

impl Recipe {
    /// A recipe that changes nothing: no operations, every setting at its default.
    pub fn empty(name: &str) -> Self {
        let mut recipe = Self {
            name: name.to_owned(),
            summary: String::new(),
            grading: None,
            depth: DepthSettings::default(),
            input: InputSettings::default(),
            ops: Vec::new(),
            outputs: vec![OutputSettings::default()],
            context: Context::default(),
            lut_hashes: BTreeMap::new(),
            hash: String::new(),
        };
        recipe.hash = super::hash::hash(&recipe);
        recipe
    }
}
