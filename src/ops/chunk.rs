//! The unit of CPU work: a short run of pixels of one row, channel by channel, small enough for the first-level cache, so that
//! all steps of a fused pass run over it before the next run is touched.

use super::Op;
use super::area::Planes;
use super::field::{MOST, NO_PLANE};
use crate::isa::{Isa, Level};

/// Pixels of one [`Chunk`]: planes of 2 KiB, of which a pass touches those it needs.
pub const CHUNK: usize = 512;

/// One pixel on its way through an operation.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Px {
    /// Color in the domain of the operation; between operations linear Rec.2020, 1.0 = diffuse white.
    pub rgb: [f32; 3],
    /// Alpha, 0 to 1.
    pub alpha: f32,
    /// Luma of the source pixel in the guide encoding, 0 to 1: what the depth join follows. See [`super::guide`].
    pub guide: f32,
    /// Normalized disparity, 0 (farthest) to 1 (nearest), once the plan has computed it.
    pub disparity: f32,
    /// Weight of the next masked operation, 0 to 1. See [`super::mask`].
    pub mask: f32,
    /// Largest weight that a masked operation had here so far: 0 = the pixel is as it came. See [`super::restore`].
    pub touched: f32,
    /// What an operation over several passes hands from one to the next.
    pub aux: f32,
    /// Color of the source pixel before any operation, linear Rec.2020, where the plan keeps it. See [`super::keep_source`].
    pub source: [f32; 3],
    /// Color of the source pixel in its own code values, where the plan keeps them. See [`super::keep`].
    pub original: [f32; 3],
    /// The first [`Op::FIELD`] numbers of the operation's field here.
    pub field: [f32; MOST],
    /// Column in the picture.
    pub x: u32,
    /// Row in the picture.
    pub y: u32,
}

impl Px {
    /// An opaque pixel at the top left corner, of which nothing but the color is known.
    pub fn of(rgb: [f32; 3]) -> Self {
        Self { rgb, alpha: 1.0, ..Self::default() }
    }
}

/// What is known of all color of a chunk. Steps may leave out what bounded numbers do not need; the bits are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Range {
    /// 0 to 1.
    Unit,
    /// Finite.
    Finite,
    /// Anything, NaN included.
    Any,
}

/// Up to [`CHUNK`] neighboring pixels of one row, as planes. What they hold: see [`Px`].
#[repr(align(64))]
#[expect(missing_docs, reason = "the planes are the fields of Px")]
pub struct Chunk {
    /// Pixels in use.
    pub len: usize,
    /// Column of the first pixel.
    pub x: u32,
    /// Row.
    pub y: u32,
    /// What is known of `rgb`.
    pub range: Range,
    pub rgb: [[f32; CHUNK]; 3],
    pub alpha: [f32; CHUNK],
    pub guide: [f32; CHUNK],
    pub disparity: [f32; CHUNK],
    pub mask: [f32; CHUNK],
    pub touched: [f32; CHUNK],
    pub aux: [f32; CHUNK],
    pub source: [[f32; CHUNK]; 3],
    pub original: [[f32; CHUNK]; 3],
}

impl Chunk {
    /// An empty chunk of opaque black.
    pub fn new() -> Self {
        let zero = [0.0; CHUNK];
        Self {
            len: 0,
            x: 0,
            y: 0,
            range: Range::Any,
            rgb: [zero; 3],
            alpha: [1.0; CHUNK],
            guide: zero,
            disparity: zero,
            mask: zero,
            touched: zero,
            aux: zero,
            source: [zero; 3],
            original: [zero; 3],
        }
    }
}

impl Default for Chunk {
    fn default() -> Self {
        Self::new()
    }
}

/// How the result of a step is mixed with what entered it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mix {
    /// Share of the result, 0 to 1.
    pub strength: f32,
    /// True when the share is also multiplied by the mask of the pixel.
    pub masked: bool,
}

