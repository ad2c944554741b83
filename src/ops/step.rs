//! What an operation is ([`Op`]), how code that does not know its types handles it ([`AnyOp`]), and what a plan makes of it
//! ([`Step`]: constants plus the function that runs them).

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use super::area::{Area, Planes, Reach};
use super::chunk::{self, Chunk, Mix, Px, Range};
use super::field::{Field, FieldConstants, Proxy};
use super::params::{ParamInfo, ParamSet, Params};
use crate::isa::Isa;
use crate::picture::Extent;

/// The encoding an operation wants its pixels in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Domain {
    /// Linear light, Rec.2020 primaries.
    Linear,
    /// The tonal domain of the recipe: display-shaped or ACEScct ([`Grading`]).
    Grade,
    /// Oklab (Björn Ottosson, "A perceptual color space for image processing", 2020, <https://bottosson.github.io/posts/oklab/>): the
    /// channels are L (0 = black, 1 = white), a and b.
    Perceptual,
    /// A named encoding, or with `None` the code values of the picture itself.
    Encoded(Option<String>),
}

/// Which tonal domain the `grade` operations of a recipe work in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grading {
    /// An sRGB-shaped curve on the working primaries: 0 = black, 1 = white.
    #[default]
    Display,
    /// ACEScct (AMPAS S-2016-001), for scene-linear pictures.
    Acescct,
}

/// What an operation may need beyond its parameters.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// LUTs by the name the recipe gives them.
    pub luts: HashMap<String, Arc<crate::lut::LoadedLut>>,
    /// Mask files by the path that masks give them.
    pub masks: HashMap<String, Arc<super::mask::MaskImage>>,
    /// The tonal domain, for tonal operations that need to know where black, middle gray and white lie.
    pub grading: Grading,
    /// The picture as the operation meets it, for what depends on places in it.
    pub frame: Frame,
    /// The field of the operation, when it wants one and the picture was looked at.
    pub field: Option<Arc<Field>>,
    /// How the depth of the picture is spread, when that is known.
    pub quantiles: Option<Arc<super::quantiles::Quantiles>>,
    /// True behind an operation that changed the size of the picture.
    pub resized: bool,
    /// Which stage of an operation over several passes is prepared, from 0.
    pub stage: u32,
}

/// Size and orientation of the picture that a pass works on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Size as stored, in pixels.
    pub extent: Extent,
    /// EXIF orientation, 1 to 8: how the stored rows and columns are to be shown.
    pub orientation: u16,
    /// Size before the first stage of an operation that changes it, for its later stages.
    pub resized_from: Option<Extent>,
}

impl Default for Frame {
    fn default() -> Self {
        Self { extent: Extent { width: 1, height: 1 }, orientation: 1, resized_from: None }
    }
}

impl Frame {
    /// Place of a stored pixel as shown: `u = m[0] x + m[1] y + m[2]`, `v = m[3] x + m[4] y + m[5]`, both 0 to 1 from edge to edge of the
    /// upright picture (EXIF 2.32, tag 0x0112).
    pub fn upright(&self) -> [f32; 6] {
        let (w, h) = (self.extent.width as f32, self.extent.height as f32);
        let (x, y) = ([1.0 / w, 0.0, 0.5 / w], [0.0, 1.0 / h, 0.5 / h]);
        let flip = |v: [f32; 3]| [-v[0], -v[1], 1.0 - v[2]];
        let (u, v) = match self.orientation {
            2 => (flip(x), y),
            3 => (flip(x), flip(y)),
            4 => (x, flip(y)),
            5 => (y, x),
            6 => (flip(y), x),
            7 => (flip(y), flip(x)),
            8 => (y, flip(x)),
            _ => (x, y),
        };
        [u[0], u[1], u[2], v[0], v[1], v[2]]
    }

    /// Size as shown.
    pub fn upright_extent(&self) -> Extent {
        let Extent { width, height } = self.extent;
        if self.orientation >= 5 { Extent { width: height, height: width } } else { self.extent }
    }
}

/// Data too large for constants (LUT nodes, depth coefficients): one array of 32-bit words for all steps of a program.
/// An operation appends its own and keeps the offset in its constants.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tables(pub Vec<u32>);

impl Tables {
    /// Appends floats; returns their offset in words.
    pub fn push_floats(&mut self, values: &[f32]) -> u32 {
        let offset = self.0.len() as u32;
        self.0.extend(values.iter().map(|v| v.to_bits()));
        offset
    }

