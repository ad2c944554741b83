//! Whole pictures through area operations, for tests of what they look like.

use super::super::area::{Carried, Planes};
use super::super::*;
use super::cases::{Random, context};
use crate::ops::{Frame, Tables};
use crate::picture::Extent;

/// A picture, unassociated.
#[derive(Clone)]
pub struct Picture {
    pub width: u32,
    pub rgb: Vec<[f32; 3]>,
    pub alpha: Option<Vec<f32>>,
}

impl Picture {
    /// Opaque, from a color per place.
    pub fn new(width: u32, height: u32, color: impl Fn(u32, u32) -> [f32; 3]) -> Self {
        let rgb = (0..width * height).map(|i| color(i % width, i / width)).collect();
        Self { width, rgb, alpha: None }
    }

    pub fn height(&self) -> u32 {
        self.rgb.len() as u32 / self.width
    }

    pub fn at(&self, x: u32, y: u32) -> [f32; 3] {
        self.rgb[(y * self.width + x) as usize]
    }
}

/// `picture` after operation `id`, all its stages over the whole picture.
pub fn apply(id: &str, values: &[(&'static str, f64)], picture: &Picture) -> Picture {
    let op = find(id).unwrap();
    let mut set = op.defaults();
    set.extend(values.iter().map(|(name, value)| (*name, Value::Number(*value))));
    apply_set(op, &set, picture)
}

/// As [`apply`], with any parameters.
pub fn apply_set(op: &dyn AnyOp, set: &ParamSet, picture: &Picture) -> Picture {
    let came = Extent { width: picture.width, height: picture.height() };
    let (mut now, mut aux) = (picture.clone(), vec![0.0; picture.rgb.len()]);
    for stage in 0..op.stages(set) {
        let extent = Extent { width: now.width, height: now.height() };
        let frame = Frame { extent, resized_from: (stage > 0).then_some(came), ..Frame::default() };
        let mut tables = Tables(vec![5; 3]);
        let step = op.step(set, &Context { frame, stage, ..context() }, &mut tables, 1.0).unwrap();
        if !step.area.as_ref().unwrap().is_idle() {
            (now, aux) = gathered(&step, &tables, &now, &aux);
        }
    }
    now
}

fn gathered(step: &Step, tables: &Tables, now: &Picture, aux: &[f32]) -> (Picture, Vec<f32>) {
    let area = step.area.as_ref().unwrap();
    let carried = Carried { alpha: now.alpha.is_some(), kept: false };
    let mut planes = Planes::new(carried, area.extent_in, 0, area.extent_in.height, area.margin_x());
    let (floats, width) = (planes.row_floats(), now.width as usize);
    let mut chunk = Box::new(Chunk::new());
    for (y, data) in planes.data_mut().chunks_exact_mut(floats).enumerate() {
        let mut out = Planes::row_of(carried, area.extent_in, area.margin_x(), data);
        for first in (0..width).step_by(CHUNK) {
            (chunk.len, chunk.x, chunk.y) = (CHUNK.min(width - first), first as u32, y as u32);
            for i in 0..chunk.len {
                let at = y * width + first + i;
                (0..3).for_each(|c| chunk.rgb[c][i] = now.rgb[at][c]);
                chunk.alpha[i] = now.alpha.as_ref().map_or(1.0, |alpha| alpha[at]);
                chunk.aux[i] = aux[at];
            }
            out.store(&mut chunk, false);
        }
        out.finish();
    }
    let (mut rgb, mut alpha, mut aux) = (Vec::new(), Vec::new(), Vec::new());
    let width = area.extent_out.width as usize;
    for y in 0..area.extent_out.height {
        for first in (0..width).step_by(CHUNK) {
            (chunk.len, chunk.x, chunk.y) = (CHUNK.min(width - first), first as u32, y);
            step.gather(&tables.0, &planes, Isa::best(), &mut chunk);
            rgb.extend((0..chunk.len).map(|i| [chunk.rgb[0][i], chunk.rgb[1][i], chunk.rgb[2][i]]));
            alpha.extend_from_slice(&chunk.alpha[..chunk.len]);
            aux.extend_from_slice(&chunk.aux[..chunk.len]);
        }
    }
    (Picture { width: width as u32, rgb, alpha: carried.alpha.then_some(alpha) }, aux)
}

/// Normally distributed numbers, nearly: sums of 12 even ones (Irwin and Hall, 1927).
pub struct Normal(pub Random);

impl Normal {
    pub fn next(&mut self, deviation: f64) -> f32 {
        let sum: f64 = (0..12).map(|_| self.0.within(0.0, 1.0)).sum();
        ((sum - 6.0) * deviation) as f32
    }
}

/// Luma, Rec.2020.
pub fn luma(rgb: [f32; 3]) -> f32 {
    guide::LUMA_REC2020.iter().zip(rgb).map(|(w, v)| w * v).sum()
}
