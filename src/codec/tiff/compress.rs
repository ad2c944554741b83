//! One strip of native samples to its bytes in the file.

use super::header::Codec;
use super::predictor;
use crate::picture::PixelLayout;

/// Differences and compresses whole rows; `scratch` is working space that is reused.
///
/// Deflate runs at its fast level: on 16-bit photographs with a predictor the slower ones save nothing.
///
/// # Errors
/// A sentence when the compressor gives up.
pub(super) fn encode(
    codec: Codec,
    layout: PixelLayout,
    row_bytes: usize,
    rows: &[u8],
    scratch: &mut Vec<u8>,
) -> Result<Vec<u8>, String> {
    scratch.resize(rows.len(), 0);
    let (size, samples) = (layout.sample.bytes(), layout.channels.count());
    for (row, out) in rows.chunks_exact(row_bytes).zip(scratch.chunks_exact_mut(row_bytes)) {
        if layout.sample.is_integer() {
            predictor::horizontal(row, size, samples, out);
        } else {
            predictor::float(row, size, samples, out);
        }
    }
    match codec {
        Codec::Lzw => lzw(scratch),
        _ => deflate(scratch),
    }
}

fn lzw(data: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(data.len());
    let mut encoder = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    encoder.into_vec(&mut out).encode_all(data).status.map_err(|error| format!("LZW failed: {error}"))?;
    Ok(out)
}

fn deflate(data: &[u8]) -> Result<Vec<u8>, String> {
    // RFC 1951: stored blocks cost 5 bytes per 65 535; the rest is slack for the last block and the zlib frame.
    let mut out = Vec::with_capacity(data.len() + data.len() / 1000 + 1024);
    // Level 1 of zlib-rs makes 16-bit photographs larger than they were; level 2 costs 30 % more time and takes a quarter off.
    let mut compressor = flate2::Compress::new(flate2::Compression::new(2), true);
    loop {
        let read = usize::try_from(compressor.total_in()).unwrap_or(data.len());
        let status = compressor.compress_vec(&data[read..], &mut out, flate2::FlushCompress::Finish);
        match status.map_err(|error| format!("Deflate failed: {error}"))? {
            flate2::Status::StreamEnd => return Ok(out),
            _ => out.reserve(64 << 10),
        }
    }
}
