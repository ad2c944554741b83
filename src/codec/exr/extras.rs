//! What an EXR file has beyond its color, handed from source to sink.

use std::sync::{Arc, OnceLock};

use super::decode::Plane;
use super::header::{Attribute, Channel, Part, Tiles, Window};
use super::select::Selection;
use crate::picture::Extent;

/// Attributes that describe how chunks are laid out, or that would be wrong beside new color: the sink writes its own or none.
/// `preview` is a thumbnail of the ungraded picture.
const NOT_CARRIED: [&str; 9] = [
    "channels",
    "compression",
    "lineOrder",
    "tiles",
    "type",
    "chunkCount",
    "version",
    "preview",
    "dwaCompressionLevel",
];

/// Cargo of an EXR copy.
#[derive(Debug)]
pub struct ExrExtras {
    /// Attributes to write, in file order.
    pub(super) attributes: Vec<Attribute>,
    /// Compression code of the input.
    pub(super) compression: u8,
    /// Tiles of the input.
    pub(super) tiles: Option<Tiles>,
    /// Chunks from the bottom up.
    pub(super) decreasing: bool,
    /// Data window.
    pub(super) data_window: Window,
    /// Layer prefix of the color channels, with its dot.
    pub(super) prefix: Vec<u8>,
    /// Channels that are not color.
    pub(super) other_channels: Vec<Channel>,
    /// Their samples, filled when the source decodes the picture.
    pub(super) others: Arc<OnceLock<Vec<Plane>>>,
}

/// Attributes that lead to channels an output of another size does not have.
const OF_OTHERS: [&str; 1] = ["multiView"];

impl ExrExtras {
    pub(super) fn new(part: &Part, selection: &Selection, others: Arc<OnceLock<Vec<Plane>>>) -> Self {
        let carried = |a: &&Attribute| !NOT_CARRIED.iter().any(|n| n.as_bytes() == a.name);
        Self {
            attributes: part.attributes.iter().filter(carried).cloned().collect(),
            compression: part.compression,
            tiles: part.tiles,
            decreasing: part.line_order == 1,
            data_window: part.data_window,
            prefix: selection.prefix.clone(),
            other_channels: selection.others.iter().filter_map(|&c| part.channels.get(c)).cloned().collect(),
            others,
        }
    }

    /// What of it is right beside a picture of another size: not what counts pixels (windows and every other rectangle, tiles), and no
    /// other channels.
    pub(super) fn resized(&self, extent: Extent) -> Self {
        let is_place = |a: &Attribute| a.kind == b"box2i" || OF_OTHERS.iter().any(|n| n.as_bytes() == a.name);
        Self {
            attributes: self.attributes.iter().filter(|a| !is_place(a)).cloned().collect(),
            compression: self.compression,
            tiles: None,
            decreasing: self.decreasing,
            data_window: Window::at_origin(extent),
            prefix: self.prefix.clone(),
            other_channels: Vec::new(),
            others: Arc::default(),
        }
    }
}
