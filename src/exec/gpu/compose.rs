//! Text of a fused pass: a [`Program`] becomes one WGSL compute shader. Pure text, no GPU.
//!
//! The shader is the shared library, the source of each operation once, a constants struct whose fields are the constants of the
//! steps one after the other, the chain of calls, and an entry point that loads and stores **4 consecutive pixels** of the strip per
//! invocation: 4 pixels of any layout are whole 32-bit words.
//!
//! All constants are 4-byte scalars (or arrays of them), so the WGSL layout of the struct is the concatenation of the `#[repr(C)]` bytes.
//! A strength below 1 is one more scalar behind the constants of its step.
//!
//! *Non-finite values.* A shader compiler may assume that NaN and infinity do not occur, so nothing is promised for arithmetic on them.
//! Loading, storing, rounding and the library's `finite` work on integer bits: what an operation selects through `finite` passes unchanged.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::ops::struct_name;
use crate::picture::{Alpha, Channels, PixelLayout, SampleType};
use crate::plan::Program;

/// Pixels that one invocation owns.
pub const GROUP_PIXELS: u32 = 4;
/// Invocations per workgroup.
pub const WORKGROUP: u32 = 64;

/// Files that every pass begins with, in order: path and text.
const LIBRARY: [(&str, &str); 7] = [
    ("shaders/lib/pixel.wgsl", include_str!("../../../shaders/lib/pixel.wgsl")),
    ("shaders/lib/math.wgsl", include_str!("../../../shaders/lib/math.wgsl")),
    ("shaders/lib/curve.wgsl", include_str!("../../../shaders/lib/curve.wgsl")),
    ("shaders/lib/distance.wgsl", include_str!("../../../shaders/lib/distance.wgsl")),
    ("shaders/lib/purity.wgsl", include_str!("../../../shaders/lib/purity.wgsl")),
    ("shaders/lib/field.wgsl", include_str!("../../../shaders/lib/field.wgsl")),
    ("shaders/lib/samples.wgsl", include_str!("../../../shaders/lib/samples.wgsl")),
];
const KERNEL: (&str, &str) = ("shaders/kernel.wgsl", include_str!("../../../shaders/kernel.wgsl"));

