//! Segments: `FF marker length:u16 payload`, big-endian (T.81, annex B). Read up to the first scan; behind it only markers count.

use crate::codec::bytes::FileBytes;
use crate::picture::Extent;
use crate::picture::exif::ReadAt;

/// Markers (T.81, table B.1).
pub(super) const SOI: u8 = 0xd8;
pub(super) const EOI: u8 = 0xd9;
pub(super) const SOS: u8 = 0xda;
const DQT: u8 = 0xdb;
const DHT: u8 = 0xc4;
const DAC: u8 = 0xcc;
const DNL: u8 = 0xdc;
const DRI: u8 = 0xdd;
const TEM: u8 = 0x01;

/// Segments in front of the first scan that are listed at most; the largest real files have some hundreds (depth maps in XMP).
const MOST_SEGMENTS: usize = 1 << 14;

/// Bytes between segments that are stepped over in all.
const MOST_STRAY_BYTES: u64 = 1 << 16;

/// Bytes of the window that markers are read through.
const WINDOW: usize = 4096;

/// A segment in front of the first scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// Marker without its FF.
    pub(super) marker: u8,
    /// Where the payload begins in the file.
    pub(super) at: u64,
    /// Bytes of the payload.
    pub(super) len: u16,
}

impl Segment {
    /// True for what a decoder needs: tables, restart interval, the frame header.
    pub(super) fn is_decoding(self) -> bool {
        matches!(self.marker, DQT | DHT | DAC | DRI) || is_frame(self.marker)
    }
}

/// The frame header (T.81, B.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// Width and height; a height of 0 stands behind the first scan.
    pub(super) extent: Extent,
    /// Marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive, others are not read.
    pub(super) marker: u8,
    /// Bits of a sample.
    pub(super) bits: u8,
    /// Identifiers of the components, in order.
    pub(super) components: Vec<u8>,
}

/// Everything in front of the pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Segments in the order of the file.
    pub(super) segments: Vec<Segment>,
    /// The frame header.
    pub(super) frame: Frame,
    /// Where the marker of the first scan stands.
    pub(super) scan: u64,
    /// Bytes between segments that belong to none.
    pub(super) stray_bytes: u64,
}

fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && ![DHT, 0xc8, DAC].contains(&marker)
}

impl Head {
    /// Reads markers up to the first scan.
    ///
    /// # Errors
    /// A sentence, without the file's name.
    pub(super) fn read(file: &FileBytes) -> Result<Self, String> {
        let mut window = Window { file, start: 0, bytes: Vec::new() };
        if [window.byte(0)?, window.byte(1)?] != [0xff, SOI] {
            return Err("not a JPEG file".into());
        }
        let (mut at, mut stray_bytes, mut frame, mut segments) = (2, 0, None, Vec::new());
        loop {
            // Anything in front of a marker is filling (T.81, B.1.1.2) or stray.
            while window.byte(at)? != 0xff {
                (at, stray_bytes) = (at + 1, stray_bytes + 1);
                if stray_bytes > MOST_STRAY_BYTES {
                    return Err(format!("no marker in {MOST_STRAY_BYTES} bytes in front of byte {at}"));
                }
            }
            while window.byte(at)? == 0xff {
                at += 1;
            }
            let marker = window.byte(at)?;
            at += 1;
            match marker {
                0 | SOI | TEM | 0xd0..=0xd7 => continue,
                EOI => return Err("it holds no pixels (no scan before the end marker)".into()),
                SOS => {
                    let frame = frame.ok_or("the first scan comes before the frame header")?;
                    return Ok(Self { segments, frame, scan: at - 2, stray_bytes });
                }
                _ => {}
            }
            let len = u16::from_be_bytes([window.byte(at)?, window.byte(at + 1)?]);
            let segment = Segment { marker, at: at + 2, len: len.checked_sub(2).ok_or("a segment of no length")? };
            at += u64::from(len);
            if at > file.length() {
                return Err("truncated inside a segment".into());
            }
            if is_frame(marker) && frame.replace(read_frame(&mut window, segment)?).is_some() {
                return Err("it has two frame headers".into());
            }
            segments.push(segment);
            if segments.len() > MOST_SEGMENTS {
                return Err(format!("more than {MOST_SEGMENTS} segments in front of the pixels"));
            }
        }
    }

