//! Steps to test: every operation with defaults (where they are accepted) and with random parameters, and conversions as plans insert them.

use std::sync::Arc;

use super::super::*;
use crate::color::curve::Direction;
use crate::color::{encodings, matrix as primaries};
use crate::lut::{Domain as LutDomain, Lut, Lut1d, Lut3d};
use crate::ops::field::Field;
use crate::picture::{Curve, CurveTable, Extent};

/// A prepared step, with a name for messages that begins with the id.
pub struct Case {
    pub name: String,
    pub step: Step,
    pub tables: Tables,
}

/// Name of the LUT that [`context`] holds.
const LUT_FILE: &str = "test.cube";
/// Random sets of parameters per operation and strength.
const SETS: usize = 6;

/// What operations need beyond parameters: a LUT with a shaper on a wider domain and a table of bent values.
pub fn context() -> Context {
    let shaper = Lut1d::from_fn(33, LutDomain::uniform(-0.25, 1.5), |rgb| rgb.map(|v| (v + 0.25) / 1.75)).unwrap();
    let bent = |[r, g, b]: [f32; 3]| [r * r - 0.1 * g, g.sqrt() + 0.05 * b, 1.1 * b - 0.2 * r * g];
    let cube = Lut3d::from_fn(5, LutDomain::UNIT, bent).unwrap();
    let lut = Lut { shaper: Some(shaper), cube: Some(cube), ..Lut::default() };
    let extent = Extent { width: 5, height: 3 };
    // Slopes and offsets, or light: any small numbers will do.
    let values = (0..5 * 3 * 3).map(|i| (i * 7 % 13) as f32 / 26.0).collect();
    Context {
        luts: [(LUT_FILE.to_owned(), Arc::new(crate::lut::LoadedLut::new(lut)))].into(),
        field: Some(Arc::new(Field { extent, channels: 3, values })),
        frame: Frame { extent: Extent { width: 530, height: 11 }, ..Frame::default() },
        ..Context::default()
    }
}

/// All cases at each strength; plumbing at strength 1 only, as plans use it.
pub fn cases(strengths: &[f32]) -> impl Iterator<Item = Case> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut found = Vec::new();
    for op in ALL.iter().copied().filter(|op| !op.is_area()) {
        for &strength in strengths {
            found.extend((0..SETS).map(|i| random_case(op, &mut random, i, strength)));
        }
    }
    for op in PLUMBING {
        let mut tables = Tables::default();
        let step = op.step(&op.defaults(), &context(), &mut tables, 1.0).unwrap();
        found.push(Case { name: op.id().to_owned(), step, tables });
    }
    found.extend(conversions());
    // Plumbing at strength 0 would be no plan's step. Area operations have tests of their own.
    let plumbing = strengths.contains(&1.0);
    found.into_iter().filter(move |case| plumbing || find(case.step.id).is_some())
}

/// A case with random parameters. Fails the test when the operation refuses all that are tried.
pub(super) fn random_case(op: &'static dyn AnyOp, random: &mut Random, i: usize, strength: f32) -> Case {
    let tried = (0..50).map(|_| {
        let set = random.params(op);
        let mut tables = Tables(vec![1, 2, 3]);
        op.step(&set, &context(), &mut tables, strength).map(|step| Case {
            name: format!("{} (set {i}: {set:?}, strength {strength})", op.id()),
            step,
            tables,
        })
    });
    let mut refused = String::new();
    for result in tried {
        match result {
            Ok(case) => return case,
            Err(e) => refused = e,
        }
    }
    panic!("{} cannot be prepared: {refused}", op.id())
}

