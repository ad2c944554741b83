//! Reading: header at once, samples on the first read.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use half::f16;

use super::beside;
use super::decode::{self, Plane};
use super::extras::ExrExtras;
use super::header::{self, Channel, Header, Part, Sample};
use super::select::{Selection, select, select_map};
use crate::codec::{DEPTH_FACTS, Extras, Limits, Pool, Source};
use crate::color::encodings;
use crate::error::{Error, Result};
use crate::picture::carry::exif_orientation;
use crate::picture::{
    Access, Alpha, ColorEncoding, ColorModel, Curve, Extent, FILE_TYPE_DEFAULT, Frame, Metadata, PictureInfo,
    PixelLayout, Primaries, Referred, Region, Resolution, ResolutionUnit, SampleType, Strip,
};

/// An opened EXR file.
struct ExrSource {
    path: PathBuf,
    file: File,
    header: Header,
    selection: Selection,
    chunk_bytes: u64,
    info: PictureInfo,
    decoded: Option<Decoded>,
    extras: Arc<ExrExtras>,
}

/// Planes of the picture.
struct Decoded {
    color: Vec<Plane>,
    /// Index of the depth plane: in `color` or in `ExrExtras::others`.
    depth: Option<DepthPlane>,
}

enum DepthPlane {
    Color(usize),
    Other(usize),
    /// From another part of the file.
    Own(Plane),
}

/// Opens an EXR file: the header is read, no sample yet.
///
/// # Errors
/// `Input` for damage, `Limit` for a picture larger than `limits`, `Unsupported` (with a sentence) for kinds that are not read:
/// deep data, luminance-chroma, subsampled channels, HTJ2K compression, no or no unique color.
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn Source>> {
    open_with(path, limits, select)
}

/// Opens an EXR file for its depth: `channel`, or the depth channel that it has, alone, as gray and as depth; it needs no color. Without either
/// the picture, as [`open`] does.
///
/// # Errors
/// As [`open`]; `Unsupported` when there is no such channel.
pub fn open_map(path: &Path, limits: &Limits, channel: Option<&str>) -> Result<Box<dyn Source>> {
    open_with(path, limits, |header| select_map(header, channel)?.map_or_else(|| select(header), Ok))
}

fn open_with(
    path: &Path,
    limits: &Limits,
    choose: impl FnOnce(&Header) -> std::result::Result<Selection, String>,
) -> Result<Box<dyn Source>> {
    let file = File::open(path).map_err(|e| Error::input(path, e))?;
    let file_len = file.metadata().map_err(|e| Error::input(path, e))?.len();
    let header = header::read(&file, file_len, limits.metadata_bytes).map_err(|e| Error::input(path, e))?;
    let selection = choose(&header).map_err(|e| Error::unsupported(path, e))?;
    let part = header.parts.get(selection.part).ok_or_else(|| Error::input(path, "no such part"))?;
    let info = info(path, part, &header, &selection, limits)?;
    let others = Arc::new(OnceLock::new());
    let extras = Arc::new(ExrExtras::new(part, &selection, others));
    Ok(Box::new(ExrSource {
        path: path.into(),
        file,
        info,
        decoded: None,
        extras,
        header,
        selection,
        chunk_bytes: limits.chunk_bytes,
    }))
}