    /// A file of tables, frame header and scans only, up to the end marker.
    ///
    /// # Errors
    /// A sentence when the scans do not end.
    pub(super) fn bare(&self, file: &FileBytes) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let total = file.length() - self.scan;
        let room = usize::try_from(total).map_err(|_| "too large for this machine".to_owned())?;
        bytes.try_reserve_exact(room + (1 << 16)).map_err(|_| format!("no {room} bytes of memory"))?;
        bytes.extend([0xff, SOI]);
        for segment in self.segments.iter().filter(|segment| segment.is_decoding()) {
            bytes.extend([0xff, segment.marker]);
            bytes.extend((segment.len + 2).to_be_bytes());
            let start = bytes.len();
            bytes.resize(start + usize::from(segment.len), 0);
            file.read_at(segment.at, bytes.get_mut(start..).unwrap_or_default())?;
        }
        let start = bytes.len();
        bytes.resize(start + room, 0);
        file.read_at(self.scan, bytes.get_mut(start..).unwrap_or_default())?;
        let end = end_of_scans(bytes.get(start..).unwrap_or_default())?;
        bytes.truncate(start + end);
        Ok(bytes)
    }
}

fn read_frame(window: &mut Window<'_>, segment: Segment) -> Result<Frame, String> {
    let payload: Vec<u8> =
        (segment.at..segment.at + u64::from(segment.len)).map(|at| window.byte(at)).collect::<Result<_, _>>()?;
    let [bits, h0, h1, w0, w1, count, rest @ ..] = payload.as_slice() else {
        return Err("the frame header is too short".into());
    };
    let extent =
        Extent { width: u32::from(u16::from_be_bytes([*w0, *w1])), height: u32::from(u16::from_be_bytes([*h0, *h1])) };
    if rest.len() != usize::from(*count) * 3 {
        return Err(format!("the frame header has {} bytes for {count} components", rest.len()));
    }
    let components = rest.chunks_exact(3).filter_map(|c| c.first().copied()).collect();
    Ok(Frame { extent, marker: segment.marker, bits: *bits, components })
}

/// Length of `scans`, which begin with the marker of the first, up to and with the end marker.
fn end_of_scans(scans: &[u8]) -> Result<usize, String> {
    const CUT: &str = "truncated: the end marker is missing";
    let mut at = 0;
    loop {
        // Inside of entropy-coded data FF is followed by 0, and restart markers stand alone (T.81, B.1.1.5, B.2.1).
        let found = scans.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == 0xff)).ok_or(CUT)?;
        at += found + 1;
        match *scans.get(at).ok_or(CUT)? {
            0 | 0xd0..=0xd7 | TEM => at += 1,
            0xff => {}
            EOI => return Ok(at + 1),
            DNL => return Err("the number of its rows stands behind the first scan (DNL), which is not read".into()),
            _ => {
                let len =
                    scans.get(at + 1..at + 3).and_then(|l| l.try_into().ok()).map(u16::from_be_bytes).ok_or(CUT)?;
                at += 1 + usize::from(len.max(2));
            }
        }
    }
}

/// A stretch of the file around the marker that is looked at.
struct Window<'a> {
    file: &'a FileBytes,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    fn byte(&mut self, at: u64) -> Result<u8, String> {
        if at >= self.file.length() {
            return Err("truncated in front of the pixels".into());
        }
        if at < self.start || at >= self.start + self.bytes.len() as u64 {
            let len = (self.file.length() - at).min(WINDOW as u64) as usize;
            self.bytes.resize(len, 0);
            self.file.read_at(at, &mut self.bytes)?;
            self.start = at;
        }
        let byte = self.bytes.get((at - self.start) as usize).copied();
        byte.ok_or_else(|| "truncated in front of the pixels".into())
    }
}
