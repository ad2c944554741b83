//! OpenEXR (<https://openexr.com>): half and float pictures of open range, with alpha that is already multiplied in, any number of further
//! channels and any attributes.
//!
//! Chiaro grades the pixels of the **data window**; both windows, all other channels and all attributes go to a copy unchanged.
//! The file is decoded once, whole, into memory ([`crate::picture::Access::Whole`]): its chunks are small, but every consumer of a
//! depth-graded render reads it twice.
//!
//! | read | not read |
//! |---|---|
//! | R, G, B (A), Y (A), also as the only layer (`beauty.R`) | luminance-chroma (RY, BY), subsampled channels |
//! | half and float, mixed (then all become float) | 32-bit integer color |
//! | scan lines and tiles, full resolution | reduced-resolution levels (left out, with a warning) |
//! | none, RLE, ZIPS, ZIP, PIZ, PXR24, B44, B44A, DWAA, DWAB | HTJ2K |
//! | first part with R, G, B, else with Y; depth from any part of the same data window | deep data |
//!
//! Written: scan lines, or tiles where the input had them; the input's compression where it is lossless for the samples, else ZIP.
//!
//! * `header`: attributes, parts - `select`: which channels are the picture - `decode`: chunks to planes
//! * `source`, `sink`: the codec contracts - `extras`: what a copy carries - `compose`: the header of an output
//! * `beside`: metadata as attributes

mod beside;
mod compose;
mod decode;
mod extras;
mod header;
mod select;
mod sink;
mod source;

pub use extras::ExrExtras;
pub use sink::create;
pub use source::{open, open_map};
