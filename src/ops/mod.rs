//! Operations: parameters, constants and the CPU function that defines each result. Pure: no files, threads or devices.

pub mod disparity;
pub mod distance;
