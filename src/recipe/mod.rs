//! Recipes: the look. A versioned TOML file that names operations, depth and output settings and never a picture.

mod model;

pub use model::{Bits, DepthSettings, DepthSource, OpSetting, OutputSettings, Recipe};
