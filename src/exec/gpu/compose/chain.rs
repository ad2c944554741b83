//! The function `k_chain` of a pass: takes one pixel from how it comes in, through all steps, to what is stored.
//!
//! Names in it begin with `k_`, which no id of an operation does: a local name would hide the function of the operation.

use std::fmt::Write as _;

use super::{Whole, area};
use crate::ops::Step;
use crate::picture::Alpha;

/// What a mix is weighed with: an expression, or `None` where the result is taken as it is. `mask` is the pixel's.
pub(super) fn share(step: &Step, i: usize, mask: &str) -> Option<String> {
    match (step.strength == 1.0, step.masked) {
        (true, false) => None,
        (false, false) => Some(format!("constants.strength{i}")),
        (true, true) => Some(mask.to_owned()),
        (false, true) => Some(format!("constants.strength{i} * {mask}")),
    }
}

/// The function: samples come as color, alpha and depth, planes by the place alone; samples leave as a vector, planes as a pixel.
pub(super) fn chain(whole: &Whole) -> String {
    let result = if whole.last { "vec4<f32>" } else { "Px" };
    let arguments = match whole.pass.area {
        None => "k_rgb: vec3<f32>, k_alpha: f32, k_depth: f32, k_place: vec2<u32>",
        Some(_) => "k_place: vec2<u32>",
    };
    let mut text = format!("fn k_chain({arguments}) -> {result} {{\n");
    match whole.pass.area {
        None => front(whole, &mut text),
        Some(step) => area::front(whole, step, &mut text),
    }
    for (i, step) in whole.points() {
        point(whole, i, step, &mut text);
    }
    if whole.last {
        end(whole, &mut text);
    } else {
        text.push_str("    return k_px;\n}\n");
    }
    text
}

fn from_light(whole: &Whole) -> bool {
    whole.program.input.alpha == Alpha::Associated
}

fn front(whole: &Whole, text: &mut String) {
    text.push_str(
        "    var k_px = Px(k_rgb, k_alpha, 0.0, k_depth, 0.0, 0.0, 0.0, vec3(0.0), vec3(0.0), k_place.x, k_place.y);\n",
    );
    if from_light(whole) {
        text.push_str("    k_px.rgb = k_px.rgb / select(1.0, k_alpha, k_alpha > 0.0);\n");
    }
}

/// One point operation.
fn point(whole: &Whole, i: usize, step: &Step, text: &mut String) {
    let id = step.id;
    // Where associated alpha is 0 there is light that covers nothing: twin of `run_beside_transparent`.
    let holds = from_light(whole) && !step.acts_on_transparent;
    if holds {
        let _ = writeln!(text, "    let k_light{i} = k_px.rgb;");
    }
    if let Some(share) = share(step, i, "k_px.mask") {
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

fn end(whole: &Whole, text: &mut String) {
    if whole.program.output.alpha == Alpha::Associated {
        let light = if from_light(whole) { "k_px.rgb" } else { "vec3(0.0)" };
        let _ = writeln!(text, "    k_px.rgb = select({light}, k_px.rgb * k_alpha, k_alpha > 0.0);");
    }
    text.push_str("    return vec4(k_px.rgb, k_alpha);\n}\n");
}
