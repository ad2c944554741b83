//! The embedded model in both engines. ONNX Runtime is looked for where the program looks; without it those tests are ignored.
#![cfg(feature = "onnx")]

use std::path::Path;
use std::sync::Arc;

use chiaro::depth::engine::{Engine, EngineChoice};
use chiaro::depth::registry::{Contract, ModelEntry, find};
use chiaro::depth::worker::{DepthRequest, DepthStage};
use chiaro::depth::workers::Workers;
use chiaro::error::ErrorKind;

/// A soft picture with some structure: sky above ground, a box, a little texture.
fn picture(width: u32, height: u32) -> Vec<f32> {
    let mut planes = Vec::with_capacity((3 * width * height) as usize);
    for channel in 0..3 {
        for y in 0..height {
            for x in 0..width {
                let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
                let ground = if v > 0.55 { 0.35 + 0.1 * ((u * 40.0).sin() * (v * 60.0).cos()) } else { 0.8 - 0.3 * v };
                let inside = (0.4..0.6).contains(&u) && (0.3..0.8).contains(&v);
                planes.push(if inside { 0.2 + 0.2 * channel as f32 } else { ground + 0.05 * channel as f32 });
            }
        }
    }
    planes
}

fn run(engine: &Engine, model: &ModelEntry, size: (u32, u32)) -> Vec<f32> {
    let mut session = engine.load(model, size).unwrap();
    let mut map = Vec::new();
    assert_eq!(session.run(&picture(size.0, size.1), &mut map).unwrap(), size);
    assert_eq!(session.describe(), *engine.info());
    map
}

/// ONNX Runtime, or `None` after saying why the test is ignored.
fn onnx_runtime(threads: usize) -> Option<Engine> {
    match Engine::resolve(&EngineChoice::Ort(None), threads) {
        Ok(engine) => Some(engine),
        Err(error) => {
            println!("ignored: {error}");
            None
        }
    }
}

fn sizes(model: &ModelEntry) -> Vec<(u32, u32)> {
    use chiaro::picture::Extent;
    let mut sizes =
        vec![model.input_size(Extent { width: 3, height: 2 }), model.input_size(Extent { width: 2, height: 3 })];
    sizes.dedup();
    sizes
}

#[test]
fn the_embedded_model_tells_ground_from_sky() {
    let engine = Engine::resolve(&EngineChoice::Rten, 1).unwrap();
    let model = ModelEntry::embedded();
    for size in sizes(&model) {
        let map = run(&engine, &model, size);
        let row = |y: u32| map[(y * size.0) as usize..((y + 1) * size.0) as usize].iter().sum::<f32>() / size.0 as f32;
        assert!(map.iter().all(|v| (0.0..=1.0).contains(v)));
        assert!(row(size.1 - 4) > row(4) + 0.2, "ground {} sky {}", row(size.1 - 4), row(4));
    }
}

#[test]
#[cfg_attr(not(has_onnxruntime), ignore = "ORT_DYLIB_PATH is not set (make deps fetches ONNX Runtime)")]
fn engines_agree() {
    let Some(ort) = onnx_runtime(1) else { return };
    println!("{}", ort.info());
    let rten = Engine::resolve(&EngineChoice::Rten, 1).unwrap();
    let model = ModelEntry::embedded();
    for size in sizes(&model) {
        let (a, b) = (run(&ort, &model, size), run(&rten, &model, size));
        let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{size:?}: largest difference {worst:e}");
        assert!(worst < 5e-5, "{worst}");
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let model = ModelEntry::embedded();
    let size = sizes(&model)[0];
    let rten = [1, 2, 3].map(|threads| run(&Engine::resolve(&EngineChoice::Rten, threads).unwrap(), &model, size));
    assert!(rten[0] == rten[1] && rten[0] == rten[2]);
    let Some(one) = onnx_runtime(1) else { return };
    let two = onnx_runtime(2).unwrap();
    assert!(run(&one, &model, size) == run(&two, &model, size));
}

#[test]
fn a_library_that_is_none_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("libonnxruntime.so");
    for choice in [folder.path().to_path_buf(), file.clone()] {
        let error = Engine::resolve(&EngineChoice::Ort(Some(choice.clone())), 1).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Environment);
        assert!(error.to_string().contains(&*choice.to_string_lossy()), "{error}");
    }
    std::fs::write(&file, b"not a library").unwrap();
    let error = Engine::resolve(&EngineChoice::Ort(Some(file)), 1).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Environment);
}

