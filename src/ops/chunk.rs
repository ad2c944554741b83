//! The unit of CPU work: a short run of pixels of one row, channel by channel, small enough for the first-level cache, so that
//! all steps of a fused pass run over it before the next run is touched.

use super::Op;

/// Pixels of one [`Chunk`]: six planes of 2 KiB.
pub const CHUNK: usize = 512;

/// One pixel on its way through an operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Px {
    /// Color in the domain of the operation; between operations linear Rec.2020, 1.0 = diffuse white.
    pub rgb: [f32; 3],
    /// Alpha, 0 to 1.
    pub alpha: f32,
    /// Luma of the source pixel in the guide encoding, 0 to 1: what the depth join follows. See [`super::guide`].
    pub guide: f32,
    /// Normalized disparity, 0 (farthest) to 1 (nearest), once the plan has computed it.
    pub disparity: f32,
    /// Column in the picture.
    pub x: u32,
    /// Row in the picture.
    pub y: u32,
}

/// Up to [`CHUNK`] neighboring pixels of one row, as planes.
#[repr(align(64))]
pub struct Chunk {
    /// Pixels in use.
    pub len: usize,
    /// Column of the first pixel.
    pub x: u32,
    /// Row.
    pub y: u32,
    /// Red, green and blue planes.
    pub rgb: [[f32; CHUNK]; 3],
    /// Alpha plane.
    pub alpha: [f32; CHUNK],
    /// Guide plane.
    pub guide: [f32; CHUNK],
    /// Disparity plane.
    pub disparity: [f32; CHUNK],
}

impl Chunk {
    /// An empty chunk of opaque black.
    pub fn new() -> Self {
        let zero = [0.0; CHUNK];
        Self { len: 0, x: 0, y: 0, rgb: [zero; 3], alpha: [1.0; CHUNK], guide: zero, disparity: zero }
    }
}

impl Default for Chunk {
    fn default() -> Self {
        Self::new()
    }
}

/// An instruction set this machine has. Values can only be obtained from [`Isa::best`] and [`Isa::available`], which is what
/// makes running the specialized loops sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(Level);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// All instruction sets of this machine, the portable one first.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "only x86_64 has more than the baseline")]
        let mut all = vec![Self(Level::Baseline)];
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                all.push(Self(Level::Avx2));
            }
            if ["f", "bw", "dq", "vl"]
                .iter()
                .zip([
                    std::arch::is_x86_feature_detected!("avx512f"),
                    std::arch::is_x86_feature_detected!("avx512bw"),
                    std::arch::is_x86_feature_detected!("avx512dq"),
                    std::arch::is_x86_feature_detected!("avx512vl"),
                ])
                .all(|(_, has)| has)
            {
                all.push(Self(Level::Avx512));
            }
        }
        all
    }

    /// The widest instruction set of this machine.
    pub fn best() -> Self {
        Self::available().last().copied().unwrap_or(Self(Level::Baseline))
    }

    /// Name for reports: "portable", "AVX2", "AVX-512".
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Baseline => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "AVX-512",
        }
    }
}

/// Runs `O` over a chunk with the loop compiled for `isa`. All versions give the same bits: nothing in them is fused or reordered.
pub(super) fn run<O: Op>(constants: &[u8], tables: &[u32], strength: f32, isa: Isa, chunk: &mut Chunk) {
    let constants: O::Constants = bytemuck::pod_read_unaligned(constants);
    match isa.0 {
        Level::Baseline => body::<O>(&constants, tables, strength, chunk),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an `Isa` of this level exists only after detection found the features.
        Level::Avx2 => unsafe { avx2::<O>(&constants, tables, strength, chunk) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx512 => unsafe { avx512::<O>(&constants, tables, strength, chunk) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<O: Op>(c: &O::Constants, tables: &[u32], strength: f32, chunk: &mut Chunk) {
    body::<O>(c, tables, strength, chunk);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn avx512<O: Op>(c: &O::Constants, tables: &[u32], strength: f32, chunk: &mut Chunk) {
    body::<O>(c, tables, strength, chunk);
}

#[inline(always)]
fn body<O: Op>(c: &O::Constants, tables: &[u32], strength: f32, chunk: &mut Chunk) {
    if strength == 1.0 {
        if !O::chunk(c, tables, chunk) {
            each::<O, false>(c, tables, strength, chunk);
        }
    } else {
        each::<O, true>(c, tables, strength, chunk);
    }
}

/// `before + strength (after - before)`; where that is no number (between infinities) the value stays as it came.
#[inline(always)]
fn mix(before: [f32; 3], after: [f32; 3], strength: f32) -> [f32; 3] {
    let one = |b: f32, a: f32| {
        let mixed = b + strength * (a - b);
        if a == b || mixed.is_nan() { b } else { mixed }
    };
    [one(before[0], after[0]), one(before[1], after[1]), one(before[2], after[2])]
}

/// The loop over pixels. It names the operation instead of taking a closure: a closure would be compiled once without AVX and called
/// per pixel.
#[inline(always)]
fn each<O: Op, const MIXED: bool>(c: &O::Constants, tables: &[u32], strength: f32, chunk: &mut Chunk) {
    let n = chunk.len.min(CHUNK);
    let [r, g, b] = &mut chunk.rgb;
    let planes =
        (&mut r[..n], &mut g[..n], &mut b[..n], &chunk.alpha[..n], &mut chunk.guide[..n], &mut chunk.disparity[..n]);
    let (r, g, b, alpha, guide, disparity) = planes;
    for i in 0..n {
        let before = Px {
            rgb: [r[i], g[i], b[i]],
            alpha: alpha[i],
            guide: guide[i],
            disparity: disparity[i],
            x: chunk.x + i as u32,
            y: chunk.y,
        };
        let px = O::pixel(c, tables, before);
        let rgb = if MIXED { mix(before.rgb, px.rgb, strength) } else { px.rgb };
        r[i] = rgb[0];
        g[i] = rgb[1];
        b[i] = rgb[2];
        guide[i] = px.guide;
        disparity[i] = px.disparity;
    }
}
