//! The built-in engine. The only user of the `rten` crates.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensorView, Tensor};

use super::engine::{EngineInfo, Inference, map_size};
use super::registry::{ModelEntry, ModelSource, has_weights_beside};
use crate::error::{Error, Result};

/// Version of the crate, checked against the lock file by a test: it is part of every result's identity.
const VERSION: &str = "0.27.0";

/// rten takes weights from files directly beside the model alone, and by some extensions (its `model/external_data.rs`).
const WEIGHTS_ADVICE: &str = "; its weights lie in files of their own, of which the built-in engine takes only those with an extension as .data or .onnx_data \
                              directly beside the model: run it in ONNX Runtime (--inference ort), or export it with its weights inside";

/// What this engine is.
pub(super) fn info() -> EngineInfo {
    EngineInfo { engine: "rten".into(), version: VERSION.into(), provider: "cpu".into() }
}

/// The threads of each worker, shared by its sessions, and the models that any session uses.
pub(super) struct Pools {
    threads: usize,
    pools: Mutex<HashMap<usize, Arc<ThreadPool>>>,
    /// By SHA-256: sessions of other sizes and workers share weights.
    models: Mutex<HashMap<String, Weak<Model>>>,
}

impl Pools {
    pub(super) fn new(threads: usize) -> Self {
        Self { threads, pools: Mutex::default(), models: Mutex::default() }
    }

    /// Loads for worker number `worker`.
    pub(super) fn load(
        &self,
        worker: usize,
        entry: &ModelEntry,
        (width, height): (u32, u32),
    ) -> Result<Box<dyn Inference>> {
        let model = self.model(entry)?;
        let node = |name: &str| {
            model.find_node(name).ok_or_else(|| entry.error(format!("the model has no input or output named {name:?}")))
        };
        let (input, output) = (node(&entry.input_name)?, node(&entry.output_name)?);
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = pools.entry(worker).or_insert_with(|| Arc::new(ThreadPool::with_num_threads(self.threads)));
        Ok(Box::new(Session {
            model,
            input,
            output,
            picture: [3, height as usize, width as usize],
            threads: threads.clone(),
            path: entry.path().display().to_string(),
        }))
    }

    /// The model, read unless a session still uses it. Workers that ask meanwhile wait for one reading.
    fn model(&self, entry: &ModelEntry) -> Result<Arc<Model>> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = models.get(&entry.sha256).and_then(Weak::upgrade) {
            return Ok(model);
        }
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = match &entry.source {
            ModelSource::Embedded(bytes) => options.load_static_slice(bytes),
            ModelSource::File(path) => options.load_file(path),
        };
        let model = model.map_err(|error| {
            let advice = if has_weights_beside(&entry.source) { WEIGHTS_ADVICE } else { "" };
            entry.error(format!("rten cannot load the model: {error}{advice}"))
        })?;
        let model = Arc::new(model);
        models.insert(entry.sha256.clone(), Arc::downgrade(&model));
        Ok(model)
    }
}

struct Session {
    model: Arc<Model>,
    input: NodeId,
    output: NodeId,
    /// Planes, rows and columns of a picture.
    picture: [usize; 3],
    threads: Arc<ThreadPool>,
    path: String,
}

impl Inference for Session {
    fn run_batch(&mut self, count: usize, input: &[f32], output: &mut Vec<f32>) -> Result<(u32, u32)> {
        let [planes, height, width] = self.picture;
        let shape = [count, planes, height, width];
        let fail = |reason: String| Error::input(&self.path, reason);
        let view = NdTensorView::<f32, 4>::try_from_data(shape, input)
            .map_err(|_| fail(format!("the input tensor has {} values, the model takes {shape:?}", input.len())))?;
        let options = RunOptions::default().with_thread_pool(Some(self.threads.clone()));
        let mut answers = self
            .model
            .run(vec![(self.input, view.into())], &[self.output], Some(options))
            .map_err(|error| fail(format!("rten cannot run the model: {error}")))?;
        let map: Tensor<f32> = answers
            .pop()
            .and_then(Value::into_tensor)
            .ok_or_else(|| fail("the answer of the depth model is no tensor of f32 or f16".into()))?;
        let size = map_size(&self.path, count, map.shape(), map.len())?;
        output.clear();
        output.extend(map.iter());
        Ok(size)
    }

    fn describe(&self) -> EngineInfo {
        info()
    }

    fn bytes(&self) -> u64 {
        self.model.total_params() as u64 * 4
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_locked_one() {
        let lock = include_str!("../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"rten\"\nversion = \"{}\"", super::VERSION)));
    }
}
