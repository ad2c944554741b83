//! Radiance RGBE pictures (Radiance reference manual, "File Formats", <https://radsite.lbl.gov/radiance/refer/filefmts.pdf>), for reading:
//! flat, old and new run-length encoded scanlines, one after another ([`crate::picture::Access::Rows`]).
//!
//! A pixel is three 8-bit mantissas and a common exponent: `mantissa * 2^(exponent - 136)`, as Bruce Walter's rgbe.c and every common
//! reader have it (Radiance itself adds half a step). Light is linear and scene-referred; primaries are those of the header, else Rec.709.

use std::path::Path;

use super::bytes::FileBytes;
use super::whole::{check_extent, check_region, no_depth};
use super::{Limits, Pool, Source};
use crate::color::encodings;
use crate::error::{Error, Result};
use crate::picture::exif::ReadAt;
use crate::picture::{
    Access, Alpha, Channels, ColorEncoding, Extent, Metadata, PictureInfo, PixelLayout, Primaries, Region, SampleType,
    Strip,
};

/// Headers are looked for in so many bytes.
const MOST_HEADER: u64 = 1 << 16;

/// Bytes read at a time.
const WINDOW: u64 = 1 << 16;

/// Widths that new run-length encoding can have (color.c: MINELEN, MAXELEN).
const ENCODED_WIDTHS: std::ops::RangeInclusive<usize> = 8..=0x7fff;

/// An opened Radiance file.
struct HdrSource {
    info: PictureInfo,
    /// Where scanlines begin.
    start: u64,
    bytes: Bytes,
    /// The row the reader stands before.
    next_row: u32,
    scanline: Vec<[u8; 4]>,
}

/// Opens a Radiance file.
///
/// # Errors
/// `Input` for damage, `Limit` for a picture beyond `limits`, `Unsupported` for XYZ pictures.
pub fn open(path: &Path, limits: &Limits) -> Result<Box<dyn Source>> {
    let file = FileBytes::open(path, u64::MAX)?;
    let mut head = vec![0; file.length().min(MOST_HEADER) as usize];
    file.read(0, &mut head)?;
    let header = Header::read(&head).map_err(|reason| Error::input(path, reason))?;
    if header.xyz {
        return Err(Error::unsupported(
            path,
            "a Radiance picture in XYZ, RGB is read: convert it with ra_xyze -r first",
        ));
    }
    check_extent(path, header.extent, limits)?;
    let row = u64::from(header.extent.width) * 12;
    if row > limits.chunk_bytes {
        let limit = limits.chunk_bytes;
        return Err(Error::Limit { path: path.into(), what: "bytes of a row", value: row, limit });
    }
    let (encoding, encoding_source) = header.encoding();
    let info = PictureInfo {
        extent: header.extent,
        layout: PixelLayout { sample: SampleType::F32, channels: Channels::Rgb, alpha: Alpha::None },
        encoding,
        model: crate::picture::ColorModel::AsLayout,
        encoding_source,
        orientation: header.orientation,
        metadata: Metadata::default(),
        access: Access::Rows,
        chunk_rows: 1,
        format: "hdr",
        compression: "rle",
        depth_channel: None,
        depth_channels: Vec::new(),
        warnings: header.warnings,
    };
    let bytes = Bytes { file, at: header.start, window: Vec::new(), place: 0 };
    Ok(Box::new(HdrSource { info, start: header.start, bytes, next_row: 0, scanline: Vec::new() }))
}

impl Source for HdrSource {
    fn info(&self) -> &PictureInfo {
        &self.info
    }

    fn read(&mut self, region: Region, strip: &mut Strip, _pool: &Pool) -> Result<()> {
        check_region(self.bytes.file.path(), self.info.extent, region)?;
        if region.y < self.next_row {
            let text = format!("row {} was asked for after row {}; rewind first", region.y, self.next_row);
            return Err(Error::input(self.bytes.file.path(), text));
        }
        strip.reset(region, self.info.layout);
        self.scanline.resize(self.info.extent.width as usize, [0; 4]);
        let (row_bytes, last) = (strip.row_bytes(), region.y + region.rows);
        while self.next_row < last {
            let read = scanline(&mut self.bytes, &mut self.scanline);
            read.map_err(|reason| Error::input(self.bytes.file.path(), format!("row {}: {reason}", self.next_row)))?;
            if let Some(row) = self.next_row.checked_sub(region.y) {
                let start = row as usize * row_bytes;
                let target = strip.bytes_mut().get_mut(start..start + row_bytes).unwrap_or_default();
                for (target, pixel) in target.as_chunks_mut::<12>().0.iter_mut().zip(&self.scanline) {
                    *target = bytemuck::cast(light(*pixel));
                }
            }
            self.next_row += 1;
        }
        Ok(())
    }

