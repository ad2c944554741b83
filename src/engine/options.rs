//! What an engine is told once.

use std::path::PathBuf;

use super::depth_cache::DepthCacheOptions;
use super::job::MapStyle;
use super::on_exist::OnExist;
use super::profile::Recorder;
use crate::codec::Limits;
use crate::depth::engine::EngineChoice;
use crate::depth::provider::Provider;
use crate::ops::Isa;

/// Where pixels are computed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Device {
    /// A hardware GPU when there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A hardware GPU; it is an error when there is none.
    Gpu,
    /// The adapter whose name contains this, software adapters included.
    Named(String),
}

impl std::str::FromStr for Device {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "auto" => Self::Auto,
            "cpu" => Self::Cpu,
            "gpu" => Self::Gpu,
            name => Self::Named(name.to_owned()),
        })
    }
}

/// What an engine is told once. `None` = chosen.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// Output folder.
    pub out: PathBuf,
    /// Pictures in work at the same time.
    pub jobs: Option<usize>,
    /// Threads of the pool.
    pub threads: Option<usize>,
    /// Bytes that all jobs may hold together.
    pub memory_bytes: Option<u64>,
    /// Where pixels are computed.
    pub device: Device,
    /// What happens to existing outputs.
    pub on_exist: OnExist,
    /// Accept results of another arithmetic class as up to date.
    pub allow_mixed: bool,
    /// Stop taking pictures after this many failures.
    pub max_failures: Option<u64>,
    /// Which inference engine.
    pub inference: EngineChoice,
    /// Depth models whose license excludes commercial use may run.
    pub allow_noncommercial: bool,
    /// What it computes on.
    pub provider: Provider,
    /// Pictures of one size that go through a depth model together, at most.
    pub depth_batch: Option<usize>,
    /// Where estimated depth is kept for further runs; `None` = it is not.
    pub depth_cache: Option<DepthCacheOptions>,
    /// Colors and unit of depth maps of [`super::job::Work::Depth`]; outputs of recipes have their own.
    pub maps: MapStyle,
    /// Fixed rows per strip, for tests of invariance.
    pub strip_rows: Option<u32>,
    /// Fixed instruction set, for tests of invariance.
    pub isa: Option<Isa>,
    /// Limits on what files may claim.
    pub limits: Limits,
    /// Takes where the time goes; off by default.
    pub recorder: Recorder,
}
