//! Mask files: decoded once per run, reduced, and handed to plans.
//!
//! Code values are taken as they are: black is no weight, white is full weight; a color file counts by its luma (ITU-R BT.709-6, item
//! 3.2). Files in CMYK or L*a*b* are refused: their code values are no weights. Files of more than [`MAX_PIXELS`] pixels are reduced by
//! averages over squares, because a mask is stretched over the picture anyway.

use std::path::Path;

use crate::codec::{self, Limits, Pool, Source};
use crate::error::{Error, Result};
use crate::ops::mask::{MAX_PIXELS, Mask, MaskImage};
use crate::picture::{ColorModel, Extent, PixelLayout, Region, SampleType, Strip};
use crate::recipe::Recipe;

/// Loads the mask files that `recipe` names and does not hold yet.
///
/// # Errors
/// Those of the codec, with the path of the mask file.
pub fn load(recipe: &mut Recipe, limits: &Limits, pool: &Pool) -> Result<()> {
    for name in missing(recipe) {
        let image = read(Path::new(&name), limits, pool)?;
        recipe.context.masks.insert(name, std::sync::Arc::new(image));
    }
    Ok(())
}

/// Mask files that are still to be loaded.
pub fn missing(recipe: &Recipe) -> Vec<String> {
    let files = recipe.ops.iter().filter_map(|op| op.mask.as_ref()).flat_map(Mask::files);
    files.filter(|file| !recipe.context.masks.contains_key(*file)).map(str::to_owned).collect()
}

fn read(path: &Path, limits: &Limits, pool: &Pool) -> Result<MaskImage> {
    let mut source = codec::open(path, limits)?;
    let info = source.info();
    if info.model != ColorModel::AsLayout {
        let model = match info.model {
            ColorModel::Cmyk => "CMYK",
            ColorModel::CieLab | ColorModel::IccLab => "L*a*b*",
            ColorModel::AsLayout | ColorModel::Converted(_) => "another color model",
        };
        let what = format!("a mask file is gray or RGB, not {model}: convert it, best to gray");
        return Err(Error::unsupported(path, what));
    }
    let (extent, orientation) = (info.extent, info.orientation);
    let side = block_side(extent);
    let samples = reduce(source.as_mut(), extent, side, pool)?;
    source.check_intact()?;
    let (width, height) = (extent.width.div_ceil(side), extent.height.div_ceil(side));
    let image = MaskImage::new(width, height, &samples)
        .ok_or_else(|| Error::Environment(format!("internal error: mask of {} samples", samples.len())))?;
    let span = [extent.width, extent.height].map(|pixels| pixels as f32 / side as f32);
    Ok(MaskImage { span, orientation, ..image })
}

/// Side of the squares that are averaged, in pixels.
fn block_side(extent: Extent) -> u32 {
    let blocks = |side: u32| u64::from(extent.width.div_ceil(side)) * u64::from(extent.height.div_ceil(side));
    (1..=extent.width.max(extent.height)).find(|side| blocks(*side) <= MAX_PIXELS).unwrap_or(1)
}

/// Averages over squares of `side` pixels, row after row.
fn reduce(source: &mut dyn Source, extent: Extent, side: u32, pool: &Pool) -> Result<Vec<u16>> {
    let columns = extent.width.div_ceil(side) as usize;
    let (mut sums, mut samples) = (vec![0u64; columns], Vec::new());
    let mut gathered = 0;
    let chunk = source.info().chunk_rows.clamp(1, 256);
    let layout = source.info().layout;
    let mut strip = Strip::new(Region { width: extent.width, y: 0, rows: 0 }, layout);
    for region in Region::strips(extent, chunk) {
        source.read(region, &mut strip, pool)?;
        for row in 0..region.rows {
            let bytes = strip.bytes().get(row as usize * strip.row_bytes()..).unwrap_or_default();
            add_row(&mut sums, bytes, layout, (extent.width, side));
            gathered += 1;
            if gathered == side || region.y + row + 1 == extent.height {
                for (column, sum) in sums.iter_mut().enumerate() {
                    let width = side.min(extent.width - column as u32 * side);
                    let count = u64::from(width) * u64::from(gathered);
                    samples.push(((std::mem::take(sum) + count / 2) / count.max(1)).min(65_535) as u16);
                }
                gathered = 0;
            }
        }
    }
    Ok(samples)
}

