//! The color encoding that a recipe names: a word of the list, or an ICC profile beside the recipe.

use std::path::Path;
use std::sync::Arc;

use super::luts::{beside, read_limited};
use crate::color::{encodings, icc};
use crate::picture::ColorEncoding;

/// A color encoding that a recipe names.
#[derive(Debug, Clone, PartialEq)]
pub enum ColorChoice {
    /// A name of [`encodings::NAMES`].
    Named(String),
    /// An ICC profile.
    Profile(Arc<ProfileFile>),
}

/// An ICC profile that a recipe names.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileFile {
    /// Path, relative to the current folder.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
    /// BLAKE3 of the content, hex.
    pub hash: String,
}

/// Largest profile file, in bytes.
const MAX_PROFILE_BYTES: u64 = 32 << 20;

impl ColorChoice {
    /// True when `text` names a file, not an encoding.
    pub fn is_file(text: &str) -> bool {
        let extension = Path::new(text).extension().map(|e| e.to_ascii_lowercase());
        extension.is_some_and(|e| e == "icc" || e == "icm") || text.contains('/')
    }

    /// The choice that `text` names; a file is relative to `dir` and read now. `None` for an unknown name.
    ///
    /// # Errors
    /// A sentence when the file cannot be read.
    pub(super) fn read(text: &str, dir: &Path) -> Result<Option<Self>, String> {
        if !Self::is_file(text) {
            return Ok(encodings::NAMES.contains(&text).then(|| Self::Named(text.to_owned())));
        }
        let path = beside(dir, text)?;
        let bytes = read_limited(Path::new(&path), MAX_PROFILE_BYTES, "size of the ICC profile in bytes");
        let bytes = bytes.map_err(|e| e.to_string().replace('\n', "; "))?;
        let hash = blake3::hash(&bytes).to_hex().to_string();
        Ok(Some(Self::Profile(Arc::new(ProfileFile { path, bytes, hash }))))
    }

    /// As recipes write it: the name, or the path.
    pub fn text(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::Profile(file) => &file.path,
        }
    }

    /// The encoding, for pictures with color or gray ones.
    ///
    /// # Errors
    /// A sentence for a profile that no encoding expresses (lookup tables, CMYK) or that is damaged.
    pub fn encoding(&self, color: bool) -> Result<ColorEncoding, icc::Problem> {
        match self {
            Self::Named(name) => encodings::by_name(name).ok_or_else(|| {
                icc::Problem::Invalid(format!("color {name:?} is not known, allowed: {}", encodings::NAMES.join(", ")))
            }),
            Self::Profile(file) => icc::read(&file.bytes, color),
        }
    }

    /// Refuses what no picture can be written in: logarithmic encodings, and profiles that do not say how to get back.
    pub(super) fn check_output(&self) -> Result<(), String> {
        if let Self::Named(name) = self
            && !encodings::storable_names().any(|storable| storable == name)
        {
            return Err(format!(
                "color is {name:?}, which no picture file can say of itself: it is for [input] color and LUTs; write \"acescg\" or \"aces2065-1\""
            ));
        }
        let Self::Profile(file) = self else { return Ok(()) };
        let color = icc::is_color(&file.bytes) != Some(false);
        icc::read(&file.bytes, color).map(|_| ()).map_err(|problem| {
            format!(
                "color is {:?} ({problem}): pictures are written in RGB or gray with a matrix or gray profile; convert to a press's or printer's profile where it is printed",
                file.path
            )
        })
    }
}
