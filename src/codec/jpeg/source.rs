//! Reading: facts from our own list of segments, samples from `zune-jpeg`.

use std::path::Path;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::facts;
use super::model::{self, Model};
use super::segments::{Frame, Head};
use crate::codec::bytes::FileBytes;
use crate::codec::whole::{self, Decode, WholeSource};
use crate::codec::{Limits, Pool, Source};
use crate::error::{Error, Result};
use crate::picture::PictureInfo;

/// Scans of a progressive file at most; encoders write about ten, and every one can cost a pass over the picture.
const MOST_SCANS: usize = 100;

/// Opens a JPEG file: everything in front of the pixels is read.
///
/// # Errors
/// `Input` for damage and truncation, `Limit` for a picture beyond `limits`, `Unsupported` (with advice) for CMYK, 12-bit, lossless,
/// arithmetic-coded and hierarchical files.
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn Source>> {
    let file = FileBytes::open(path, u64::MAX)?;
    let head = Head::read(&file).map_err(|reason| Error::input(path, reason))?;
    let (info, model) = facts::read(&file, &head, limits)?;
    let length = file.length();
    Ok(WholeSource::boxed(file, info, Decoder { head, model, length }))
}

/// What decoding needs to know.
struct Decoder {
    head: Head,
    model: Model,
    /// Bytes of the file.
    length: u64,
}

impl Decode for Decoder {
    fn decode(&mut self, file: &FileBytes, info: &PictureInfo, pool: &Pool) -> Result<Vec<u8>> {
        let bare = self.head.bare(file).map_err(|reason| Error::input(file.path(), reason))?;
        let mut samples = whole::zeros(file.path(), info.extent.pixels() * self.model.samples() as u64)?;
        let decoded = pool.install(|| decode(&bare, &self.head.frame, self.model, &mut samples));
        decoded.map_err(|reason| Error::input(file.path(), format!("damaged: {reason}")))?;
        Ok(samples)
    }

    fn working_bytes(&self) -> u64 {
        // The file; and all coefficients, 16 bits each, where scans do not come component by component row by row.
        self.length + self.head.frame.extent.pixels() * self.model.samples() as u64 * 2
    }
}

/// Decodes a file of tables and scans. Inks come out as CMYK where 255 is full ink.
fn decode(bare: &[u8], frame: &Frame, model: Model, samples: &mut [u8]) -> std::result::Result<(), String> {
    // Without Adobe's segment the decoder takes three components for YCbCr and four for CMYK; asking for what it believes to have gives
    // the components as they are.
    let wanted = match model {
        Model::Gray => ColorSpace::Luma,
        Model::Rgb if frame.components == b"RGB" => ColorSpace::RGB,
        Model::Rgb => ColorSpace::YCbCr,
        Model::YCbCr => ColorSpace::RGB,
        Model::Cmyk { .. } | Model::Ycck { .. } => ColorSpace::CMYK,
    };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_max_scans(MOST_SCANS)
        .jpeg_set_out_colorspace(wanted);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bare), options);
    decoder.decode_headers().map_err(|e| format!("{e:?}"))?;
    let size = decoder.dimensions().map(|(width, height)| (width as u32, height as u32));
    if size != Some((frame.extent.width, frame.extent.height)) || decoder.output_buffer_size() != Some(samples.len()) {
        return Err("the decoder sees another picture than the frame header describes".into());
    }
    decoder.decode_into(samples).map_err(|e| format!("{e:?}"))?;
    model::to_cmyk(model, samples);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::jpeg::meta;

    #[test]
    fn inks_are_decoded_although_they_are_not_read_yet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let inks: Vec<u8> = (0..16u8).flat_map(|i| [i * 10, 255 - i * 9, i * 3, 40 + i]).collect();
        for color in [jpeg_encoder::ColorType::Cmyk, jpeg_encoder::ColorType::CmykAsYcck] {
            let mut bytes = Vec::new();
            jpeg_encoder::Encoder::new(&mut bytes, 100).encode(&inks, 16, 1, color).unwrap();
            std::fs::write(&path, bytes).unwrap();
            let file = FileBytes::open(&path, u64::MAX).unwrap();
            let head = Head::read(&file).unwrap();
            let found = meta::read(&file, &head, &Limits::default(), &mut Vec::new()).unwrap();
            let model = Model::of(&head.frame, found.jfif, found.adobe).unwrap();
            assert_eq!(matches!(model, Model::Ycck { .. }), color == jpeg_encoder::ColorType::CmykAsYcck);
            let mut samples = vec![0; inks.len()];
            decode(&head.bare(&file).unwrap(), &head.frame, model, &mut samples).unwrap();
            let worst = inks.iter().zip(&samples).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(6), "{color:?}: {inks:?} became {samples:?}");
        }
    }
}
