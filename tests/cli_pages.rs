//! `chiaro run --pages all`: one output per page, up to date when run again.

mod cli_util;
mod tiff_util;

use chiaro::picture::{Alpha, Channels, PixelLayout, SampleType};
use cli_util::{BRIGHTER, Dir};
use tiff_util::Build;

/// Two pages in one file.
fn two_pages() -> Vec<u8> {
    let layout = PixelLayout { sample: SampleType::U8, channels: Channels::Gray, alpha: Alpha::None };
    let page = |level: u8| Build::new(6, 5, layout).build(&[level; 30]);
    let directory = |file: &[u8]| u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize;
    let next = |file: &[u8], at: usize| at + 2 + usize::from(u16::from_le_bytes([file[at], file[at + 1]])) * 12;
    let (mut file, mut other) = (page(10), page(200));
    let (first, second) = (directory(&file), directory(&other));
    file.resize(file.len().next_multiple_of(2), 0);
    let base = file.len();
    // The one strip of the second page moves with it.
    let field = (second + 2..next(&other, second)).step_by(12).find(|at| other[*at..*at + 2] == 273u16.to_le_bytes());
    let offset = field.unwrap() + 8;
    let moved = u32::from_le_bytes(other[offset..offset + 4].try_into().unwrap()) + base as u32;
    other[offset..offset + 4].copy_from_slice(&moved.to_le_bytes());
    let link = next(&file, first);
    file[link..link + 4].copy_from_slice(&((base + second) as u32).to_le_bytes());
    file.extend(other);
    file
}

#[test]
fn every_page_becomes_an_output() {
    let dir = Dir::new();
    dir.recipe(BRIGHTER);
    dir.file("in/a.tif", two_pages());
    dir.picture("in/b.tif");
    let ran = dir.grade(&["in"]).ends(0);
    assert!(ran.stderr.contains("1 more page in the file"), "{}", ran.stderr);
    assert!(!dir.path("out/a_p2.tif").exists());
    let ran = dir.grade(&["in", "--pages", "all"]).ends(0);
    assert!(!ran.stderr.contains("more page"), "{}", ran.stderr);
    for name in ["out/a.tif", "out/a_p2.tif", "out/b.tif"] {
        assert!(dir.path(name).exists(), "{name}");
    }
    assert_ne!(std::fs::read(dir.path("out/a.tif")).unwrap(), std::fs::read(dir.path("out/a_p2.tif")).unwrap());
    let again = dir.grade(&["in", "--pages", "all"]).ends(0);
    assert!(again.stderr.contains("3 up to date"), "{}", again.stderr);
    let plan = dir.run(&["plan", "in", "-r", "look.toml", "-o", "out", "--pages", "all"]).ends(0);
    assert!(plan.stdout.contains("out/a_p2.tif"), "{}", plan.stdout);
    // A picture whose output has the name of another one's page.
    dir.picture("in/a_p2.tif");
    let ran = dir.grade(&["in", "--pages", "all"]).ends(2);
    assert!(ran.stderr.contains("a_p2.tif"), "{}", ran.stderr);
}
