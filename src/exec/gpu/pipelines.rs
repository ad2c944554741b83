//! Compiled passes and uploaded tables, kept for the next strip.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::compose::Composed;
use super::context::Context;
use crate::error::{Error, Result};

/// Compiled passes that are kept; a folder rarely needs more than one per pixel layout.
const MAX_PIPELINES: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// Bytes of tables that are kept on the device.
const MAX_TABLE_BYTES: usize = 64 << 20;

/// Pipelines by shader text, and the layout they share.
pub(super) struct Pipelines {
    pub bindings: wgpu::BindGroupLayout,
    layout: wgpu::PipelineLayout,
    compiled: Mutex<LruCache<String, wgpu::ComputePipeline>>,
}

impl Pipelines {
    pub fn new(context: &Context) -> Result<Self> {
        context.checked("binding layout", || {
            let read = wgpu::BufferBindingType::Storage { read_only: true };
            let write = wgpu::BufferBindingType::Storage { read_only: false };
            let entries = [wgpu::BufferBindingType::Uniform, read, read, read, write, read];
            let entries: Vec<_> = (0..).zip(entries).map(|(binding, ty)| entry(binding, ty)).collect();
            let bindings = context
                .device
                .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
            let layout = context.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                bind_group_layouts: &[Some(&bindings)],
                ..Default::default()
            });
            Self { bindings, layout, compiled: Mutex::new(LruCache::new(MAX_PIPELINES)) }
        })
    }

    /// The pipeline of a composed pass.
    ///
    /// # Errors
    /// `Environment` with file and line of the shader when the device refuses it.
    pub fn get(&self, context: &Context, pass: &Composed) -> Result<wgpu::ComputePipeline> {
        // Held while compiling: whoever else comes now most likely wants the same pass.
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipeline) = compiled.get(&pass.text) {
            return Ok(pipeline.clone());
        }
        dump(pass)?;
        let pipeline = self.compile(context, pass)?;
        compiled.put(pass.text.clone(), pipeline.clone());
        Ok(pipeline)
    }

    fn compile(&self, context: &Context, pass: &Composed) -> Result<wgpu::ComputePipeline> {
        let mut messages = Vec::new();
        let module = context.checked("shader", || {
            let module = context.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some("fused pass"),
                source: wgpu::ShaderSource::Wgsl(pass.text.as_str().into()),
            });
            let info = pollster::block_on(module.get_compilation_info());
            messages.extend(info.messages.into_iter().map(|m| match m.location {
                Some(at) => format!("{}: {}", pass.origin(at.line_number), m.message),
                None => m.message,
            }));
            module
        });
        let module = module.map_err(|e| if messages.is_empty() { e } else { context.error(messages.join("; ")) })?;
        context.checked("pipeline", || {
            context.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some("fused pass"),
                layout: Some(&self.layout),
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    zero_initialize_workgroup_memory: false,
                    ..Default::default()
                },
                cache: None,
            })
        })
    }
}

fn entry(binding: u32, ty: wgpu::BufferBindingType) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}

/// Writes the shader into the folder that `CHIARO_DUMP_WGSL` names, as `<hash>.wgsl`.
fn dump(pass: &Composed) -> Result<()> {
    let Some(folder) = std::env::var_os("CHIARO_DUMP_WGSL") else { return Ok(()) };
    let hash = blake3::hash(pass.text.as_bytes()).to_hex();
    let path = Path::new(&folder).join(format!("{}.wgsl", hash.get(..16).unwrap_or("pass")));
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&path, &pass.text))
        .map_err(|e| Error::output(path, format!("the shader could not be written: {e}")))
}

/// Tables on the device, by contents. Strips of one picture share theirs.
#[derive(Default)]
pub(super) struct TableCache(Mutex<Vec<(Arc<[u32]>, wgpu::Buffer)>>);

impl TableCache {
    /// A buffer that holds `words`, and at least one word.
    pub fn get(&self, context: &Context, words: &[u32]) -> Result<wgpu::Buffer> {
        let bytes = size_of_val(words) as u64;
        if bytes > context.max_binding_bytes {
            let limit = context.max_binding_bytes;
            return Err(context.error(format!("the tables of the pass have {bytes} bytes, the device allows {limit}")));
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|(have, _)| **have == *words) {
            let entry = kept.remove(at);
            let buffer = entry.1.clone();
            kept.push(entry);
            return Ok(buffer);
        }
        let buffer = context.checked("tables", || upload(&context.device, words))??;
        kept.push((words.into(), buffer.clone()));
        let total = |kept: &[(Arc<[u32]>, wgpu::Buffer)]| kept.iter().map(|(w, _)| size_of_val(&**w)).sum::<usize>();
        while kept.len() > 1 && total(&kept) > MAX_TABLE_BYTES {
            kept.remove(0);
        }
        Ok(buffer)
    }
}

fn upload(device: &wgpu::Device, words: &[u32]) -> Result<wgpu::Buffer> {
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("tables"),
        size: (size_of_val(words) as u64).max(4),
        usage: wgpu::BufferUsages::STORAGE,
        mapped_at_creation: true,
    });
    if !words.is_empty() {
        let mut view = buffer
            .slice(..)
            .get_mapped_range_mut()
            .map_err(|e| Error::Environment(format!("tables could not be uploaded: {e}")))?;
        view.copy_from_slice(bytemuck::cast_slice(words));
    }
    buffer.unmap();
    Ok(buffer)
}
