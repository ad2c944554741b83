//! How depth maps are written: colors of those for people, unit of those for programs, and what goes together.

use super::model::{Bits, OutputKind, OutputSettings};
use crate::picture::Format;

/// Colors of a depth map for people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Colors {
    /// Red is near, dark blue is far.
    #[default]
    Turbo,
    /// Yellow is near, violet is far.
    Viridis,
    /// Pale yellow is near, black is far.
    Magma,
    /// White is near, black is far.
    Gray,
}

impl Colors {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Turbo, Self::Viridis, Self::Magma, Self::Gray];

    /// Word in recipes and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Turbo => "turbo",
            Self::Viridis => "viridis",
            Self::Magma => "magma",
            Self::Gray => "gray",
        }
    }

    /// What the ends mean, in words.
    pub fn legend(self) -> &'static str {
        match self {
            Self::Turbo => "red = near, blue = far",
            Self::Viridis => "yellow = near, violet = far",
            Self::Magma => "pale = near, black = far",
            Self::Gray => "white = near, black = far",
        }
    }

    /// The one of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|colors| colors.name() == name)
    }
}

/// What the numbers of a depth map count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum DepthUnit {
    /// Nothing: they are relative, within the picture.
    #[default]
    Relative,
    /// Meters from the camera. Only where depth is metric, and only in formats of floats.
    Meters,
}

impl DepthUnit {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Relative, Self::Meters];

    /// Word in recipes, on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relative => "relative",
            Self::Meters => "meters",
        }
    }

    /// The one of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }
}

/// Whether the settings of a depth map go together: it has a form of its own. `kind`: the word for what is written.
///
/// # Errors
/// A sentence with what is allowed.
pub(super) fn check(output: &OutputSettings, kind: &str) -> Result<(), String> {
    let is_map = output.kind == OutputKind::Depth;
    let form = OutputSettings {
        name: output.name.clone(),
        kind: output.kind,
        format: output.format,
        bits: output.bits.filter(|_| is_map),
        unit: output.unit.filter(|_| is_map),
        colors: output.colors.filter(|_| !is_map),
        ..Default::default()
    };
    if *output != form {
        let keys = if is_map { "name, format, bits and unit" } else { "name, format and colors" };
        return Err(format!("kind is {kind:?}: of the other keys only {keys} have a meaning there"));
    }
    if !is_map {
        return match output.format {
            None | Some(Format::Png) => Ok(()),
            Some(_) => Err(format!("kind is {kind:?}: the allowed format is \"png\"")),
        };
    }
    let format = output.format.unwrap_or(Format::Png);
    let floats = match (format, output.bits) {
        (Format::Png | Format::Tiff, None | Some(Bits::Sixteen)) => false,
        (Format::Tiff | Format::Exr | Format::Pfm | Format::Npy, Some(Bits::Float)) => true,
        (Format::Exr | Format::Pfm | Format::Npy, None) => true,
        (Format::Png | Format::Tiff | Format::Exr | Format::Pfm | Format::Npy, Some(bits)) => {
            let allowed = match format {
                Format::Png => "16",
                Format::Tiff => "16, \"float\"",
                _ => "\"float\"",
            };
            let (format, bits) = (format.name(), bits.name());
            return Err(format!("kind is {kind:?}, format {format:?}: bits is {bits:?}, allowed: {allowed}"));
        }
        _ => {
            let allowed: Vec<String> = Format::MAPS.iter().map(|f| format!("{:?}", f.name())).collect();
            return Err(format!("kind is {kind:?}: allowed formats are {}", allowed.join(", ")));
        }
    };
    if output.unit == Some(DepthUnit::Meters) && !floats {
        return Err(format!(
            "unit is \"meters\", but {} of 16 bit holds relative disparity: give format \"exr\", \"npy\", \"pfm\", or \"tiff\" with bits \"float\"",
            format.name()
        ));
    }
    Ok(())
}
