//! The area operation that begins a pass, and the planes it reads. Twin of `area_body` and `resample_body` in `src/ops/chunk.rs`.

use std::fmt::Write as _;

use super::Whole;
use super::chain::share;
use crate::ops::Step;
use crate::ops::area::Reach;
use crate::picture::Alpha;

/// What `shaders/lib/area.wgsl` and `shaders/lib/planes.wgsl` take from the program.
pub(super) fn planes_constants(whole: &Whole) -> String {
    let carried = whole.program.carried();
    let light = whole.program.input.alpha == Alpha::Associated;
    format!(
        "// Alpha is carried; light may cover nothing; kept values are carried.\n\
         const PLANES_ALPHA: bool = {};\nconst PLANES_LIGHT: bool = {light};\nconst PLANES_KEPT: bool = {};\n",
        carried.alpha, carried.kept
    )
}

/// Begins the chain with area operation `step`, the first of the constants: `k_px` and `k_alpha` are what comes out of it.
pub(super) fn front(whole: &Whole, step: &Step, text: &mut String) {
    let id = step.id;
    let resamples = matches!(step.area.as_ref().map(|area| &area.reach), Some(Reach::Rows(_)));
    let before = if resamples { "area_nothing" } else { "area_pixel" };
    let _ = writeln!(text, "    let k_before0 = {before}(k_place);");
    let _ = writeln!(text, "    var k_px = {id}(constants.s0, k_before0);");
    if resamples {
        if whole.program.carried().alpha {
            text.push_str("    k_px.rgb = k_px.rgb / select(1.0, k_px.alpha, k_px.alpha > 0.0);\n");
        }
    } else if step.last {
        let share = share(step, 0, "k_before0.mask").unwrap_or_else(|| "1.0".to_owned());
        let _ = writeln!(text, "    let k_share0 = {share};");
        text.push_str("    k_px.rgb = area_mixed(k_before0, k_px.rgb, k_share0);\n");
        text.push_str("    k_px.touched = max(k_before0.touched, k_share0);\n");
    } else {
        text.push_str("    k_px.rgb = k_before0.rgb;\n");
    }
    text.push_str("    let k_alpha = k_px.alpha;\n");
}
