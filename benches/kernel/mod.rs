//! What measurements of single passes share: a strip of RGB16 like photographs and one of uniform noise, and programs made from recipes.
//!
//! `benches/pictures.py kernel` writes the strips (`photograph.rgb16`, `noise.rgb16`: raw samples, little endian, 3840 pixels a row) and the
//! LUT into the folder that `CHIARO_BENCH_KERNEL` names; without it stand-ins are made here.
#![allow(dead_code, reason = "each program that includes it uses a part")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chiaro::color::encodings;
use chiaro::error::Result;
use chiaro::exec::cpu::Cpu;
use chiaro::lut::{Domain, Lut, Lut3d, write_cube};
use chiaro::ops::Isa;
use chiaro::picture::{
    Access, Alpha, Channels, ColorModel, Extent, Metadata, PictureInfo, PixelLayout, Region, SampleType, Strip,
};
use chiaro::plan::{Exports, PlanRequest, Program, RenderFacts, plan};
use chiaro::recipe::Recipe;

/// Pixels of a row.
pub const WIDTH: u32 = 3840;
/// Rows of the stand-ins: 11 MiB of samples, more than the second-level cache.
const ROWS: u32 = 512;
/// RGB16, as TIFFs from cameras' converters.
pub const LAYOUT: PixelLayout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };

/// Header facts of a picture of `extent`.
pub fn info(extent: Extent) -> PictureInfo {
    PictureInfo {
        extent,
        layout: LAYOUT,
        model: ColorModel::AsLayout,
        encoding: encodings::srgb(),
        encoding_source: "benchmark",
        orientation: 1,
        metadata: Metadata::default(),
        access: Access::Random,
        chunk_rows: 16,
        format: "tiff",
        compression: "none",
        depth_channel: None,
        depth_channels: Vec::new(),
        warnings: Vec::new(),
    }
}

/// What a plan of `recipe` for a picture is made from.
pub fn request<'a>(info: &'a PictureInfo, recipe: &'a Recipe) -> PlanRequest<'a> {
    PlanRequest {
        path: Path::new("picture.tif"),
        info,
        recipe,
        share_bytes: 1 << 30,
        total_bytes: 1 << 30,
        source_bytes: &|_| 0,
        exports: Exports::default(),
        threads: 2,
        strip_rows: None,
    }
}

/// The fused pass of a recipe without depth.
///
/// # Errors
/// Those of the plan.
pub fn program(recipe: &Recipe, rows: u32) -> Result<Program> {
    let info = info(Extent { width: WIDTH, height: rows });
    let plan = plan(&request(&info, recipe))?;
    plan.program(&plan.outputs[0], Path::new("picture.tif"), &RenderFacts::default())
}

/// A recipe of one LUT.
///
/// # Errors
/// Those of the LUT file.
pub fn lut_recipe(cube: &Path) -> Result<Recipe> {
    let text = format!("version = 1\n[[op]]\nid = \"lut\"\nfile = {:?}\n", cube.display().to_string());
    Recipe::from_text("look", &text, Path::new("."), Path::new("look.toml"))
}

/// The folder that `benches/pictures.py kernel` filled.
pub fn folder() -> Option<PathBuf> {
    std::env::var_os("CHIARO_BENCH_KERNEL").map(PathBuf::from).filter(|path| path.is_dir())
}

/// A 33-point LUT: that of the folder, or one of a soft curve in the folder for temporary files.
pub fn cube() -> PathBuf {
    if let Some(path) = folder().map(|folder| folder.join("look.cube")).filter(|path| path.is_file()) {
        return path;
    }
    let curve = |v: f32| v + 0.35 * v * (1.0 - v) * (2.0 * v - 1.0);
    let table = Lut3d::from_fn(33, Domain::UNIT, |[r, g, b]| [curve(r), curve(g * 0.97 + 0.02), curve(b * 0.95)]);
    let lut = Lut { cube: table.ok(), ..Lut::identity_3d(2).unwrap_or_else(|e| panic!("{e}")) };
    let path = std::env::temp_dir().join(format!("chiaro-bench-{}.cube", std::process::id()));
    let text = write_cube(&lut, &path).unwrap_or_else(|e| panic!("{e}"));
    std::fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    path
}

/// A strip by name, `photograph` or `noise`: from the folder or, without it, a stand-in (gradients with the noise of a sensor, uniform noise).
pub fn strip(name: &str) -> Strip {
    let file = folder().map(|folder| folder.join(format!("{name}.rgb16")));
    match file.map(std::fs::read) {
        Some(Ok(bytes)) => from_bytes(&bytes),
        _ => stand_in(name == "noise"),
    }
}

/// A strip of raw samples, as many whole rows as there are.
pub fn from_bytes(bytes: &[u8]) -> Strip {
    let row_bytes = WIDTH as usize * 6;
    let rows = (bytes.len() / row_bytes) as u32;
    let mut strip = Strip::new(Region { width: WIDTH, y: 0, rows }, LAYOUT);
    strip.bytes_mut().copy_from_slice(&bytes[..rows as usize * row_bytes]);
    strip
}

fn stand_in(noise: bool) -> Strip {
    let mut strip = Strip::new(Region { width: WIDTH, y: 0, rows: ROWS }, LAYOUT);
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    for (i, pair) in strip.bytes_mut().chunks_exact_mut(2).enumerate() {
        let (x, y) = ((i / 3) as u32 % WIDTH, (i / 3) as u32 / WIDTH);
        let smooth = (x * 11 + y * 23 + (i % 3) as u32 * 4000) % 64_000 + random() % 800;
        let value = if noise { random() } else { smooth };
        pair.copy_from_slice(&(value as u16).to_ne_bytes());
    }
    strip
}

/// An executor on one thread.
pub fn one_thread(isa: Isa) -> Cpu {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    Cpu::new(Arc::new(pool.unwrap_or_else(|e| panic!("no thread could be started: {e}"))), isa)
}