fn info(path: &Path, part: &Part, header: &Header, selection: &Selection, limits: &Limits) -> Result<PictureInfo> {
    let (compression, compression_name) = decode::compression(part.compression).ok_or_else(|| {
        Error::unsupported(path, format!("EXR compression {} is not read: use ZIP", part.compression))
    })?;
    let [width, height] = part.data_window.size();
    let (Ok(width), Ok(height)) = (u32::try_from(width), u32::try_from(height)) else {
        return Err(Error::input(path, format!("the data window of {width}x{height} pixels is not possible")));
    };
    let extent = Extent { width, height };
    // The crate's rectangles are 32-bit with some headroom.
    if width == 0 || height == 0 || width >= 1 << 30 || height >= 1 << 30 {
        return Err(Error::input(path, format!("the data window of {extent} pixels is not possible")));
    }
    let limit = |what, value, limit| Error::Limit { path: path.into(), what, value, limit };
    if extent.pixels() > limits.pixels {
        return Err(limit("number of pixels", extent.pixels(), limits.pixels));
    }
    let grid = decode::Grid::new([width as usize, height as usize], compression, part.tiles);
    let parts = [selection.part].into_iter().chain(selection.depth.map(|d| d.part));
    for part in parts.filter_map(|p| header.parts.get(p)) {
        check_chunk(path, part, extent, limits.chunk_bytes)?;
    }
    let alpha = if selection.channels.has_alpha() { Alpha::Associated } else { Alpha::None };
    let mut warnings = selection.warnings.clone();
    let (encoding, encoding_source) = encoding(part, &mut warnings);
    let own_channels = selection.others.iter().filter_map(|&c| part.channels.get(c)).map(Channel::label).collect();
    let (data, display) = (part.data_window, part.display_window());
    let frame = Some(Frame { data, display, elsewhere: selection.elsewhere.clone() });
    let metadata = Metadata { resolution: density(part), own_channels, frame, ..beside::read(part) };
    Ok(PictureInfo {
        extent,
        layout: PixelLayout { sample: selection.sample, channels: selection.channels, alpha },
        encoding,
        model: ColorModel::AsLayout,
        encoding_source,
        // EXR itself has none: only a picture that came from another format can say it.
        orientation: exif_orientation(&metadata).unwrap_or(1),
        metadata,
        access: Access::Whole,
        chunk_rows: u32::try_from(grid.block[1]).unwrap_or(1),
        format: "exr",
        compression: compression_name,
        depth_channels: selection.candidates.iter().map(|candidate| candidate.name.clone()).collect(),
        depth_channel: selection.depth.and_then(|d| Some(header.parts.get(d.part)?.channels.get(d.channel)?.label())),
        warnings,
    })
}

/// `xDensity` (pixels per inch) and `pixelAspectRatio` (width of a pixel over its height), to a thousandth.
fn density(part: &Part) -> Option<Resolution> {
    let float = |name| {
        let bytes = part.attribute(name, "float")?.first_chunk::<4>()?;
        Some(f32::from_le_bytes(*bytes)).filter(|v| v.is_finite() && *v > 0.0)
    };
    let x = float("xDensity")?;
    let y = x * float("pixelAspectRatio").unwrap_or(1.0);
    let fraction = |v: f32| ((f64::from(v) * 1000.0).round() as u32, 1000);
    let resolution = Resolution { x: fraction(x), y: fraction(y), unit: ResolutionUnit::Inch };
    (resolution.x.0 > 0 && resolution.y.0 > 0).then_some(resolution)
}

/// Refuses a part whose chunks are larger than `limit` bytes.
fn check_chunk(path: &Path, part: &Part, extent: Extent, limit: u64) -> Result<()> {
    // An unknown compression is refused when the part is decoded.
    let Some((compression, _)) = decode::compression(part.compression) else { return Ok(()) };
    let grid = decode::Grid::new([extent.width as usize, extent.height as usize], compression, part.tiles);
    let pixel = decode::pixel_bytes(&part.channels) as u64;
    let value = (grid.block[0] as u64 * grid.block[1] as u64).saturating_mul(pixel);
    let what = "bytes of a chunk";
    if value > limit { Err(Error::Limit { path: path.into(), what, value, limit }) } else { Ok(()) }
}