/// Adds one row of pixels to the sums of its squares.
fn add_row(sums: &mut [u64], bytes: &[u8], layout: PixelLayout, (width, side): (u32, u32)) {
    let pixels = bytes.chunks_exact(layout.pixel_bytes()).take(width as usize);
    for (x, pixel) in pixels.enumerate() {
        if let Some(sum) = sums.get_mut(x / side as usize) {
            *sum += u64::from(value(pixel, layout));
        }
    }
}

/// Gray, or luma of the color, as a 16-bit code. Integer weights: 65536 times those of BT.709-6.
fn value(pixel: &[u8], layout: PixelLayout) -> u32 {
    let mut samples = pixel.chunks_exact(layout.sample.bytes()).map(|bytes| code(bytes, layout.sample));
    let mut next = || u64::from(samples.next().unwrap_or(0));
    if layout.channels.is_color() {
        let (r, g, b) = (next(), next(), next());
        ((r * 13_933 + g * 46_871 + b * 4_732 + 32_768) >> 16) as u32
    } else {
        next() as u32
    }
}

/// One sample as a 16-bit code; floats are cut to 0..1.
fn code(bytes: &[u8], sample: SampleType) -> u32 {
    let unit = |v: f32| (v.max(0.0).min(1.0) * 65_535.0 + 0.5) as u32;
    match (sample, bytes) {
        (SampleType::U8, &[v]) => u32::from(v) * 257,
        (SampleType::U16, &[a, b]) => u32::from(u16::from_ne_bytes([a, b])),
        (SampleType::F16, &[a, b]) => unit(half::f16::from_ne_bytes([a, b]).to_f32()),
        (SampleType::F32, &[a, b, c, d]) => unit(f32::from_ne_bytes([a, b, c, d])),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Alpha, Channels};

    #[test]
    fn large_files_are_reduced() {
        let side = |width, height| block_side(Extent { width, height });
        assert_eq!((side(2048, 2048), side(2049, 2048), side(1, 9_000_000)), (1, 2, 3));
        for (width, height) in [(8192, 5464), (100_000, 90_000), (3, 50_000_000)] {
            let s = side(width, height);
            assert!(u64::from(width.div_ceil(s)) * u64::from(height.div_ceil(s)) <= MAX_PIXELS);
        }
    }

    #[test]
    fn every_kind_of_sample_counts() {
        let layout = |sample, channels| PixelLayout { sample, channels, alpha: Alpha::None };
        let gray = |sample, bytes: &[u8]| value(bytes, layout(sample, Channels::Gray));
        assert_eq!(gray(SampleType::U8, &[255]), 65_535);
        assert_eq!(gray(SampleType::U16, &513u16.to_ne_bytes()), 513);
        assert_eq!(gray(SampleType::F16, &half::f16::from_f32(0.5).to_ne_bytes()), 32_768);
        assert_eq!([2.0, -1.0, f32::NAN].map(|v: f32| gray(SampleType::F32, &v.to_ne_bytes())), [65_535, 0, 0]);
        let rgb = |bytes: &[u8]| value(bytes, layout(SampleType::U8, Channels::Rgb));
        assert_eq!([rgb(&[255; 3]), rgb(&[9; 3]), rgb(&[0, 255, 0])], [65_535, 9 * 257, 46_870]);
    }

    #[test]
    fn squares_at_the_border_average_what_they_cover() {
        let layout = PixelLayout { sample: SampleType::U8, channels: Channels::Gray, alpha: Alpha::None };
        let mut sums = [0; 2];
        add_row(&mut sums, &[10, 20, 30], layout, (3, 2));
        assert_eq!(sums, [30 * 257, 30 * 257]);
    }
}
