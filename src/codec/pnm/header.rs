//! Headers: words between white space and comments (P1 to P6, PF), or lines of names and values (P7).

use crate::codec::bytes::FileBytes;
use crate::error::{Error, Result};
use crate::picture::exif::ReadAt;
use crate::picture::{Alpha, Channels, Extent, PixelLayout, SampleType};

/// Headers are looked for in so many bytes; longer comments are refused.
const MOST_BYTES: u64 = 1 << 16;

/// How samples are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Decimal digits; `bits` when each digit is a sample and 1 is black (P1).
    Text { bits: bool },
    /// One bit each, 1 is black, rows padded to bytes (P4).
    Bits,
    /// One byte each, or two with the high one first.
    Integers,
    /// Four bytes each, rows from bottom to top.
    Floats { little_endian: bool },
}

/// What a header says.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) extent: Extent,
    /// As strips hold it.
    pub(super) layout: PixelLayout,
    pub(super) coding: Coding,
    /// The code of white, 1 to 65 535.
    pub(super) maxval: u32,
    /// Where samples begin.
    pub(super) start: u64,
    pub(super) warnings: Vec<String>,
}

impl Header {
    /// Bytes of a row in the file; `None` for digits.
    pub(super) fn row_bytes(&self) -> Option<u64> {
        let samples = u64::from(self.extent.width) * self.layout.channels.count() as u64;
        match self.coding {
            Coding::Text { .. } => None,
            Coding::Bits => Some(samples.div_ceil(8)),
            Coding::Integers => Some(samples * if self.maxval > 255 { 2 } else { 1 }),
            Coding::Floats { .. } => Some(samples * 4),
        }
    }

    /// Where samples end; `None` for digits.
    pub(super) fn end(&self) -> Option<u64> {
        let rows = self.row_bytes()?.saturating_mul(u64::from(self.extent.height));
        Some(self.start.saturating_add(rows))
    }
}

/// Reads the header of a file.
///
/// # Errors
/// `Input` for damage, `Unsupported` for PAM files of other things than gray or RGB.
pub(super) fn read(file: &FileBytes) -> Result<Header> {
    let mut bytes = vec![0; file.length().min(MOST_BYTES) as usize];
    file.read_at(0, &mut bytes).map_err(|reason| Error::input(file.path(), reason))?;
    let damaged = |reason| Error::input(file.path(), reason);
    match bytes.first_chunk::<2>() {
        Some(b"P7") => {
            let lines = pam(&bytes).map_err(damaged)?;
            let layout = pam_layout(&lines).map_err(|what| Error::unsupported(file.path(), what))?;
            let warnings = Vec::new();
            let Pam { extent, maxval, start, .. } = lines;
            Ok(Header { extent, layout, coding: Coding::Integers, maxval, start, warnings })
        }
        Some(b"PF" | b"Pf") => floats(&bytes).map_err(damaged),
        _ => integers(&bytes).map_err(damaged),
    }
}

fn layout(channels: Channels, sample: SampleType) -> PixelLayout {
    let alpha = if channels.has_alpha() { Alpha::Unassociated } else { Alpha::None };
    PixelLayout { sample, channels, alpha }
}

fn integer_sample(maxval: u32) -> SampleType {
    if maxval > 255 { SampleType::U16 } else { SampleType::U8 }
}

/// P1 to P6.
fn integers(bytes: &[u8]) -> std::result::Result<Header, String> {
    let mut words = Words { bytes, at: 2 };
    let kind = bytes.get(1).copied().unwrap_or_default();
    let extent = Extent { width: words.number("width")?, height: words.number("height")? };
    let maxval = if matches!(kind, b'1' | b'4') { 1 } else { words.number("maximum")? };
    check_maxval(maxval)?;
    let coding = match kind {
        b'1' => Coding::Text { bits: true },
        b'2' | b'3' => Coding::Text { bits: false },
        b'4' => Coding::Bits,
        _ => Coding::Integers,
    };
    let channels = if matches!(kind, b'3' | b'6') { Channels::Rgb } else { Channels::Gray };
    let (start, layout) = (words.start()?, layout(channels, integer_sample(maxval)));
    Ok(Header { extent, layout, coding, maxval, start, warnings: Vec::new() })
}

fn check_maxval(maxval: u32) -> std::result::Result<(), String> {
    if (1..=65_535).contains(&maxval) {
        Ok(())
    } else {
        Err(format!("the maximum is {maxval}, allowed are 1 to 65535"))
    }
}

