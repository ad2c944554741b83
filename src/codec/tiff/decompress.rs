//! One chunk from its bytes in the file to samples in native order.

use std::io::Read;

use super::header::{Codec, Pixels, Predictor};
use super::samples::Packing;
use super::{lzw, predictor};
use crate::codec::deflate;
use crate::picture::exif::Order;

/// Decompresses a chunk into `out` (whole rows) and undoes predictor, byte order and packing.
///
/// # Errors
/// A sentence without the file's name when the data is damaged or yields less than `out`.
pub(super) fn decode(pixels: &Pixels, raw: &[u8], out: &mut [u8]) -> Result<(), String> {
    if pixels.packing == Packing::Whole {
        decompress(pixels.codec, raw, out)?;
        let (sample, samples) = (pixels.layout.sample, pixels.chunk_samples());
        let mut planes = Vec::new();
        for row in out.chunks_exact_mut(pixels.chunk_row_bytes()) {
            match pixels.predictor {
                Predictor::None => swap(row, sample.bytes(), pixels.order),
                Predictor::Horizontal => predictor::undo_horizontal(row, sample.bytes(), samples, pixels.order),
                Predictor::Float => predictor::undo_float(row, sample.bytes(), samples, &mut planes),
            }
        }
        return Ok(());
    }
    let row_bytes = pixels.stored_row_bytes();
    let rows = out.chunks_exact_mut(pixels.chunk_row_bytes());
    let mut stored = vec![0; rows.len() * row_bytes];
    decompress(pixels.codec, raw, &mut stored)?;
    for (out, row) in rows.zip(stored.chunks_exact_mut(row_bytes)) {
        // Only indices of a whole byte have one.
        if pixels.predictor == Predictor::Horizontal {
            predictor::undo_horizontal(row, 1, 1, pixels.order);
        }
        pixels.packing.unpack(row, pixels.layout.sample, out);
    }
    Ok(())
}

fn decompress(codec: Codec, raw: &[u8], out: &mut [u8]) -> Result<(), String> {
    let written = match codec {
        Codec::None => {
            let written = raw.len().min(out.len());
            out[..written].copy_from_slice(&raw[..written]);
            written
        }
        Codec::Lzw if lzw::is_old_style(raw) => lzw::decode_old_style(raw, out)?,
        Codec::Lzw => lzw::decode(raw, out)?,
        Codec::Deflate => deflate::inflate(raw, out)?,
        Codec::PackBits => unpack_bits(raw, out),
        Codec::Zstandard => zstandard(raw, out)?,
    };
    if written < out.len() {
        return Err(format!("it yields {written} bytes of {}", out.len()));
    }
    Ok(())
}

/// Least window that every decoder must grant (RFC 8878, 3.1.1.1.2).
const ZSTD_WINDOW: u64 = 8 << 20;

/// RFC 8878. The window, which is allocated at once, may be as large as the chunk or [`ZSTD_WINDOW`].
fn zstandard(raw: &[u8], out: &mut [u8]) -> Result<usize, String> {
    let window = ZSTD_WINDOW.max((out.len() as u64).next_power_of_two());
    let damaged = |reason: &dyn std::fmt::Display| format!("damaged Zstandard data ({reason})");
    let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(raw, window);
    let mut decoder = decoder.map_err(|error| damaged(&error))?;
    let mut written = 0;
    while written < out.len() {
        match decoder.read(&mut out[written..]).map_err(|error| damaged(&error))? {
            0 => break,
            count => written += count,
        }
    }
    Ok(written)
}

/// Brings samples of `size` bytes in `order` into native order.
pub(super) fn swap(samples: &mut [u8], size: usize, order: Order) {
    if order.is_foreign() && size > 1 {
        match size {
            2 => samples.as_chunks_mut::<2>().0.iter_mut().for_each(|s| *s = [s[1], s[0]]),
            _ => samples.chunks_exact_mut(size).for_each(<[u8]>::reverse),
        }
    }
}

/// PackBits (TIFF 6.0 section 9): runs and literals behind a signed length byte; -128 does nothing.
fn unpack_bits(raw: &[u8], out: &mut [u8]) -> usize {
    let (mut raw, mut at) = (raw, 0);
    while let [head, rest @ ..] = raw {
        let left = out.len() - at;
        match *head as i8 {
            0.. => {
                let length = (usize::from(*head) + 1).min(rest.len());
                let kept = length.min(left);
                out[at..at + kept].copy_from_slice(&rest[..kept]);
                at += kept;
                raw = &rest[length..];
            }
            -128 => raw = rest,
            _ => {
                let [value, after @ ..] = rest else { break };
                let kept = (257 - usize::from(*head)).min(left);
                out[at..at + kept].fill(*value);
                at += kept;
                raw = after;
            }
        }
        if at == out.len() {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packbits_of_the_standard() {
        // The example of Apple's TN1023, which TIFF 6.0 section 9 refers to.
        let packed = [0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0xfd, 0xaa, 0x03, 0x80, 0x00, 0x2a, 0x22, 0xf7, 0xaa];
        let mut out = [0; 24];
        assert_eq!(unpack_bits(&packed, &mut out), 24);
        assert_eq!(out[..9], [0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0xaa, 0xaa, 0xaa]);
        assert_eq!(out[14..], [0xaa; 10]);
        assert_eq!(unpack_bits(&packed[..5], &mut out), 5, "cut inside a literal");
        assert_eq!(unpack_bits(&packed, &mut out[..4]), 4, "never beyond the output");
    }
}
