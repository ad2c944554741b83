//! JPEG XL (ISO/IEC 18181), for reading, with the feature `jxl`: through `jxl-oxide`, which is Rust and exact for lossless 16-bit files.
//!
//! The decoder turns pictures upright and answers with the color encoding that the file names, so there is no orientation left. Pictures are
//! decoded whole ([`crate::picture::Access::Whole`]); of an animation the first frame is read.

use std::path::Path;

use jxl_oxide::image::BitDepth;
use jxl_oxide::{AllocTracker, ExtraChannelType, ImageHeader, InitializeResult, JxlImage};

use super::bytes::FileBytes;
use super::whole::{self, Decode, WholeSource};
use super::{Limits, Pool, Source, camera, exif};
use crate::color::{encodings, icc};
use crate::error::{Error, Result};
use crate::picture::{Access, Alpha, Channels, ColorEncoding, Extent, Metadata, PictureInfo, PixelLayout, SampleType};

/// Bytes of the decoder per sample of the picture: three planes of floats.
const WORKING_PER_SAMPLE: u64 = 12;

/// Bytes of the decoder whatever the picture.
const WORKING: u64 = 64 << 20;

/// Opens a JPEG XL file. All of it is read, because metadata may stand behind the pixels; nothing is decoded.
///
/// # Errors
/// `Input` for damage and truncation, `Limit` for a picture beyond `limits`, `Unsupported` (with advice) for CMYK, PQ and HLG.
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn Source>> {
    let file = FileBytes::open(path, u64::MAX)?;
    let mut bytes = whole::zeros(path, file.length())?;
    file.read(0, &mut bytes)?;
    let image = load(&bytes, limits).map_err(|reason| Error::input(path, reason))?;
    let extent = Extent { width: image.width(), height: image.height() };
    whole::check_extent(path, extent, limits)?;
    if image.pixel_format().has_black() {
        return Err(Error::unsupported(path, "a JPEG XL picture of CMYK inks: convert it to RGB first"));
    }
    if image.hdr_type().is_some() {
        return Err(Error::unsupported(path, "a JPEG XL picture in PQ or HLG: convert it to linear EXR first"));
    }
    let mut warnings = Vec::new();
    let header = image.image_header();
    if header.metadata.animation.is_some() {
        warnings.push("animated JPEG XL: only the first picture is read".into());
    }
    let layout = layout(&image, header, &mut warnings);
    let metadata = metadata(&image, limits, &mut warnings);
    let resolution = camera::Camera::read(metadata.exif.as_deref(), limits.metadata_bytes).resolution;
    let (encoding, encoding_source, icc) = encoding(&image, layout, &mut warnings);
    let info = PictureInfo {
        extent,
        layout,
        encoding,
        model: crate::picture::ColorModel::AsLayout,
        encoding_source,
        orientation: 1,
        metadata: Metadata { icc, resolution, ..metadata },
        access: Access::Whole,
        chunk_rows: 1,
        format: "jxl",
        compression: if header.metadata.xyb_encoded { "lossy" } else { "lossless" },
        depth_channel: None,
        depth_channels: Vec::new(),
        warnings,
    };
    let samples = extent.pixels() * layout.channels.count() as u64;
    let working_bytes = file.length() + WORKING + samples * WORKING_PER_SAMPLE;
    Ok(WholeSource::boxed(file, info, Decoder { image, working_bytes }))
}

/// The picture of a complete file.
fn load(bytes: &[u8], limits: &Limits) -> std::result::Result<JxlImage, String> {
    // The size of the picture is known only behind the limit: it covers what is allowed at all, the byte budget what this job may use.
    let most = limits.pixels.saturating_mul(4 * WORKING_PER_SAMPLE).saturating_add(WORKING);
    let tracker = AllocTracker::with_limit(usize::try_from(most).unwrap_or(usize::MAX));
    let mut start = JxlImage::builder().alloc_tracker(tracker).build_uninit();
    let consumed = start.feed_bytes(bytes).map_err(|e| e.to_string())?;
    let InitializeResult::Initialized(mut image) = start.try_init().map_err(|e| e.to_string())? else {
        return Err("truncated in front of the pixels".into());
    };
    image.feed_bytes(bytes.get(consumed..).unwrap_or_default()).map_err(|e| e.to_string())?;
    image.finalize().map_err(|e| e.to_string())?;
    if image.is_loading_done() { Ok(image) } else { Err("truncated: the pixels are not complete".into()) }
}

fn layout(image: &JxlImage, header: &ImageHeader, warnings: &mut Vec<String>) -> PixelLayout {
    let sample = match header.metadata.bit_depth {
        BitDepth::IntegerSample { bits_per_sample: 0..=8 } => SampleType::U8,
        BitDepth::IntegerSample { bits_per_sample: 9..=16 } => SampleType::U16,
        BitDepth::IntegerSample { bits_per_sample } => {
            warnings.push(format!("{bits_per_sample}-bit samples are read as 16 bit"));
            SampleType::U16
        }
        BitDepth::FloatSample { .. } => SampleType::F32,
    };
    let format = image.pixel_format();
    let channels = match (format.is_grayscale(), format.has_alpha()) {
        (true, false) => Channels::Gray,
        (true, true) => Channels::GrayAlpha,
        (false, false) => Channels::Rgb,
        (false, true) => Channels::Rgba,
    };
    let associated = header.metadata.ec_info.iter().find_map(|extra| match extra.ty {
        ExtraChannelType::Alpha { alpha_associated } => Some(alpha_associated),
        _ => None,
    });
    let alpha = match associated {
        _ if !channels.has_alpha() => Alpha::None,
        Some(true) => Alpha::Associated,
        _ => Alpha::Unassociated,
    };
    PixelLayout { sample, channels, alpha }
}