    fn read_depth(&mut self, _region: Region, _depth: &mut [f32], _pool: &Pool) -> Result<()> {
        Err(no_depth(self.bytes.file.path(), self.info.format))
    }

    fn rewind(&mut self) -> Result<()> {
        (self.bytes.at, self.next_row) = (self.start, 0);
        self.bytes.window.clear();
        Ok(())
    }

    fn resident_bytes(&self, _rows: u32) -> u64 {
        WINDOW + u64::from(self.info.extent.width) * 4
    }

    fn check_intact(&self) -> Result<()> {
        self.bytes.file.check_intact()
    }
}

/// Linear red, green, blue of a pixel.
fn light([r, g, b, exponent]: [u8; 4]) -> [f32; 3] {
    if exponent == 0 {
        return [0.0; 3];
    }
    // The exponent is 1 to 255: 2^-135 to 2^119. Below 2^-126 the power is no normal number, so the mantissa is scaled in two exact steps.
    let half = |power: i32| f32::from_bits(((power + 127) as u32) << 23);
    let power = i32::from(exponent) - 136;
    let (first, second) = (half(power / 2), half(power - power / 2));
    [r, g, b].map(|mantissa| f32::from(mantissa) * first * second)
}

/// Reads one scanline of any kind.
fn scanline(bytes: &mut Bytes, pixels: &mut [[u8; 4]]) -> std::result::Result<(), String> {
    let first = bytes.pixel()?;
    let [2, 2, high, low] = first else { return old(bytes, first, pixels) };
    if high >= 128 || !ENCODED_WIDTHS.contains(&pixels.len()) {
        return old(bytes, first, pixels);
    }
    let width = usize::from(u16::from_be_bytes([high, low]));
    if width != pixels.len() {
        return Err(format!("a scanline of {width} pixels, {} are expected", pixels.len()));
    }
    for channel in 0..4 {
        let mut at = 0;
        while at < width {
            // Above 128 a run of one byte, else so many bytes.
            let code = usize::from(bytes.byte()?);
            let (length, value) = if code > 128 { (code - 128, Some(bytes.byte()?)) } else { (code, None) };
            let target = pixels.get_mut(at..at + length).filter(|_| length > 0).ok_or("a run leaves the scanline")?;
            for pixel in target {
                let byte = value.map_or_else(|| bytes.byte(), Ok)?;
                if let Some(place) = pixel.get_mut(channel) {
                    *place = byte;
                }
            }
            at += length;
        }
    }
    Ok(())
}

/// A flat scanline, where pixels of mantissas 1, 1, 1 repeat the one before; counts of repeats that follow one another are digits of base 256.
fn old(bytes: &mut Bytes, first: [u8; 4], pixels: &mut [[u8; 4]]) -> std::result::Result<(), String> {
    let (mut at, mut shift, mut next) = (0usize, 0, first);
    loop {
        if let [1, 1, 1, count] = next {
            let length = usize::from(count).checked_shl(shift).filter(|_| shift <= 24).ok_or("a repeat is too long")?;
            let before = at.checked_sub(1).and_then(|i| pixels.get(i)).copied().ok_or("a repeat of nothing")?;
            pixels.get_mut(at..at + length).ok_or("a repeat leaves the scanline")?.fill(before);
            at += length;
            shift += 8;
        } else {
            *pixels.get_mut(at).ok_or("a pixel outside of the scanline")? = next;
            at += 1;
            shift = 0;
        }
        if at >= pixels.len() {
            return Ok(());
        }
        next = bytes.pixel()?;
    }
}

/// The file from some place on, a window at a time.
struct Bytes {
    file: FileBytes,
    /// Where the next window begins.
    at: u64,
    window: Vec<u8>,
    /// Next byte of the window.
    place: usize,
}

impl Bytes {
    fn byte(&mut self) -> std::result::Result<u8, String> {
        if self.place >= self.window.len() {
            let length = self.file.length().saturating_sub(self.at).min(WINDOW);
            if length == 0 {
                return Err("truncated".into());
            }
            self.window.resize(length as usize, 0);
            self.file.read_at(self.at, &mut self.window)?;
            (self.at, self.place) = (self.at + length, 0);
        }
        let byte = self.window.get(self.place).copied();
        self.place += 1;
        byte.ok_or_else(|| "truncated".into())
    }

    fn pixel(&mut self) -> std::result::Result<[u8; 4], String> {
        Ok([self.byte()?, self.byte()?, self.byte()?, self.byte()?])
    }
}

/// Lines up to an empty one, then the resolution.
struct Header {
    extent: Extent,
    orientation: u16,
    xyz: bool,
    primaries: Option<Primaries>,
    start: u64,
    warnings: Vec<String>,
}

