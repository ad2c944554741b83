//! Model files: what a recipe says about them reaches the model, the identity of the result and the file it is written to.
#![cfg(feature = "onnx")]

mod common;

use std::path::Path;

use chiaro::engine::Engine;
use chiaro::engine::job::{DepthExport, Status, Work};
use chiaro::error::ErrorKind;
use chiaro::picture::{Compression, Extent, Format};
use chiaro::recipe::{Recipe, apply_sets};

/// The built-in network as a file: open sides, and nothing in it that says how it is to be used.
const NETWORK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/models/chiaro-small/chiaro-small.onnx");
/// What is known about it.
const CONTRACT: &str = "size = \"256x192\"\nmean = 0\nstd = [1, 1, 1]\noutput = \"disparity\"\nedge_error_px = 2\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(NETWORK, folder.path().join("net.onnx")).unwrap();
    let scene = common::scene(Extent { width: 96, height: 64 }, 3);
    common::write(&folder.path().join("in/a.tif"), Format::Tiff, &scene, Compression::None);
    folder
}

fn recipe(folder: &Path, keys: &str) -> Recipe {
    let text = format!("version = 1\n[depth]\nmodel = \"net.onnx\"\n{keys}");
    Recipe::from_text("t", &text, folder, Path::new("t.toml")).unwrap()
}

/// The depth map that a recipe leads to.
fn map(folder: &Path, out: &str, recipe: &Recipe) -> Vec<u16> {
    let work = Work::Depth(vec![DepthExport::Png]);
    let out = folder.join(out);
    let (_, outcomes) = common::run(common::options(&out), recipe.clone().into(), &folder.join("in"), &work);
    common::assert_done(&outcomes);
    common::samples_u16(&common::read(&out.join("a_depth.png"))).to_vec()
}

#[test]
fn a_described_file_gives_what_the_built_in_model_gives() {
    let folder = folder();
    let built_in = map(folder.path(), "1", &Recipe::empty("t"));
    assert!(built_in == map(folder.path(), "2", &recipe(folder.path(), CONTRACT)));
    // Every key arrives: another size, deviation or meaning is another map.
    for (i, (from, to)) in
        [("256x192", "192x128"), ("[1, 1, 1]", "[0.5, 1, 2]"), ("mean = 0", "mean = 0.5")].iter().enumerate()
    {
        let changed = recipe(folder.path(), &CONTRACT.replace(from, to));
        assert!(built_in != map(folder.path(), &format!("c{i}"), &changed), "{to}");
    }
}

#[test]
fn what_is_missing_or_too_much_ends_the_run_before_it_starts() {
    let folder = folder();
    let error = |recipe: Recipe| {
        let engine = Engine::new(common::options(&folder.path().join("out")), recipe.into()).unwrap();
        engine.run(&[], &Work::Depth(vec![DepthExport::Png]), |_| ()).unwrap_err()
    };
    let missing = error(recipe(folder.path(), "size = 256\n")).to_string();
    for word in ["net.onnx", "mean=", "output=", "[depth]", "--set depth.KEY=VALUE"] {
        assert!(missing.contains(word), "{missing}");
    }
    assert!(!missing.contains("size="), "{missing}");
    let mut built_in = Recipe::empty("t");
    apply_sets(&mut built_in, &["depth.preset=midas-small"]).unwrap();
    let refused = error(built_in);
    assert_eq!(refused.kind(), ErrorKind::Recipe);
    assert!(refused.to_string().contains("preset is for .onnx files"), "{refused}");
}

#[test]
fn the_description_is_part_of_the_look() {
    let here = Path::new("");
    let given = recipe(here, CONTRACT);
    assert_ne!(given.hash, recipe(here, "").hash);
    assert_ne!(given.hash, recipe(here, &CONTRACT.replace("mean = 0", "mean = 0.1")).hash);
    let again = Recipe::from_text("t", &given.to_toml(), here, Path::new("t")).unwrap();
    assert_eq!((again.hash, &again.depth), (given.hash.clone(), &given.depth));

    // From the command line, in any order; another model starts with nothing.
    let mut set = recipe(here, "");
    let sets = [
        "depth.size=256x192",
        "depth.mean=0",
        "depth.std=1,1,1",
        "depth.output=disparity",
        "depth.edge_error_px=2",
        "depth.model=net.onnx",
    ];
    apply_sets(&mut set, &sets).unwrap();
    assert_eq!(set.hash, given.hash);
    apply_sets(&mut set, &["depth.model=other.onnx"]).unwrap();
    assert_eq!(set.depth.contract.values(), []);
}

#[test]
fn a_recipe_that_names_another_model_forgets_what_described_the_first() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("base.toml"), format!("version = 1\n[depth]\nmodel = \"net.onnx\"\n{CONTRACT}"))
        .unwrap();
    let read = |keys: &str| {
        let text = format!("version = 1\nextends = \"base.toml\"\n[depth]\n{keys}");
        Recipe::from_text("t", &text, folder.path(), Path::new("t")).unwrap().depth.contract.values().len()
    };
    assert_eq!(
        (read("source = \"auto\""), read("size = 128\nmodel = \"x.onnx\""), read("channels = \"bgr\"")),
        (5, 1, 6)
    );
}

#[test]
fn float_depth_maps_of_turned_pictures_warn() {
    let folder = folder();
    let path = folder.path().join("in/a.tif");
    let strip = common::scene(Extent { width: 96, height: 64 }, 3);
    let spec = chiaro::codec::SinkSpec {
        orientation: 6,
        ..common::spec(Extent { width: 96, height: 64 }, strip.layout, Compression::None)
    };
    let file = std::fs::File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
    let mut sink = chiaro::codec::create(Format::Tiff, file, &path, spec).unwrap();
    let pool = common::pool(1);
    sink.write(&strip, &pool).unwrap();
    sink.finish(&pool).unwrap();
    for (export, expected) in [(DepthExport::Exr, true), (DepthExport::Png, false)] {
        let out = folder.path().join(export.name());
        let work = Work::Depth(vec![export]);
        let recipe = Recipe::empty("t");
        let (_, outcomes) = common::run(common::options(&out), recipe.into(), &folder.path().join("in"), &work);
        assert_eq!(outcomes[0].status, Status::Done);
        let warned = outcomes[0].warnings.iter().any(|w| w.contains("no orientation tag") && w.contains("6"));
        assert_eq!(warned, expected, "{:?}", outcomes[0].warnings);
    }
}