    /// Appends raw words; returns their offset.
    pub fn push_words(&mut self, words: impl IntoIterator<Item = u32>) -> u32 {
        let offset = self.0.len() as u32;
        self.0.extend(words);
        offset
    }
}

/// One operation: implement this in `src/ops/<id>.rs` on a unit struct named `Spec`.
pub trait Op: Sync + 'static {
    /// Name in recipes, file names and WGSL.
    const ID: &'static str;
    /// The WGSL twin: a struct named like the id in camel case with the fields of `Constants`, and a function named like the id.
    const WGSL: &'static str;
    /// Largest difference between CPU and GPU, in 16-bit code values of the operation's own domain.
    const TOLERANCE_CODES: f32 = 1.0;
    /// What happens where associated alpha is 0, to light that covers nothing (a flame, a glow): true = it is treated like any other
    /// light, right for conversions and for what multiplies light and so keeps black black; false = it stays as it came.
    const ACTS_ON_TRANSPARENT: bool = false;
    /// False when `pixel` by itself never makes NaN of a number, whatever the other channels hold; else a guard around it keeps what came.
    const GUARDED: bool = true;
    /// True when it makes display light, 0 to 1, of scene light: what follows can be stored as code values.
    const MAPS_TO_DISPLAY: bool = false;
    /// True when `pixel` changes more than color: guide, disparity, mask, aux, source or original.
    const WRITES_BESIDE: bool = false;
    /// True for area operations: those that read more than their own pixel.
    const AREA: bool = false;
    /// True for operations that change the size of the picture.
    const RESAMPLES: bool = false;
    /// Numbers of its [`Field`] that `pixel` is given as [`Px::field`], at most [`super::field::MOST`]. (Its WGSL twin reads them by `field_sample`.)
    const FIELD: usize = 0;
    /// Numbers per node of its [`Field`] that memory is counted for, those it works with included.
    const FIELD_NUMBERS: u64 = 3;
    /// Parameters.
    type Params: Params;
    /// Render-ready numbers: `#[repr(C)]`, 4-byte scalars only, in the order of the WGSL struct.
    type Constants: bytemuck::Pod + Send + Sync;

    /// Encoding of the pixels it wants; linear light unless said otherwise.
    fn domain(_params: &Self::Params) -> Domain {
        Domain::Linear
    }

    /// True when it changes nothing with these parameters: it is then left out of the plan.
    fn is_identity(_params: &Self::Params) -> bool {
        false
    }

    /// True when it reads [`Px::disparity`].
    fn reads_depth(_params: &Self::Params) -> bool {
        false
    }

    /// True when a gray pixel can leave it colored.
    fn makes_color(_params: &Self::Params) -> bool {
        false
    }

    /// LUT files it needs, as the recipe names them.
    fn lut_files(_params: &Self::Params) -> Vec<String> {
        Vec::new()
    }

    /// Turns parameters into constants.
    ///
    /// # Errors
    /// A sentence naming the parameter and the allowed values.
    fn prepare(params: &Self::Params, context: &Context, tables: &mut Tables) -> Result<Self::Constants, String>;

    /// Passes the operation takes: more than one for area operations that work first along one direction, then along the other. Those
    /// before the last only hand [`Px::aux`] on.
    fn stages(_params: &Self::Params) -> u32 {
        1
    }

    /// What stage `stage` reads when it is an area operation; `None` for point operations. `frame` is the picture as it comes in.
    fn area(_params: &Self::Params, _frame: &Frame, _stage: u32) -> Option<Area> {
        None
    }

    /// True when it needs to know how depth is spread over the picture: [`Context::quantiles`].
    fn wants_quantiles(_params: &Self::Params) -> bool {
        false
    }

    /// True when it needs a [`Field`].
    fn wants_field(_params: &Self::Params) -> bool {
        false
    }

    /// How [`Px::field`] is read, where [`Op::FIELD`] is not 0.
    fn field_constants(_constants: &Self::Constants) -> FieldConstants {
        FieldConstants::default()
    }

    /// What it keeps of the picture as it meets it, which at full size is `frame`. Called once per picture when [`Op::wants_field`].
    fn field(_params: &Self::Params, proxy: &Proxy, _frame: &Frame) -> Field {
        Field { extent: proxy.extent, channels: 0, values: Vec::new() }
    }

    /// The definition of an area operation: `chunk` holds the pixels of [`Chunk::x`], [`Chunk::y`] as they came (a resampling one: nothing)
    /// and gets their new color, associated with alpha where `planes` carry it; stages before the last write `aux` alone.
    /// Must be `#[inline(always)]` and must not panic.
    fn gather(_constants: &Self::Constants, _tables: &[u32], _planes: &Planes, _chunk: &mut Chunk) {}

    /// The definition: one pixel in, one pixel out. Must be `#[inline(always)]`, free of branches on data where possible, and
    /// must not panic whatever `tables` holds.
    fn pixel(_constants: &Self::Constants, _tables: &[u32], px: Px) -> Px {
        px
    }

    /// What is known of color afterwards when this is known before. Only conversions know.
    fn range(_before: Range) -> Range {
        Range::Any
    }

    /// A faster way over a whole chunk, where neighbors share work: returns true when it did the chunk. Must give the bits of
    /// [`Op::pixel`]; a test compares them.
    fn chunk(_constants: &Self::Constants, _tables: &[u32], _chunk: &mut Chunk) -> bool {
        false
    }
}

