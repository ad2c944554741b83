//! WebP (RFC 9649): lossy (VP8) and lossless (VP8L) pictures with or without alpha, 8 bit, and ICC, EXIF and XMP in the extended container.
//!
//! The container is read and written here, so that a file that was cut off is known before anything is decoded. Pixels are decoded by
//! `image-webp`, which is Rust and meets hostile input, and encoded by libwebp through the `webp` crate, the reference encoder.
//! Of an animation the first frame is read. Pictures are decoded and encoded whole ([`crate::picture::Access::Whole`]).
//!
//! * `riff`: the container, both ways - `source`, `sink`: the codec contracts

mod riff;
mod sink;
mod source;

pub use sink::create;
pub use source::open;

/// Pixels of a side at most (RFC 9649, 2.5, 3.4: 14 bits).
const MOST_SIDE: u32 = 16_383;
