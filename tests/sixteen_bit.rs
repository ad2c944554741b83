//! 16 bit in, 16 bit out: distinct codes and the largest error against a float64 oracle.

mod common;

use std::collections::HashSet;

use chiaro::engine::job::Work;
use chiaro::picture::{Channels, Compression, Extent, Format, Region, SampleType, Strip};

/// All 65 536 codes in a gray-ramp RGB picture with shifted channels.
fn ramp() -> Strip {
    let region = Region { width: 256, y: 0, rows: 256 };
    let mut strip = Strip::new(region, common::layout(SampleType::U16, Channels::Rgb));
    let samples: &mut [u16] = bytemuck::cast_slice_mut(strip.words_mut());
    for i in 0..65_536usize {
        samples[i * 3] = i as u16;
        samples[i * 3 + 1] = (i as u16).wrapping_mul(257);
        samples[i * 3 + 2] = 65_535 - i as u16;
    }
    strip
}

fn decode(v: f64) -> f64 {
    if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

fn encode(v: f64) -> f64 {
    if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
}

fn graded(ev: f64) -> (Strip, Strip) {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    let strip = ramp();
    assert_eq!(strip.region, Region { width: 256, y: 0, rows: 256 });
    common::write(&input.join("ramp.tif"), Format::Tiff, &strip, Compression::None);
    let recipe = common::recipe(&format!("version = 1\n[[op]]\nid = \"exposure\"\nev = {ev:?}\n"));
    let (_, outcomes) = common::run(common::options(&out), recipe, &input, &Work::Grade);
    common::assert_done(&outcomes);
    (strip, common::read(&out.join("ramp.tif")))
}

#[test]
fn exposure_is_right_to_the_code() {
    let ev = -0.7;
    let (before, after) = graded(ev);
    let gain = ev.exp2();
    let mut worst = 0.0f64;
    for (a, b) in common::samples_u16(&before).iter().zip(common::samples_u16(&after)) {
        // Exposure scales all channels alike, so the way through Rec.2020 and back cancels in exact arithmetic.
        let exact = encode(decode(f64::from(*a) / 65_535.0) * gain) * 65_535.0;
        worst = worst.max((exact - f64::from(*b)).abs());
    }
    assert!(worst < 0.7, "largest error {worst} codes (0.5 is rounding alone)");
    let distinct = |s: &Strip| common::samples_u16(s).iter().copied().collect::<HashSet<_>>().len();
    assert_eq!(distinct(&before), 65_536);
    // Darkening by 0.7 stops leaves about 50 000 codes of light; an 8-bit bottleneck would leave 256.
    assert!(distinct(&after) > 45_000, "{} distinct codes", distinct(&after));
}

#[test]
fn the_working_space_gives_every_srgb_code_back() {
    // An exposure of nearly nothing is no identity, so the whole way there and back is taken.
    let (before, after) = graded(1e-9);
    assert_eq!(before.bytes(), after.bytes());
}

#[test]
fn extents_are_kept() {
    let extent = Extent { width: 1, height: 1 };
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    common::write(&input.join("dot.png"), Format::Png, &common::scene(extent, 1), Compression::Deflate);
    let recipe = common::recipe("version = 1\n[[op]]\nid = \"invert\"\n");
    let (_, outcomes) = common::run(common::options(&out), recipe, &input, &Work::Grade);
    common::assert_done(&outcomes);
    assert_eq!(common::read(&out.join("dot.png")).region.pixels(), 1);
}
