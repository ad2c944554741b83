//! Facts about a LUT for people, and warnings about LUTs that are legal but probably not what was meant.

use std::fmt;

use super::{Domain, Interpolation, Lut, PreparedLut};
use crate::error::Problem;

/// Which tables a LUT has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LutKind {
    /// A 1D table only.
    OneD,
    /// A 3D table only.
    ThreeD,
    /// A shaper and a 3D table.
    ShaperAndThreeD,
}

impl fmt::Display for LutKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneD => "1D",
            Self::ThreeD => "3D",
            Self::ShaperAndThreeD => "shaper + 3D",
        })
    }
}

/// What `lut info` tells. Values are code values of the LUT, 1.0 = white; evaluated with tetrahedral interpolation.
#[derive(Debug, Clone, PartialEq)]
pub struct LutInfo {
    /// Which tables there are.
    pub kind: LutKind,
    /// Nodes of the 1D table, or 0.
    pub shaper_size: u32,
    /// Nodes along an axis of the 3D table, or 0.
    pub cube_size: u32,
    /// Inputs of the first table.
    pub domain: Domain,
    /// Smallest node value of the last table, per channel.
    pub output_min: [f32; 3],
    /// Largest node value of the last table, per channel.
    pub output_max: [f32; 3],
    /// Nodes of the last table with a channel outside 0-1.
    pub nodes_outside_unit: u64,
    /// Per channel, whether the output never falls while a neutral input rises. `None` when the channels' domains have no
    /// neutral input in common.
    pub neutral_monotone: Option<[bool; 3]>,
    /// Largest difference between the channels for a neutral input: 0 = neutrals stay neutral. `None` as above.
    pub neutral_cast: Option<f32>,
    /// Largest difference between output and input in any channel, over a grid of the domain: 0 = the LUT changes nothing.
    pub identity_deviation: f32,
    /// Bytes of the tables when prepared.
    pub table_bytes: u64,
}

/// Nodes along an axis of the largest grid on which `identity_deviation` is measured.
const MAX_GRID: usize = 65;

/// Fewest neutral inputs that are looked at.
const NEUTRAL_STEPS: usize = 1025;

/// A fall of the output smaller than this is rounding, not a fall.
const FALL: f32 = 1e-6;

/// A deviation smaller than this is rounding of the file's decimals: a quarter of a 16-bit code.
const SAME: f32 = 0.25 / 65535.0;

impl LutInfo {
    /// Measures `lut`.
    pub fn new(lut: &Lut) -> Self {
        let prepared = PreparedLut::new(lut, Interpolation::Tetrahedral);
        let nodes =
            lut.cube.as_ref().map(|t| t.nodes()).or_else(|| lut.shaper.as_ref().map(|t| t.nodes())).unwrap_or(&[]);
        let (output_min, output_max) = extremes(nodes);
        let neutral = neutral_axis(lut, &prepared);
        Self {
            kind: match (&lut.shaper, &lut.cube) {
                (_, None) => LutKind::OneD,
                (None, Some(_)) => LutKind::ThreeD,
                (Some(_), Some(_)) => LutKind::ShaperAndThreeD,
            },
            shaper_size: lut.shaper.as_ref().map_or(0, |t| t.size()),
            cube_size: lut.cube.as_ref().map_or(0, |t| t.size()),
            domain: lut.domain(),
            output_min,
            output_max,
            nodes_outside_unit: nodes.iter().filter(|n| n.iter().any(|v| !(0.0..=1.0).contains(v))).count() as u64,
            neutral_monotone: neutral.as_deref().map(monotone),
            neutral_cast: neutral.as_deref().map(cast),
            identity_deviation: identity_deviation(lut, &prepared),
            table_bytes: 4 * prepared.table().len() as u64,
        }
    }
}

