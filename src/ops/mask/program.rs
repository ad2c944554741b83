//! From a mask expression to the words that both twins run.

use super::expression::{MAX_DEPTH, MAX_NESTING, MAX_PARTS, Mask, Of};
use super::image::MaskImage;
use crate::ops::{Context, Frame, Tables};

/// Words of one instruction after the kind: room for the longest leaf.
pub const WORDS: usize = 7;
/// Words of one instruction: kind, which color, table, width, height, numbers.
const STRIDE: usize = 5 + WORDS;

/// Kinds of instructions, the same numbers in WGSL.
pub mod kind {
    pub const DEPTH: u32 = 0;
    pub const LUMA: u32 = 1;
    pub const HUE: u32 = 2;
    pub const LINEAR: u32 = 3;
    pub const RADIAL: u32 = 4;
    pub const FILE: u32 = 5;
    pub const AND: u32 = 6;
    pub const OR: u32 = 7;
    pub const NOT: u32 = 8;
}

/// One instruction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Code {
    pub kind: u32,
    /// 1 = the color of the source.
    pub of: u32,
    /// First word of a file's samples.
    pub table: u32,
    pub width: u32,
    pub height: u32,
    /// Numbers; what they mean depends on the kind.
    pub v: [f32; WORDS],
}

impl Code {
    fn new(kind: u32, of: Of, numbers: &[f32]) -> Self {
        let mut v = [0.0; WORDS];
        for (slot, number) in v.iter_mut().zip(numbers) {
            *slot = *number;
        }
        Self { kind, of: u32::from(of == Of::Source), table: 0, width: 0, height: 0, v }
    }

    pub fn words(&self) -> [u32; STRIDE] {
        let [a, b, c, d, e, f, g] = self.v.map(f32::to_bits);
        [self.kind, self.of, self.table, self.width, self.height, a, b, c, d, e, f, g]
    }

    /// Instruction `index` of the program at word `table`.
    #[inline(always)]
    pub fn read(tables: &[u32], table: u32, index: u32) -> Option<Self> {
        let at = table as usize + index as usize * STRIDE;
        let words: &[u32; STRIDE] = tables.get(at..at + STRIDE)?.try_into().ok()?;
        let [kind, of, table, width, height, a, b, c, d, e, f, g] = *words;
        let number = f32::from_bits;
        let v = [number(a), number(b), number(c), number(d), number(e), number(f), number(g)];
        Some(Self { kind, of, table, width, height, v })
    }
}

/// A feather of nothing: the weight still has to fall somewhere.
const HARD: f32 = 1e-4;

fn steepness(feather: f32) -> f32 {
    1.0 / feather.max(HARD)
}

impl Mask {
    /// Checks what an expression may be.
    ///
    /// # Errors
    /// A sentence with the value and the limit.
    pub fn check(&self) -> Result<(), String> {
        let nesting = nesting(self);
        if nesting > MAX_NESTING {
            return Err(format!("mask is nested {nesting} deep, allowed up to {MAX_NESTING}"));
        }
        let parts = self.parts().len();
        if parts > MAX_PARTS {
            return Err(format!("mask has {parts} parts, allowed up to {MAX_PARTS}"));
        }
        let height = height(self);
        if height > MAX_DEPTH {
            return Err(format!("mask holds {height} weights at once, allowed up to {MAX_DEPTH}: nest it less"));
        }
        Ok(())
    }
}

fn nesting(mask: &Mask) -> usize {
    match mask {
        Mask::All(inner) | Mask::Any(inner) => 1 + inner.iter().map(nesting).max().unwrap_or(0),
        Mask::Not(inner) => 1 + nesting(inner),
        _ => 1,
    }
}

/// Weights that lie on the stack at once.
fn height(mask: &Mask) -> usize {
    match mask {
        Mask::All(inner) | Mask::Any(inner) => {
            inner.iter().enumerate().map(|(i, part)| i.min(1) + height(part)).max().unwrap_or(1)
        }
        Mask::Not(inner) => height(inner),
        _ => 1,
    }
}

/// The program of an expression. Samples of files are appended to `tables`.
pub fn compile(mask: &Mask, context: &Context, tables: &mut Tables) -> Result<Vec<Code>, String> {
    mask.check()?;
    let mut codes = Vec::new();
    add(mask, context, tables, &mut codes)?;
    Ok(codes)
}

