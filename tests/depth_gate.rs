//! The depth gate: what looks wrong goes to review, whole, and is found there again.
#![cfg(feature = "onnx")]

mod common;

use std::path::{Path, PathBuf};

use chiaro::engine::Engine;
use chiaro::engine::job::{DepthExport, Outcome, Status, Summary, Work};
use chiaro::engine::naming::{self, DEFAULT_NAME};
use chiaro::engine::on_exist::OnExist;
use chiaro::engine::options::EngineOptions;
use chiaro::picture::{Compression, Extent, Format};
use chiaro::recipe::apply_sets;

/// Haze, and the graded picture beside its map.
const RECIPE: &str = "version = 1\n[[op]]\nid = \"haze\"\ndensity = 0.5\n\
    [[output]]\nname = \"graded\"\nformat = \"png\"\n[[output]]\nname = \"z\"\nkind = \"depth\"\nformat = \"npy\"\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let scene = common::scene(Extent { width: 96, height: 64 }, 3);
    common::write(&folder.path().join("in/day/a.tif"), Format::Tiff, &scene, Compression::None);
    folder
}

fn run(folder: &Path, sets: &[&str], on_exist: OnExist) -> (Summary, Outcome) {
    let mut recipe = (*common::recipe(RECIPE)).clone();
    apply_sets(&mut recipe, sets).unwrap();
    let options = EngineOptions { on_exist, ..common::options(&folder.join("out")) };
    let (summary, mut outcomes) = common::run(options, recipe.into(), &folder.join("in"), &Work::Grade);
    (summary, outcomes.remove(0))
}

fn names(folder: &Path) -> Vec<PathBuf> {
    common::tree(&folder.join("out")).into_iter().map(|(path, _)| path).collect()
}

#[test]
fn what_looks_wrong_goes_to_review_and_stays_found() {
    let folder = folder();
    let folder = folder.path();
    // Nothing is flatter than not at all: everything is beyond this limit.
    let gate = ["depth.max_flatness=0"];
    let (summary, outcome) = run(folder, &gate, OnExist::SkipIfValid);
    assert_eq!((&outcome.status, summary.done, summary.review), (&Status::Done, 1, 1));
    let reason = outcome.review.unwrap();
    assert!(reason.contains("hardly varies") && reason.contains("limit 0)"), "{reason}");
    let scores = outcome.scores.unwrap();
    assert!(scores.flatness.unwrap() > 0.0 && scores.seam.is_some());
    let reviewed = ["review/graded/day/a.png", "review/z/day/a_depth.npy", "review/z/day/a_depth.npy.json"];
    assert_eq!(names(folder), reviewed.map(PathBuf::from));

    let (summary, outcome) = run(folder, &gate, OnExist::SkipIfValid);
    assert_eq!((&outcome.status, summary.up_to_date, summary.review), (&Status::UpToDate, 1, 1));
    assert!(outcome.outputs.iter().all(|path| path.starts_with(folder.join("out/review"))), "{outcome:?}");

    // Limits it keeps to: delivered, with a word on what lies in review.
    let (summary, outcome) = run(folder, &["depth.max_flatness=1"], OnExist::SkipIfValid);
    assert_eq!((&outcome.status, summary.review), (&Status::Done, 0), "{outcome:?}");
    assert!(outcome.warnings.iter().any(|w| w.contains("earlier result")), "{:?}", outcome.warnings);
    assert_eq!(names(folder).len(), 6);
    // Said as long as it lies there.
    let (summary, outcome) = run(folder, &["depth.max_flatness=1"], OnExist::SkipIfValid);
    assert_eq!((summary.up_to_date, outcome.warnings.len()), (1, 1), "{outcome:?}");
    let same = |name: &str| {
        let read = |path: PathBuf| std::fs::read(path).unwrap();
        read(folder.join("out").join(name)) == read(folder.join("out/review").join(name))
    };
    assert!(same("z/day/a_depth.npy"), "the gate changes where a map goes, not the map");
}

