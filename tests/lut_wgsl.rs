//! The WGSL twin of the LUT: it validates, and its constants lie where the Rust constants lie.

use chiaro::lut::LutConstants;
use std::mem::offset_of;

const SHADER: &str = include_str!("../shaders/ops/lut.wgsl");

/// What the composing module declares around the twin.
const HARNESS: &str = "
@group(0) @binding(0) var<storage, read> tables: array<u32>;
@group(0) @binding(1) var<uniform> lut: Lut;
@group(0) @binding(2) var<storage, read_write> pixels: array<vec4<f32>>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < arrayLength(&pixels) {
        pixels[id.x] = vec4<f32>(lut_sample(lut, pixels[id.x].xyz), 1.0);
    }
}
";

fn module() -> naga::Module {
    let source = format!("{SHADER}{HARNESS}");
    naga::front::wgsl::parse_str(&source).unwrap_or_else(|e| panic!("{}", e.emit_to_string(&source)))
}

#[test]
fn the_twin_validates() {
    let flags = naga::valid::ValidationFlags::all();
    naga::valid::Validator::new(flags, naga::valid::Capabilities::empty()).validate(&module()).unwrap();
}

#[test]
fn constants_have_one_layout() {
    macro_rules! fields {
        ($($name:ident),* $(,)?) => { [$((stringify!($name), offset_of!(LutConstants, $name) as u32)),*] };
    }
    let rust = fields![
        table,
        shaper_size,
        cube_size,
        cube_at,
        interpolation,
        stride_g,
        stride_b,
        input_scale,
        input_offset,
        output_scale,
        output_offset,
        shaper_last,
        shaper_min_r,
        shaper_min_g,
        shaper_min_b,
        shaper_scale_r,
        shaper_scale_g,
        shaper_scale_b,
        cube_last,
        cube_min_r,
        cube_min_g,
        cube_min_b,
        cube_scale_r,
        cube_scale_g,
        cube_scale_b,
        reserved,
    ];
    let module = module();
    let (_, lut) = module.types.iter().find(|(_, t)| t.name.as_deref() == Some("Lut")).unwrap();
    let naga::TypeInner::Struct { members, span } = &lut.inner else { panic!("Lut is a struct") };
    let wgsl: Vec<_> = members.iter().map(|m| (m.name.as_deref().unwrap_or(""), m.offset)).collect();
    assert_eq!(wgsl, rust);
    assert_eq!(*span as usize, size_of::<LutConstants>());
}
