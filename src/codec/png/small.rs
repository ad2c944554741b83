//! A small gray picture that lies inside another file, decoded whole.

use std::io::Cursor;

use ::png::{BitDepth, DecodeOptions, Decoder, Transformations};

use crate::picture::Extent;

/// The first channel of every pixel, as code values of 8 or 16 bits, row by row, and the largest such code: 255 for up to 8 bits in the
/// file, else 65 535.
///
/// # Errors
/// A sentence for damage, or for more than `most_pixels` pixels.
pub fn decode(bytes: &[u8], most_pixels: u64) -> Result<(Extent, Vec<u16>, u16), String> {
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
    let is_wide = frame.bit_depth == BitDepth::Sixteen;
    let values = match is_wide {
        true => samples
            .chunks_exact(2 * channels)
            .filter_map(|px| px.first_chunk())
            .map(|v| u16::from_be_bytes(*v))
            .collect(),
        false => samples.chunks_exact(channels).filter_map(|px| px.first()).map(|v| u16::from(*v)).collect(),
    };
    Ok((extent, values, if is_wide { u16::MAX } else { 255 }))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A gray file of 2 x 1 pixels.
    pub fn gray(bits: u8, samples: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = ::png::Encoder::new(&mut bytes, 2, 1);
        encoder.set_color(::png::ColorType::Grayscale);
        encoder.set_depth(BitDepth::from_u8(bits).unwrap());
        encoder.write_header().unwrap().write_image_data(samples).unwrap();
        bytes
    }

    #[test]
    fn white_goes_by_the_bits_of_the_file() {
        let of = |bits, samples: &[u8]| decode(&gray(bits, samples), 2).map(|(_, codes, white)| (codes, white));
        assert_eq!(of(16, &[0, 9, 0, 20]), Ok((vec![9, 20], 65_535)));
        assert_eq!(of(8, &[9, 20]), Ok((vec![9, 20], 255)));
        assert_eq!(of(4, &[0x1f]), Ok((vec![17, 255], 255)));
        assert!(decode(&gray(8, &[1, 2]), 1).is_err());
    }
}
