// Pixels that this pass leaves for the next one: planes of vectors, each as long as the run of pixels (`pass_params.groups` groups
// of 4). Read again by shaders/lib/area.wgsl.

@group(0) @binding(4) var<storage, read_write> planes_out: array<vec4<f32>>;

fn planes_store(index: u32, px: Px) {
    let stride = pass_params.groups * 4u;
    planes_out[index] = vec4(px.rgb, px.alpha);
    planes_out[stride + index] = vec4(px.guide, px.disparity, px.mask, px.aux);
    if PLANES_KEPT {
        planes_out[2u * stride + index] = vec4(px.source, px.touched);
        planes_out[3u * stride + index] = vec4(px.original, 0.0);
    }
}
