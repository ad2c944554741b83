//! A strip: full-width rows of file samples.

use super::{PixelLayout, Region};

/// Rows of interleaved samples in native byte order, exactly as the file's code values.
#[derive(Debug, Clone)]
pub struct Strip {
    /// Which rows of the picture.
    pub region: Region,
    /// Layout of the samples.
    pub layout: PixelLayout,
    /// Storage. `u32` words, so that every sample type can be viewed in place and the GPU can take it as it is.
    words: Vec<u32>,
}

impl Strip {
    /// A strip of zeros.
    pub fn new(region: Region, layout: PixelLayout) -> Self {
        let bytes = region.pixels() * layout.pixel_bytes();
        Self { region, layout, words: vec![0; bytes.div_ceil(4)] }
    }

    /// Changes region and layout, keeping the storage where it is large enough. Contents are unspecified afterwards.
    pub fn reset(&mut self, region: Region, layout: PixelLayout) {
        self.region = region;
        self.layout = layout;
        self.words.resize(self.byte_len().div_ceil(4), 0);
    }

    /// Bytes of samples.
    pub fn byte_len(&self) -> usize {
        self.region.pixels() * self.layout.pixel_bytes()
    }

    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        self.region.width as usize * self.layout.pixel_bytes()
    }

    /// All samples as bytes, row after row.
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.byte_len()]
    }

    /// All samples as bytes, row after row.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let len = self.byte_len();
        &mut bytemuck::cast_slice_mut(&mut self.words)[..len]
    }

    /// The storage as 32-bit words, zero padded to a whole word.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// The storage as 32-bit words.
    pub fn words_mut(&mut self) -> &mut [u32] {
        &mut self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Alpha, Channels, SampleType};

    #[test]
    fn odd_sizes_are_padded_to_words() {
        let layout = PixelLayout { sample: SampleType::U8, channels: Channels::Rgb, alpha: Alpha::None };
        let strip = Strip::new(Region { width: 3, y: 0, rows: 1 }, layout);
        assert_eq!((strip.bytes().len(), strip.words().len()), (9, 3));
    }
}
