//! IPTC IIM records (IPTC-NAA Information Interchange Model 4.2): a row of data sets, each `0x1c`, record, data set, length, value.

/// Data sets that say who made a picture and whose it is: the character set they are written in (1:90), by-line (2:80), by-line
/// title (2:85), credit (2:110), source (2:115), copyright notice (2:116).
const COPYRIGHT: [(u8, u8); 6] = [(1, 90), (2, 80), (2, 85), (2, 110), (2, 115), (2, 116)];

/// One data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataSet<'a> {
    /// Record number.
    pub record: u8,
    /// Number in the record.
    pub number: u8,
    /// Value.
    pub value: &'a [u8],
    /// All of it, as it lies in the blob.
    pub whole: &'a [u8],
}

/// The data sets of `blob`. Zeros at its end are padding.
///
/// # Errors
/// A sentence when it is not made of data sets.
pub fn data_sets(blob: &[u8]) -> Result<Vec<DataSet<'_>>, String> {
    let mut sets = Vec::new();
    let mut rest = blob;
    while !rest.iter().all(|b| *b == 0) {
        let at = blob.len() - rest.len();
        let (set, after) = first(rest).ok_or_else(|| format!("the IPTC record is damaged at byte {at}"))?;
        sets.push(set);
        rest = after;
    }
    Ok(sets)
}

/// The first data set, and what follows it. Lengths of 0x8000 and more are extended: the low bits count the bytes of the length (IIM 1.6.2).
fn first(bytes: &[u8]) -> Option<(DataSet<'_>, &[u8])> {
    let &[0x1c, record, number, a, b, ref rest @ ..] = bytes else { return None };
    let short = usize::from(u16::from_be_bytes([a, b]));
    let (length, rest) = if short & 0x8000 == 0 {
        (short, rest)
    } else {
        let (digits, rest) = rest.split_at_checked(short & 0x7fff).filter(|(digits, _)| digits.len() <= 4)?;
        (digits.iter().fold(0usize, |length, b| (length << 8) | usize::from(*b)), rest)
    };
    let (value, after) = rest.split_at_checked(length)?;
    let whole = bytes.get(..bytes.len() - after.len())?;
    Some((DataSet { record, number, value, whole }, after))
}

/// Only who made the picture and whose it is; `None` when it does not say.
///
/// # Errors
/// As [`data_sets`].
pub fn copyright_only(blob: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let kept: Vec<DataSet<'_>> =
        data_sets(blob)?.into_iter().filter(|set| COPYRIGHT.contains(&(set.record, set.number))).collect();
    let says = kept.iter().any(|set| set.record == 2);
    Ok(says.then(|| kept.iter().flat_map(|set| set.whole).copied().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_and_whose_stays() {
        let mut blob = b"\x1c\x01\x5a\x00\x03\x1b%G\x1c\x02\x05\x00\x03cat\x1c\x02\x50\x00\x02Jo".to_vec();
        blob.extend(b"\x1c\x02\x74\x80\x04\x00\x00\x00\x02(c\0\0");
        let sets: Vec<_> = data_sets(&blob).unwrap().iter().map(|s| (s.record, s.number, s.value)).collect();
        assert_eq!(sets, [(1, 90, &b"\x1b%G"[..]), (2, 5, b"cat"), (2, 80, b"Jo"), (2, 116, b"(c")]);
        let kept = copyright_only(&blob).unwrap().unwrap();
        assert_eq!(kept, b"\x1c\x01\x5a\x00\x03\x1b%G\x1c\x02\x50\x00\x02Jo\x1c\x02\x74\x80\x04\x00\x00\x00\x02(c");
        assert_eq!(copyright_only(b"\x1c\x02\x05\x00\x03cat"), Ok(None));
    }

    #[test]
    fn damage_is_told() {
        let long = b"\x1c\x02\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff";
        for blob in [&b"cat"[..], b"\x1c\x02\x05\x00\x09cat", b"\x1c\x02", long] {
            assert!(data_sets(blob).is_err());
        }
        assert!(data_sets(b"").unwrap().is_empty());
    }
}