#[test]
fn auto_says_what_it_took() {
    let engine = Engine::resolve(&EngineChoice::Auto, 1).unwrap();
    assert!(["rten", "onnxruntime"].contains(&engine.info().engine.as_str()));
    assert!(!engine.info().version.is_empty());
}

#[test]
fn the_stage_answers_like_the_engine() {
    let model = Arc::new(ModelEntry::embedded());
    let size = sizes(&model)[0];
    let engine = || Engine::resolve(&EngineChoice::Rten, 1).unwrap();
    let expected = run(&engine(), &model, size);
    let stage = DepthStage::start(engine(), 1 << 30).unwrap();
    for _ in 0..2 {
        let request = DepthRequest { model: model.clone(), input: picture(size.0, size.1), size, tries_out: false };
        let answer = stage.estimate(request).unwrap();
        assert!(answer.values == expected && (answer.width, answer.height) == size);
        assert_eq!(&answer.engine, stage.engine());
        assert!(answer.seconds > 0.0);
    }
    assert_eq!((stage.counts().loads, stage.counts().hits), (1, 1));
}

#[test]
fn workers_answer_like_one() {
    let model = Arc::new(ModelEntry::embedded());
    let size = sizes(&model)[0];
    let resolved = [EngineChoice::Rten, EngineChoice::Ort(None)].map(|choice| Engine::resolve(&choice, 1));
    for engine in resolved.into_iter().flatten() {
        let expected = run(&engine, &model, size);
        let stage = DepthStage::start_workers(engine, Workers { count: 3, ..Workers::ONE }, 1 << 30).unwrap();
        let request = || DepthRequest { model: model.clone(), input: picture(size.0, size.1), size, tries_out: false };
        let pending: Vec<_> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..6).map(|_| scope.spawn(|| stage.estimate(request()).unwrap())).collect();
            asking.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(pending.iter().all(|answer| answer.values == expected));
    }
}

#[test]
fn the_built_in_engine_has_the_cpu_only() {
    use chiaro::depth::provider::Provider;
    for provider in Provider::ALL {
        let engine = Engine::resolve_on(&EngineChoice::Rten, provider, 1);
        match provider {
            Provider::Cpu => assert_eq!(engine.unwrap().info().provider, "cpu"),
            _ => assert_eq!(engine.err().unwrap().kind(), ErrorKind::Environment),
        }
        // Where there is no library, or none with it, an error: never the CPU instead.
        if let Ok(engine) = Engine::resolve_on(&EngineChoice::Auto, provider, 1) {
            assert_eq!(engine.info().provider, provider.name());
        }
    }
}

#[test]
fn a_model_file_works_when_its_contract_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.onnx");
    let embedded = ModelEntry::embedded();
    let chiaro::depth::registry::ModelSource::Embedded(bytes) = embedded.source else { unreachable!() };
    std::fs::write(&path, bytes).unwrap();
    let mut contract = Contract::default();
    let error = find("copy.onnx", folder.path(), &contract).unwrap_err().to_string();
    assert!(error.contains("mean=") && error.contains("copy.onnx"), "{error}");
    for (key, value) in [("mean", "0"), ("std", "1"), ("output", "disparity")] {
        contract.set(key, value).unwrap();
    }
    if !contract_is_fixed(bytes) {
        contract.set("size", "256x192").unwrap();
    }
    let model = find("copy.onnx", folder.path(), &contract).unwrap();
    assert_eq!(model.sha256, embedded.sha256);
    let engine = Engine::resolve(&EngineChoice::Rten, 1).unwrap();
    assert!(run(&engine, &model, (256, 192)) == run(&engine, &ModelEntry::embedded(), (256, 192)));
}

fn contract_is_fixed(model: &[u8]) -> bool {
    use chiaro::depth::onnx_header::{Dimension, OnnxHeader};
    let header = OnnxHeader::parse(model).unwrap();
    header.inputs.iter().flat_map(|input| input.shape.iter().flatten()).all(|side| matches!(side, Dimension::Fixed(_)))
}

#[test]
fn a_file_that_is_no_model_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.onnx"), b"nothing of the kind").unwrap();
    let error = find("bad.onnx", folder.path(), &Contract::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("bad.onnx"));
    let error = find("no-such-model", Path::new("."), &Contract::default()).unwrap_err().to_string();
    assert!(error.contains("chiaro-small"), "{error}");
}
