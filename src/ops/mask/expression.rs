//! What a mask is: an expression of ranges, gradients and files.

/// Weights that are held at once while an expression is evaluated, at most.
pub const MAX_DEPTH: usize = 8;
/// Ranges, gradients, files and what combines them, at most.
pub const MAX_PARTS: usize = 64;
/// Tables within tables, at most.
pub const MAX_NESTING: usize = 16;

/// Which color a mask looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Of {
    /// The pixel as it enters the operation.
    #[default]
    Input,
    /// The pixel of the file, before any operation.
    Source,
}

/// A weight of 0 to 1 for every pixel. Places are shares of the picture as it is shown: (0, 0) is its top left corner, (1, 1) the bottom
/// right one, whatever the orientation it is stored in.
#[derive(Debug, Clone, PartialEq)]
pub enum Mask {
    /// Distances, 0 = nearest to 1 = farthest ([`crate::ops::distance`]).
    Depth {
        /// Nearest and farthest distance with full weight.
        range: [f32; 2],
        /// Width outside the range over which the weight falls to 0.
        feather: f32,
    },
    /// Luma, 0 = black to 1 = white in an sRGB-shaped curve; highlights above white are above 1.
    Luma {
        /// Darkest and brightest luma with full weight. An upper end of 1 takes everything brighter too.
        range: [f32; 2],
        /// Width outside the range over which the weight falls to 0.
        feather: f32,
        /// Which color.
        of: Of,
    },
    /// Hues: angles in the a, b plane of Oklab, in degrees. Red of sRGB is at 29, yellow at 110, green at 142, cyan at 195, blue at 264,
    /// magenta at 328.
    Hue {
        /// The first and last angle with full weight, counted upwards: 350 to 20 goes through 0.
        range: [f32; 2],
        /// Degrees outside the range over which the weight falls to 0.
        feather: f32,
        /// Oklab chroma where selection begins and where it is full, so that neutral colors have no hue.
        chroma: [f32; 2],
        /// Which color.
        of: Of,
    },
    /// A straight gradient: 0 at and before `from`, 1 at and beyond `to`, square to the line between them as shown.
    Linear {
        /// Place where the weight begins to rise.
        from: [f32; 2],
        /// Place where it is full.
        to: [f32; 2],
    },
    /// An ellipse: 1 inside, falling to 0 outside.
    Radial {
        /// Its center.
        center: [f32; 2],
        /// Half its height, as a share of the shorter side of the picture.
        radius: f32,
        /// Its width / its height.
        aspect: f32,
        /// Degrees it is turned, clockwise.
        angle: f32,
        /// Width outside of it over which the weight falls to 0, as a share of the radius.
        feather: f32,
    },
    /// A picture stretched over the shown picture: black = 0, white = 1.
    File {
        /// Its path, relative to the current folder.
        path: String,
    },
    /// The smallest weight of all of these; 1 for none.
    All(Vec<Self>),
    /// The largest weight of any of these; 0 for none.
    Any(Vec<Self>),
    /// 1 minus the weight.
    Not(Box<Self>),
}

impl Mask {
    /// Every part of the expression, itself first.
    pub fn parts(&self) -> Vec<&Self> {
        let mut found = vec![self];
        match self {
            Self::All(inner) | Self::Any(inner) => found.extend(inner.iter().flat_map(Self::parts)),
            Self::Not(inner) => found.extend(inner.parts()),
            _ => {}
        }
        found
    }

    /// True when depth is needed.
    pub fn reads_depth(&self) -> bool {
        self.parts().iter().any(|part| matches!(part, Self::Depth { .. }))
    }

    /// True when it looks at this color.
    pub fn reads(&self, color: Of) -> bool {
        let reads = |part: &&Self| matches!(part, Self::Luma { of, .. } | Self::Hue { of, .. } if *of == color);
        self.parts().iter().any(reads)
    }

    /// Files it needs, as [`Mask::File`] names them.
    pub fn files(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.add_files(&mut found);
        found
    }

    fn add_files<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::File { path } => found.push(path),
            Self::All(inner) | Self::Any(inner) => inner.iter().for_each(|part| part.add_files(found)),
            Self::Not(inner) => inner.add_files(found),
            _ => {}
        }
    }

    /// A few words for lists: "depth, not luma".
    pub fn words(&self) -> String {
        let list = |inner: &[Self], with: &str| {
            let words: Vec<String> = inner.iter().map(Self::words).collect();
            if words.len() > 1 { format!("({})", words.join(with)) } else { words.concat() }
        };
        match self {
            Self::Depth { range: [near, far], .. } => format!("depth {near} to {far}"),
            Self::Luma { range: [low, high], .. } => format!("luma {low} to {high}"),
            Self::Hue { range: [from, to], .. } => format!("hue {from} to {to}"),
            Self::Linear { .. } => "linear".to_owned(),
            Self::Radial { .. } => "radial".to_owned(),
            Self::File { path } => format!("file {path:?}"),
            Self::All(inner) => list(inner, " and "),
            Self::Any(inner) => list(inner, " or "),
            Self::Not(inner) => format!("not {}", inner.words()),
        }
    }

    /// One leaf of each kind that needs no file, and each way to combine them.
    pub(super) fn sampler() -> Self {
        let near = Self::Depth { range: [0.1, 0.4], feather: 0.2 };
        let dark = Self::Luma { range: [0.1, 0.5], feather: 0.3, of: Of::Input };
        let red = Self::Hue { range: [330.0, 80.0], feather: 30.0, chroma: [0.02, 0.1], of: Of::Source };
        let down = Self::Linear { from: [0.2, 0.1], to: [0.4, 1.0] };
        let spot = Self::Radial { center: [0.4, 0.6], radius: 0.3, aspect: 1.5, angle: 30.0, feather: 0.8 };
        Self::Any(vec![Self::All(vec![near, Self::Not(Box::new(dark))]), Self::All(vec![down, spot]), red])
    }
}
