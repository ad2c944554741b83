//! Reading: facts from the container, pixels from `image-webp`.

use std::io::Cursor;
use std::path::Path;

use image_webp::WebPDecoder;

use super::riff::Container;
use crate::codec::bytes::FileBytes;
use crate::codec::whole::{self, Decode, WholeSource};
use crate::codec::{Limits, Pool, Source, camera, exif};
use crate::error::{Error, Result};
use crate::picture::exif::ReadAt;
use crate::picture::{Access, Alpha, Channels, Metadata, PictureInfo, PixelLayout, SampleType};

/// Opens a WebP file: every chunk but the pixels is read.
///
/// # Errors
/// `Input` for damage and truncation, `Limit` for a picture or metadata beyond `limits`.
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn Source>> {
    let file = FileBytes::open(path, u64::MAX)?;
    let container = Container::read(&file).map_err(|reason| Error::input(path, reason))?;
    whole::check_extent(path, container.extent, limits)?;
    let mut warnings = Vec::new();
    if container.animated {
        warnings.push("animated WebP: only the first picture is read".into());
    }
    let metadata = metadata(&file, &container, limits)?;
    let facts = camera::Camera::read(metadata.exif.as_deref(), limits.metadata_bytes);
    let (encoding, encoding_source) = camera::encoding(metadata.icc.as_deref(), &facts, true, &mut warnings);
    let orientation = exif::orientation_or_one(metadata.exif.as_deref(), &mut warnings);
    let (channels, alpha) = match container.alpha {
        true => (Channels::Rgba, Alpha::Unassociated),
        false => (Channels::Rgb, Alpha::None),
    };
    let info = PictureInfo {
        extent: container.extent,
        layout: PixelLayout { sample: SampleType::U8, channels, alpha },
        encoding,
        encoding_source,
        orientation,
        metadata: Metadata { resolution: facts.resolution, ..metadata },
        access: Access::Whole,
        chunk_rows: 1,
        format: "webp",
        compression: if container.lossless { "lossless" } else { "lossy" },
        depth_channel: None,
        depth_channels: Vec::new(),
        warnings,
    };
    let working_bytes = file.length() + info.extent.pixels() * 8;
    Ok(WholeSource::boxed(file, info, Decoder { animated: container.animated, working_bytes }))
}

fn metadata(file: &FileBytes, container: &Container, limits: &Limits) -> Result<Metadata> {
    let blob = |kind| {
        let Some(chunk) = container.find(kind).filter(|chunk| chunk.len > 0) else { return Ok(None) };
        let (value, limit) = (u64::from(chunk.len), limits.metadata_bytes);
        if value > limit {
            return Err(Error::Limit { path: file.path().into(), what: "bytes of a metadata blob", value, limit });
        }
        let mut bytes = vec![0; chunk.len as usize];
        file.read_at(chunk.at, &mut bytes).map_err(|reason| Error::input(file.path(), reason))?;
        Ok(Some(bytes))
    };
    // Some writers put the marker of a JPEG segment in front.
    let bare = |blob: Vec<u8>| exif::without_thumbnail(blob.strip_prefix(b"Exif\0\0").unwrap_or(&blob));
    let exif = blob(b"EXIF")?.map(bare);
    Ok(Metadata { icc: blob(b"ICCP")?, exif, xmp: blob(b"XMP ")?, ..Metadata::default() })
}

/// What decoding needs to know.
struct Decoder {
    animated: bool,
    /// The file, and the decoder's planes: YUV or ARGB, and one row of everything.
    working_bytes: u64,
}

impl Decode for Decoder {
    fn decode(&mut self, file: &FileBytes, info: &PictureInfo, pool: &Pool) -> Result<Vec<u8>> {
        let mut bytes = whole::zeros(file.path(), file.length())?;
        file.read(0, &mut bytes)?;
        let expected = info.extent.pixels() * info.layout.pixel_bytes() as u64;
        let mut samples = whole::zeros(file.path(), expected)?;
        let decoded = pool.install(|| decode(&bytes, self.animated, info, &mut samples));
        decoded.map_err(|reason| Error::input(file.path(), format!("damaged: {reason}")))?;
        Ok(samples)
    }

    fn working_bytes(&self) -> u64 {
        self.working_bytes
    }
}

fn decode(bytes: &[u8], animated: bool, info: &PictureInfo, samples: &mut [u8]) -> std::result::Result<(), String> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    decoder.set_memory_limit(samples.len().saturating_mul(2).saturating_add(1 << 20));
    let same = decoder.dimensions() == (info.extent.width, info.extent.height)
        && decoder.output_buffer_size() == Some(samples.len())
        && decoder.is_animated() == animated;
    if !same {
        return Err("the decoder sees another picture than the container describes".into());
    }
    if animated { decoder.read_frame(samples).map(drop) } else { decoder.read_image(samples) }
        .map_err(|e| e.to_string())
}
