//! One strip of native samples to its bytes in the file.

use super::header::Codec;
use super::{lzw_encode, predictor};
use crate::codec::deflate;
use crate::picture::PixelLayout;

/// Working space of a thread, reused from strip to strip.
#[derive(Default)]
pub(super) struct Scratch {
    differences: Vec<u8>,
    planes: Vec<u8>,
    lzw: lzw_encode::Encoder,
    deflate: deflate::Encoder,
}

/// Differences and compresses whole rows. The bytes depend on the rows alone.
pub(super) fn encode(
    codec: Codec,
    layout: PixelLayout,
    row_bytes: usize,
    rows: &[u8],
    scratch: &mut Scratch,
) -> Vec<u8> {
    let differences = &mut scratch.differences;
    differences.resize(rows.len(), 0);
    let (size, samples) = (layout.sample.bytes(), layout.channels.count());
    for (row, out) in rows.chunks_exact(row_bytes).zip(differences.chunks_exact_mut(row_bytes)) {
        if layout.sample.is_integer() {
            predictor::horizontal(row, size, samples, out);
        } else {
            predictor::float(row, size, samples, out, &mut scratch.planes);
        }
    }
    match codec {
        Codec::Lzw => scratch.lzw.encode(differences),
        _ => deflate::zlib(differences, &mut scratch.deflate),
    }
}
