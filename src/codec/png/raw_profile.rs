//! Blobs in text chunks, as ImageMagick began and exiftool and others read and write them: keyword "Raw profile type NAME", text
//! `\nNAME\n    LENGTH\nHEX...\n` (ImageMagick, `coders/png.c`; exiftool, `PNG.pm`).

use std::fmt::Write;

use super::chunks::Chunk;
use super::deflate;
use super::facts::keyword;

/// First words of the keyword.
const KEYWORD: &str = "Raw profile type ";

/// EXIF, behind "Exif\0\0", or XMP, behind its own name, as in JPEG.
pub const APP1: &str = "APP1";
/// EXIF.
pub const EXIF: &str = "exif";
/// IPTC, bare or in Photoshop resources.
pub const IPTC: &str = "iptc";
/// XMP.
pub const XMP: &str = "xmp";

/// All types that are read as metadata and not carried as texts.
pub const READ: [&str; 4] = [APP1, EXIF, IPTC, XMP];

/// True for a text chunk that holds a profile of one of the types `names`.
pub fn is(chunk: &Chunk, names: &[&str]) -> bool {
    names.iter().any(|name| keyword(chunk) == format!("{KEYWORD}{name}").as_bytes())
}

/// The profile of type `name`; `None` when there is none that can be read.
///
/// # Errors
/// A sentence when the chunk is there and cannot be read.
pub fn find(chunks: &[Chunk], name: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, String> {
    let Some(chunk) = chunks.iter().find(|c| matches!(&c.kind, b"tEXt" | b"zTXt") && is(c, &[name])) else {
        return Ok(None);
    };
    let rest = chunk.data.get(KEYWORD.len() + name.len() + 1..).unwrap_or_default();
    let text = match (&chunk.kind, rest) {
        (b"tEXt", text) => text.to_vec(),
        (_, [0, packed @ ..]) => deflate::inflate(packed, most_text(max_bytes))
            .map_err(|reason| format!("the text chunk \"{KEYWORD}{name}\" {reason}"))?,
        _ => Vec::new(),
    };
    let damaged = || format!("the text chunk \"{KEYWORD}{name}\" is not what it says");
    let text = text.strip_prefix(b"\n").ok_or_else(damaged)?;
    let mut lines = text.splitn(3, |b| *b == b'\n');
    let (_, length, hex) = (lines.next(), lines.next(), lines.next());
    let length = length.and_then(|l| std::str::from_utf8(l).ok()?.trim().parse::<usize>().ok()).ok_or_else(damaged)?;
    if length as u64 > max_bytes {
        return Err(format!("the text chunk \"{KEYWORD}{name}\" is larger than {max_bytes} bytes"));
    }
    let bytes = unhex(hex.unwrap_or_default(), length).ok_or_else(damaged)?;
    Ok(Some(bytes))
}

/// Length of the text of a profile of `bytes`: two hex digits for each, a line end (of two bytes at most) every 36 of them, the head.
fn most_text(bytes: u64) -> u64 {
    bytes.saturating_mul(2).saturating_add(bytes / 16).saturating_add(128)
}

/// Exactly `length` bytes of hex digits, blanks between them left out. Needs no more room than the bytes have.
fn unhex(text: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length.min(text.len() / 2));
    let mut high = None;
    for byte in text.iter().filter(|b| !b.is_ascii_whitespace()) {
        let digit = char::from(*byte).to_digit(16)? as u8;
        match high.take() {
            None if bytes.len() == length => return None,
            None => high = Some(digit),
            Some(high) => bytes.push(high * 16 + digit),
        }
    }
    (high.is_none() && bytes.len() == length).then_some(bytes)
}

/// A `zTXt` chunk that holds `bytes`.
pub fn chunk(name: &str, bytes: &[u8]) -> Option<Chunk> {
    let mut text = format!("\n{name}\n{:8}", bytes.len());
    for (index, byte) in bytes.iter().enumerate() {
        if index % 36 == 0 {
            text.push('\n');
        }
        _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    let mut data = format!("{KEYWORD}{name}\0\0").into_bytes();
    data.extend(deflate::deflate(text.as_bytes())?);
    Some(Chunk { kind: *b"zTXt", data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_and_damage_is_told() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let packed = chunk(IPTC, &bytes).unwrap();
        assert_eq!(find(std::slice::from_ref(&packed), IPTC, 1000), Ok(Some(bytes.clone())));
        assert!(find(std::slice::from_ref(&packed), IPTC, 100).unwrap_err().contains("larger than"));
        assert_eq!(find(&[packed], EXIF, 1000), Ok(None));
        let plain = |text: &str| Chunk { kind: *b"tEXt", data: format!("{KEYWORD}iptc\0{text}").into_bytes() };
        assert_eq!(find(&[plain("\niptc\n 3\n1c02\n05\n")], IPTC, 9), Ok(Some(vec![0x1c, 2, 5])));
        for text in ["", "\niptc\n", "\niptc\n 3\n1c02", "\niptc\n 1\n1g", "\niptc\n 1\n1", "iptc\n1\n11"] {
            assert!(find(&[plain(text)], IPTC, 9).is_err(), "{text:?}");
        }
    }

    /// A profile as large as the limit is read; a chunk that inflates to more text than it needs, or says to hold more, is refused.
    #[test]
    fn small_chunks_do_not_grow_large() {
        for limit in [0, 1, 35, 36, 100_000] {
            let packed = chunk(IPTC, &vec![7; limit]).unwrap();
            assert_eq!(find(&[packed], IPTC, limit as u64), Ok(Some(vec![7; limit])), "{limit}");
        }
        let mut bomb = chunk(IPTC, &[7; 4]).unwrap();
        bomb.data.truncate(KEYWORD.len() + IPTC.len() + 2);
        let text = [b"\niptc\n 4\n07070707".to_vec(), vec![b'\n'; 2500]].concat();
        bomb.data.extend(deflate::deflate(&text).unwrap());
        assert!(find(std::slice::from_ref(&bomb), IPTC, 1000).unwrap_err().contains("larger than"));
        assert_eq!(find(&[bomb], IPTC, 2000), Ok(Some(vec![7; 4])));
        assert_eq!(unhex(b"0707", 1), None);
        let said = Chunk { kind: *b"tEXt", data: format!("{KEYWORD}iptc\0\niptc\n 10\n{}", "07".repeat(10)).into() };
        assert!(find(&[said], IPTC, 9).unwrap_err().contains("larger than 9 bytes"));
    }
}
