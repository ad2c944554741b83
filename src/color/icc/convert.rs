//! Samples that no [`ColorEncoding`](crate::picture::ColorEncoding) describes, to ProPhoto RGB: profiles built on lookup tables (RGB, gray,
//! CMYK), matrix profiles with a curve of their own per channel, and CIE L*a*b* pictures.
//!
//! The tags are parsed by the ICC library and evaluated here, at the tables' own resolution: the library's transforms resample
//! CMYK to 17 points a side and always compensate the black point. Intent: relative colorimetric without black point
//! compensation (ICC.1:2022, 6.2.3); of profiles without that table, the perceptual one.

use moxcms::{ColorProfile, DataColorSpace, LutStore, LutType, LutWarehouse, ProfileClass, ToneReprCurve};

use super::{MAX_BYTES, Problem, nested, parametric_function};
use crate::color::curve::{self, CurveConstants, Direction};
use crate::color::encodings::PROPHOTO_CURVE;
use crate::color::matrix::{self, PROPHOTO};

/// Samples of a curve that is given as a formula.
const CURVE_SAMPLES: usize = 4096;

/// How a picture holds CIE L*a*b*, always under D50 here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabCode {
    /// TIFF 6.0 section 23: a* and b* are signed.
    Signed,
    /// ICC's own codes (TIFF supplement 1, "ICC L*a*b*"): a* and b* are offset; 16-bit codes as in version 2 profiles, where 0xff00 is 100.
    Offset,
}

/// From samples (0 to 1 of their range) to ProPhoto RGB code values (0 to 1).
#[derive(Debug, Clone)]
pub struct Conversion {
    name: String,
    inputs: usize,
    stages: Vec<Stage>,
    connection: Connection,
    /// Linear ProPhoto RGB of XYZ under D50.
    to_rgb: [[f32; 3]; 3],
    encode: CurveConstants,
}

/// One part of the way from device to connection space. Values between parts are those of ICC.1:2022, 10.10 to 10.12: 0 to 1.
#[derive(Debug, Clone)]
enum Stage {
    /// A sampled curve per channel.
    Curves(Vec<Vec<f32>>),
    /// Nodes of a grid, last input fastest, three values each.
    Grid { sides: Vec<usize>, nodes: Vec<[f32; 3]> },
    /// Matrix and offset.
    Matrix([[f32; 3]; 3], [f32; 3]),
}

/// What the three values after the last stage are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Connection {
    /// XYZ, times this.
    Xyz(f32),
    /// L* times `lightness`; a* and b* times `chroma` minus 128.
    Lab { lightness: f32, chroma: f32 },
    /// L* times 100; a* and b* are signed numbers of this full range, in two's complement.
    SignedLab { range: f32 },
}

/// 1 + 32767/32768: the largest XYZ that 16 bit hold (ICC.1:2022, table 11).
const XYZ_RANGE: f32 = 1.0 + 32_767.0 / 32_768.0;

/// L*a*b* of version 4 tables and of all 8-bit ones (ICC.1:2022, tables 12 and 13).
const LAB: Connection = Connection::Lab { lightness: 100.0, chroma: 255.0 };

/// L*a*b* of 16-bit tables in the older form (ICC.1:2022, 10.10, table 42): 0xff00 is 100.
const LEGACY_LAB: Connection = Connection::Lab { lightness: 100.0 * 65_535.0 / 65_280.0, chroma: 65_535.0 / 256.0 };

