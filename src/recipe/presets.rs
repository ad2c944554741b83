//! Recipes that ship with the program, compiled in. Adding one is adding a file in `data/recipes` and a line here.

use std::path::Path;

use super::model::Recipe;
use super::suggest;
use crate::error::{Error, Result};

/// A recipe that ships.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// Name on the command line.
    pub id: &'static str,
    /// The TOML text; it begins with a comment that states the purpose.
    pub text: &'static str,
}

macro_rules! presets {
    ($($id:literal),+ $(,)?) => {
        &[$(Preset { id: $id, text: include_str!(concat!("../../data/recipes/", $id, ".toml")) }),+]
    };
}

/// Every preset, in the order lists show them.
pub static PRESETS: &[Preset] = presets![
    "neutral",
    "signature",
    "golden-hour",
    "twilight",
    "interior",
    "exterior",
    "vivid",
    "moody",
    "print-master",
    "web",
];

impl Preset {
    /// Looks one up.
    pub fn find(id: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|p| p.id == id)
    }

    /// The comment at the beginning of the file, as one paragraph.
    pub fn purpose(&self) -> String {
        let comment = self.text.lines().map_while(|l| l.strip_prefix('#'));
        comment.map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Path that messages about it show.
    pub(super) fn path(&self) -> String {
        format!("preset {}", self.id)
    }
}

/// The message for an id that no preset has.
pub(super) fn unknown(id: &str) -> String {
    let ids: Vec<&str> = PRESETS.iter().map(|p| p.id).collect();
    suggest::unknown("recipe", id, &ids)
}

impl Recipe {
    /// Loads a preset by id.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the nearest name.
    pub fn preset(id: &str) -> Result<Self> {
        let preset = Preset::find(id)
            .ok_or_else(|| Error::recipe(id, 0, format!("{}; a recipe file ends in .toml", unknown(id))))?;
        Self::from_text(preset.id, preset.text, Path::new(""), Path::new(&preset.path()))
    }
}
