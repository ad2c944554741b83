//! Binary samples, read by rows.

use rayon::prelude::*;

use super::header::{Coding, Header};
use crate::codec::bytes::FileBytes;
use crate::codec::whole::{check_region, no_depth};
use crate::codec::{Pool, Source};
use crate::error::Result;
use crate::picture::{PictureInfo, Region, Strip};

/// An opened binary file.
struct RasterSource {
    file: FileBytes,
    info: PictureInfo,
    header: Header,
    row_bytes: usize,
    /// Rows of the file.
    raw: Vec<u8>,
}

/// A source of a file with binary samples, all of which are there.
pub(super) fn source(file: FileBytes, info: PictureInfo, header: Header) -> Box<dyn Source> {
    let row_bytes = header.row_bytes().unwrap_or_default() as usize;
    Box::new(RasterSource { file, info, header, row_bytes, raw: Vec::new() })
}

impl Source for RasterSource {
    fn info(&self) -> &PictureInfo {
        &self.info
    }

    fn read(&mut self, region: Region, strip: &mut Strip, pool: &Pool) -> Result<()> {
        check_region(self.file.path(), self.info.extent, region)?;
        strip.reset(region, self.info.layout);
        let upwards = matches!(self.header.coding, Coding::Floats { .. });
        // Rows of a float map go from bottom to top.
        let first = if upwards { self.info.extent.height - region.y - region.rows } else { region.y };
        self.raw.resize(self.row_bytes * region.rows as usize, 0);
        self.file.read(self.header.start + u64::from(first) * self.row_bytes as u64, &mut self.raw)?;
        let (header, rows, row_bytes) = (&self.header, region.rows as usize, strip.row_bytes());
        let mut raw: Vec<&[u8]> = self.raw.chunks_exact(self.row_bytes.max(1)).collect();
        if upwards {
            raw.reverse();
        }
        pool.install(|| {
            let target = strip.bytes_mut().par_chunks_exact_mut(row_bytes.max(1)).zip(raw.par_iter().take(rows));
            target.with_min_len(16).for_each(|(target, row)| convert(header, row, target));
        });
        Ok(())
    }

    fn read_depth(&mut self, _region: Region, _depth: &mut [f32], _pool: &Pool) -> Result<()> {
        Err(no_depth(self.file.path(), self.info.format))
    }

    fn rewind(&mut self) -> Result<()> {
        Ok(())
    }

    fn resident_bytes(&self, _rows: u32) -> u64 {
        self.row_bytes as u64
    }

    fn check_intact(&self) -> Result<()> {
        self.file.check_intact()
    }
}

/// A code of 0 to `maxval` on the scale of 0 to `white`, rounded; codes above are taken as `maxval`.
pub(super) fn scale(code: u32, maxval: u32, white: u32) -> u32 {
    // At most 65535 * 65535 + 32767: it fits.
    (code.min(maxval) * white + maxval / 2) / maxval
}

/// A row of the file as a row of a strip.
fn convert(header: &Header, row: &[u8], target: &mut [u8]) {
    match header.coding {
        Coding::Bits => {
            let bits = row.iter().flat_map(|byte| (0..8).map(move |bit| byte >> (7 - bit) & 1));
            target.iter_mut().zip(bits).for_each(|(sample, bit)| *sample = if bit == 0 { 255 } else { 0 });
        }
        Coding::Integers if header.maxval == 255 => target.copy_from_slice(row),
        Coding::Integers if header.maxval < 255 => {
            let codes = row.iter().map(|code| scale(u32::from(*code), header.maxval, 255) as u8);
            target.iter_mut().zip(codes).for_each(|(sample, code)| *sample = code);
        }
        Coding::Integers => {
            for (sample, code) in target.as_chunks_mut::<2>().0.iter_mut().zip(row.as_chunks::<2>().0) {
                *sample = (scale(u32::from(u16::from_be_bytes(*code)), header.maxval, 65_535) as u16).to_ne_bytes();
            }
        }
        Coding::Floats { little_endian } => {
            for (sample, bytes) in target.as_chunks_mut::<4>().0.iter_mut().zip(row.as_chunks::<4>().0) {
                let bits = if little_endian { u32::from_le_bytes(*bytes) } else { u32::from_be_bytes(*bytes) };
                *sample = bits.to_ne_bytes();
            }
        }
        Coding::Text { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_rounds_to_nearest() {
        for (maxval, white) in [(1, 255), (15, 255), (254, 255), (1023, 65_535), (4095, 65_535), (65_534, 65_535)] {
            for code in 0..=maxval {
                let exact = f64::from(code) * f64::from(white) / f64::from(maxval);
                assert!((f64::from(scale(code, maxval, white)) - exact).abs() <= 0.5, "{code} of {maxval}");
            }
        }
        assert_eq!((scale(65_535, 65_535, 65_535), scale(9, 7, 255)), (65_535, 255));
    }
}
