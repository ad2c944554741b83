//! The curves inside a lutAToBType tag (ICC.1:2022, 10.12), which lie behind each other without a table of contents.
//!
//! The ICC library stops at the first curve without samples (the identity) and takes it for all that follow; so the lists are read here.

use moxcms::ToneReprCurve;

/// The three lists of curves of a tag; an absent one is empty.
pub(super) struct Lists {
    pub(super) a: Vec<ToneReprCurve>,
    pub(super) m: Vec<ToneReprCurve>,
    pub(super) b: Vec<ToneReprCurve>,
}

/// Largest number of samples in a curve.
const MOST_SAMPLES: usize = 65_536;

/// Reads the lists of the tag with this signature.
pub(super) fn lists(profile: &[u8], signature: [u8; 4], inputs: usize) -> Result<Lists, String> {
    let tag = tag(profile, signature).ok_or("its table is not where the directory says")?;
    let list = |at: usize, count: usize| -> Result<Vec<ToneReprCurve>, String> {
        let offset = number(tag, at).ok_or("its table is cut off")?;
        if offset == 0 { Ok(Vec::new()) } else { read(tag, offset, count) }
    };
    Ok(Lists { b: list(12, 3)?, m: list(20, 3)?, a: list(28, inputs)? })
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?.first_chunk::<4>()?;
    usize::try_from(u32::from_be_bytes(*bytes)).ok()
}

/// The content of the first tag with this signature (ICC.1:2022, 7.3).
fn tag(profile: &[u8], signature: [u8; 4]) -> Option<&[u8]> {
    let count = number(profile, 128)?.min(profile.len() / 12);
    let at = (0..count).map(|i| 132 + 12 * i).find(|at| profile.get(*at..at + 4) == Some(&signature[..]))?;
    let (offset, size) = (number(profile, at + 4)?, number(profile, at + 8)?);
    profile.get(offset..offset.checked_add(size)?)
}

/// `count` curves from `offset` on, each padded to four bytes.
fn read(tag: &[u8], offset: usize, count: usize) -> Result<Vec<ToneReprCurve>, String> {
    let mut at = offset;
    let mut curves = Vec::with_capacity(count);
    for _ in 0..count {
        let (curve, bytes) = one(tag.get(at..).unwrap_or_default()).ok_or("a curve of its table is damaged")?;
        curves.push(curve);
        at += bytes.next_multiple_of(4);
    }
    Ok(curves)
}

/// A curve (ICC.1:2022, 10.6 and 10.18) and its bytes.
fn one(bytes: &[u8]) -> Option<(ToneReprCurve, usize)> {
    match bytes.first_chunk::<4>()? {
        b"curv" => {
            let end = 12 + 2 * number(bytes, 8).filter(|count| *count <= MOST_SAMPLES)?;
            let samples = bytes.get(12..end)?.as_chunks::<2>().0.iter().map(|v| u16::from_be_bytes(*v));
            Some((ToneReprCurve::Lut(samples.collect()), end))
        }
        b"para" => {
            let count = *[1, 3, 4, 5, 7].get(usize::from(*bytes.get(9)?))?;
            let end = 12 + 4 * count;
            let values = bytes.get(12..end)?.as_chunks::<4>().0.iter();
            let values = values.map(|v| (f64::from(i32::from_be_bytes(*v)) / 65_536.0) as f32);
            Some((ToneReprCurve::Parametric(values.collect()), end))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_after_an_identity_are_found() {
        let mut bytes = b"curv\0\0\0\0\0\0\0\0".to_vec();
        bytes.extend(b"curv\0\0\0\0\0\0\0\x01\x02\x00\0\0");
        bytes.extend(b"para\0\0\0\0\0\0\0\0\0\x01\x80\0");
        let curves = read(&bytes, 0, 3).unwrap();
        assert!(matches!(&curves[0], ToneReprCurve::Lut(v) if v.is_empty()));
        assert!(matches!(&curves[1], ToneReprCurve::Lut(v) if v == &[512]));
        assert!(matches!(&curves[2], ToneReprCurve::Parametric(v) if v == &[1.5]));
        assert!(read(&bytes, 0, 4).is_err() && read(&bytes, usize::MAX, 1).is_err());
    }
}
