//! The engine's ground: what makes a batch safe to kill, to repeat and to bound, knowing only paths, bytes and hashes.
//!
//! | module | promise |
//! |---|---|
//! | [`budget`] | bytes in flight stay below a bound; first come, first served |
//! | [`cancel`] | one flag stops every wait |
//! | [`claims`] | two inputs never write one output; no output is an input |
//! | [`staged`] | an output grows under a temporary name, locked while its writer lives |
//! | [`committer`] | complete outputs reach their final names, together and durably |
//! | [`journal`] | what was done, with which identity, survives any kill |
//! | [`identity`] | equal identity = equal bytes |
//! | [`on_exist`] | what happens when the final name is taken |

pub mod budget;
pub mod cancel;
pub mod claims;
pub mod committer;
mod disk;
pub mod identity;
pub mod journal;
pub mod on_exist;
pub mod staged;
