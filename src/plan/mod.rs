//! Plans: a recipe made concrete for one picture.
//!
//! A [`Plan`] is a pure value: which operations remain, in which encodings they run, what has to be known before rendering
//! ([`DepthPlan`]), how the output is stored, how high strips are and how many bytes the job may hold. [`Plan::program`] turns
//! it and the facts of the analyse phase into a [`Program`]: the one fused pass that executors run over every strip.

mod compile;
mod masks;
mod memory;
mod origin;
mod output;
mod program;
mod spaces;
pub mod supplied;

pub use compile::{DepthFacts, PROXY_LAYOUT, Plan, PlanRequest, RenderFacts, plan, plan_with, reads_depth};
pub use masks::masked_op;
pub use memory::{Exports, OVERLAPPED, TILED_CELLS};
pub use output::{GradeFacts, OutputPlan, output_plan};
pub use program::{DepthPlan, Pass, Program};
pub use spaces::{depth_program, guide_program, linear_program, model_program, proxy_depth_program, shown_program};
pub use supplied::{MapOrigin, MapSize, Meaning, MetricScale, SuppliedKind, SuppliedPlan};
