//! Color science: elementary functions with the same bits on every machine, transfer curves, primaries and matrices,
//! named encodings, and the one door to the ICC library.

pub mod curve;
pub mod encodings;
pub mod icc;
pub mod math;
pub mod matrix;