impl Conversion {
    /// The conversion of a picture with `inputs` samples per pixel (1 gray, 3 RGB, 4 CMYK; alpha not counted) through its profile.
    ///
    /// # Errors
    /// What is wrong with the profile, without the file's name.
    pub fn new(profile: &[u8], inputs: usize) -> Result<Self, Problem> {
        if profile.len() > MAX_BYTES {
            return Err(format!("ICC profile of {} bytes, the limit is {MAX_BYTES}", profile.len()).into());
        }
        let parsed = ColorProfile::new_from_slice(profile).map_err(|e| format!("ICC profile cannot be read: {e}"))?;
        let name = super::name(&parsed);
        let expected = match parsed.color_space {
            DataColorSpace::Gray => 1,
            DataColorSpace::Rgb => 3,
            DataColorSpace::Cmyk => 4,
            other => {
                return Err(Problem::Unsupported(format!("{name}: profiles for {other:?} data are not supported")));
            }
        };
        if expected != inputs {
            let space = parsed.color_space;
            return Err(format!("{name}: a profile for {space:?} data, the picture has {inputs} channels").into());
        }
        if matches!(parsed.profile_class, ProfileClass::DeviceLink | ProfileClass::Named | ProfileClass::Abstract) {
            return Err(format!("{name}: a profile of class {:?} describes no picture", parsed.profile_class).into());
        }
        let (stages, connection) = stages(profile, &parsed, inputs).map_err(|reason| format!("{name}: {reason}"))?;
        Ok(Self::from_parts(name, inputs, stages, connection))
    }

    /// The conversion of an L*a*b* picture of 8- or 16-bit samples.
    pub fn lab(code: LabCode, wide: bool) -> Self {
        let connection = match (code, wide) {
            (LabCode::Signed, false) => Connection::SignedLab { range: 256.0 },
            (LabCode::Signed, true) => Connection::SignedLab { range: 65_536.0 },
            (LabCode::Offset, false) => LAB,
            (LabCode::Offset, true) => LEGACY_LAB,
        };
        Self::from_parts("CIE L*a*b*".to_owned(), 3, Vec::new(), connection)
    }

    fn from_parts(name: String, inputs: usize, stages: Vec<Stage>, connection: Connection) -> Self {
        // ROMM primaries span a space and its curve is a formula: neither can fail, and the identity would be seen at once.
        let from_xyz = matrix::rgb_to_xyz(&PROPHOTO).and_then(|m| matrix::invert(&m)).unwrap_or(matrix::IDENTITY);
        let encode = CurveConstants::new(&PROPHOTO_CURVE, Direction::Encode).unwrap_or(CurveConstants::LINEAR);
        Self { name, inputs, stages, connection, to_rgb: from_xyz.map(|row| row.map(|v| v as f32)), encode }
    }

    /// Name of the profile, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Samples it takes per pixel.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// One pixel. Colors outside ProPhoto RGB, which no surface has, are clipped; NaN becomes 0.
    pub fn pixel(&self, samples: [f32; 4]) -> [f32; 3] {
        let xyz = self.xyz(samples);
        self.to_rgb.map(|[x, y, z]| {
            let light = x * xyz[0] + y * xyz[1] + z * xyz[2];
            curve::power(&self.encode, light.max(0.0).min(1.0))
        })
    }

    /// XYZ under D50 of one pixel, white at Y = 1.
    fn xyz(&self, samples: [f32; 4]) -> [f32; 3] {
        let mut values = samples.map(|v| v.max(0.0).min(1.0));
        for stage in &self.stages {
            stage.apply(&mut values);
        }
        let [a, b, c, _] = values;
        match self.connection {
            Connection::Xyz(scale) => [a * scale, b * scale, c * scale],
            Connection::Lab { lightness, chroma } => from_lab(a * lightness, b * chroma - 128.0, c * chroma - 128.0),
            Connection::SignedLab { range } => {
                // 16-bit codes are 256 times the number.
                let unit = range / 256.0;
                let signed = |v: f32| {
                    let code = (v * (range - 1.0)).round();
                    (if code >= range / 2.0 { code - range } else { code }) / unit
                };
                from_lab(a * 100.0, signed(b), signed(c))
            }
        }
    }
}

/// CIE 15:2018, 8.2.1.1 read backwards, white D50.
fn from_lab(lightness: f32, a: f32, b: f32) -> [f32; 3] {
    let y = (lightness + 16.0) / 116.0;
    let cube = |t: f32| if t > 6.0 / 29.0 { t * t * t } else { (t - 4.0 / 29.0) * (108.0 / 841.0) };
    // ICC.1:2022, 7.2.16.
    [0.9642 * cube(y + a / 500.0), cube(y), 0.8249 * cube(y - b / 200.0)]
}