/// Runs `O` over a chunk with the loop compiled for `isa`. All versions give the same bits: nothing in them is fused or reordered.
pub(super) fn run<O: Op>(constants: &[u8], tables: &[u32], mix: Mix, isa: Isa, chunk: &mut Chunk) {
    if O::AREA {
        return;
    }
    let constants: O::Constants = bytemuck::pod_read_unaligned(constants);
    let before = chunk.range;
    match isa.level() {
        Level::Baseline => body::<O>(&constants, tables, mix, chunk),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an `Isa` of this level exists only after detection found the features.
        Level::Avx2 => unsafe { avx2::<O>(&constants, tables, mix, chunk) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx512 => unsafe { avx512::<O>(&constants, tables, mix, chunk) },
    }
    chunk.range = O::range(before);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<O: Op>(c: &O::Constants, tables: &[u32], mix: Mix, chunk: &mut Chunk) {
    body::<O>(c, tables, mix, chunk);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn avx512<O: Op>(c: &O::Constants, tables: &[u32], mix: Mix, chunk: &mut Chunk) {
    body::<O>(c, tables, mix, chunk);
}

#[inline(always)]
fn body<O: Op>(c: &O::Constants, tables: &[u32], mix: Mix, chunk: &mut Chunk) {
    if mix.masked || mix.strength != 1.0 {
        each::<O, true>(c, tables, mix, chunk);
    } else if !O::chunk(c, tables, chunk) {
        each::<O, false>(c, tables, mix, chunk);
    }
}

/// `before + share (after - before)`; where that is no number (between infinities) the value stays as it came, and so it does at share 0.
#[inline(always)]
pub(super) fn mixed(before: [f32; 3], after: [f32; 3], share: f32) -> [f32; 3] {
    let one = |b: f32, a: f32| {
        let mixed = b + share * (a - b);
        if a == b || mixed.is_nan() || share == 0.0 { b } else { mixed }
    };
    [one(before[0], after[0]), one(before[1], after[1]), one(before[2], after[2])]
}

/// A channel that came as a number stays one.
#[inline(always)]
fn numbers(before: [f32; 3], after: [f32; 3]) -> [f32; 3] {
    let one = |b: f32, a: f32| if a.is_nan() { b } else { a };
    [one(before[0], after[0]), one(before[1], after[1]), one(before[2], after[2])]
}

/// The loop over pixels. It names the operation instead of taking a closure: a closure would be compiled once without AVX and called
/// per pixel.
#[inline(always)]
fn each<O: Op, const MIXED: bool>(c: &O::Constants, tables: &[u32], mix: Mix, chunk: &mut Chunk) {
    let n = chunk.len.min(CHUNK);
    let (x, y) = (chunk.x, chunk.y);
    let [r, g, b] = &mut chunk.rgb;
    let (r, g, b) = (&mut r[..n], &mut g[..n], &mut b[..n]);
    let (alpha, guide, disparity) = (&chunk.alpha[..n], &mut chunk.guide[..n], &mut chunk.disparity[..n]);
    let (mask, touched, aux) = (&mut chunk.mask[..n], &mut chunk.touched[..n], &mut chunk.aux[..n]);
    let [sr, sg, sb] = &mut chunk.source;
    let (sr, sg, sb) = (&mut sr[..n], &mut sg[..n], &mut sb[..n]);
    let [or, og, ob] = &mut chunk.original;
    let (or, og, ob) = (&mut or[..n], &mut og[..n], &mut ob[..n]);
    let mut field = [NO_PLANE; MOST];
    if O::FIELD > 0 {
        O::field_constants(c).sample_run(tables, (x, y), n, &mut field[..O::FIELD]);
    }
    for i in 0..n {
        let before = Px {
            rgb: [r[i], g[i], b[i]],
            alpha: alpha[i],
            guide: guide[i],
            disparity: disparity[i],
            mask: mask[i],
            touched: touched[i],
            aux: aux[i],
            source: [sr[i], sg[i], sb[i]],
            original: [or[i], og[i], ob[i]],
            field: if O::FIELD > 0 { field.each_ref().map(|plane| plane[i]) } else { [0.0; MOST] },
            x: x + i as u32,
            y,
        };
        let px = O::pixel(c, tables, before);
        // One loop for masked and unmasked mixes: a weight of 1 is exact.
        let share = mix.strength * if mix.masked { before.mask } else { 1.0 };
        let after = if O::GUARDED { numbers(before.rgb, px.rgb) } else { px.rgb };
        let rgb = if MIXED { mixed(before.rgb, after, share) } else { after };
        r[i] = rgb[0];
        g[i] = rgb[1];
        b[i] = rgb[2];
        if MIXED {
            touched[i] = before.touched.max(share);
        }
        // Known when compiled: operations that change nothing but color write nothing else.
        if O::WRITES_BESIDE {
            guide[i] = px.guide;
            disparity[i] = px.disparity;
            mask[i] = px.mask;
            aux[i] = px.aux;
            (sr[i], sg[i], sb[i]) = (px.source[0], px.source[1], px.source[2]);
            (or[i], og[i], ob[i]) = (px.original[0], px.original[1], px.original[2]);
        }
    }
}

/// The form of [`run_area`].
pub(super) type RunArea = fn(&[u8], &[u32], Mix, bool, &Planes, Isa, &mut Chunk);

/// Runs the area operation `O` over a chunk that holds the pixels it computes, as they are in `planes`. `last` is false for a stage that
/// only prepares [`Px::aux`] for the next one.
pub(super) fn run_area<O: Op>(
    constants: &[u8],
    tables: &[u32],
    mix: Mix,
    last: bool,
    planes: &Planes,
    isa: Isa,
    chunk: &mut Chunk,
) {
    chunk.range = Range::Any;
    // Known when compiled: point operations have no such loop.
    if !O::AREA {
        return;
    }
    let constants: O::Constants = bytemuck::pod_read_unaligned(constants);
    match isa.level() {
        Level::Baseline => area_body::<O>(&constants, tables, mix, last, planes, chunk),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an `Isa` of this level exists only after detection found the features.
        Level::Avx2 => unsafe { area_avx2::<O>(&constants, tables, mix, last, planes, chunk) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx512 => unsafe { area_avx512::<O>(&constants, tables, mix, last, planes, chunk) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn area_avx2<O: Op>(c: &O::Constants, tables: &[u32], mix: Mix, last: bool, planes: &Planes, chunk: &mut Chunk) {
    area_body::<O>(c, tables, mix, last, planes, chunk);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn area_avx512<O: Op>(c: &O::Constants, tables: &[u32], mix: Mix, last: bool, planes: &Planes, chunk: &mut Chunk) {
    area_body::<O>(c, tables, mix, last, planes, chunk);
}

#[inline(always)]
fn area_body<O: Op>(c: &O::Constants, tables: &[u32], mix: Mix, last: bool, planes: &Planes, chunk: &mut Chunk) {
    let n = chunk.len.min(CHUNK);
    let before = chunk.rgb;
    O::gather(c, tables, planes, chunk);
    if !last {
        chunk.rgb = before;
        return;
    }
    let has_alpha = planes.carried().alpha;
    let [r, g, b] = &mut chunk.rgb;
    let (r, g, b) = (&mut r[..n], &mut g[..n], &mut b[..n]);
    let (alpha, mask, touched) = (&chunk.alpha[..n], &chunk.mask[..n], &mut chunk.touched[..n]);
    for i in 0..n {
        let came = [before[0][i], before[1][i], before[2][i]];
        let mut after = [r[i], g[i], b[i]];
        if has_alpha {
            let divisor = if alpha[i] > 0.0 { alpha[i] } else { 1.0 };
            let free = [after[0] / divisor, after[1] / divisor, after[2] / divisor];
            after = if alpha[i] > 0.0 { free } else { came };
        }
        let share = if mix.masked { mix.strength * mask[i] } else { mix.strength };
        let rgb = mixed(came, numbers(came, after), share);
        let whole = share == 1.0;
        r[i] = if whole { numbers(came, after)[0] } else { rgb[0] };
        g[i] = if whole { numbers(came, after)[1] } else { rgb[1] };
        b[i] = if whole { numbers(came, after)[2] } else { rgb[2] };
        touched[i] = touched[i].max(share);
    }
}

/// Runs the resampling operation `O`: every value of the chunk comes from `planes`, which have another size.
pub(super) fn run_resample<O: Op>(constants: &[u8], tables: &[u32], planes: &Planes, isa: Isa, chunk: &mut Chunk) {
    chunk.range = Range::Any;
    if !O::AREA {
        return;
    }
    let constants: O::Constants = bytemuck::pod_read_unaligned(constants);
    match isa.level() {
        Level::Baseline => resample_body::<O>(&constants, tables, planes, chunk),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an `Isa` of this level exists only after detection found the features.
        Level::Avx2 => unsafe { resample_avx2::<O>(&constants, tables, planes, chunk) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx512 => unsafe { resample_avx512::<O>(&constants, tables, planes, chunk) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn resample_avx2<O: Op>(c: &O::Constants, tables: &[u32], planes: &Planes, chunk: &mut Chunk) {
    resample_body::<O>(c, tables, planes, chunk);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn resample_avx512<O: Op>(c: &O::Constants, tables: &[u32], planes: &Planes, chunk: &mut Chunk) {
    resample_body::<O>(c, tables, planes, chunk);
}

#[inline(always)]
fn resample_body<O: Op>(c: &O::Constants, tables: &[u32], planes: &Planes, chunk: &mut Chunk) {
    // What no resampling can mean anything for: nothing of the pixels that were here before may stay.
    chunk.touched = [0.0; CHUNK];
    chunk.aux = [0.0; CHUNK];
    chunk.source = [[0.0; CHUNK]; 3];
    chunk.original = [[0.0; CHUNK]; 3];
    O::gather(c, tables, planes, chunk);
    if planes.carried().alpha {
        let n = chunk.len.min(CHUNK);
        for plane in &mut chunk.rgb {
            for (value, alpha) in plane[..n].iter_mut().zip(&chunk.alpha[..n]) {
                *value /= if *alpha > 0.0 { *alpha } else { 1.0 };
            }
        }
    }
}
