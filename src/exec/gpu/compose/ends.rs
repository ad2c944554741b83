//! How a pass meets its buffers: bindings, samples in and out, and the entry point.

use std::fmt::Write as _;

use super::{GROUP_PIXELS, WORKGROUP, Whole, area, group_words};
use crate::picture::{Channels, PixelLayout, SampleType};

/// The bindings of what comes in and what goes out; `shaders/kernel.wgsl` has those of every pass.
pub(super) fn bindings(whole: &Whole) -> String {
    let mut text = String::new();
    if whole.pass.area.is_none() {
        text.push_str("@group(0) @binding(3) var<storage, read> strip_in: array<u32>;\n");
        text.push_str("@group(0) @binding(5) var<storage, read> supplied_depth: array<f32>;\n");
    }
    if whole.last {
        text.push_str("@group(0) @binding(4) var<storage, read_write> strip_out: array<u32>;\n");
    }
    if whole.pass.area.is_some() || !whole.last {
        text.push_str(&area::planes_constants(whole));
    }
    text
}

/// Pixels that one invocation owns: a group where samples come in or go out.
pub(super) fn pixels(whole: &Whole) -> u32 {
    if whole.pass.area.is_some() && !whole.last { 1 } else { GROUP_PIXELS }
}

/// The entry point.
pub(super) fn entry(whole: &Whole) -> String {
    let mut text = format!(
        "@compute @workgroup_size({WORKGROUP})\n\
         fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {{\n"
    );
    if pixels(whole) == 1 {
        text.push_str("    let index = id.x + id.y * workgroups.x * ");
        let _ = writeln!(text, "{WORKGROUP}u;\n    if index >= pass_params.groups * 4u {{\n        return;\n    }}");
        text.push_str("    planes_store(index, k_chain(pixel_place(index)));\n}\n");
        return text;
    }
    let _ = writeln!(text, "    let group = id.x + id.y * workgroups.x * {WORKGROUP}u;");
    text.push_str("    if group >= pass_params.groups {\n        return;\n    }\n");
    match whole.pass.area {
        None => chain_samples(whole, &mut text),
        Some(_) => chain_planes(&mut text),
    }
    if whole.last {
        store_samples(whole, &mut text);
    } else {
        for pixel in 0..GROUP_PIXELS {
            let _ = writeln!(text, "    planes_store(group * 4u + {pixel}u, out{pixel});");
        }
    }
    text.push_str("}\n");
    text
}

/// Words in, 4 pixels through the chain: `out0` to `out3`.
fn chain_samples(whole: &Whole, text: &mut String) {
    let program = whole.program;
    let words = group_words(program.input);
    for word in 0..words {
        let _ = writeln!(text, "    let in{word} = strip_in[group * {words}u + {word}u];");
    }
    for pixel in 0..GROUP_PIXELS as usize {
        let (rgb, alpha) = loaded(program.input, pixel);
        let depth =
            if program.supplied_depth { format!("supplied_depth[group * 4u + {pixel}u]") } else { "0.0".to_owned() };
        let _ = writeln!(text, "    let place{pixel} = pixel_place(group * 4u + {pixel}u);");
        let _ = writeln!(text, "    let out{pixel} = k_chain({rgb}, {alpha}, {depth}, place{pixel});");
    }
}

/// The same from planes. A loop: area operations are long, and four copies would take four times as long to compile.
fn chain_planes(text: &mut String) {
    text.push_str("    var outs: array<vec4<f32>, 4>;\n    for (var i = 0u; i < 4u; i++) {\n");
    text.push_str("        outs[i] = k_chain(pixel_place(group * 4u + i));\n    }\n");
    for pixel in 0..GROUP_PIXELS {
        let _ = writeln!(text, "    let place{pixel} = pixel_place(group * 4u + {pixel}u);");
        let _ = writeln!(text, "    let out{pixel} = outs[{pixel}];");
    }
}

/// Words out.
fn store_samples(whole: &Whole, text: &mut String) {
    let output = whole.program.output;
    let dithered = whole.program.dither_seed.is_some() && output.sample == SampleType::U8;
    if dithered {
        for i in 0..GROUP_PIXELS {
            let _ =
                writeln!(text, "    let dither{i} = dither_place(place{i}.x, place{i}.y, pass_params.dither_seed);");
        }
    }
    let words = group_words(output);
    for word in 0..words {
        let stored = stored(output, dithered, word);
        let _ = writeln!(text, "    strip_out[group * {words}u + {word}u] = {stored};");
    }
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