impl Stage {
    fn apply(&self, values: &mut [f32; 4]) {
        match self {
            Self::Curves(curves) => {
                for (value, curve) in values.iter_mut().zip(curves) {
                    *value = between(curve, *value);
                }
            }
            Self::Matrix(m, offset) => {
                let [x, y, z, _] = *values;
                for ((value, row), offset) in values.iter_mut().zip(m).zip(offset) {
                    *value = row[0] * x + row[1] * y + row[2] * z + offset;
                }
            }
            Self::Grid { sides, nodes } => {
                let [x, y, z] = interpolate(sides, nodes, *values);
                *values = [x, y, z, 0.0];
            }
        }
    }
}

/// Linear interpolation; arguments beyond 0..1 take the end values, NaN the first.
fn between(samples: &[f32], x: f32) -> f32 {
    let last = samples.len().saturating_sub(1);
    let at = x.max(0.0).min(1.0) * last as f32;
    let low = (at as usize).min(last);
    let (Some(a), Some(b)) = (samples.get(low), samples.get((low + 1).min(last))) else { return 0.0 };
    a + (at - low as f32) * (b - a)
}

/// Tetrahedral in the last three inputs, linear in one before them (as LittleCMS does it), linear for a single one.
fn interpolate(sides: &[usize], nodes: &[[f32; 3]], values: [f32; 4]) -> [f32; 3] {
    let mut low = [0; 4];
    let mut fraction = [0.0; 4];
    let mut step = [0; 4];
    let mut stride = 1;
    for (i, side) in sides.iter().enumerate().rev() {
        let at = values[i].max(0.0).min(1.0) * (side - 1) as f32;
        let below = (at as usize).min(side.saturating_sub(2));
        (low[i], fraction[i]) = (below * stride, at - below as f32);
        step[i] = if *side > 1 { stride } else { 0 };
        stride *= side;
    }
    let first: usize = low.iter().sum();
    match sides.len() {
        4 => {
            let ends = [0, step[0]].map(|k| tetrahedral(nodes, first + k, [1, 2, 3].map(|i| (fraction[i], step[i]))));
            std::array::from_fn(|c| ends[0][c] + fraction[0] * (ends[1][c] - ends[0][c]))
        }
        3 => tetrahedral(nodes, first, [0, 1, 2].map(|i| (fraction[i], step[i]))),
        _ => {
            let (a, b) = (node(nodes, first), node(nodes, first + step[0]));
            std::array::from_fn(|c| a[c] + fraction[0] * (b[c] - a[c]))
        }
    }
}

/// From the node `first` along the axes in order of falling fractions. Each axis: fraction in the cell, distance of the next node.
fn tetrahedral(nodes: &[[f32; 3]], first: usize, mut axes: [(f32, usize); 3]) -> [f32; 3] {
    axes.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut at, mut before) = (first, node(nodes, first));
    let mut out = before;
    for (fraction, step) in axes {
        at += step;
        let here = node(nodes, at);
        for c in 0..3 {
            out[c] += fraction * (here[c] - before[c]);
        }
        before = here;
    }
    out
}

fn node(nodes: &[[f32; 3]], at: usize) -> [f32; 3] {
    nodes.get(at).copied().unwrap_or_default()
}

