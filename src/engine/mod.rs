//! The engine pulls pictures through their plans: [`Engine`] takes jobs and yields outcomes, and is all a face may touch.
//!
//! | module | subject |
//! |---|---|
//! | `run` | the engine: pool, device, budget, depth stage; starts drivers and collects outcomes |
//! | `drive` | one job from admission to commit |
//! | `analyse`, `render` | the two phases |
//! | `estimated`, `supplied_depth` | depth from a model, depth that comes with the picture |
//! | `depth_map`, `map_checks`, `map_agreement` | a map's file as plain numbers; whether a map looks wrong |
//! | `map_windows` | whether an EXR map's pixels are those of the picture |
//! | `restart` | a device that fails in the middle of a picture: rendered anew on the CPU |
//! | [`review`] | pictures whose depth looks wrong |
//! | `exports` | forms of depth maps |
//! | `flow`, `deliver` | reading ahead of them, writing beside them |
//! | [`profile`] | where time and memory go |
//! | [`depth_cache`] | estimated depth, kept for further runs |
//! | [`bake`], [`estimate`] | a recipe as a LUT; room and time a run will need |
//! | [`job`], [`options`], [`naming`], [`template`] | what goes in and what comes out |
//!
//! Below them lies what makes a batch safe to kill, to repeat and to bound, knowing only paths, bytes and hashes:
//!
//! | module | promise |
//! |---|---|
//! | [`budget`] | bytes in flight stay below a bound; first come, first served |
//! | [`cancel`] | one flag stops every wait |
//! | [`claims`] | two inputs never write one output; no output is an input |
//! | [`staged`] | an output grows under a temporary name, locked while its writer lives |
//! | [`committer`] | complete outputs reach their final names, together and durably |
//! | [`journal`] | what was done, with which identity, survives any kill |
//! | `mask_files` | pictures that masks name, decoded once |
//! | [`identity`] | equal identity = equal bytes |
//! | [`on_exist`] | what happens when the final name is taken |

mod analyse;
pub mod bake;
pub mod budget;
pub mod cancel;
mod carried;
pub mod claims;
pub mod committer;
mod deliver;
pub mod depth_cache;
mod depth_map;
mod disk;
mod drive;
pub mod estimate;
mod estimated;
mod exports;
mod flow;
pub mod identity;
mod input;
pub mod job;
pub mod journal;
mod lane;
mod map_agreement;
mod map_checks;
mod map_windows;
mod mask_files;
pub mod naming;
pub mod on_exist;
pub mod options;
pub mod profile;
mod proxy;
mod remarks;
mod render;
mod restart;
pub mod review;
mod run;
pub mod staged;
mod supplied_depth;
pub mod template;
pub mod tiled;

pub use exports::check_plan as check_depth_unit;
pub use mask_files::load as load_masks;
pub use run::{Engine, job_share, refuse_collisions};
pub use supplied_depth::{find as find_depth_map, map_path as depth_map_path};
