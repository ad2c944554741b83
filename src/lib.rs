//! Chiaro grades whole folders of 16-bit photographs and renders **knowing how far away each pixel is**.
//!
//! This page is the architecture. The command line is described by `chiaro --help` and the README.
//!
//! # The one idea
//!
//! A **recipe** (the look) is compiled, for one picture, into a **plan**; the **engine** pulls pictures through their plans
//! strip by strip; faces (the command line) only build jobs and print outcomes.
//!
//! ```text
//!  recipe.toml ──► recipe::Recipe ─┐
//!                                  ├─► plan::Plan ─► plan::Program ─► exec::Executor (CPU or GPU)
//!  picture ──► codec::Source ──────┘        ▲                              │
//!                  │                        │ facts                        ▼
//!                  └─► analyse: reduce ─► depth::worker ─► depth::join    codec::Sink ─► engine::committer
//! ```
//!
//! # The house
//!
//! Imports point down this table only; a test (`tests/layers.rs`) enforces it, and that each heavy dependency has one door.
//!
//! | layer | modules | subject |
//! |---|---|---|
//! | L5 | `cli` (in the program) | faces: parse, build jobs, print |
//! | L4 | [`engine`] | jobs, byte budget, phases, commit, journal, outcomes |
//! | L3 | [`exec`], [`codec`], [`depth`], [`walk`] | run passes; files in and out; models and the depth join; inputs. They do not know each other |
//! | L2 | [`recipe`], [`plan`] | the look as a file; the look made concrete for one picture |
//! | L1 | [`color`], [`lut`], [`ops`] | curves, primaries, ICC; LUT files; one file per operation |
//! | L0 | [`error`], [`isa`], [`picture`] | who must act; what the machine has; what a picture is |
//!
//! # Four rules that carry the design
//!
//! 1. **Two phases.** *Analyse* reads the picture once and gathers facts (today: depth). *Render* treats every strip
//!    independently. A recipe that needs no fact has no analyse phase. A compressed picture that fits its job's share of the
//!    budget is decoded once and kept between the phases, others are read twice: the same bits.
//! 2. **Depth is a point operation.** The model's small disparity map is joined to the picture by four coefficients per model
//!    pixel, fitted in analyse ([`depth::join`]) and evaluated from nothing but the pixel's own luma ([`ops::disparity`]).
//! 3. **Point operations fuse.** Decoding of the encoding, all operations, encoding and rounding are one loop over
//!    cache-sized chunks ([`exec::cpu`]) or one GPU dispatch.
//! 4. **The CPU result is the definition.** Plain multiplies and adds in a fixed order and polynomials of our own
//!    ([`color::math`]) give the same bits on every instruction set. The GPU agrees within the tolerance each operation
//!    declares. Results never depend on strip height, threads or memory.
//!
//! # Adding an operation
//!
//! `src/ops/<id>.rs`, `shaders/ops/<id>.wgsl`, one word in the list of [`ops`]. Copy [`ops::invert`]. Tests, help, schema
//! and recipes iterate the list.
//!
//! # Words
//!
//! *Strip*: full-width rows in work. *Chunk*: the file's own unit (TIFF strip or tile); in the CPU executor, 512 pixels.
//! *Pass*: one sweep over a strip. *Disparity*: larger = nearer; *normalized*: 1st to 99th percentile of the picture is 0 to 1.
//! *Distance*: 0 = nearest, 1 = farthest ([`ops::distance`]). *Guide*: luma of the source pixel. *Twin*: CPU version of a WGSL
//! function. *Outcome*: how a job ended.

pub mod codec;
pub mod color;
pub mod depth;
pub mod engine;
pub mod error;
pub mod exec;
pub mod isa;
pub mod lut;
pub mod ops;
pub mod picture;
pub mod plan;
pub mod recipe;
pub mod walk;