/// A composed pass.
#[derive(Debug, Clone)]
pub struct Composed {
    /// The shader; its entry point is `main`.
    pub text: String,
    /// Bytes of the `Constants` struct, at least 4.
    pub constants: Vec<u8>,
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

/// Composes the shader of `program`. Programs that differ only in numbers give the same text.
pub fn compose(program: &Program) -> Composed {
    let mut out = Writer::default();
    for (path, text) in LIBRARY {
        out.file(path, text);
    }
    let mut seen = BTreeSet::new();
    for step in &program.steps {
        if seen.insert(step.id) {
            out.file(&format!("shaders/ops/{}.wgsl", step.id), step.wgsl);
        }
    }
    let constants = constants(program);
    out.generated(&constants_struct(program));
    out.file(KERNEL.0, KERNEL.1);
    out.generated(&chain(program));
    out.generated(&entry(program));
    Composed { text: out.text, constants, parts: out.parts }
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

fn constants(program: &Program) -> Vec<u8> {
    let mut bytes = Vec::new();
    for step in &program.steps {
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

fn constants_struct(program: &Program) -> String {
    let mut text = "struct Constants {\n".to_owned();
    for (i, step) in program.steps.iter().enumerate() {
        let _ = writeln!(text, "    s{i}: {},", struct_name(step.id));
        if step.strength != 1.0 {
            let _ = writeln!(text, "    strength{i}: f32,");
        }
    }
    if program.steps.is_empty() {
        // WGSL has no empty structs.
        text.push_str("    unused: u32,\n");
    }
    text.push_str("}\n");
    text
}

/// The function that takes one loaded pixel through all steps to the values that are stored. Its names begin with `k_`, which no id of an
/// operation does: a local name would hide the function of the operation.
fn chain(program: &Program) -> String {
    let mut text =
        "fn k_chain(k_rgb: vec3<f32>, k_alpha: f32, k_depth: f32, k_place: vec2<u32>) -> vec4<f32> {\n".to_owned();
    text.push_str(
        "    var k_px = Px(k_rgb, k_alpha, 0.0, k_depth, 0.0, 0.0, 0.0, vec3(0.0), vec3(0.0), k_place.x, k_place.y);\n",
    );
    if program.input.alpha == Alpha::Associated {
        text.push_str("    k_px.rgb = k_px.rgb / select(1.0, k_alpha, k_alpha > 0.0);\n");
    }
    for (i, step) in program.steps.iter().enumerate() {
        let id = step.id;
        // Where associated alpha is 0 there is light that covers nothing: twin of `run_beside_transparent`.
        let holds = program.input.alpha == Alpha::Associated && !step.acts_on_transparent;
        if holds {
            let _ = writeln!(text, "    let k_light{i} = k_px.rgb;");
        }
        let share = match (step.strength == 1.0, step.masked) {
            (true, false) => None,
            (false, false) => Some(format!("constants.strength{i}")),
            (true, true) => Some("k_px.mask".to_owned()),
            (false, true) => Some(format!("constants.strength{i} * k_px.mask")),
        };
        if let Some(share) = share {
            let _ = writeln!(text, "    let k_before{i} = k_px.rgb;");
            let _ = writeln!(text, "    let k_share{i} = {share};");
            let _ = writeln!(text, "    k_px = {id}(constants.s{i}, k_px);");
            let _ = writeln!(text, "    k_px.rgb = mix_share(k_before{i}, k_px.rgb, k_share{i});");
            if step.masked {
                let _ = writeln!(text, "    k_px.touched = max(k_px.touched, k_share{i});");
            }
        } else {
            let _ = writeln!(text, "    k_px = {id}(constants.s{i}, k_px);");
        }
        if holds {
            let _ = writeln!(text, "    k_px.rgb = select(k_light{i}, k_px.rgb, k_alpha > 0.0);");
        }
    }
    if program.output.alpha == Alpha::Associated {
        let light = if program.input.alpha == Alpha::Associated { "k_px.rgb" } else { "vec3(0.0)" };
        let _ = writeln!(text, "    k_px.rgb = select({light}, k_px.rgb * k_alpha, k_alpha > 0.0);");
    }
    text.push_str("    return vec4(k_px.rgb, k_alpha);\n}\n");
    text
}

/// The entry point: words in, 4 pixels through the chain, words out.
fn entry(program: &Program) -> String {
    let (words_in, words_out) = (group_words(program.input), group_words(program.output));
    let mut text = format!(
        "@compute @workgroup_size({WORKGROUP})\nfn main(@builtin(global_invocation_id) id: vec3<u32>) {{\n    let group = id.x;\n    if group >= pass_params.groups {{\n        return;\n    }}\n"
    );
    for word in 0..words_in {
        let _ = writeln!(text, "    let in{word} = strip_in[group * {words_in}u + {word}u];");
    }
    let dithered = program.dither_seed.is_some() && program.output.sample == SampleType::U8;
    for pixel in 0..GROUP_PIXELS as usize {
        let (rgb, alpha) = loaded(program.input, pixel);
        let depth =
            if program.supplied_depth { format!("supplied_depth[group * 4u + {pixel}u]") } else { "0.0".to_owned() };
        let _ = writeln!(text, "    let place{pixel} = pixel_place(group * 4u + {pixel}u);");
        let _ = writeln!(text, "    let out{pixel} = k_chain({rgb}, {alpha}, {depth}, place{pixel});");
        if dithered {
            let _ = writeln!(
                text,
                "    let dither{pixel} = dither_place(place{pixel}.x, place{pixel}.y, pass_params.dither_seed);"
            );
        }
    }
    for word in 0..words_out {
        let stored = stored(program.output, dithered, word);
        let _ = writeln!(text, "    strip_out[group * {words_out}u + {word}u] = {stored};");
    }
    text.push_str("}\n");
    text
}

/// Expressions for color and alpha of pixel `pixel` of the group.
fn loaded(layout: PixelLayout, pixel: usize) -> (String, String) {
    let load = load_name(layout.sample);
    let count = layout.channels.count();
    let sample = |channel: usize| {
        let (word, shift) = position(layout.sample, pixel * count + channel);
        format!("{load}(in{word}, {shift}u)")
    };
    let rgb = if layout.channels.is_color() {
        format!("vec3({}, {}, {})", sample(0), sample(1), sample(2))
    } else {
        format!("vec3({})", sample(0))
    };
    let alpha = if layout.channels.has_alpha() { sample(count - 1) } else { "1.0".to_owned() };
    (rgb, alpha)
}

/// Expression for word `word` of the group that is stored.
fn stored(layout: PixelLayout, dithered: bool, word: usize) -> String {
    let samples = 4 / layout.sample.bytes();
    let count = layout.channels.count();
    let names: &[(&str, u32)] = match layout.channels {
        Channels::Gray => &[("y", 1)],
        Channels::GrayAlpha => &[("y", 1), ("w", 3)],
        Channels::Rgb => &[("x", 0), ("y", 1), ("z", 2)],
        Channels::Rgba => &[("x", 0), ("y", 1), ("z", 2), ("w", 3)],
    };
    let store = store_name(layout.sample);
    let one = |i: usize| {
        let at = word * samples + i;
        let (pixel, (name, channel)) = (at / count, names[at % count]);
        let value = if dithered {
            format!("store_u8_dithered(out{pixel}.{name}, dither{pixel}, {channel}u)")
        } else {
            format!("{store}(out{pixel}.{name})")
        };
        let (_, shift) = position(layout.sample, at);
        if shift == 0 { value } else { format!("({value} << {shift}u)") }
    };
    (0..samples).map(one).collect::<Vec<_>>().join(" | ")
}

/// Word and shift of sample `index` of a group.
fn position(sample: SampleType, index: usize) -> (usize, usize) {
    let byte = index * sample.bytes();
    (byte / 4, byte % 4 * 8)
}

fn load_name(sample: SampleType) -> &'static str {
    match sample {
        SampleType::U8 => "load_u8",
        SampleType::U16 => "load_u16",
        SampleType::F16 => "load_f16",
        SampleType::F32 => "load_f32",
    }
}

fn store_name(sample: SampleType) -> &'static str {
    match sample {
        SampleType::U8 => "store_u8",
        SampleType::U16 => "store_u16",
        SampleType::F16 => "store_f16",
        SampleType::F32 => "store_f32",
    }
}
