//! A small gray picture that lies inside another file, decoded whole.

use std::io::Cursor;

use ::png::{BitDepth, DecodeOptions, Decoder, Transformations};

use crate::picture::Extent;

/// The first channel of every pixel, as code values of 8 or 16 bits, row by row.
///
/// # Errors
/// A sentence for damage, or for more than `most_pixels` pixels.
pub fn decode(bytes: &[u8], most_pixels: u64) -> Result<(Extent, Vec<u16>), String> {
    let mut options = DecodeOptions::default();
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(bytes), options);
    // Rows of at most four channels of 16 bits, some of them at a time.
    decoder.set_limits(::png::Limits { bytes: usize::try_from(most_pixels.saturating_mul(16)).unwrap_or(usize::MAX) });
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
    let (width, height) = reader.info().size();
    let extent = Extent { width, height };
    if extent.pixels() == 0 || extent.pixels() > most_pixels {
        return Err(format!("{extent} pixels are more than the {most_pixels} allowed, or none"));
    }
    let size = reader.output_buffer_size().filter(|size| *size as u64 <= extent.pixels() * 8);
    let mut samples = vec![0; size.ok_or("its rows are too long")?];
    let frame = reader.next_frame(&mut samples).map_err(|e| e.to_string())?;
    let channels = frame.color_type.samples();
    let values = match frame.bit_depth {
        BitDepth::Sixteen => samples
            .chunks_exact(2 * channels)
            .filter_map(|px| px.first_chunk())
            .map(|v| u16::from_be_bytes(*v))
            .collect(),
        _ => samples.chunks_exact(channels).filter_map(|px| px.first()).map(|v| u16::from(*v)).collect(),
    };
    Ok((extent, values))
}
