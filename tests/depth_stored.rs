//! Optimized graphs of ONNX Runtime that are kept: the same bits as without, and never worse off for what is wrong with them.
#![cfg(feature = "onnx")]

mod onnx_util;

use std::path::{Path, PathBuf};

use chiaro::depth::engine::{Engine, EngineChoice};
use chiaro::depth::registry::{Contract, ModelEntry, find};
use onnx_util::FLOAT;

const SIDE: u32 = 16;

fn engine(folder: Option<&Path>) -> Option<Engine> {
    match Engine::resolve(&EngineChoice::Ort(None), 1) {
        Ok(engine) => Some(engine.keeping(folder.map(Path::to_path_buf))),
        Err(error) => {
            println!("ignored: {error}");
            None
        }
    }
}

/// Four convolutions with normalization between them, which ONNX Runtime fuses and lays out for the processor.
fn network(folder: &Path) -> ModelEntry {
    std::fs::write(folder.join("network.onnx"), onnx_util::network(u64::from(SIDE), 1)).unwrap();
    let mut contract = Contract::default();
    for (key, value) in [("mean", "0"), ("std", "1"), ("output", "disparity")] {
        contract.set(key, value).unwrap();
    }
    find("network.onnx", folder, &contract).unwrap()
}

fn map(engine: &Engine, model: &ModelEntry, (width, height): (u32, u32)) -> Vec<f32> {
    let input: Vec<f32> = (0..3 * width * height).map(|i| (i * 37 % 256) as f32 / 255.0).collect();
    let mut map = Vec::new();
    engine.load(model, (width, height)).unwrap().run(&input, &mut map).unwrap();
    map
}

/// All files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    std::fs::read_dir(folder).unwrap().flat_map(|entry| below(entry.unwrap().path())).collect()
}

#[test]
#[cfg_attr(not(has_onnxruntime), ignore = "ORT_DYLIB_PATH is not set (make deps fetches ONNX Runtime)")]
fn a_stored_graph_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let models = tempfile::tempdir().unwrap();
    let Some(plain) = engine(None) else { return };
    let (small, embedded) = (network(models.path()), ModelEntry::embedded());
    for (model, sizes) in [(&small, vec![(SIDE, SIDE)]), (&embedded, vec![(256, 192), (192, 256)])] {
        for size in sizes {
            let expected = map(&plain, model, size);
            // Stores, and then finds what is stored.
            let keeping = engine(Some(folder.path())).unwrap();
            for _ in 0..2 {
                assert!(map(&keeping, model, size) == expected, "{} {size:?}", model.id);
            }
        }
    }
    // One graph of each model, for every size of its input.
    let kept = files(folder.path());
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept.iter().all(|file| file.extension().is_some_and(|end| end == "onnx")), "{kept:?}");
}

/// What shows that the stored graph is what runs: another one under its own hash is run instead.
#[test]
#[cfg_attr(not(has_onnxruntime), ignore = "ORT_DYLIB_PATH is not set (make deps fetches ONNX Runtime)")]
fn what_is_stored_is_what_runs_while_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let models = tempfile::tempdir().unwrap();
    let Some(keeping) = engine(Some(folder.path())) else { return };
    let model = network(models.path());
    let expected = map(&keeping, &model, (SIDE, SIDE));
    let [stored] = &files(folder.path())[..] else { panic!("one graph is stored") };

    let other = onnx_util::mean_of_channels(FLOAT, u64::from(SIDE));
    let name = format!("{}.onnx", blake3::hash(&other).to_hex());
    let graph = std::fs::read(stored).unwrap();
    std::fs::remove_file(stored).unwrap();
    std::fs::write(stored.with_file_name(&name), &other).unwrap();
    assert!(map(&keeping, &model, (SIDE, SIDE)) != expected);

    // Damaged, cut, empty, no graph at all: as if there were none, and stored again.
    std::fs::remove_file(stored.with_file_name(&name)).unwrap();
    let mut damaged = graph.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x10;
    for bytes in [&damaged[..], &graph[..middle], b"", b"no graph"] {
        std::fs::write(stored, bytes).unwrap();
        assert!(map(&keeping, &model, (SIDE, SIDE)) == expected);
        let kept = files(folder.path());
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(std::fs::read(&kept[0]).unwrap().len(), graph.len());
    }
}

#[test]
#[cfg_attr(not(has_onnxruntime), ignore = "ORT_DYLIB_PATH is not set (make deps fetches ONNX Runtime)")]
fn a_folder_that_cannot_be_written_costs_nothing_else() {
    let models = tempfile::tempdir().unwrap();
    let model = network(models.path());
    let taken = models.path().join("taken");
    std::fs::write(&taken, b"a file where the folder should be").unwrap();
    let (Some(plain), Some(keeping)) = (engine(None), engine(Some(&taken))) else { return };
    assert!(map(&plain, &model, (SIDE, SIDE)) == map(&keeping, &model, (SIDE, SIDE)));
}

/// A model that cannot be loaded leaves nothing behind, and its error is that of the model.
#[test]
#[cfg_attr(not(has_onnxruntime), ignore = "ORT_DYLIB_PATH is not set (make deps fetches ONNX Runtime)")]
fn what_does_not_load_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let models = tempfile::tempdir().unwrap();
    let Some(keeping) = engine(Some(folder.path())) else { return };
    let model = network(models.path());
    std::fs::write(models.path().join("network.onnx"), b"changed since it was looked at").unwrap();
    let error = keeping.load(&model, (SIDE, SIDE)).err().unwrap().to_string();
    assert!(error.contains("network.onnx") && error.contains("cannot load the model"), "{error}");
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

/// A file that was replaced since it was looked at is another model: its graph would stand under the hash of the first.
#[test]
#[cfg_attr(not(has_onnxruntime), ignore = "ORT_DYLIB_PATH is not set (make deps fetches ONNX Runtime)")]
fn a_replaced_model_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let models = tempfile::tempdir().unwrap();
    let Some(keeping) = engine(Some(folder.path())) else { return };
    let model = network(models.path());
    let other = onnx_util::mean_of_channels(FLOAT, u64::from(SIDE));
    std::fs::write(models.path().join("network.onnx"), other).unwrap();
    map(&keeping, &model, (SIDE, SIDE));
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

/// Several workers load at once: whoever stores, nobody waits or gets another map.
#[test]
#[cfg_attr(not(has_onnxruntime), ignore = "ORT_DYLIB_PATH is not set (make deps fetches ONNX Runtime)")]
fn workers_may_load_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let Some(keeping) = engine(Some(folder.path())) else { return };
    let model = ModelEntry::embedded();
    let maps: Vec<Vec<f32>> = std::thread::scope(|scope| {
        let loading: Vec<_> = (0..4).map(|_| scope.spawn(|| map(&keeping, &model, (256, 192)))).collect();
        loading.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(maps.iter().all(|map| *map == maps[0]));
    assert_eq!(files(folder.path()).len(), 1);
}
