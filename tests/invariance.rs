//! Results never depend on strip height, threads, jobs, memory or instruction set: bit-identical files.

mod common;

use chiaro::engine::job::Work;
use chiaro::engine::options::EngineOptions;
use chiaro::ops::Isa;
use chiaro::picture::{Compression, Extent, Format};

/// Point operations in three domains, depth, strength, and dither through 8-bit output of one of the pictures.
const LOOK: &str = r#"
version = 1
[[op]]
id = "exposure"
ev = 0.4
[[op]]
id = "invert"
strength = 0.2
[[op]]
id = "haze"
density = 0.8
[[op]]
id = "depth_grade"
far_exposure = -0.3
near_saturation = 1.2
"#;

fn inputs(folder: &std::path::Path) {
    let scene = common::scene(Extent { width: 301, height: 203 }, 5);
    common::write(&folder.join("none.tif"), Format::Tiff, &scene, Compression::None);
    common::write(&folder.join("lzw.tif"), Format::Tiff, &scene, Compression::Lzw);
    common::write(&folder.join("deflate.tif"), Format::Tiff, &scene, Compression::Deflate);
    common::write(&folder.join("rows.png"), Format::Png, &scene, Compression::Deflate);
}

fn results(recipe: &str, change: impl Fn(&mut EngineOptions)) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    inputs(&input);
    let mut options = common::options(&out);
    change(&mut options);
    let (_, outcomes) = common::run(options, common::recipe(recipe), &input, &Work::Grade);
    common::assert_done(&outcomes);
    common::tree(&out)
}

#[test]
#[cfg_attr(not(feature = "onnx"), ignore = "needs the feature onnx")]
fn nothing_but_picture_and_recipe_decides_the_bytes() {
    for bits in ["16", "8"] {
        let recipe = format!("{LOOK}[output]\nbits = {bits}\n");
        let reference = results(&recipe, |_| {});
        assert_eq!(reference.len(), 4);
        for rows in [1, 7, 64, 203] {
            assert!(results(&recipe, |o| o.strip_rows = Some(rows)) == reference, "{rows} rows, {bits} bit");
        }
        for threads in [1, 2, 8] {
            assert!(results(&recipe, |o| o.threads = Some(threads)) == reference, "{threads} threads, {bits} bit");
        }
        for isa in Isa::available() {
            assert!(results(&recipe, |o| o.isa = Some(isa)) == reference, "{}, {bits} bit", isa.name());
        }
        // So little memory that pictures are decoded twice and go one at a time.
        assert!(results(&recipe, |o| o.memory_bytes = Some(100_000)) == reference, "little memory, {bits} bit");
    }
}

#[test]
fn a_recipe_without_operations_copies_samples() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("out"));
    inputs(&input);
    let (_, outcomes) = common::run(common::options(&out), common::recipe("version = 1"), &input, &Work::Grade);
    common::assert_done(&outcomes);
    for name in ["none.tif", "lzw.tif", "deflate.tif", "rows.png"] {
        assert_eq!(common::read(&input.join(name)).bytes(), common::read(&out.join(name)).bytes(), "{name}");
    }
}
