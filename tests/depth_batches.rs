//! Models with an open number of pictures, in both engines: a picture's map does not depend on which others went with it.
#![cfg(feature = "onnx")]

mod onnx_util;

use std::path::Path;
use std::sync::Arc;

use chiaro::depth::engine::{Engine, EngineChoice};
use chiaro::depth::registry::{Contract, ModelEntry, find};
use chiaro::depth::worker::{DepthRequest, DepthStage, Pending};
use chiaro::depth::workers::Workers;
use onnx_util::{FLOAT, constant, model_of, network, node};

const SIDE: u32 = 16;
const TOGETHER: usize = 4;

fn entry(folder: &Path, name: &str, file: &[u8]) -> Arc<ModelEntry> {
    std::fs::write(folder.join(name), file).unwrap();
    let mut contract = Contract::default();
    for (key, value) in [("mean", "0"), ("std", "1"), ("output", "disparity")] {
        contract.set(key, value).unwrap();
    }
    Arc::new(find(name, folder, &contract).unwrap())
}

/// The built-in engine, and ONNX Runtime where it is.
fn engines() -> impl Iterator<Item = Engine> {
    [EngineChoice::Rten, EngineChoice::Ort(None)].into_iter().filter_map(|choice| Engine::resolve(&choice, 1).ok())
}

fn picture(seed: u32) -> Vec<f32> {
    (0..3 * SIDE * SIDE).map(|i| ((i * 37 + seed * 101) % 256) as f32 / 255.0).collect()
}

/// Declares any number of pictures, and takes one: what exporters write that fix the batch inside.
fn only_one(side: u64) -> Vec<u8> {
    let shape: Vec<u8> = [1i64, 1, side as i64, side as i64].iter().flat_map(|v| v.to_le_bytes()).collect();
    let nodes = [
        node("ReduceMean", &["x"], "m", &[("axes", &[1]), ("keepdims=", &[1])]),
        node("Reshape", &["m", "shape"], "y", &[]),
    ];
    model_of(FLOAT, &[0, 3, side, side], &[0, 1, side, side], &nodes, &[constant("shape", 7, &[4], &shape)])
}

/// Answers in company of all pictures: the mean over the batch. No depth model does this, and none may get away with it.
fn mixing(side: u64) -> Vec<u8> {
    let nodes = [
        node("ReduceMean", &["x"], "m", &[("axes", &[1]), ("keepdims=", &[1])]),
        node("ReduceMean", &["m"], "all", &[("axes", &[0]), ("keepdims=", &[1])]),
        node("Add", &["m", "all"], "y", &[]),
    ];
    model_of(FLOAT, &[0, 3, side, side], &[0, 1, side, side], &nodes, &[])
}

#[test]
fn maps_do_not_depend_on_company() {
    let folder = tempfile::tempdir().unwrap();
    let side = u64::from(SIDE);
    let files = [("network.onnx", network(side, 0)), ("only-one.onnx", only_one(side)), ("mixing.onnx", mixing(side))];
    for (name, file) in files {
        let model = entry(folder.path(), name, &file);
        assert!(model.takes_batches, "{name}");
        for engine in engines() {
            let info = engine.info().clone();
            let mut alone = engine.load(&model, (SIDE, SIDE)).unwrap();
            let stage =
                DepthStage::start_workers(engine, Workers { together: TOGETHER, ..Workers::ONE }, 1 << 30).unwrap();
            let request = |seed| DepthRequest {
                model: model.clone(),
                input: picture(seed),
                size: (SIDE, SIDE),
                tries_out: false,
            };
            // So many at once that the worker finds full batches waiting, whatever it decides about them.
            let maps: Vec<Vec<f32>> = std::thread::scope(|scope| {
                let ask = |seed| stage.submit(request(seed)).map(Pending::wait);
                let asking: Vec<_> = (0..32).map(|seed| scope.spawn(move || ask(seed))).collect();
                asking.into_iter().map(|thread| thread.join().unwrap().unwrap().unwrap().values).collect()
            });
            // These show in the trial what they are; the clock has a say for the first only.
            assert!(name == "network.onnx" || stage.counts().batched == 0, "{name}, {info}");
            for (seed, map) in maps.iter().enumerate() {
                let mut expected = Vec::new();
                alone.run(&picture(seed as u32), &mut expected).unwrap();
                assert!(*map == expected, "{name}, picture {seed}, {info}");
            }
        }
    }
}

/// Batches themselves: the maps of all pictures in their order.
#[test]
fn a_batch_has_a_map_for_each_picture() {
    let folder = tempfile::tempdir().unwrap();
    let model = entry(folder.path(), "network.onnx", &network(u64::from(SIDE), 0));
    for engine in engines() {
        let mut session = engine.load(&model, (SIDE, SIDE)).unwrap();
        let inputs: Vec<f32> = (0..3).flat_map(picture).collect();
        let mut maps = Vec::new();
        assert_eq!(session.run_batch(3, &inputs, &mut maps).unwrap(), (SIDE, SIDE));
        for (seed, map) in maps.chunks(maps.len() / 3).enumerate() {
            let mut expected = Vec::new();
            session.run(&picture(seed as u32), &mut expected).unwrap();
            let worst = map.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            println!("{}: picture {seed} differs by {worst:e}", engine.info());
            assert!(map.len() == expected.len() && worst < 1e-5, "{}: {worst}", engine.info());
        }
    }
}

/// One picture cannot ask for a batch of a model that takes one: an error, no panic.
#[test]
fn a_model_for_one_picture_refuses_more() {
    let folder = tempfile::tempdir().unwrap();
    let model = entry(folder.path(), "one.onnx", &network(u64::from(SIDE), 1));
    assert!(!model.takes_batches);
    for engine in engines().filter(|engine| engine.info().engine == "onnxruntime") {
        let mut session = engine.load(&model, (SIDE, SIDE)).unwrap();
        let inputs: Vec<f32> = (0..2).flat_map(picture).collect();
        let error = session.run_batch(2, &inputs, &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains("one.onnx"), "{error}");
    }
}