fn add(mask: &Mask, context: &Context, tables: &mut Tables, codes: &mut Vec<Code>) -> Result<(), String> {
    let frame = &context.frame;
    let code = match mask {
        Mask::Depth { range: [near, far], feather } => {
            Code::new(kind::DEPTH, Of::Input, &[*near, *far, steepness(*feather)])
        }
        Mask::Luma { range: [low, high], feather, of } => {
            // White is the upper end of the scale that people see: what is brighter belongs to it.
            let high = if *high >= 1.0 { f32::MAX } else { *high };
            Code::new(kind::LUMA, *of, &[*low, high, steepness(*feather)])
        }
        Mask::Hue { range, feather, chroma, of } => hue(*range, *feather, *chroma, *of),
        Mask::Linear { from, to } => Code::new(kind::LINEAR, Of::Input, &linear(*from, *to, frame)),
        Mask::Radial { center, radius, aspect, angle, feather } => {
            let [a, b, c, d, e, f] = radial(*center, *radius, *aspect, *angle, frame);
            Code::new(kind::RADIAL, Of::Input, &[a, b, c, d, e, f, steepness(*feather)])
        }
        Mask::File { path } => {
            let image: &MaskImage =
                context.masks.get(path).ok_or_else(|| format!("the mask file {path:?} was not loaded"))?;
            let code = Code::new(kind::FILE, Of::Input, &image.places(frame));
            Code { table: image.push(tables), width: image.width, height: image.height, ..code }
        }
        Mask::All(inner) => return several(inner, kind::AND, (context, tables, codes)),
        Mask::Any(inner) => return several(inner, kind::OR, (context, tables, codes)),
        Mask::Not(inner) => {
            add(inner, context, tables, codes)?;
            Code::new(kind::NOT, Of::Input, &[])
        }
    };
    codes.push(code);
    Ok(())
}

fn several(inner: &[Mask], kind: u32, to: (&Context, &mut Tables, &mut Vec<Code>)) -> Result<(), String> {
    let (context, tables, codes) = to;
    for (i, part) in inner.iter().enumerate() {
        add(part, context, tables, codes)?;
        if i > 0 {
            codes.push(Code::new(kind, Of::Input, &[]));
        }
    }
    if inner.is_empty() {
        // All of nothing holds everywhere, any of nothing nowhere: a gradient that has not begun, or is over.
        let weight = if kind == kind::AND { 1.0 } else { 0.0 };
        codes.push(Code::new(kind::LINEAR, Of::Input, &[0.0, 0.0, weight]));
    }
    Ok(())
}

fn hue([from, to]: [f32; 2], feather: f32, chroma: [f32; 2], of: Of) -> Code {
    let width = if to - from >= 360.0 { 360.0 } else { (to - from).rem_euclid(360.0) };
    let middle = f64::from(from + width / 2.0).to_radians();
    let gate = [chroma[0], steepness(chroma[1] - chroma[0])];
    let numbers = [middle.cos() as f32, middle.sin() as f32, width / 2.0, steepness(feather), gate[0], gate[1]];
    Code::new(kind::HUE, of, &numbers)
}

/// Shown places in pixels of the shorter side, from shown shares of the picture, so that directions are those that are seen.
fn sides(frame: &Frame) -> [f32; 2] {
    let shown = frame.upright_extent();
    let shorter = shown.width.min(shown.height).max(1) as f32;
    [shown.width as f32 / shorter, shown.height as f32 / shorter]
}

fn linear(from: [f32; 2], to: [f32; 2], frame: &Frame) -> [f32; 3] {
    let [w, h] = sides(frame);
    let (dx, dy) = ((to[0] - from[0]) * w, (to[1] - from[1]) * h);
    let length = (dx * dx + dy * dy).max(1e-12);
    let (u, v) = (dx * w / length, dy * h / length);
    let m = frame.upright();
    [u * m[0] + v * m[3], u * m[1] + v * m[4], u * (m[2] - from[0]) + v * (m[5] - from[1])]
}

fn radial(center: [f32; 2], radius: f32, aspect: f32, angle: f32, frame: &Frame) -> [f32; 6] {
    let [w, h] = sides(frame);
    let (sin, cos) = f64::from(angle).to_radians().sin_cos();
    let (sin, cos) = (sin as f32, cos as f32);
    let m = frame.upright();
    let row = |x: f32, y: f32| {
        [x * m[0] + y * m[3], x * m[1] + y * m[4], x * (m[2] - center[0]) + y * (m[5] - center[1])]
    };
    let (across, along) = (radius * aspect, radius);
    // Down is positive: a positive turn is clockwise.
    let a = row(cos * w / across, sin * h / across);
    let b = row(-sin * w / along, cos * h / along);
    [a[0], a[1], a[2], b[0], b[1], b[2]]
}
