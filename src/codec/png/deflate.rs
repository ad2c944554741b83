//! The small zlib streams inside of chunks: profiles and texts. Pixels go through [`crate::codec::deflate`].

use std::io::{Read, Write};

/// Inflates a zlib stream to at most `max_bytes`.
///
/// # Errors
/// The end of a sentence: "is damaged", "is larger than ...".
pub fn inflate(packed: &[u8], max_bytes: u64) -> Result<Vec<u8>, String> {
    let mut data = Vec::new();
    let mut reader = flate2::read::ZlibDecoder::new(packed).take(max_bytes.saturating_add(1));
    reader.read_to_end(&mut data).map_err(|e| format!("is damaged: {e}"))?;
    if data.len() as u64 > max_bytes { Err(format!("is larger than {max_bytes} bytes")) } else { Ok(data) }
}

/// `data` as a zlib stream, as small as it gets; `None` where the library fails, which it has no reason to from memory to memory.
pub fn deflate(data: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_is_allowed_is_refused() {
        let data = vec![7; 300_000];
        let packed = deflate(&data).unwrap();
        assert!(packed.len() < 1000);
        assert_eq!(inflate(&packed, 300_000).unwrap(), data);
        assert!(inflate(&packed, 299_999).is_err());
    }
}