/// Linear light on the primaries of the `chromaticities` attribute, else on those of Rec.709 (OpenEXR "Technical Introduction", RGB color).
fn encoding(part: &Part, warnings: &mut Vec<String>) -> (ColorEncoding, &'static str) {
    let Some(xy) = part.chromaticities() else { return (encodings::linear_rec709(), FILE_TYPE_DEFAULT) };
    let [rx, ry, gx, gy, bx, by, wx, wy] = xy.map(f64::from);
    let area = (gx - rx) * (by - ry) - (bx - rx) * (gy - ry);
    if xy.iter().any(|v| !v.is_finite()) || wy <= 0.0 || area.abs() < 1e-6 {
        warnings.push(format!("the chromaticities {xy:?} are not possible; Rec.709 is assumed"));
        return (encodings::linear_rec709(), FILE_TYPE_DEFAULT);
    }
    let primaries = Primaries { red: [rx, ry], green: [gx, gy], blue: [bx, by], white: [wx, wy] };
    let rec709 = encodings::linear_rec709();
    let same = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).abs() < 1e-4 && (a[1] - b[1]).abs() < 1e-4;
    let p = &rec709.primaries;
    let is_rec709 = same(primaries.red, p.red)
        && same(primaries.green, p.green)
        && same(primaries.blue, p.blue)
        && same(primaries.white, p.white);
    if is_rec709 {
        return (rec709, "EXR chromaticities");
    }
    let name = "linear (EXR chromaticities)".to_string();
    (ColorEncoding { name, primaries, curve: Curve::Linear, referred: Referred::Scene }, "EXR chromaticities")
}

impl ExrSource {
    /// Decodes all channels unless that was done.
    fn decoded(&mut self, pool: &Pool) -> Result<&Decoded> {
        if self.decoded.is_none() {
            let decoded = self.decode(pool).map_err(|e| Error::input(&self.path, e))?;
            self.decoded = Some(decoded);
        }
        self.decoded.as_ref().ok_or_else(|| Error::input(&self.path, "nothing was decoded"))
    }

    fn decode(&self, pool: &Pool) -> std::result::Result<Decoded, String> {
        let s = &self.selection;
        let wanted: Vec<usize> = s.color.iter().chain(&s.others).copied().collect();
        let mut color = decode::planes(&self.file, &self.header, s.part, &wanted, pool)?;
        let others = color.split_off(s.color.len().min(color.len()));
        let depth = match s.depth {
            None => None,
            Some(d) if d.part != s.part => {
                let mut planes = decode::planes(&self.file, &self.header, d.part, &[d.channel], pool)?;
                planes.pop().map(DepthPlane::Own)
            }
            Some(d) => {
                let in_color = s.color.iter().position(|&c| c == d.channel).map(DepthPlane::Color);
                in_color.or_else(|| s.others.iter().position(|&c| c == d.channel).map(DepthPlane::Other))
            }
        };
        // Only this source fills the cell, and only once.
        let _ = self.extras.others.set(others);
        Ok(Decoded { color, depth })
    }

    fn inside(&self, region: Region) -> Result<()> {
        let extent = self.info.extent;
        let end = u64::from(region.y) + u64::from(region.rows);
        if region.width == extent.width && end <= u64::from(extent.height) {
            return Ok(());
        }
        Err(Error::input(&self.path, format!("rows {}..{end} are outside the picture of {extent} pixels", region.y)))
    }
}

impl Source for ExrSource {
    fn info(&self) -> &PictureInfo {
        &self.info
    }

    fn read(&mut self, region: Region, strip: &mut Strip, pool: &Pool) -> Result<()> {
        self.inside(region)?;
        let layout = self.info.layout;
        strip.reset(region, layout);
        let decoded = self.decoded(pool)?;
        let row_bytes = strip.row_bytes();
        for (i, row) in strip.bytes_mut().chunks_exact_mut(row_bytes).enumerate() {
            for (c, plane) in decoded.color.iter().enumerate() {
                interleave(plane, region.y as usize + i, c, layout, row);
            }
        }
        Ok(())
    }

    fn select_depth(&mut self, channel: &str) -> Result<()> {
        let found = self.selection.candidates.iter().find(|candidate| candidate.name == channel).map(|c| c.at);
        let part = found.and_then(|at| self.header.parts.get(at.part));
        let part = part
            .ok_or_else(|| Error::unsupported(&self.path, format!("the picture has no depth channel {channel:?}")))?;
        check_chunk(&self.path, part, self.info.extent, self.chunk_bytes)?;
        if self.selection.depth != found {
            (self.selection.depth, self.decoded) = (found, None);
        }
        Ok(())
    }

