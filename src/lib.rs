//! Chiaro grades whole folders of 16-bit pictures knowing how far away each pixel is.

pub mod codec;
pub mod engine;
pub mod error;
pub mod picture;
pub mod walk;