/// Conversions with numbers that do something.
fn conversions() -> Vec<Case> {
    let samples = (0..1024).map(|i| (i as f32 / 1023.0).powf(2.2)).collect();
    let table = Curve::Table(Arc::new(CurveTable { samples }));
    let curves = [encodings::SRGB_CURVE, encodings::REC709_CURVE, Curve::Power { gamma: 1.8 }, Curve::Acescct, table];
    let mut found = Vec::new();
    for curve in &curves {
        for direction in [Direction::Decode, Direction::Encode] {
            let mut tables = Tables(vec![1, 2, 3]);
            let step = transfer::step(curve, direction, &mut tables).unwrap();
            found.push(Case { name: format!("transfer {direction:?} of {curve:.20?}"), step, tables });
        }
    }
    for (from, to) in [(primaries::REC709, primaries::REC2020), (primaries::REC2020, primaries::REC709)] {
        let step = matrix::step(&primaries::between(&from, &to).unwrap()).unwrap();
        found.push(Case { name: "matrix".to_owned(), step, tables: Tables::default() });
    }
    found.extend([disparity::color::LUMA, disparity::color::CODES, disparity::color::LIGHT].map(join));
    found.extend([guide::Of::Codes, guide::Of::Light].map(|of| {
        let (name, step) = (format!("guide of {of:?}"), guide::step(of));
        Case { name, step, tables: Tables::default() }
    }));
    let scaling = supplied::Constants { scale: 1.05, offset: -0.05 };
    let step = Step::new::<supplied::Spec>(&scaling, 1.0);
    found.push(Case { name: "supplied".to_owned(), step, tables: Tables::default() });
    found
}

/// A depth join with edges and slopes.
fn join(guide: u32) -> Case {
    let (width, height) = (9u32, 5u32);
    let half = |v: f32| u32::from(half::f16::from_f32(v).to_bits());
    let words = (0..width * height).flat_map(|i| {
        let d = (i * 37 % 35) as f32 / 35.0;
        let (slope, range) = ((i % 5) as f32 - 2.0, half(d - 0.1) | half(d + 0.2) << 16);
        match guide {
            disparity::color::LUMA => vec![half(slope) | half(d) << 16, range],
            _ => vec![half(slope) | half(0.5 - slope) << 16, half(0.3) | half(d) << 16, range],
        }
    });
    let constants = disparity::JoinConstants::new(0, width, height, (530, 11)).with_color(guide);
    let mut tables = Tables(vec![7; 5]);
    let step = disparity::step(&disparity::Join { constants, words: words.collect() }, &mut tables);
    Case { name: "disparity".to_owned(), step, tables }
}

/// A small generator of pseudo-random numbers (Marsaglia, "Xorshift RNGs", 2003).
pub(super) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn within(&mut self, min: f64, max: f64) -> f64 {
        min + (max - min) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A valid value for every parameter; one number in four keeps its default, and files are [`LUT_FILE`].
    pub fn params(&mut self, op: &dyn AnyOp) -> ParamSet {
        let mut set = op.defaults();
        for info in op.params() {
            let value = match info.kind {
                Kind::Number { .. } if self.next().is_multiple_of(4) => info.default.clone(),
                Kind::Number { min, max, .. } => Value::Number(self.within(min, max)),
                // Mostly the default: sizes given in several ways contradict each other.
                Kind::Whole { .. } if self.next() >> 60 > 3 => info.default.clone(),
                Kind::Whole { min, max, .. } => {
                    Value::Number(self.within(f64::from(min), f64::from(max.min(99))).round())
                }
                Kind::Flag => Value::Bool(self.next().is_multiple_of(2)),
                Kind::Points { min, max } => {
                    let ys = [self.within(min, max), self.within(min, max), self.within(min, max)];
                    let at = |t: f64| min + t * (max - min);
                    Value::Points(vec![[at(0.0), ys[0]], [at(0.3), ys[1]], [at(1.0), ys[2]]])
                }
                // Rising, and as many as the default has, so that lists of one operation may depend on each other.
                Kind::Numbers { min, max, most, .. } => {
                    let count = if let Value::List(default) = &info.default { default.len() } else { 3.min(most) };
                    let mut list: Vec<f64> = (0..count).map(|_| self.within(min, max)).collect();
                    list.sort_by(f64::total_cmp);
                    Value::List(list)
                }
                Kind::Color { min, max } | Kind::Channels { min, max } => {
                    Value::List((0..3).map(|_| self.within(min, max)).collect())
                }
                Kind::Choice(words) => Value::Text(words[self.next() as usize % words.len()].to_owned()),
                Kind::File => Value::Text(LUT_FILE.to_owned()),
            };
            info.check(&value).unwrap();
            set.insert(info.name, value);
        }
        set
    }
}
