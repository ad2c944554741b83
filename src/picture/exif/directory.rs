//! One image file directory (IFD) of a TIFF structure, as it lies in a file: header, fields, values.
//!
//! TIFF 6.0 section 2 (classic, 12-byte fields, 32-bit offsets) and the BigTIFF proposal (Adobe/AWare, 20-byte fields, 64-bit
//! offsets), in either byte order. Nothing is trusted: every offset and count is checked against the length of the data
//! before anything is allocated. Values are handed out in little-endian order, whatever the file's own order is.

/// Bytes that can be read at any offset: a file, a mapping, a blob in memory.
pub trait ReadAt {
    /// Length in bytes.
    fn size(&self) -> u64;

    /// Fills `into` from `offset` on.
    ///
    /// # Errors
    /// A sentence without the file's name when the bytes are not there or cannot be read.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), String>;
}

impl ReadAt for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), String> {
        let found = usize::try_from(offset)
            .ok()
            .and_then(|start| Some(start..start.checked_add(into.len())?))
            .and_then(|range| self.get(range))
            .ok_or_else(|| beyond(offset, into.len() as u64, self.size()))?;
        into.copy_from_slice(found);
        Ok(())
    }
}

/// The sentence for a range that the data does not have.
pub(crate) fn beyond(offset: u64, length: u64, size: u64) -> String {
    format!("{length} bytes at offset {offset} lie beyond the end ({size} bytes): it was cut off or is damaged")
}

/// Byte order of a TIFF structure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// "II".
    #[default]
    Little,
    /// "MM".
    Big,
}

impl Order {
    /// A 16-bit number from bytes in this order.
    pub fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    /// A 32-bit number from bytes in this order.
    pub fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// A 64-bit number from bytes in this order.
    pub fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    /// True when samples in this order need their bytes swapped on this machine.
    pub fn is_foreign(self) -> bool {
        (self == Self::Big) != cfg!(target_endian = "big")
    }
}

/// The first bytes of a TIFF structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Byte order of everything that follows.
    pub order: Order,
    /// BigTIFF (64-bit offsets).
    pub big: bool,
    /// Offset of the first directory.
    pub first: u64,
}

impl Header {
    /// Reads the 8 (classic) or 16 (BigTIFF) bytes at the start.
    ///
    /// # Errors
    /// When the signature is neither.
    pub fn read(from: &(impl ReadAt + ?Sized)) -> Result<Self, String> {
        let mut head = [0; 8];
        from.read_at(0, &mut head)?;
        let order = match &head[..2] {
            b"II" => Order::Little,
            b"MM" => Order::Big,
            _ => return Err("no TIFF structure: it starts with neither \"II\" nor \"MM\"".into()),
        };
        match order.u16([head[2], head[3]]) {
            42 => {
                let first = u64::from(order.u32([head[4], head[5], head[6], head[7]]));
                Ok(Self { order, big: false, first })
            }
            43 => {
                if order.u16([head[4], head[5]]) != 8 {
                    return Err("BigTIFF with offsets of another size than 8 bytes".into());
                }
                let mut first = [0; 8];
                from.read_at(8, &mut first)?;
                Ok(Self { order, big: true, first: order.u64(first) })
            }
            version => Err(format!("TIFF version {version} is neither 42 (TIFF) nor 43 (BigTIFF)")),
        }
    }
}

/// Type of a value (TIFF 6.0 section 2; BigTIFF 16 to 18; EXIF 3.0 UTF-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
#[repr(u16)]
pub enum Kind {
    Byte = 1,
    Ascii = 2,
    Short = 3,
    Long = 4,
    Rational = 5,
    SByte = 6,
    Undefined = 7,
    SShort = 8,
    SLong = 9,
    SRational = 10,
    Float = 11,
    Double = 12,
    Ifd = 13,
    Long8 = 16,
    SLong8 = 17,
    Ifd8 = 18,
    Utf8 = 129,
}

impl Kind {
    /// The kind with this number, if the standards define one.
    pub fn from_code(code: u16) -> Option<Self> {
        use Kind::*;
        [
            Byte, Ascii, Short, Long, Rational, SByte, Undefined, SShort, SLong, SRational, Float, Double, Ifd, Long8,
            SLong8, Ifd8, Utf8,
        ]
        .into_iter()
        .find(|kind| *kind as u16 == code)
    }