fn stages(bytes: &[u8], profile: &ColorProfile, inputs: usize) -> Result<(Vec<Stage>, Connection), String> {
    let table = profile.lut_a_to_b_colorimetric.as_ref().or(profile.lut_a_to_b_perceptual.as_ref());
    match table {
        Some(LutWarehouse::Lut(lut)) => {
            let (count, outputs) = (usize::from(lut.num_input_channels), usize::from(lut.num_output_channels));
            check_channels(count, outputs, inputs)?;
            let sides = vec![usize::from(lut.num_clut_grid_points); count];
            let stages = vec![
                Stage::Curves(split(&lut.input_table, count)?),
                grid(sides, &lut.clut_table)?,
                Stage::Curves(split(&lut.output_table, outputs)?),
            ];
            let legacy = if lut.lut_type == LutType::Lut8 { LAB } else { LEGACY_LAB };
            Ok((stages, connection(profile, legacy)?))
        }
        Some(LutWarehouse::Multidimensional(lut)) => {
            let (count, outputs) = (usize::from(lut.num_input_channels), usize::from(lut.num_output_channels));
            check_channels(count, outputs, inputs)?;
            let signature = if profile.lut_a_to_b_colorimetric.is_some() { *b"A2B1" } else { *b"A2B0" };
            let lists = nested::lists(bytes, signature, count)?;
            let mut stages = Vec::new();
            // The order of lutAToBType (ICC.1:2022, 10.12): A, table, M, matrix, B; all but B may be missing.
            if let Some(clut) = &lut.clut {
                if !lists.a.is_empty() {
                    stages.push(curves(&lists.a, count)?);
                }
                let sides = lut.grid_points.iter().take(count).map(|side| usize::from(*side));
                stages.push(grid(sides.collect(), clut)?);
            } else if count != 3 {
                return Err(format!("{count} channels without a table"));
            }
            if !lists.m.is_empty() {
                stages.push(curves(&lists.m, 3)?);
                let bias = [lut.bias.v[0], lut.bias.v[1], lut.bias.v[2]].map(|v| v as f32);
                stages.push(Stage::Matrix(lut.matrix.v.map(|row| row.map(|v| v as f32)), bias));
            }
            stages.push(curves(&lists.b, 3)?);
            Ok((stages, connection(profile, LAB)?))
        }
        None => shaper(profile),
    }
}

fn check_channels(inputs: usize, outputs: usize, expected: usize) -> Result<(), String> {
    if inputs != expected || outputs != 3 {
        return Err(format!("its table takes {inputs} channels to {outputs}, expected {expected} to 3"));
    }
    Ok(())
}

/// Curves and colorants (ICC.1:2022, F.3).
fn shaper(profile: &ColorProfile) -> Result<(Vec<Stage>, Connection), String> {
    let (Some(red), Some(green), Some(blue)) = (&profile.red_trc, &profile.green_trc, &profile.blue_trc) else {
        return Err("neither a table to the connection space nor curves".to_owned());
    };
    let (r, g, b) = (profile.red_colorant, profile.green_colorant, profile.blue_colorant);
    let rows = [[r.x, g.x, b.x], [r.y, g.y, b.y], [r.z, g.z, b.z]].map(|row| row.map(|v| v as f32));
    let curves = Stage::Curves(vec![samples(red)?, samples(green)?, samples(blue)?]);
    Ok((vec![curves, Stage::Matrix(rows, [0.0; 3])], Connection::Xyz(1.0)))
}

fn connection(profile: &ColorProfile, lab: Connection) -> Result<Connection, String> {
    match profile.pcs {
        DataColorSpace::Lab => Ok(lab),
        DataColorSpace::Xyz => Ok(Connection::Xyz(XYZ_RANGE)),
        other => Err(format!("{other:?} is no connection space")),
    }
}

fn normalized(store: &LutStore) -> Vec<f32> {
    match store {
        LutStore::Store8(values) => values.iter().map(|v| f32::from(*v) / 255.0).collect(),
        LutStore::Store16(values) => values.iter().map(|v| f32::from(*v) / 65_535.0).collect(),
    }
}

/// The curves of `channels` channels, which lie behind each other.
fn split(store: &LutStore, channels: usize) -> Result<Vec<Vec<f32>>, String> {
    let all = normalized(store);
    let each = all.len() / channels.max(1);
    if each < 2 {
        return Err(format!("curves of {each} samples, at least 2 are needed"));
    }
    Ok(all.chunks_exact(each).take(channels).map(<[f32]>::to_vec).collect())
}

fn grid(sides: Vec<usize>, store: &LutStore) -> Result<Stage, String> {
    let count = sides.iter().try_fold(1usize, |product, side| product.checked_mul(*side)).unwrap_or(usize::MAX);
    let values = normalized(store);
    let nodes: Vec<[f32; 3]> = values.as_chunks::<3>().0.to_vec();
    if count == 0 || nodes.len() < count {
        return Err(format!("its table has {} nodes, {sides:?} are needed", nodes.len()));
    }
    Ok(Stage::Grid { sides, nodes })
}