/// An [`Op`] behind one type.
pub trait AnyOp: Sync {
    /// See [`Op::ID`].
    fn id(&self) -> &'static str;
    /// Summary line and description.
    fn doc(&self) -> &'static str;
    /// Parameters.
    fn params(&self) -> Vec<ParamInfo>;
    /// See [`Op::WGSL`].
    fn wgsl(&self) -> &'static str;
    /// See [`Op::TOLERANCE_CODES`].
    fn tolerance_codes(&self) -> f32;
    /// Bytes of the constants struct.
    fn constants_bytes(&self) -> usize;
    /// See [`Op::MAPS_TO_DISPLAY`].
    fn maps_to_display(&self) -> bool;
    /// See [`Op::domain`].
    fn domain(&self, set: &ParamSet) -> Domain;
    /// See [`Op::is_identity`].
    fn is_identity(&self, set: &ParamSet) -> bool;
    /// See [`Op::reads_depth`].
    fn reads_depth(&self, set: &ParamSet) -> bool;
    /// See [`Op::makes_color`].
    fn makes_color(&self, set: &ParamSet) -> bool;
    /// See [`Op::lut_files`].
    fn lut_files(&self, set: &ParamSet) -> Vec<String>;
    /// See [`Op::wants_quantiles`].
    fn wants_quantiles(&self, set: &ParamSet) -> bool;
    /// See [`Op::wants_field`].
    fn wants_field(&self, set: &ParamSet) -> bool;
    /// See [`Op::field`].
    fn field(&self, set: &ParamSet, proxy: &Proxy, frame: &Frame) -> Field;
    /// See [`Op::FIELD_NUMBERS`].
    fn field_numbers(&self) -> u64;
    /// See [`Op::AREA`].
    fn is_area(&self) -> bool;
    /// See [`Op::RESAMPLES`].
    fn resamples(&self) -> bool;
    /// Passes it takes. See [`Op::stages`].
    fn stages(&self, set: &ParamSet) -> u32;
    /// See [`Op::area`].
    fn area(&self, set: &ParamSet, frame: &Frame, stage: u32) -> Option<Area>;
    /// Prepares the step of stage `context.stage`. See [`Op::prepare`].
    fn step(&self, set: &ParamSet, context: &Context, tables: &mut Tables, strength: f32) -> Result<Step, String>;
    /// The set of default values.
    fn defaults(&self) -> ParamSet {
        self.params().into_iter().map(|p| (p.name, p.default)).collect()
    }
}

/// Bridges [`Op`] to [`AnyOp`].
pub(super) struct Entry<O>(PhantomData<O>);

impl<O> Entry<O> {
    pub(super) const NEW: Self = Self(PhantomData);
}