fn metadata(image: &JxlImage, limits: &Limits, warnings: &mut Vec<String>) -> Metadata {
    let boxes = image.aux_boxes();
    let fits = |blob: &[u8]| blob.len() as u64 <= limits.metadata_bytes;
    let exif = match boxes.first_exif() {
        Ok(found) if found.has_data() => {
            let raw = found.unwrap();
            let blob = raw.payload().get(raw.tiff_header_offset() as usize..).unwrap_or_default();
            // The picture comes upright; a tag that says otherwise would turn it again.
            fits(blob).then(|| exif::with_orientation(Some(&exif::without_thumbnail(blob)), 1)).flatten()
        }
        Ok(_) => None,
        Err(reason) => {
            warnings.push(format!("EXIF left out: {reason}"));
            None
        }
    };
    let packet = boxes.first_xml();
    let xmp = if packet.has_data() { Some(packet.unwrap().to_vec()).filter(|xmp| fits(xmp)) } else { None };
    Metadata { exif, xmp, ..Metadata::default() }
}

/// What the samples mean once they are decoded, and the profile that says so where it needs one.
fn encoding(
    image: &JxlImage,
    layout: PixelLayout,
    warnings: &mut Vec<String>,
) -> (ColorEncoding, &'static str, Option<Vec<u8>>) {
    const SOURCE: &str = "JPEG XL color encoding";
    // Primaries and transfer function as ITU-T H.273 numbers them.
    match image.rendered_cicp() {
        Some([1, 13, ..]) => return (encodings::srgb(), SOURCE, None),
        Some([12, 13, ..]) => return (encodings::display_p3(), SOURCE, None),
        Some([1, 8, ..]) if layout.sample == SampleType::F32 => return (encodings::linear_rec709(), SOURCE, None),
        Some([9, 8, ..]) if layout.sample == SampleType::F32 => return (encodings::linear_rec2020(), SOURCE, None),
        _ => {}
    }
    let profile = image.rendered_icc();
    match icc::read(&profile, layout.channels.is_color()) {
        Ok(encoding) => (encoding, SOURCE, Some(profile)),
        Err(reason) => {
            warnings.push(format!("{reason}; the default of the file type is used"));
            (encodings::srgb(), crate::picture::FILE_TYPE_DEFAULT, Some(profile))
        }
    }
}

/// The loaded picture.
struct Decoder {
    image: JxlImage,
    working_bytes: u64,
}

impl Decode for Decoder {
    fn decode(&mut self, file: &FileBytes, info: &PictureInfo, pool: &Pool) -> Result<Vec<u8>> {
        let count = info.extent.pixels() as usize * info.layout.channels.count();
        let mut bytes = whole::zeros(file.path(), (count * info.layout.sample.bytes()) as u64)?;
        let decoded = pool.install(|| decode(&self.image, info, count, &mut bytes));
        decoded.map_err(|reason| Error::input(file.path(), format!("damaged: {reason}")))?;
        Ok(bytes)
    }

    fn working_bytes(&self) -> u64 {
        self.working_bytes
    }
}

fn decode(image: &JxlImage, info: &PictureInfo, count: usize, bytes: &mut [u8]) -> std::result::Result<(), String> {
    let render = image.render_frame(0).map_err(|e| e.to_string())?;
    let mut stream = render.stream();
    let size = (stream.width(), stream.height(), stream.channels() as usize);
    if size != (info.extent.width, info.extent.height, info.layout.channels.count()) {
        return Err("the decoder sees another picture than the header describes".into());
    }
    // A few rows at a time, so that samples are never held twice.
    let row = info.extent.width as usize * info.layout.channels.count();
    let written = match info.layout.sample {
        SampleType::U8 => stream.write_to_buffer(bytes),
        SampleType::U16 => rows(&mut stream, row, bytes, |code: u16| code.to_ne_bytes()),
        _ => rows(&mut stream, row, bytes, |value: f32| value.to_ne_bytes()),
    };
    if written == count { Ok(()) } else { Err(format!("{written} of {count} samples")) }
}

fn rows<S: jxl_oxide::FrameBufferSample + Copy, const N: usize>(
    stream: &mut jxl_oxide::ImageStream<'_>,
    row: usize,
    bytes: &mut [u8],
    to_bytes: impl Fn(S) -> [u8; N],
) -> usize {
    let mut buffer = vec![S::default(); row];
    let mut written = 0;
    for target in bytes.chunks_exact_mut(row * N) {
        written += stream.write_to_buffer(&mut buffer);
        target.as_chunks_mut::<N>().0.iter_mut().zip(&buffer).for_each(|(bytes, sample)| *bytes = to_bytes(*sample));
    }
    written
}
