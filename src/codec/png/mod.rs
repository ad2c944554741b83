//! PNG (W3C PNG Specification, third edition): 8 and 16 bit gray or RGB, with or without unassociated alpha.
//!
//! The list of chunks is read once at the start, seeking over the pixels, so that every fact is known before the first row, wherever
//! in the file it stands. Rows come from the `png` crate, one after another ([`crate::picture::Access::Rows`]); an interlaced picture
//! is decoded whole ([`crate::picture::Access::Whole`]). Palettes and 1, 2, 4-bit gray are expanded to 8 bit, `tRNS` to alpha.
//!
//! Our own writer compresses independent runs of rows in parallel; its bytes depend on the pixels alone.
//!
//! * `chunks`: the chunk list, reading and framing - `facts`: color, resolution, metadata - `raw_profile`: blobs in text chunks
//! * `source`, `sink`: the codec contracts - `filter`: choosing a filter per row - `deflate`: parallel zlib - `small`: a picture inside another file

mod chunks;
mod color;
mod deflate;
mod facts;
mod filter;
mod raw_profile;
mod sink;
pub mod small;
mod source;

pub use facts::PngExtras;
pub use sink::create;
pub use source::open;