impl<O: Op> AnyOp for Entry<O> {
    fn id(&self) -> &'static str {
        O::ID
    }
    fn doc(&self) -> &'static str {
        O::Params::DOC
    }
    fn params(&self) -> Vec<ParamInfo> {
        O::Params::info()
    }
    fn wgsl(&self) -> &'static str {
        O::WGSL
    }
    fn tolerance_codes(&self) -> f32 {
        O::TOLERANCE_CODES
    }
    fn constants_bytes(&self) -> usize {
        size_of::<O::Constants>()
    }
    fn maps_to_display(&self) -> bool {
        O::MAPS_TO_DISPLAY
    }
    fn domain(&self, set: &ParamSet) -> Domain {
        O::domain(&O::Params::from_set(set))
    }
    fn is_identity(&self, set: &ParamSet) -> bool {
        O::is_identity(&O::Params::from_set(set))
    }
    fn reads_depth(&self, set: &ParamSet) -> bool {
        O::reads_depth(&O::Params::from_set(set))
    }
    fn makes_color(&self, set: &ParamSet) -> bool {
        O::makes_color(&O::Params::from_set(set))
    }
    fn lut_files(&self, set: &ParamSet) -> Vec<String> {
        O::lut_files(&O::Params::from_set(set))
    }
    fn step(&self, set: &ParamSet, context: &Context, tables: &mut Tables, strength: f32) -> Result<Step, String> {
        let params = O::Params::from_set(set);
        let constants = O::prepare(&params, context, tables)?;
        let area = O::area(&params, &context.frame, context.stage);
        let last = context.stage + 1 >= O::stages(&params);
        Ok(Step { area, last, ..Step::new::<O>(&constants, if last { strength } else { 1.0 }) })
    }
    fn wants_quantiles(&self, set: &ParamSet) -> bool {
        O::wants_quantiles(&O::Params::from_set(set))
    }
    fn wants_field(&self, set: &ParamSet) -> bool {
        O::wants_field(&O::Params::from_set(set))
    }
    fn field(&self, set: &ParamSet, proxy: &Proxy, frame: &Frame) -> Field {
        O::field(&O::Params::from_set(set), proxy, frame)
    }
    fn field_numbers(&self) -> u64 {
        O::FIELD_NUMBERS
    }
    fn is_area(&self) -> bool {
        O::AREA
    }
    fn resamples(&self) -> bool {
        O::RESAMPLES
    }
    fn stages(&self, set: &ParamSet) -> u32 {
        O::stages(&O::Params::from_set(set))
    }
    fn area(&self, set: &ParamSet, frame: &Frame, stage: u32) -> Option<Area> {
        O::area(&O::Params::from_set(set), frame, stage)
    }
}

/// One step of a pass: an operation or conversion with its constants, ready for either executor.
#[derive(Clone)]
pub struct Step {
    /// Id of the operation.
    pub id: &'static str,
    /// WGSL source of the operation.
    pub wgsl: &'static str,
    /// Bytes of the constants struct, as both executors read it.
    pub constants: Vec<u8>,
    /// Mix with the pixel that entered, 0 to 1, in the operation's domain.
    pub strength: f32,
    /// True when the mix is also weighted by [`Px::mask`].
    pub masked: bool,
    /// See [`Op::ACTS_ON_TRANSPARENT`].
    pub acts_on_transparent: bool,
    /// What it reads when it is an area operation.
    pub area: Option<Area>,
    /// False for a stage that only prepares the next one.
    pub last: bool,
    run: fn(&[u8], &[u32], Mix, Isa, &mut Chunk),
    run_area: chunk::RunArea,
    run_resample: fn(&[u8], &[u32], &Planes, Isa, &mut Chunk),
}

impl Step {
    /// A step of `O` with these constants.
    pub fn new<O: Op>(constants: &O::Constants, strength: f32) -> Self {
        let constants = bytemuck::bytes_of(constants).to_vec();
        let acts_on_transparent = O::ACTS_ON_TRANSPARENT;
        Self {
            id: O::ID,
            wgsl: O::WGSL,
            constants,
            strength,
            masked: false,
            acts_on_transparent,
            area: None,
            last: true,
            run: chunk::run::<O>,
            run_area: chunk::run_area::<O>,
            run_resample: chunk::run_resample::<O>,
        }
    }

    /// Runs it over a chunk on the CPU.
    pub fn run(&self, tables: &[u32], isa: Isa, chunk: &mut Chunk) {
        let mix = Mix { strength: self.strength, masked: self.masked };
        (self.run)(&self.constants, tables, mix, isa, chunk);
    }
}

impl Step {
    /// Runs an area operation over a chunk, of which `len`, `x` and `y` are set, on the CPU. `planes` are those of the pass before.
    pub fn gather(&self, tables: &[u32], planes: &Planes, isa: Isa, chunk: &mut Chunk) {
        let mix = Mix { strength: self.strength, masked: self.masked };
        match self.area.as_ref().map(|area| &area.reach) {
            Some(Reach::Rows(_)) => (self.run_resample)(&self.constants, tables, planes, isa, chunk),
            _ => {
                planes.load(chunk.y, chunk);
                (self.run_area)(&self.constants, tables, mix, self.last, planes, isa, chunk);
            }
        }
    }
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.id)?;
        if self.strength == 1.0 { Ok(()) } else { write!(f, " at strength {}", self.strength) }
    }
}

/// Name of the WGSL constants struct of an operation: the id in camel case.
pub fn struct_name(id: &str) -> String {
    id.split('_')
        .flat_map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            [first.to_uppercase(), rest.to_owned()]
        })
        .collect()
}