    /// Bytes of one value.
    pub fn size(self) -> usize {
        match self {
            Self::Byte | Self::Ascii | Self::SByte | Self::Undefined | Self::Utf8 => 1,
            Self::Short | Self::SShort => 2,
            Self::Long | Self::SLong | Self::Float | Self::Ifd => 4,
            Self::Rational | Self::SRational | Self::Double | Self::Long8 | Self::SLong8 | Self::Ifd8 => 8,
        }
    }

    /// Bytes that are swapped together: half of a rational, else the whole value.
    pub(super) fn word(self) -> usize {
        if matches!(self, Self::Rational | Self::SRational) { 4 } else { self.size() }
    }
}

/// A tag with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Tag number.
    pub tag: u16,
    /// Type of the values.
    pub kind: Kind,
    /// All values, little-endian.
    pub bytes: Vec<u8>,
}

impl Entry {
    /// Number of values.
    pub fn count(&self) -> usize {
        self.bytes.len() / self.kind.size()
    }

    /// SHORT values.
    pub fn short(tag: u16, values: &[u16]) -> Self {
        Self { tag, kind: Kind::Short, bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect() }
    }

    /// LONG values.
    pub fn long(tag: u16, values: &[u32]) -> Self {
        Self { tag, kind: Kind::Long, bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect() }
    }

    /// LONG8 values (BigTIFF; written as LONG into a classic file when they fit).
    pub fn long8(tag: u16, values: &[u64]) -> Self {
        Self { tag, kind: Kind::Long8, bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect() }
    }

    /// One RATIONAL: numerator, denominator.
    pub fn rational(tag: u16, value: (u32, u32)) -> Self {
        let bytes = [value.0, value.1].iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { tag, kind: Kind::Rational, bytes }
    }

    /// ASCII text; ends at the first NUL, which is added.
    pub fn ascii(tag: u16, text: &str) -> Self {
        let bytes = text.bytes().take_while(|b| *b != 0).chain([0]).collect();
        Self { tag, kind: Kind::Ascii, bytes }
    }

    /// The values as unsigned numbers; `None` when they are of another kind.
    pub fn unsigned(&self) -> Option<Vec<u64>> {
        let size = self.kind.size();
        let unsigned = matches!(
            self.kind,
            Kind::Byte | Kind::Short | Kind::Long | Kind::Ifd | Kind::Long8 | Kind::Ifd8 | Kind::Undefined
        );
        unsigned.then(|| self.bytes.chunks_exact(size).map(little).collect())
    }

    /// Swaps the characters of a text in UTF-16, which are in the byte order of the structure although the value is called bytes:
    /// UserComment, GPSProcessingMethod, GPSAreaInformation with the character code "UNICODE" (EXIF 2.32, 4.6.5 and 4.6.6).
    pub(super) fn swap_unicode(&mut self) {
        let text = [0x9286, 0x001b, 0x001c].contains(&self.tag) && self.kind == Kind::Undefined;
        if text && self.bytes.starts_with(b"UNICODE\0") {
            self.bytes.chunks_exact_mut(2).skip(4).for_each(<[u8]>::reverse);
        }
    }

    /// The first value as an unsigned number.
    pub fn first(&self) -> Option<u64> {
        self.unsigned()?.first().copied()
    }
}

/// Up to 8 bytes as a little-endian number.
fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

/// A tag as it lies in a directory, its values not yet loaded.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Tag number.
    pub tag: u16,
    /// Type number, possibly unknown.
    pub code: u16,
    /// Number of values claimed.
    pub count: u64,
    /// The value itself or its offset, in the file's order; 4 bytes used in classic files.
    inline: [u8; 8],
}

impl Field {
    /// Where the values lie, `None` when they are in the directory itself.
    pub fn offset(&self, header: &Header) -> Option<u64> {
        let bytes = self.count.checked_mul(Kind::from_code(self.code)?.size() as u64)?;
        (bytes > if header.big { 8 } else { 4 }).then(|| self.inline_offset(header))
    }

    fn inline_offset(&self, header: &Header) -> u64 {
        match header.big {
            true => header.order.u64(self.inline),
            false => u64::from(header.order.u32([self.inline[0], self.inline[1], self.inline[2], self.inline[3]])),
        }
    }

