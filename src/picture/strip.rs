//! A strip: full-width rows of file samples.

use std::sync::Arc;

use super::{PixelLayout, Region};

/// Samples that belong to someone else and do not change: rows of a mapped file.
pub trait Lent: std::fmt::Debug + Send + Sync {
    /// The samples, row after row.
    fn bytes(&self) -> &[u8];
}

/// Rows of interleaved samples in native byte order, exactly as the file's code values.
#[derive(Debug, Clone)]
pub struct Strip {
    /// Which rows of the picture.
    pub region: Region,
    /// Layout of the samples.
    pub layout: PixelLayout,
    /// Storage. `u32` words, so that every sample type can be viewed in place and the GPU can take it as it is.
    words: Vec<u32>,
    /// Instead of the storage: what another holds.
    lent: Option<Arc<dyn Lent>>,
}

impl Strip {
    /// A strip of zeros.
    pub fn new(region: Region, layout: PixelLayout) -> Self {
        let bytes = region.pixels() * layout.pixel_bytes();
        Self { region, layout, words: vec![0; bytes.div_ceil(4)], lent: None }
    }

    /// Changes region and layout, keeping the storage where it is large enough. Contents are unspecified afterwards.
    pub fn reset(&mut self, region: Region, layout: PixelLayout) {
        self.region = region;
        self.layout = layout;
        self.lent = None;
        self.words.resize(self.byte_len().div_ceil(4), 0);
    }

    /// Makes the strip one of samples that lie elsewhere, without a copy. False, and nothing changed, when they are not as many as the region
    /// wants or cannot be seen as whole 32-bit words where they lie.
    pub fn lend(&mut self, region: Region, layout: PixelLayout, samples: Arc<dyn Lent>) -> bool {
        let words = bytemuck::try_cast_slice::<u8, u32>(samples.bytes());
        if !words.is_ok_and(|words| words.len() * 4 == region.pixels() * layout.pixel_bytes()) {
            return false;
        }
        (self.region, self.layout, self.lent) = (region, layout, Some(samples));
        true
    }

    /// Adds the rows of `below`, which follow those that are here. Lent samples are copied first.
    pub fn append(&mut self, below: &Self) {
        self.own();
        let held = self.byte_len();
        self.region.rows += below.region.rows;
        self.words.resize(self.byte_len().div_ceil(4), 0);
        if let Some(new) = self.bytes_mut().get_mut(held..) {
            new.copy_from_slice(below.bytes());
        }
    }

    /// Drops `rows` rows from the top. Lent samples are copied first.
    pub fn drop_rows(&mut self, rows: u32) {
        let rows = rows.min(self.region.rows);
        let bytes = rows as usize * self.row_bytes();
        self.bytes_mut().copy_within(bytes.., 0);
        self.region.y += rows;
        self.region.rows -= rows;
        self.words.truncate(self.byte_len().div_ceil(4));
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
        &bytemuck::cast_slice(self.words())[..self.byte_len()]
    }

    /// All samples as bytes, row after row. Lent ones are copied first.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.own();
        let len = self.byte_len();
        &mut bytemuck::cast_slice_mut(&mut self.words)[..len]
    }

    /// The storage as 32-bit words, zero padded to a whole word.
    pub fn words(&self) -> &[u32] {
        self.lent.as_ref().map_or(&self.words, |lent| bytemuck::cast_slice(lent.bytes()))
    }

    /// The storage as 32-bit words. Lent ones are copied first.
    pub fn words_mut(&mut self) -> &mut [u32] {
        self.own();
        &mut self.words
    }

    fn own(&mut self) {
        if let Some(lent) = self.lent.take() {
            self.words.clear();
            self.words.extend_from_slice(bytemuck::cast_slice(lent.bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Alpha, Channels, SampleType};

    #[derive(Debug)]
    #[repr(align(4))]
    struct Eight([u8; 8]);

    impl Lent for Eight {
        fn bytes(&self) -> &[u8] {
            &self.0
        }
    }

    #[test]
    fn lent_samples_are_seen_and_copied_only_to_be_changed() {
        let layout = PixelLayout { sample: SampleType::U16, channels: Channels::Gray, alpha: Alpha::None };
        let region = Region { width: 2, y: 0, rows: 2 };
        let samples: Arc<dyn Lent> = Arc::new(Eight([1, 2, 3, 4, 5, 6, 7, 8]));
        let mut strip = Strip::new(region, layout);
        assert!(!strip.lend(Region { rows: 1, ..region }, layout, samples.clone()), "more than the region wants");
        assert!(strip.lend(region, layout, samples.clone()));
        assert_eq!(strip.bytes().as_ptr(), samples.bytes().as_ptr());
        assert_eq!(strip.words().len(), 2);
        strip.bytes_mut()[0] = 9;
        assert_eq!((strip.bytes(), samples.bytes()[0]), ([9, 2, 3, 4, 5, 6, 7, 8].as_slice(), 1));
        assert!(strip.lend(region, layout, samples));
        strip.reset(region, layout);
        assert_eq!(strip.bytes()[0], 9, "its own storage again");
    }

    #[test]
    fn rows_come_and_go_whoever_holds_them() {
        let layout = PixelLayout { sample: SampleType::U16, channels: Channels::Gray, alpha: Alpha::None };
        let region = Region { width: 2, y: 5, rows: 2 };
        let samples: Arc<dyn Lent> = Arc::new(Eight([1, 2, 3, 4, 5, 6, 7, 8]));
        for lent in [true, false] {
            let mut strip = Strip::new(region, layout);
            assert!(strip.lend(region, layout, samples.clone()));
            if !lent {
                strip.bytes_mut();
            }
            let below = strip.clone();
            strip.append(&below);
            assert_eq!(
                (strip.region.rows, strip.bytes()),
                (4, [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8].as_slice())
            );
            strip.drop_rows(3);
            assert_eq!((strip.region, strip.bytes()), (Region { y: 8, rows: 1, ..region }, [5, 6, 7, 8].as_slice()));
            assert!(strip.lend(region, layout, samples.clone()));
            strip.drop_rows(1);
            assert_eq!((strip.region.y, strip.bytes()), (6, [5, 6, 7, 8].as_slice()));
        }
    }

    #[test]
    fn odd_sizes_are_padded_to_words() {
        let layout = PixelLayout { sample: SampleType::U8, channels: Channels::Rgb, alpha: Alpha::None };
        let strip = Strip::new(Region { width: 3, y: 0, rows: 1 }, layout);
        assert_eq!((strip.bytes().len(), strip.words().len()), (9, 3));
    }
}