fn curves(list: &[ToneReprCurve], channels: usize) -> Result<Stage, String> {
    if list.len() < channels {
        return Err(format!("{} curves for {channels} channels", list.len()));
    }
    Ok(Stage::Curves(list.iter().take(channels).map(samples).collect::<Result<_, _>>()?))
}

/// Samples of a curve over 0 to 1.
fn samples(curve: &ToneReprCurve) -> Result<Vec<f32>, String> {
    let formula: Box<dyn Fn(f32) -> f32> = match curve {
        ToneReprCurve::Lut(samples) => match samples.as_slice() {
            [] => return Ok(vec![0.0, 1.0]),
            [gamma] => {
                let gamma = f32::from(*gamma) / 256.0;
                Box::new(move |x| x.powf(gamma))
            }
            _ => return Ok(samples.iter().map(|v| f32::from(*v) / 65_535.0).collect()),
        },
        ToneReprCurve::Parametric(p) => parametric_function(p)?,
    };
    let at = |i: usize| formula(i as f32 / (CURVE_SAMPLES - 1) as f32);
    let finite = |v: f32| if v.is_finite() { v } else { 0.0 };
    Ok((0..CURVE_SAMPLES).map(|i| finite(at(i))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Light of ProPhoto code values, by the formula of the standard.
    fn light(code: f32) -> f64 {
        let code = f64::from(code);
        if code < 1.0 / 32.0 { code / 16.0 } else { code.powf(1.8) }
    }

    #[test]
    fn lab_pictures_follow_the_definition() {
        for (code, wide, gray, neutral) in [
            (LabCode::Signed, false, 127.5 / 255.0, 0.0),
            (LabCode::Signed, true, 0.5, 0.0),
            (LabCode::Offset, false, 0.5, 128.0 / 255.0),
            (LabCode::Offset, true, 0.5 * 65_280.0 / 65_535.0, 32_768.0 / 65_535.0),
        ] {
            let conversion = Conversion::lab(code, wide);
            // L* = 50 is 18.42 % of the light (CIE 15).
            let rgb = conversion.pixel([gray, neutral, neutral, 0.0]);
            for v in rgb {
                assert!((light(v) - 0.184_187).abs() < 2e-4, "{code:?} {wide}: {rgb:?}");
            }
        }
        // L* 50, a* -128, as the standard's two's complement has it.
        let signed = Conversion::lab(LabCode::Signed, false).xyz([0.5, 128.0 / 255.0, 0.0, 0.0]);
        let offset = Conversion::lab(LabCode::Offset, false).xyz([0.5, 0.0, 128.0 / 255.0, 0.0]);
        for (a, b) in signed.into_iter().zip(offset) {
            assert!((a - b).abs() < 1e-6, "{signed:?} {offset:?}");
        }
    }

    #[test]
    fn interpolation_keeps_what_is_linear() {
        // Values that are linear in all four inputs come back exactly, whatever the cell and order of fractions.
        let sides = vec![3, 2, 4, 3];
        let mut nodes = Vec::new();
        for i in 0..3 * 2 * 4 * 3 {
            let (a, b, c, d) = (i / 24, i / 12 % 2, i / 3 % 4, i % 3);
            let v = a as f32 / 2.0 + 10.0 * b as f32 + 100.0 * c as f32 / 3.0 + 1000.0 * d as f32 / 2.0;
            nodes.push([v, 2.0 * v, -v]);
        }
        for x in [[0.0; 4], [1.0; 4], [0.1, 0.9, 0.5, 0.2], [0.7, 0.2, 0.95, 0.4], [0.33, 0.33, 0.33, 0.33]] {
            let wanted = x[0] + 10.0 * x[1] + 100.0 * x[2] + 1000.0 * x[3];
            let found = interpolate(&sides, &nodes, x);
            assert!((found[0] - wanted).abs() < 1e-3 && (found[1] + 2.0 * found[2]).abs() < 1e-3, "{x:?}: {found:?}");
        }
    }
}
