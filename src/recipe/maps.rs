//! How depth maps are written: colors of those for people, unit of those for programs.

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
