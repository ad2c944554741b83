//! Samples as decimal digits (P1, P2, P3).

use super::header::{Coding, Header, Words};
use super::raster::scale;
use crate::codec::Pool;
use crate::codec::bytes::FileBytes;
use crate::codec::whole::{self, Decode};
use crate::error::{Error, Result};
use crate::picture::{PictureInfo, SampleType};

/// A file of digits.
pub(super) struct Text {
    pub(super) header: Header,
    /// Bytes of the file.
    pub(super) length: u64,
}

impl Decode for Text {
    fn decode(&mut self, file: &FileBytes, info: &PictureInfo, pool: &Pool) -> Result<Vec<u8>> {
        let count = info.extent.pixels() * info.layout.channels.count() as u64;
        // A sample takes a digit; all but those of P1 a space too.
        if count > file.length() {
            let text = format!("truncated: {} bytes cannot hold {count} samples", file.length());
            return Err(Error::input(file.path(), text));
        }
        let mut text = whole::zeros(file.path(), file.length() - self.header.start)?;
        file.read(self.header.start, &mut text)?;
        let mut samples = whole::room(file.path(), count * info.layout.sample.bytes() as u64)?;
        let parsed = pool.install(|| parse(&text, &self.header, count, &mut samples));
        parsed.map_err(|reason| Error::input(file.path(), reason))?;
        Ok(samples)
    }

    fn working_bytes(&self) -> u64 {
        self.length
    }
}

fn parse(text: &[u8], header: &Header, count: u64, samples: &mut Vec<u8>) -> std::result::Result<(), String> {
    let mut words = Words { bytes: text, at: 0 };
    for _ in 0..count {
        let code =
            if header.coding == (Coding::Text { bits: true }) { bit(&mut words)? } else { words.number("sample")? };
        if code > header.maxval {
            return Err(format!("a sample is {code}, the maximum is {}", header.maxval));
        }
        match header.layout.sample {
            SampleType::U8 => samples.push(scale(code, header.maxval, 255) as u8),
            _ => samples.extend((scale(code, header.maxval, 65_535) as u16).to_ne_bytes()),
        }
    }
    Ok(())
}

/// A digit of P1, where 1 is black; digits need no space between them.
fn bit(words: &mut Words<'_>) -> std::result::Result<u32, String> {
    words.skip_space();
    let digit = words.bytes.get(words.at).copied();
    words.at += 1;
    match digit {
        Some(b'0') => Ok(1),
        Some(b'1') => Ok(0),
        Some(other) => Err(format!("a sample is {:?}, 0 or 1 is expected", char::from(other))),
        None => Err("truncated in front of the sample".into()),
    }
}
