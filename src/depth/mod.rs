//! Depth: from a picture to one disparity per pixel.
//!
//! The way of a picture: [`reduce`] shrinks it to the model's size while it streams by; [`orient`] stands it up; [`worker`] runs a model of the
//! [`registry`] on it, in a session kept by [`sessions`] and executed by one of the two engines behind [`engine`]; [`join`] fits
//! the coefficients by which `ops::disparity` finds each full-resolution pixel's disparity. Depth that comes with the picture
//! skips all of this: [`supplied`] only normalizes it. [`gate`] says what looks wrong about a map, [`preview`] colors it for people.
//!
//! Two quantities never mix silently: *relative disparity* (larger = nearer, unknown scale and shift) and *metric depth*
//! (meters, larger = farther).

mod batch;
pub mod engine;
pub mod gate;
pub mod join;
pub mod onnx_header;
pub mod orient;
#[cfg(feature = "onnx")]
mod ort;
pub mod preview;
pub mod provider;
mod queue;
pub mod reduce;
pub mod registry;
#[cfg(feature = "onnx")]
mod rten;
pub mod sessions;
#[cfg_attr(not(feature = "onnx"), allow(dead_code, reason = "only engines store graphs"))]
pub mod stored;
pub mod supplied;
pub mod tiles;
pub mod worker;
pub mod workers;
