//! Numbered sequences: `shot_%04d.exr`, `shot_%d.exr` (the notation of printf, as FFmpeg and most renderers use it).

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The frames of a sequence that exist, in order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    folder: PathBuf,
    prefix: OsString,
    suffix: OsString,
    /// Digits at least; numbers are filled with zeros.
    width: usize,
    numbers: Vec<u32>,
}

impl Sequence {
    /// The sequence that `pattern` names; `None` if its file name holds no `%d` or `%0Nd` (N from 1 to 9).
    pub(super) fn find(pattern: &Path) -> Option<io::Result<Self>> {
        let (prefix, width, suffix) = split(pattern.file_name()?)?;
        let folder = pattern.parent().unwrap_or(Path::new("")).to_owned();
        let mut sequence = Self { folder, prefix, suffix, width, numbers: Vec::new() };
        Some(sequence.fill().map(|()| sequence))
    }

    /// Whether there is no frame.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The numbers of the frames, rising.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// Numbers missing between the first and the last frame: a caller warns, or refuses.
    pub fn missing(&self) -> u64 {
        match (self.numbers.first(), self.numbers.last()) {
            (Some(first), Some(last)) => u64::from(last - first) + 1 - self.numbers.len() as u64,
            _ => 0,
        }
    }

    /// The file of frame `number`.
    pub fn frame(&self, number: u32) -> PathBuf {
        let mut name = self.prefix.clone();
        name.push(format!("{number:0width$}", width = self.width));
        name.push(&self.suffix);
        self.folder.join(name)
    }

    /// The files, in order.
    pub fn frames(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.numbers.iter().map(|number| self.frame(*number))
    }

    fn fill(&mut self) -> io::Result<()> {
        let folder = if self.folder.as_os_str().is_empty() { Path::new(".") } else { &self.folder };
        for entry in fs::read_dir(folder)? {
            self.numbers.extend(self.number(&entry?.file_name()));
        }
        self.numbers.sort_unstable();
        Ok(())
    }

    /// The number in `name`, if this very name is what the pattern gives for it.
    fn number(&self, name: &OsStr) -> Option<u32> {
        let middle = name.as_encoded_bytes().strip_prefix(self.prefix.as_encoded_bytes())?;
        let digits = std::str::from_utf8(middle.strip_suffix(self.suffix.as_encoded_bytes())?).ok()?;
        let number = digits.parse().ok()?;
        (format!("{number:0width$}", width = self.width) == digits).then_some(number)
    }
}

/// Prefix, width and suffix of a file name with one `%d` or `%0Nd`.
fn split(name: &OsStr) -> Option<(OsString, usize, OsString)> {
    let bytes = name.as_encoded_bytes();
    let start = bytes.iter().position(|b| *b == b'%')?;
    let (width, length) = match bytes.get(start + 1..)? {
        [b'd', ..] => (1, 2),
        [b'0', n @ b'1'..=b'9', b'd', ..] => (usize::from(n - b'0'), 4),
        _ => return None,
    };
    let suffix = bytes.get(start + length..)?;
    if suffix.contains(&b'%') {
        return None;
    }
    Some((os_string(bytes.get(..start)?)?, width, os_string(suffix)?))
}

fn os_string(bytes: &[u8]) -> Option<OsString> {
    super::path_from_bytes(bytes).map(PathBuf::into_os_string)
}
