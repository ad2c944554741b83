//! Recipes: the look. A versioned TOML file that names operations, depth and output settings and never a picture.
//!
//! # From text to [`Recipe`]
//! [`Recipe::load`] and [`Recipe::resolve`] read a file, [`Recipe::preset`] a recipe that ships with the program. All problems
//! of a file are listed together, each with its line and, for a misspelled word, the nearest name. A problem in a file that
//! a recipe names (the recipe it extends, a LUT) is listed at the line that names it, with that file's own path and line in
//! the message.
//!
//! # Rules
//! * `version = 1` is required in every file.
//! * `extends` names a preset or a recipe file relative to this one. Everything of that recipe holds but its summary; keys of
//!   `[depth]`, `[input]` and `[output]` that this file gives win one by one; operations of this file run **after** those of the
//!   extended one, or instead of them with `replace_ops = true`. At most [`MAX_EXTENDS`] levels.
//! * Files a recipe names are relative to the recipe. In a loaded [`Recipe`] they are relative to the current folder, as are
//!   those given by [`apply_sets`].
//! * The keys of `[depth]` beside `model` and `source` describe a model file ([`contract`]). A recipe or a `--set` that names a
//!   model starts without those of the recipe it changes: they described another model.
//! * An operation that appears several times runs several times.

mod color;
pub mod contract;
mod depth_source;
pub mod gate;
mod hash;
mod keys;
mod luts;
mod maps;
mod mask;
mod model;
pub mod models;
mod op;
mod parse;
mod presets;
mod schema;
mod set;
mod settings;
mod show;
mod suggest;
mod text;
mod value;
mod write;

pub use color::{ColorChoice, ProfileFile};
pub use contract::Contract;
pub use depth_source::{DepthSource, MapPattern, MapUnit, PATTERN_FIELDS, Polarity, SuppliedSettings};
pub use gate::Gate;
pub use keys::{Accepts, DEPTH, INPUT, KeyInfo, OUTPUT, TOP, strength};
pub use maps::{Colors, DepthUnit};
pub use mask::{KEYS as MASK_KEYS, MaskKey, Takes};
pub use model::{Bits, DepthSettings, Detail, Guide, InputSettings, OpSetting, OutputKind, OutputSettings, Recipe};
pub use parse::{MAX_EXTENDS, MAX_RECIPE_BYTES};
pub use presets::{PRESETS, Preset};
pub use schema::schema;
pub use set::{apply_set, apply_sets};
pub use show::{show_op, show_ops, show_recipe, show_recipes};
pub use suggest::nearest;