impl fmt::Display for LutInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kind                {}", self.kind)?;
        if self.shaper_size > 0 {
            write!(f, ", 1D {} nodes", self.shaper_size)?;
        }
        if self.cube_size > 0 {
            write!(f, ", 3D {0} x {0} x {0} nodes", self.cube_size)?;
        }
        writeln!(f, "\ndomain              {:?} to {:?}", self.domain.min, self.domain.max)?;
        writeln!(f, "output              {:?} to {:?}", self.output_min, self.output_max)?;
        writeln!(f, "nodes outside 0-1   {}", self.nodes_outside_unit)?;
        match (self.neutral_monotone, self.neutral_cast) {
            (Some(monotone), Some(cast)) => {
                let word = |rising: bool| if rising { "rises" } else { "falls somewhere" };
                writeln!(
                    f,
                    "neutral axis        red {}, green {}, blue {}",
                    word(monotone[0]),
                    word(monotone[1]),
                    word(monotone[2])
                )?;
                writeln!(f, "neutral cast        {cast:.5} at most")?;
            }
            _ => writeln!(f, "neutral axis        none: the domains of the channels do not overlap")?,
        }
        write!(f, "change              {:.5} at most", self.identity_deviation)
    }
}

/// What `lut check` warns about: the remarks of the parser, then what [`LutInfo`] shows. Line 0 = the file as a whole.
pub fn warnings(lut: &Lut, info: &LutInfo) -> Vec<Problem> {
    let mut list = lut.remarks.clone();
    let mut warn = |message: String| list.push(Problem { line: 0, message });
    if info.nodes_outside_unit > 0 {
        let low = info.output_min.into_iter().fold(f32::INFINITY, f32::min);
        let high = info.output_max.into_iter().fold(f32::NEG_INFINITY, f32::max);
        warn(format!("{} nodes lie outside 0-1 ({low} to {high}); integer output clips them", info.nodes_outside_unit));
    }
    if let Some(monotone) = info.neutral_monotone
        && monotone.contains(&false)
    {
        let names: Vec<_> =
            ["red", "green", "blue"].into_iter().zip(monotone).filter(|(_, rises)| !rises).map(|(n, _)| n).collect();
        warn(format!("{} falls somewhere while a neutral input rises: gradients may solarize", names.join(", ")));
    }
    if info.output_min == info.output_max {
        warn(format!("every node is {:?}: the output does not depend on the input", info.output_min));
    } else if info.identity_deviation <= SAME {
        warn("the LUT changes nothing inside its domain".into());
    }
    if info.cube_size > 65 {
        warn(format!(
            "a 3D table of size {} takes {} MB; 33 or 65 is usual",
            info.cube_size,
            info.table_bytes / 1_000_000
        ));
    }
    if info.domain != Domain::UNIT {
        warn(format!(
            "inputs are clamped to {:?} to {:?}, not 0-1; some programs ignore this",
            info.domain.min, info.domain.max
        ));
    }
    list
}

fn extremes(nodes: &[[f32; 3]]) -> ([f32; 3], [f32; 3]) {
    let Some(&first) = nodes.first() else { return ([0.0; 3], [0.0; 3]) };
    nodes.iter().fold((first, first), |(low, high), node| {
        (std::array::from_fn(|c| low[c].min(node[c])), std::array::from_fn(|c| high[c].max(node[c])))
    })
}

/// Outputs for rising neutral inputs over what the channels' domains have in common.
fn neutral_axis(lut: &Lut, prepared: &PreparedLut) -> Option<Vec<[f32; 3]>> {
    let domain = picture_domain(lut);
    let low = domain.min.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let high = domain.max.into_iter().fold(f32::INFINITY, f32::min);
    if low >= high {
        return None;
    }
    let steps = lut.shaper.as_ref().map_or(0, |t| t.size() as usize).max(NEUTRAL_STEPS);
    Some((0..steps).map(|i| prepared.eval([super::node_input(i, steps, low, high); 3])).collect())
}

fn monotone(outputs: &[[f32; 3]]) -> [bool; 3] {
    let mut highest = [f32::NEG_INFINITY; 3];
    let mut rises = [true; 3];
    for rgb in outputs {
        for c in 0..3 {
            rises[c] &= rgb[c] >= highest[c] - FALL;
            highest[c] = highest[c].max(rgb[c]);
        }
    }
    rises
}

