// What an area operation reads: pixels that the pass before left, as `Planes` in src/ops/area.rs. Columns and rows are those of
// the picture; beyond its edges the edge repeats.

@group(0) @binding(3) var<storage, read> planes_in: array<vec4<f32>>;

// Place of a pixel in each plane. A row that is not there would be an error of the plan and shows as a wrong edge.
fn area_index(x: i32, y: i32) -> u32 {
    let column = clamp(x, 0, i32(pass_params.from_width) - 1);
    let row = clamp(y, 0, i32(pass_params.from_height) - 1) - i32(pass_params.from_first);
    return u32(clamp(row, 0, i32(pass_params.from_rows) - 1)) * pass_params.from_width + u32(column);
}

// Color, associated where there is alpha. Twin of `PlaneRow::store`.
fn area_color(x: i32, y: i32) -> vec3<f32> {
    let color = planes_in[area_index(x, y)];
    if !PLANES_ALPHA {
        return color.rgb;
    }
    return select(select(vec3(0.0), color.rgb, PLANES_LIGHT), color.rgb * color.a, color.a > 0.0);
}

fn area_alpha(x: i32, y: i32) -> f32 {
    return planes_in[area_index(x, y)].a;
}

// Alpha; 1 where the picture has none.
fn area_coverage(x: i32, y: i32) -> f32 {
    return select(1.0, area_alpha(x, y), PLANES_ALPHA);
}

// Color as it is, not associated, and coverage.
fn area_free(x: i32, y: i32) -> vec4<f32> {
    let color = planes_in[area_index(x, y)];
    return vec4(color.rgb, select(1.0, color.a, PLANES_ALPHA));
}

// Luma and coverage. Twin of `Window::luma` and `Window::coverage` in src/ops/nearby.rs, but that the luma of all that is not finite
// is the same here: it counts for nothing.
fn area_luma(x: i32, y: i32) -> vec2<f32> {
    let color = area_free(x, y);
    let luma = 0.2627 * color.x + 0.6780 * color.y + 0.0593 * color.z;
    return vec2(select(-1e6, clamp(luma, -1e6, 1e6), finite(luma)), color.w);
}

// True for luma, or a mean of it, of a pixel that is not broken. Twin of `sound` in src/ops/nearby.rs.
fn area_sound(luma: f32) -> bool {
    return abs(luma) < 1e6;
}

fn area_guide(x: i32, y: i32) -> f32 {
    return planes_in[pass_params.from_stride + area_index(x, y)].x;
}

fn area_disparity(x: i32, y: i32) -> f32 {
    return planes_in[pass_params.from_stride + area_index(x, y)].y;
}

fn area_mask(x: i32, y: i32) -> f32 {
    return planes_in[pass_params.from_stride + area_index(x, y)].z;
}

fn area_aux(x: i32, y: i32) -> f32 {
    return planes_in[pass_params.from_stride + area_index(x, y)].w;
}

// The pixel at a place as it came.
fn area_pixel(place: vec2<u32>) -> Px {
    let at = area_index(i32(place.x), i32(place.y));
    let color = planes_in[at];
    let beside = planes_in[pass_params.from_stride + at];
    var px = Px(color.rgb, color.a, beside.x, beside.y, beside.z, 0.0, beside.w, vec3(0.0), vec3(0.0), place.x, place.y);
    if PLANES_KEPT {
        let source = planes_in[2u * pass_params.from_stride + at];
        px.source = source.rgb;
        px.touched = source.a;
        px.original = planes_in[3u * pass_params.from_stride + at].rgb;
    }
    return px;
}

// A place of which nothing is known: a resampling operation makes every value.
fn area_nothing(place: vec2<u32>) -> Px {
    return Px(vec3(0.0), 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, vec3(0.0), vec3(0.0), place.x, place.y);
}

// What an area operation made of a pixel, unassociated and mixed with what came; where nothing is covered the pixel stays, and a
// channel that came as a number stays one. Twin of `area_body` in src/ops/chunk.rs.
fn area_mixed(before: Px, made: vec3<f32>, share: f32) -> vec3<f32> {
    let covered = !PLANES_ALPHA || before.alpha > 0.0;
    let free = made / select(1.0, before.alpha, PLANES_ALPHA && before.alpha > 0.0);
    let size = bitcast<vec3<u32>>(free) & vec3(0x7fffffffu);
    let after = select(free, before.rgb, (size > vec3(0x7f800000u)) | vec3(!covered));
    return select(mix_share(before.rgb, after, share), after, share == 1.0);
}