    fn read_depth(&mut self, region: Region, depth: &mut [f32], pool: &Pool) -> Result<()> {
        self.inside(region)?;
        if self.selection.depth.is_none() {
            return Err(Error::unsupported(
                &self.path,
                "the picture has no depth channel (Z, depth.Z, depth.z, Depth, LAYER.Depth.Z)",
            ));
        }
        if depth.len() != region.pixels() {
            let text = format!("a buffer of {} values for {} pixels of depth", depth.len(), region.pixels());
            return Err(Error::input(&self.path, text));
        }
        self.decoded(pool)?;
        let plane = self.decoded.as_ref().and_then(|d| match d.depth.as_ref()? {
            DepthPlane::Color(i) => d.color.get(*i),
            DepthPlane::Other(i) => self.extras.others.get()?.get(*i),
            DepthPlane::Own(plane) => Some(plane),
        });
        let plane = plane.ok_or_else(|| Error::input(&self.path, "the depth channel was not decoded"))?;
        for (i, row) in depth.chunks_exact_mut(region.width as usize).enumerate() {
            to_f32(plane, region.y as usize + i, row);
        }
        Ok(())
    }

    fn rewind(&mut self) -> Result<()> {
        Ok(())
    }

    fn resident_bytes(&self, _rows: u32) -> u64 {
        let s = &self.selection;
        let channels = self.header.parts.get(s.part).map_or(&[][..], |part| &part.channels);
        let read = s.color.iter().chain(&s.others).filter_map(|&c| channels.get(c));
        let part: usize = read.map(|channel| channel.sample.bytes()).sum();
        let foreign_depth = self.selection.depth.is_some_and(|d| d.part != self.selection.part);
        self.info.extent.pixels() * (part + if foreign_depth { 4 } else { 0 }) as u64
    }

    fn texts(&self) -> Vec<(String, String)> {
        let part = self.header.parts.get(self.selection.part);
        let strings = part.map_or(&[][..], |part| &part.attributes).iter().filter(|a| a.kind == b"string");
        let latin = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        strings.map(|a| (latin(&a.name), latin(&a.value))).filter(|(key, _)| key.starts_with(DEPTH_FACTS)).collect()
    }

    fn extras(&self) -> Option<Extras> {
        Some(self.extras.clone())
    }
}

/// Puts row `y` of `plane` into channel `c` of an interleaved row; half becomes float where the layout says float, all else is copied.
fn interleave(plane: &Plane, y: usize, c: usize, layout: PixelLayout, row: &mut [u8]) {
    let size = layout.sample.bytes();
    let targets = row.chunks_exact_mut(layout.pixel_bytes()).filter_map(|p| p.get_mut(c * size..(c + 1) * size));
    if plane.sample == Sample::F16 && layout.sample == SampleType::F32 {
        for (target, source) in targets.zip(plane.row(y).chunks_exact(2)) {
            target.copy_from_slice(&half(source).to_f32().to_ne_bytes());
        }
    } else {
        for (target, source) in targets.zip(plane.row(y).chunks_exact(size)) {
            target.copy_from_slice(source);
        }
    }
}

fn to_f32(plane: &Plane, y: usize, row: &mut [f32]) {
    let samples = plane.row(y).chunks_exact(plane.sample.bytes());
    for (target, source) in row.iter_mut().zip(samples) {
        let word = <[u8; 4]>::try_from(source).map(u32::from_ne_bytes).unwrap_or_default();
        *target = match plane.sample {
            Sample::F16 => half(source).to_f32(),
            Sample::F32 => f32::from_bits(word),
            Sample::U32 => word as f32,
        };
    }
}

fn half(bytes: &[u8]) -> f16 {
    f16::from_bits(<[u8; 2]>::try_from(bytes).map(u16::from_ne_bytes).unwrap_or_default())
}
