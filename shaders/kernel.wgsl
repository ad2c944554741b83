// The fixed part of every pass. What depends on the program (the constants struct, the chain of steps, loading and storing of
// the layouts, the entry point) is written by src/exec/gpu/compose.
//
// A pass computes a linear run of pixels: whole rows, or any part of a strip. The buffers are padded to whole groups of 4 pixels, so
// that every layout starts and ends on whole words.

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
    // What an area operation reads: width and height of the picture, first row and rows that are there, pixels per plane.
    from_width: u32,
    from_height: u32,
    from_first: u32,
    from_rows: u32,
    from_stride: u32,
}

@group(0) @binding(0) var<uniform> pass_params: PassParams;
@group(0) @binding(1) var<storage, read> constants: Constants;
@group(0) @binding(2) var<storage, read> tables: array<u32>;

// Column and row of pixel `index` of the buffers.
fn pixel_place(index: u32) -> vec2<u32> {
    let at = pass_params.x + index;
    return vec2(at % pass_params.width, pass_params.y + at / pass_params.width);
}