    /// Loads the values.
    ///
    /// # Errors
    /// Unknown kind, more than `most_bytes` of values, or values beyond the end of the data.
    pub fn load(&self, from: &(impl ReadAt + ?Sized), header: &Header, most_bytes: u64) -> Result<Entry, String> {
        let kind = Kind::from_code(self.code).ok_or_else(|| format!("tag {}: unknown type {}", self.tag, self.code))?;
        let bytes =
            (self.count.checked_mul(kind.size() as u64)).filter(|bytes| *bytes <= most_bytes).ok_or_else(|| {
                format!("tag {}: {} values are more than the limit of {most_bytes} bytes", self.tag, self.count)
            })?;
        let room = if header.big { 8 } else { 4 };
        let offset = self.inline_offset(header);
        if bytes > room && offset.checked_add(bytes).is_none_or(|end| end > from.size()) {
            return Err(format!("tag {}: {}", self.tag, beyond(offset, bytes, from.size())));
        }
        // At most the size of the data: checked above.
        let mut values = vec![0; bytes as usize];
        if bytes > room {
            from.read_at(offset, &mut values).map_err(|e| format!("tag {}: {e}", self.tag))?;
        } else {
            values.copy_from_slice(&self.inline[..bytes as usize]);
        }
        if header.order == Order::Big {
            values.chunks_exact_mut(kind.word()).for_each(<[u8]>::reverse);
        }
        let mut entry = Entry { tag: self.tag, kind, bytes: values };
        if header.order == Order::Big {
            entry.swap_unicode();
        }
        Ok(entry)
    }
}

/// A directory as it lies in a file.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Its fields in the file's sequence.
    pub fields: Vec<Field>,
    /// Offset of the next directory, 0 at the end.
    pub next: u64,
}

/// Fields a directory may have: what a classic file can count to.
const MOST_FIELDS: u64 = 65_535;

impl Directory {
    /// Reads the directory at `offset`.
    ///
    /// # Errors
    /// When it does not lie inside the data or claims more than 65 535 fields.
    pub fn read(from: &(impl ReadAt + ?Sized), header: &Header, offset: u64) -> Result<Self, String> {
        let (count_bytes, field_bytes, next_bytes) = if header.big { (8, 20, 8) } else { (2, 12, 4) };
        let mut count = [0; 8];
        from.read_at(offset, &mut count[..count_bytes]).map_err(|e| format!("directory: {e}"))?;
        let count = match header.big {
            true => header.order.u64(count),
            false => u64::from(header.order.u16([count[0], count[1]])),
        };
        if count > MOST_FIELDS {
            return Err(format!("directory at offset {offset} claims {count} fields, the limit is {MOST_FIELDS}"));
        }
        // No overflow: at most 65 535 fields, and the offset was readable.
        let (start, length) = (offset + count_bytes as u64, count * field_bytes as u64);
        if start + length > from.size() {
            return Err(format!("directory: {}", beyond(start, length, from.size())));
        }
        let mut table = vec![0; length as usize];
        from.read_at(start, &mut table).map_err(|e| format!("directory: {e}"))?;
        let fields = table.chunks_exact(field_bytes).map(|bytes| field(bytes, header)).collect();
        // A file cut right behind its only directory is still readable: no next one.
        let mut next = [0; 8];
        let next = match from.read_at(start + length, &mut next[..next_bytes]) {
            Ok(()) if header.big => header.order.u64(next),
            Ok(()) => u64::from(header.order.u32([next[0], next[1], next[2], next[3]])),
            Err(_) => 0,
        };
        Ok(Self { fields, next })
    }

    /// The first field with `tag`.
    pub fn find(&self, tag: u16) -> Option<&Field> {
        self.fields.iter().find(|field| field.tag == tag)
    }
}

/// Takes a field of 12 or 20 bytes apart.
fn field(bytes: &[u8], header: &Header) -> Field {
    let order = header.order;
    let mut inline = [0; 8];
    let count = match header.big {
        true => {
            inline.copy_from_slice(&bytes[12..20]);
            let mut count = [0; 8];
            count.copy_from_slice(&bytes[4..12]);
            order.u64(count)
        }
        false => {
            inline[..4].copy_from_slice(&bytes[8..12]);
            u64::from(order.u32([bytes[4], bytes[5], bytes[6], bytes[7]]))
        }
    };
    Field { tag: order.u16([bytes[0], bytes[1]]), code: order.u16([bytes[2], bytes[3]]), count, inline }
}
