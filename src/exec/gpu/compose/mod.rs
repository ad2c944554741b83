//! Text of the passes: a [`Program`] becomes one WGSL compute shader per pass. Pure text, no GPU.
//!
//! The shader of a pass is the shared library, the source of each operation once, a constants struct whose fields are the constants of
//! the steps one after the other, the chain of calls, and an entry point. A pass begins with samples of the strip or with an area
//! operation that reads the *planes* (working pixels) the pass before left, and ends in planes or in samples. Where samples are read or
//! written, one invocation owns **4 consecutive pixels**: 4 pixels of any layout are whole 32-bit words.
//!
//! * `chain`: the calls, from the first value of a pixel to the last.
//! * `ends`: samples in and out, and the entry point.
//! * `area`: the area operation that begins a pass, and planes.
//!
//! All constants are 4-byte scalars (or arrays of them), so the WGSL layout of the struct is the concatenation of the `#[repr(C)]` bytes.
//! A strength below 1 is one more scalar behind the constants of its step.
//!
//! *Non-finite values.* A shader compiler may assume that NaN and infinity do not occur, so nothing is promised for arithmetic on them.
//! Loading, storing, rounding and the library's `finite` work on integer bits: what an operation selects through `finite` passes unchanged.

mod area;
mod chain;
mod ends;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::ops::{Step, struct_name};
use crate::picture::PixelLayout;
use crate::plan::{Pass, Program};

/// Pixels that one invocation owns where samples are read or written.
pub const GROUP_PIXELS: u32 = 4;
/// Invocations per workgroup.
pub const WORKGROUP: u32 = 64;

/// Files that every pass begins with, in order: path and text.
const LIBRARY: [(&str, &str); 7] = [
    ("shaders/lib/pixel.wgsl", include_str!("../../../../shaders/lib/pixel.wgsl")),
    ("shaders/lib/math.wgsl", include_str!("../../../../shaders/lib/math.wgsl")),
    ("shaders/lib/curve.wgsl", include_str!("../../../../shaders/lib/curve.wgsl")),
    ("shaders/lib/distance.wgsl", include_str!("../../../../shaders/lib/distance.wgsl")),
    ("shaders/lib/purity.wgsl", include_str!("../../../../shaders/lib/purity.wgsl")),
    ("shaders/lib/field.wgsl", include_str!("../../../../shaders/lib/field.wgsl")),
    ("shaders/lib/samples.wgsl", include_str!("../../../../shaders/lib/samples.wgsl")),
];
/// What area operations read with; in passes that begin with one.
const AREA: (&str, &str) = ("shaders/lib/area.wgsl", include_str!("../../../../shaders/lib/area.wgsl"));
/// What keeps pixels for the next pass.
const PLANES: (&str, &str) = ("shaders/lib/planes.wgsl", include_str!("../../../../shaders/lib/planes.wgsl"));
const KERNEL: (&str, &str) = ("shaders/kernel.wgsl", include_str!("../../../../shaders/kernel.wgsl"));

/// A composed pass.
#[derive(Debug, Clone)]
pub struct Composed {
    /// The shader; its entry point is `main`.
    pub text: String,
    /// Bytes of the `Constants` struct, at least 4.
    pub constants: Vec<u8>,
    /// Pixels that one invocation owns.
    pub pixels: u32,
    /// First line of each part and where the part comes from, in order of lines.
    parts: Vec<(u32, String)>,
}

impl Composed {
    /// Where line `line` (from 1) of the text comes from, as `file:line`; generated lines are said to be `composed:line`.
    pub fn origin(&self, line: u32) -> String {
        let part = self.parts.iter().rev().find(|(first, _)| *first <= line);
        match part {
            Some((first, path)) if path != GENERATED => format!("{path}:{}", line - first + 1),
            _ => format!("{GENERATED}:{line}"),
        }
    }
}

/// Name of the lines that no file holds.
const GENERATED: &str = "composed";

/// 32-bit words that 4 pixels of `layout` occupy.
pub fn group_words(layout: PixelLayout) -> usize {
    layout.pixel_bytes() * GROUP_PIXELS as usize / 4
}

/// Composes the shaders of `program`, one per pass. Programs that differ only in numbers give the same texts.
pub fn compose(program: &Program) -> Vec<Composed> {
    let passes = program.passes();
    let last = passes.len().saturating_sub(1);
    passes.into_iter().enumerate().map(|(i, pass)| compose_pass(&Whole { program, pass, last: i == last })).collect()
}

/// What the text of a pass depends on.
struct Whole<'a> {
    program: &'a Program,
    pass: Pass<'a>,
    /// True when the pass ends in samples.
    last: bool,
}

impl<'a> Whole<'a> {
    /// The steps in the order of their constants: the area operation, then the point operations.
    fn steps(&self) -> impl Iterator<Item = &'a Step> + use<'a> {
        self.pass.area.into_iter().chain(self.pass.steps)
    }

    /// The point operations with the index of their constants.
    fn points(&self) -> impl Iterator<Item = (usize, &'a Step)> + use<'a> {
        (usize::from(self.pass.area.is_some())..).zip(self.pass.steps)
    }
}

fn compose_pass(whole: &Whole) -> Composed {
    let mut out = Writer::default();
    for (path, text) in LIBRARY {
        out.file(path, text);
    }
    if whole.pass.area.is_some() {
        out.file(AREA.0, AREA.1);
    }
    let mut seen = BTreeSet::new();
    for step in whole.steps() {
        if seen.insert(step.id) {
            out.file(&format!("shaders/ops/{}.wgsl", step.id), step.wgsl);
        }
    }
    out.generated(&constants_struct(whole));
    out.file(KERNEL.0, KERNEL.1);
    if !whole.last {
        out.file(PLANES.0, PLANES.1);
    }
    out.generated(&ends::bindings(whole));
    out.generated(&chain::chain(whole));
    out.generated(&ends::entry(whole));
    Composed { text: out.text, constants: constants(whole), pixels: ends::pixels(whole), parts: out.parts }
}

#[derive(Default)]
struct Writer {
    text: String,
    lines: u32,
    parts: Vec<(u32, String)>,
}

impl Writer {
    fn file(&mut self, path: &str, text: &str) {
        self.parts.push((self.lines + 1, path.to_owned()));
        for line in text.lines() {
            self.text.push_str(line);
            self.text.push('\n');
            self.lines += 1;
        }
        self.parts.push((self.lines + 1, GENERATED.to_owned()));
        self.text.push('\n');
        self.lines += 1;
    }

    fn generated(&mut self, text: &str) {
        self.file(GENERATED, text);
    }
}

fn constants(whole: &Whole) -> Vec<u8> {
    let mut bytes = Vec::new();
    for step in whole.steps() {
        bytes.extend_from_slice(&step.constants);
        if step.strength != 1.0 {
            bytes.extend_from_slice(&step.strength.to_ne_bytes());
        }
    }
    if bytes.is_empty() {
        bytes.extend_from_slice(&[0; 4]);
    }
    bytes
}

fn constants_struct(whole: &Whole) -> String {
    let mut text = "struct Constants {\n".to_owned();
    for (i, step) in whole.steps().enumerate() {
        let _ = writeln!(text, "    s{i}: {},", struct_name(step.id));
        if step.strength != 1.0 {
            let _ = writeln!(text, "    strength{i}: f32,");
        }
    }
    if whole.steps().next().is_none() {
        // WGSL has no empty structs.
        text.push_str("    unused: u32,\n");
    }
    text.push_str("}\n");
    text
}
