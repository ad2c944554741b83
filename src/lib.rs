//! Chiaro grades whole folders of 16-bit pictures knowing how far away each pixel is.

pub mod codec;
pub mod color;
pub mod depth;
pub mod engine;
pub mod error;
pub mod exec;
pub mod lut;
pub mod ops;
pub mod picture;
pub mod plan;
pub mod recipe;
pub mod walk;
