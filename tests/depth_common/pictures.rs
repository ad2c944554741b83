//! Pictures with true depth: photographs and renders from the test data, generated scenes from the project.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use chiaro::depth::reduce::percentile;

use super::map::{Map, Mask};

/// One picture and its truth.
pub struct Picture {
    pub name: String,
    /// Red, green, blue, sRGB-encoded 0..1.
    pub rgb: [Map; 3],
    /// Luma of the encoded picture (Rec.709 weights), 0..1.
    pub luma: Map,
    /// True disparity, 99th percentile at 1, holes filled with the nearest valid value.
    pub disparity: Map,
    pub valid: Mask,
}

/// The folder of the test data, or `None` after saying why the test is ignored.
pub fn testdata() -> Option<PathBuf> {
    let folder = std::env::var_os("CHIARO_TESTDATA").map(PathBuf::from);
    if folder.is_none() {
        println!("ignored: CHIARO_TESTDATA not set");
    }
    folder
}

/// Pictures with measured or rendered depth; every `step`-th of the manifest.
pub fn real(testdata: &Path, step: usize) -> Vec<Picture> {
    let folder = testdata.join("depth_gt");
    let manifest = std::fs::read_to_string(folder.join("manifest.csv")).expect("the manifest of depth_gt");
    let rows = manifest.lines().skip(1).step_by(step);
    rows.filter_map(|row| {
        let mut columns = row.split(',');
        let (set, id, rgb, depth) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
        let (w, h, codes, _) = png(&folder.join(depth))?;
        let valid: Vec<bool> = codes.iter().map(|&code| code > 0.0).collect();
        let disparity = codes.iter().map(|&code| if code > 0.0 { 1.0 / code } else { 0.0 }).collect();
        // Edges of holes are no edges of depth.
        let mut valid = Mask { w, h, v: valid };
        let disparity = fill(Map::new(w, h, disparity), &valid);
        if valid.count() < w * h {
            valid = valid.grow(-2);
        }
        picture(format!("{set}/{id}"), &folder.join(rgb), disparity, valid)
    })
    .collect()
}

/// Generated scenes: `NN_rgb.png` with `NN_disparity.png` (16 bit, larger = nearer); empty when there are none.
pub fn generated() -> Vec<Picture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/depth_scenes");
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let name = |file: &Path| file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    files
        .iter()
        .filter_map(|file| {
            let id = name(file).strip_suffix("_rgb.png")?.to_string();
            let (w, h, codes, _) = png(&file.with_file_name(format!("{id}_disparity.png")))?;
            let valid = Mask { w, h, v: vec![true; w * h] };
            picture(format!("scene {id}"), file, Map::new(w, h, codes), valid)
        })
        .collect()
}

fn picture(name: String, rgb: &Path, disparity: Map, valid: Mask) -> Option<Picture> {
    let (w, h, samples, channels) = png(rgb)?;
    if (w, h) != (disparity.w, disparity.h) || channels < 3 {
        return None;
    }
    let plane = |c: usize| Map::new(w, h, samples.iter().skip(c).step_by(channels).copied().collect());
    let rgb = [plane(0), plane(1), plane(2)];
    let luma = (0..w * h).map(|i| 0.2126 * rgb[0].v[i] + 0.7152 * rgb[1].v[i] + 0.0722 * rgb[2].v[i]).collect();
    let known: Vec<f32> = disparity.v.iter().zip(&valid.v).filter(|(_, valid)| **valid).map(|(d, _)| *d).collect();
    let top = percentile(&known, 99.0).filter(|top| *top > 0.0)?;
    Some(Picture { name, luma: Map::new(w, h, luma), rgb, disparity: disparity.map(|d| d / top), valid })
}

/// Invalid pixels take the value of the nearest valid one, found by growing.
fn fill(mut map: Map, valid: &Mask) -> Map {
    let mut known = valid.v.clone();
    let mut front: Vec<usize> = (0..known.len()).filter(|&i| known[i]).collect();
    while !front.is_empty() {
        let mut next = Vec::new();
        for &i in &front {
            let (x, y) = (i % map.w, i / map.w);
            let neighbors = [
                (x > 0).then(|| i - 1),
                (x + 1 < map.w).then_some(i + 1),
                (y > 0).then(|| i - map.w),
                (y + 1 < map.h).then_some(i + map.w),
            ];
            for n in neighbors.into_iter().flatten() {
                if !known[n] {
                    known[n] = true;
                    map.v[n] = map.v[i];
                    next.push(n);
                }
            }
        }
        front = next;
    }
    map
}

/// Width, height, samples as 0..1 and channels of a PNG of 8 or 16 bit.
pub fn png(path: &Path) -> Option<(usize, usize, Vec<f32>, usize)> {
    let mut reader = png::Decoder::new(BufReader::new(File::open(path).ok()?)).read_info().ok()?;
    let mut bytes = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut bytes).ok()?;
    bytes.truncate(info.buffer_size());
    let samples = match info.bit_depth {
        png::BitDepth::Eight => bytes.iter().map(|&b| f32::from(b) / 255.0).collect(),
        png::BitDepth::Sixteen => {
            bytes.as_chunks().0.iter().map(|&pair| f32::from(u16::from_be_bytes(pair)) / 65535.0).collect()
        }
        _ => return None,
    };
    Some((info.width as usize, info.height as usize, samples, info.color_type.samples()))
}

/// Gaussian noise of deviation `sd` on the luma, the same every time.
pub fn noisy(luma: &Map, sd: f32) -> Map {
    let mut state = 1u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let mut out = luma.clone();
    for v in &mut out.v {
        // A sum of twelve uniforms has deviation 1.
        *v = (*v + sd * ((0..12).map(|_| uniform()).sum::<f32>() - 6.0)).clamp(0.0, 1.0);
    }
    out
}
