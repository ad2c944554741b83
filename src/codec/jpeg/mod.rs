//! JPEG (ITU-T T.81; JFIF: ITU-T T.871; EXIF: CIPA DC-008): baseline and progressive, gray and RGB, 8 bit.
//!
//! The list of segments in front of the pixels is read here, so that what the program knows about a file never depends on a decoder's
//! habits: size, color model, and every blob of metadata. The `zune-jpeg` crate, in strict mode, gets tables and scans only, and only
//! of a file whose end marker is there: a file that was cut off is an error and never a picture with a gray rest.
//!
//! A JPEG is decoded and encoded whole ([`crate::picture::Access::Whole`]).
//!
//! * `segments`: markers, frame header, end of the scans - `model`: what the components are - `facts`: the picture's description
//! * `meta`: EXIF, ICC, IPTC and density in segments, both ways - `xmp`: XMP and its extension, both ways
//! * `source`, `sink`: the codec contracts - `phone`: depth maps that phones put into their pictures - `embedded`: the small
//!   picture that such a map is

mod embedded;
mod facts;
mod meta;
mod model;
mod phone;
mod segments;
mod sink;
mod source;
mod xmp;

pub use phone::open as open_phone_depth;
pub use sink::create;
pub use source::open;