#[test]
fn a_run_without_limits_tells_what_lies_in_review() {
    let folder = folder();
    let folder = folder.path();
    let older = |outcome: &Outcome| outcome.warnings.iter().filter(|w| w.contains("earlier result")).count();
    // What is the user's own there is none of ours.
    let foreign = folder.join("out/review/z/day/a_depth.npy");
    std::fs::create_dir_all(foreign.parent().unwrap()).unwrap();
    std::fs::write(&foreign, b"mine").unwrap();
    let (_, outcome) = run(folder, &[], OnExist::SkipIfValid);
    assert_eq!((&outcome.status, older(&outcome)), (&Status::Done, 0), "{outcome:?}");
    std::fs::remove_dir_all(folder.join("out")).unwrap();

    run(folder, &["depth.max_flatness=0"], OnExist::SkipIfValid);
    for status in [Status::Done, Status::UpToDate] {
        let (_, outcome) = run(folder, &[], OnExist::SkipIfValid);
        assert_eq!((&outcome.status, older(&outcome)), (&status, 1), "{outcome:?}");
    }
    // An input of the same place in a folder called review makes outputs there that are no older ones.
    std::fs::remove_dir_all(folder.join("out/review")).unwrap();
    std::fs::create_dir_all(folder.join("in/review/day")).unwrap();
    std::fs::copy(folder.join("in/day/a.tif"), folder.join("in/review/day/a.tif")).unwrap();
    for _ in 0..2 {
        let recipe = common::recipe("version = 1\n[[op]]\nid = \"exposure\"\nev = 0.5\n");
        let (_, outcomes) =
            common::run(common::options(&folder.join("out2")), recipe, &folder.join("in"), &Work::Grade);
        assert!(outcomes.len() == 2 && outcomes.iter().all(|outcome| older(outcome) == 0), "{outcomes:?}");
    }
}

#[test]
fn without_limits_scores_are_told_and_nothing_is_held_back() {
    let folder = folder();
    let (summary, outcome) = run(folder.path(), &[], OnExist::SkipIfValid);
    assert_eq!((summary.done, summary.review), (1, 0));
    assert!(outcome.scores.is_some() && outcome.review.is_none());
    assert_eq!(names(folder.path()).len(), 3);
}

#[test]
fn what_is_not_ours_is_not_replaced_in_review_either() {
    let folder = folder();
    let foreign = folder.path().join("out/review/graded/day/a.png");
    std::fs::create_dir_all(foreign.parent().unwrap()).unwrap();
    std::fs::write(&foreign, b"mine").unwrap();
    let gate = ["depth.max_flatness=0"];
    let (_, outcome) = run(folder.path(), &gate, OnExist::SkipIfValid);
    let Status::Failed { message, .. } = outcome.status else { panic!("{outcome:?}") };
    assert!(message.contains("review") && message.contains("--on-exist overwrite"), "{message}");
    assert_eq!(outcome.review, None, "nothing was put there");
    assert_eq!(std::fs::read(&foreign).unwrap(), b"mine");
    let (summary, _) = run(folder.path(), &gate, OnExist::Overwrite);
    assert_eq!(summary.review, 1);
    assert_ne!(std::fs::read(&foreign).unwrap(), b"mine");
}

#[test]
fn names_in_review_are_claimed_before_work_starts() {
    let folder = folder();
    let input = folder.path().join("in");
    std::fs::create_dir_all(input.join("review/day")).unwrap();
    std::fs::copy(input.join("day/a.tif"), input.join("review/day/a.tif")).unwrap();
    let out = folder.path().join("out");
    let work = Work::Depth(vec![DepthExport::Png]);
    for (gate, refused) in [("depth.gate=off", false), ("depth.gate=usual", true)] {
        let mut recipe = (*common::recipe("version = 1\n")).clone();
        apply_sets(&mut recipe, &[gate]).unwrap();
        let found = chiaro::walk::walk(&[input.as_os_str().to_owned()], Some(&out), &mut std::io::empty());
        let intake = naming::intake(found, &work, &recipe, &out, DEFAULT_NAME).unwrap();
        let engine = Engine::new(common::options(&out), recipe.into()).unwrap();
        let result = engine.run(&intake.jobs, &work, |_| ());
        assert_eq!(result.is_err(), refused, "{gate}");
        if let Err(error) = result {
            assert!(error.to_string().contains("collide"), "{error}");
        }
    }
}

#[test]
fn limits_are_part_of_the_look_and_come_back_from_toml() {
    let mut recipe = (*common::recipe(RECIPE)).clone();
    let plain = recipe.hash.clone();
    apply_sets(&mut recipe, &["depth.gate=usual", "depth.max_seam=0.25"]).unwrap();
    assert_ne!(recipe.hash, plain);
    let again = common::recipe(&recipe.to_toml());
    assert_eq!((&again.depth, &again.hash), (&recipe.depth, &recipe.hash));
    assert!(recipe.depth.gate.described().unwrap().contains("max_seam 0.25"));
    let error = apply_sets(&mut recipe, &["depth.max_seam=2"]).unwrap_err().to_string();
    assert!(error.contains("0 to 1"), "{error}");
}
