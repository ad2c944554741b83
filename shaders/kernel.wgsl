// The fixed part of every fused pass. What depends on the program (the constants struct, the chain of steps, loading and
// storing of the layouts, the entry point) is written by src/exec/gpu/compose.rs.
//
// A strip is a linear run of pixels. One invocation owns a group of 4 of them, so that every layout starts and ends on whole
// words; the buffers are padded to whole groups.

struct PassParams {
    // Pixels per row of the picture.
    width: u32,
    // Column and row of pixel 0 of the buffers.
    x: u32,
    y: u32,
    // Groups of 4 pixels in the buffers.
    groups: u32,
    // Seed of the dither.
    dither_seed: u32,
}

@group(0) @binding(0) var<uniform> pass_params: PassParams;
@group(0) @binding(1) var<storage, read> constants: Constants;
@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> strip_in: array<u32>;
@group(0) @binding(4) var<storage, read_write> strip_out: array<u32>;
@group(0) @binding(5) var<storage, read> supplied_depth: array<f32>;

// Column and row of pixel `index` of the buffers.
fn pixel_place(index: u32) -> vec2<u32> {
    let at = pass_params.x + index;
    return vec2(at % pass_params.width, pass_params.y + at / pass_params.width);
}