fn cast(outputs: &[[f32; 3]]) -> f32 {
    outputs.iter().fold(0.0, |worst, [r, g, b]| worst.max(r.max(*g).max(*b) - r.min(*g).min(*b)))
}

/// With a 3D table of at most [`MAX_GRID`] nodes and no shaper the grid is the nodes, and the result exact.
fn identity_deviation(lut: &Lut, prepared: &PreparedLut) -> f32 {
    let domain = picture_domain(lut);
    let deviation = |input: [f32; 3]| {
        let output = prepared.eval(input);
        (0..3).map(|c| (output[c] - input[c]).abs()).fold(0.0, f32::max)
    };
    let Some(cube) = &lut.cube else {
        let n = lut.shaper.as_ref().map_or(2, |t| t.size() as usize);
        let inputs = (0..n).map(|i| std::array::from_fn(|c| super::node_input(i, n, domain.min[c], domain.max[c])));
        return inputs.map(deviation).fold(0.0, f32::max);
    };
    let n = (cube.size() as usize).min(MAX_GRID);
    (0..n * n * n)
        .map(|i| {
            let at = [i % n, i / n % n, i / (n * n)];
            deviation(std::array::from_fn(|c| super::node_input(at[c], n, domain.min[c], domain.max[c])))
        })
        .fold(0.0, f32::max)
}

/// The domain in the picture's full-range code values.
fn picture_domain(lut: &Lut) -> Domain {
    let domain = lut.domain();
    match lut.input_range {
        super::CodeRange::Full => domain,
        super::CodeRange::Legal => {
            let full =
                |v: f32| ((f64::from(v) - super::LEGAL_BLACK) / (super::LEGAL_WHITE - super::LEGAL_BLACK)) as f32;
            Domain { min: domain.min.map(full), max: domain.max.map(full) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Lut1d, Lut3d};
    use super::*;

    #[test]
    fn an_identity_is_recognized() {
        let lut = Lut::identity_3d(9).unwrap();
        let info = LutInfo::new(&lut);
        assert_eq!((info.kind, info.cube_size), (LutKind::ThreeD, 9));
        assert!(info.identity_deviation < 1e-6, "{}", info.identity_deviation);
        assert_eq!(info.neutral_monotone, Some([true; 3]));
        assert!(info.neutral_cast.unwrap() < 1e-6);
        assert!(warnings(&lut, &info).iter().any(|w| w.message.contains("changes nothing")));
    }

    #[test]
    fn a_tinted_falling_table_is_warned_about() {
        let cube = Lut3d::from_fn(5, Domain::UNIT, |[r, g, b]| [1.0 - r, g, b * 0.5 + 0.6]).unwrap();
        let lut = Lut { cube: Some(cube), ..Lut::default() };
        let info = LutInfo::new(&lut);
        assert_eq!(info.neutral_monotone, Some([false, true, true]));
        assert!((info.neutral_cast.unwrap() - 1.1).abs() < 1e-5);
        assert!((info.identity_deviation - 1.0).abs() < 1e-6);
        assert_eq!(info.nodes_outside_unit, 25);
        let text: Vec<_> = warnings(&lut, &info).into_iter().map(|w| w.message).collect();
        assert!(text.iter().any(|m| m.starts_with("red falls")), "{text:?}");
        assert!(text.iter().any(|m| m.contains("25 nodes lie outside 0-1")), "{text:?}");
    }

    #[test]
    fn domains_that_do_not_overlap_have_no_neutral_axis() {
        let domain = Domain { min: [0.0, 2.0, 0.0], max: [1.0, 3.0, 1.0] };
        let lut = Lut { shaper: Some(Lut1d::from_fn(4, domain, |rgb| rgb).unwrap()), ..Lut::default() };
        let info = LutInfo::new(&lut);
        assert_eq!((info.neutral_monotone, info.neutral_cast), (None, None));
        assert!(info.to_string().contains("do not overlap"));
    }
}