impl Header {
    fn read(head: &[u8]) -> std::result::Result<Self, String> {
        let (mut at, mut xyz, mut primaries, mut warnings) = (0, false, None, Vec::new());
        let mut line = || {
            let rest = head.get(at..).unwrap_or_default();
            let length = rest.iter().position(|b| *b == b'\n').ok_or("truncated: the header does not end")?;
            at += length + 1;
            let text = String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).trim().to_owned();
            std::result::Result::<_, String>::Ok((text, at as u64))
        };
        loop {
            let (text, _) = line()?;
            match text.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
                _ if text.is_empty() => break,
                Some(("FORMAT", "32-bit_rle_rgbe")) => {}
                Some(("FORMAT", "32-bit_rle_xyze")) => xyz = true,
                Some(("FORMAT", other)) => return Err(format!("the format is {other:?}, 32-bit_rle_rgbe is expected")),
                Some(("PRIMARIES", value)) => primaries = read_primaries(value),
                Some((name @ ("EXPOSURE" | "COLORCORR"), value)) => {
                    warnings.push(format!("{name} {:?} is not applied", value.chars().take(40).collect::<String>()));
                }
                _ => {}
            }
        }
        let (text, start) = line()?;
        let (extent, orientation) = resolution(&text).ok_or_else(|| {
            let text: String = text.chars().take(40).collect();
            format!("the resolution is {text:?}, something like \"-Y 480 +X 640\" is expected")
        })?;
        warnings.truncate(4);
        Ok(Self { extent, orientation, xyz, primaries, start, warnings })
    }

    fn encoding(&self) -> (ColorEncoding, &'static str) {
        let linear = encodings::linear_rec709();
        match self.primaries {
            Some(primaries) if primaries != linear.primaries => (
                ColorEncoding { name: "linear, Radiance primaries".to_owned(), primaries, ..linear },
                "Radiance header",
            ),
            _ => (linear, crate::picture::FILE_TYPE_DEFAULT),
        }
    }
}

/// x, y of red, green, blue, white.
fn read_primaries(value: &str) -> Option<Primaries> {
    let numbers: Vec<f64> = value.split_ascii_whitespace().filter_map(|n| n.parse().ok()).collect();
    let &[rx, ry, gx, gy, bx, by, wx, wy] = numbers.as_slice() else { return None };
    let sane = numbers.iter().all(|n| n.is_finite() && n.abs() <= 2.0) && [ry, gy, by, wy].iter().all(|y| *y != 0.0);
    sane.then_some(Primaries { red: [rx, ry], green: [gx, gy], blue: [bx, by], white: [wx, wy] })
}

/// Extent as stored, and the EXIF orientation of the two signed axes: the first is that of scanlines, Y goes up.
fn resolution(text: &str) -> Option<(Extent, u16)> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let &[first, rows, second, columns] = words.as_slice() else { return None };
    let orientation = match (first, second) {
        ("-Y", "+X") => 1,
        ("-Y", "-X") => 2,
        ("+Y", "-X") => 3,
        ("+Y", "+X") => 4,
        ("+X", "-Y") => 5,
        ("-X", "-Y") => 6,
        ("-X", "+Y") => 7,
        ("+X", "+Y") => 8,
        _ => return None,
    };
    Some((Extent { width: columns.parse().ok()?, height: rows.parse().ok()? }, orientation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_exact() {
        assert_eq!(light([128, 64, 0, 129]), [1.0, 0.5, 0.0]);
        assert_eq!(light([255, 255, 255, 0]), [0.0; 3]);
        let ends = |e| f64::from(light([255, 1, 0, e])[0]);
        assert_eq!((ends(1), ends(255)), (255.0 * 2f64.powi(-135), 255.0 * 2f64.powi(119)));
    }

    #[test]
    fn headers() {
        let text = "#?RADIANCE\nEXPOSURE=2\nFORMAT=32-bit_rle_rgbe\nPRIMARIES= .64 .33 .3 .6 .15 .06 .3127 .329\n\n-X 3 +Y 2\nx";
        let header = Header::read(text.as_bytes()).unwrap();
        assert_eq!((header.extent, header.orientation), (Extent { width: 2, height: 3 }, 7));
        assert_eq!((header.start as usize, header.warnings.len()), (text.len() - 1, 1));
        assert_eq!(header.primaries.unwrap().red, [0.64, 0.33]);
        for bad in
            ["#?RADIANCE\nFORMAT=foo\n\n-Y 1 +X 1\n", "#?RADIANCE\n\n-Y 1 -Y 1\n", "#?RADIANCE\n\n", "#?RADIANCE"]
        {
            assert!(Header::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