/// PF (RGB) and Pf (gray): width, height, and a scale whose sign is the byte order.
fn floats(bytes: &[u8]) -> std::result::Result<Header, String> {
    let mut words = Words { bytes, at: 2 };
    let extent = Extent { width: words.number("width")?, height: words.number("height")? };
    let word = words.word("scale")?;
    let scale =
        std::str::from_utf8(word).ok().and_then(|w| w.parse::<f32>().ok()).filter(|s| s.is_finite() && *s != 0.0);
    let scale = scale.ok_or_else(|| format!("the scale is {:?}, a number other than 0 is expected", shown(word)))?;
    let channels = if bytes.get(1) == Some(&b'F') { Channels::Rgb } else { Channels::Gray };
    let mut warnings = Vec::new();
    if scale.abs() != 1.0 {
        warnings.push(format!("the scale {} is not applied", scale.abs()));
    }
    let coding = Coding::Floats { little_endian: scale < 0.0 };
    let (start, layout) = (words.start()?, layout(channels, SampleType::F32));
    Ok(Header { extent, layout, coding, maxval: 1, start, warnings })
}

/// The lines of a P7 header.
struct Pam {
    extent: Extent,
    depth: u32,
    maxval: u32,
    kind: String,
    start: u64,
}

fn pam(bytes: &[u8]) -> std::result::Result<Pam, String> {
    let mut pam = Pam { extent: Extent { width: 0, height: 0 }, depth: 0, maxval: 0, kind: String::new(), start: 0 };
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest.iter().position(|b| *b == b'\n').ok_or("truncated: the header has no ENDHDR line")?;
        let line = shown(rest.get(..length).unwrap_or_default());
        at += length + 1;
        let mut words = line.split_ascii_whitespace();
        let name = words.next().unwrap_or_default();
        let value = words.collect::<Vec<_>>().join(" ");
        let number = || value.parse::<u32>().map_err(|_| format!("{name} is {value:?}, a number is expected"));
        match name {
            "P7" | "" => {}
            "WIDTH" => pam.extent.width = number()?,
            "HEIGHT" => pam.extent.height = number()?,
            "DEPTH" => pam.depth = number()?,
            "MAXVAL" => pam.maxval = number()?,
            "TUPLTYPE" => pam.kind = value,
            "ENDHDR" => break,
            comment if comment.starts_with('#') => {}
            other => return Err(format!("the header has an unknown line {other:?}")),
        }
    }
    check_maxval(pam.maxval)?;
    Ok(Pam { start: at as u64, ..pam })
}

fn pam_layout(pam: &Pam) -> std::result::Result<PixelLayout, String> {
    let kind = pam.kind.as_str();
    let channels = match (kind, pam.depth) {
        ("BLACKANDWHITE" | "GRAYSCALE" | "", 1) => Channels::Gray,
        ("BLACKANDWHITE_ALPHA" | "GRAYSCALE_ALPHA" | "", 2) => Channels::GrayAlpha,
        ("RGB" | "", 3) => Channels::Rgb,
        ("RGB_ALPHA" | "", 4) => Channels::Rgba,
        (kind, depth) => {
            return Err(format!("a PAM file of {depth} samples {kind:?}, gray and RGB are read: convert it first"));
        }
    };
    Ok(layout(channels, integer_sample(pam.maxval)))
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Words between white space; a comment goes from # to the end of its line.
pub(super) struct Words<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Words<'a> {
    /// Steps to the next byte of a word.
    pub(super) fn skip_space(&mut self) {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'#' => {
                    let rest = self.bytes.get(self.at..).unwrap_or_default();
                    self.at += rest.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(rest.len());
                }
                space if space.is_ascii_whitespace() => self.at += 1,
                _ => return,
            }
        }
    }

    fn word(&mut self, what: &str) -> std::result::Result<&'a [u8], String> {
        self.skip_space();
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|b| b.is_ascii_whitespace() || *b == b'#').unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).filter(|word| !word.is_empty()).ok_or_else(|| format!("truncated in front of the {what}"))
    }

    /// A whole number.
    pub(super) fn number(&mut self, what: &str) -> std::result::Result<u32, String> {
        let word = self.word(what)?;
        let number = std::str::from_utf8(word).ok().filter(|w| w.len() <= 10).and_then(|w| w.parse().ok());
        number.ok_or_else(|| {
            let word: String = shown(word).chars().take(20).collect();
            format!("the {what} is {word:?}, a whole number is expected")
        })
    }

    /// Where samples begin: behind a single white space (and a comment that stands in front of it).
    fn start(&mut self) -> std::result::Result<u64, String> {
        if self.bytes.get(self.at) == Some(&b'#') {
            self.skip_space();
            return Ok(self.at as u64);
        }
        match self.bytes.get(self.at) {
            Some(byte) if byte.is_ascii_whitespace() => Ok(self.at as u64 + 1),
            _ => Err("truncated: no samples behind the header".into()),
        }
    }
}
