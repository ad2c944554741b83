//! Tests that iterate the area operations: a new one is covered by being named.

use super::super::area::{Area, Carried, MAX_MARGIN_PX, Planes, Reach};
use super::*;
use crate::ops::{Frame, Step, Tables};
use crate::picture::Extent;

const FRAME: Frame = Frame { extent: Extent { width: 61, height: 47 }, orientation: 1, resized_from: None };

fn at_stage(stage: u32, extent: Extent) -> Context {
    let frame = Frame { extent, resized_from: (stage > 0).then_some(FRAME.extent), ..FRAME };
    Context { frame, stage, ..context() }
}

/// All stages of every area operation with some parameters, at this strength.
fn area_cases(strength: f32) -> Vec<(String, Vec<Step>, Tables)> {
    let mut random = cases::Random(0x9e37_79b9_7f4a_7c15);
    let mut found = Vec::new();
    for op in ALL.iter().copied().filter(|op| op.is_area()) {
        let before = found.len();
        for _ in 0..60 {
            let set = random.params(op);
            if op.is_identity(&set) || found.len() >= before + 4 {
                continue;
            }
            let mut tables = Tables(vec![1, 2, 3]);
            let mut extent = FRAME.extent;
            let steps: Result<Vec<Step>, String> = (0..op.stages(&set))
                .map(|stage| {
                    let step = op.step(&set, &at_stage(stage, extent), &mut tables, strength)?;
                    extent = step.area.as_ref().map_or(extent, |area| area.extent_out);
                    Ok(step)
                })
                .collect();
            // As plans do.
            let active =
                |steps: Vec<Step>| steps.into_iter().filter(|s| !s.area.as_ref().is_some_and(Area::is_idle)).collect();
            if let Ok(steps) = steps.map(active)
                && !Vec::is_empty(&steps)
            {
                found.push((format!("{} {set:?}", op.id()), steps, tables));
            }
        }
        assert!(found.len() > before, "{}: no parameters were accepted", op.id());
    }
    found
}

/// A picture with edges, noise and partial coverage.
fn fill(x: u32, y: u32, chunk: &mut Chunk, i: usize) {
    let noise = crate::ops::tests::cases::Random(u64::from(x * 7 + y * 1013 + 1)).next() % 1000;
    let step = if (x / 9 + y / 7).is_multiple_of(2) { 0.7 } else { 0.15 };
    let v = step + noise as f32 * 1e-4;
    (chunk.rgb[0][i], chunk.rgb[1][i], chunk.rgb[2][i]) = (v, v * 0.8 + 0.05, 1.2 - v);
    chunk.alpha[i] = [1.0, 0.5, 0.0][(x as usize / 20 + y as usize / 20) % 3];
    (chunk.guide[i], chunk.disparity[i]) = (v.min(1.0), x as f32 / 61.0);
    (chunk.mask[i], chunk.aux[i]) = ((y % 3) as f32 * 0.5, 0.0);
}

/// Planes of rows `first..end` of the picture, run through the stages before the last.
fn planes(
    area: &Area,
    alpha: bool,
    first: u32,
    end: u32,
    mut pixel: impl FnMut(u32, u32, &mut Chunk, usize),
) -> Planes {
    let carried = Carried { alpha, kept: false };
    let mut planes = Planes::new(carried, area.extent_in, first, end - first, area.margin_x());
    let (floats, pad, extent) = (planes.row_floats(), area.margin_x(), area.extent_in);
    let mut chunk = Chunk::new();
    for (row, data) in planes.data_mut().chunks_exact_mut(floats).enumerate() {
        let y = first + row as u32;
        let mut out = Planes::row_of(carried, extent, pad, data);
        for x in (0..extent.width).step_by(CHUNK) {
            chunk.len = CHUNK.min((extent.width - x) as usize);
            (chunk.x, chunk.y) = (x, y);
            (0..chunk.len).for_each(|i| pixel(x + i as u32, y, &mut chunk, i));
            out.store(&mut chunk, false);
        }
        out.finish();
    }
    planes
}

/// Runs all stages over rows `first..end` of the result; returns color, alpha and touched as bits.
fn run(steps: &[Step], tables: &Tables, alpha: bool, isa: Isa, first: u32, end: u32) -> Vec<[u32; 5]> {
    run_on(fill, steps, tables, alpha, isa, first..end)
}

/// As [`run`], on another picture.
fn run_on(
    pixel: impl FnMut(u32, u32, &mut Chunk, usize),
    steps: &[Step],
    tables: &Tables,
    alpha: bool,
    isa: Isa,
    rows: std::ops::Range<u32>,
) -> Vec<[u32; 5]> {
    let areas: Vec<&Area> = steps.iter().filter_map(|s| s.area.as_ref()).collect();
    let mut wanted = vec![(rows.start, rows.end)];
    for area in areas.iter().rev() {
        let (a, b) = wanted[wanted.len() - 1];
        wanted.push(area.rows(a, b));
    }
    wanted.reverse();
    let mut front = planes(areas[0], alpha, wanted[0].0, wanted[0].1, pixel);
    let mut out = Vec::new();
    for (k, step) in steps.iter().enumerate() {
        let (a, b) = wanted[k + 1];
        let width = areas[k].extent_out.width;
        let next = areas.get(k + 1).map(|area| {
            let mut chunk = Box::new(Chunk::new());
            planes(area, alpha, a, b, |x, y, to, i| {
                // One pixel at a time: chunks of any length must give the same.
                (chunk.len, chunk.x, chunk.y) = (1, x, y);
                step.gather(&tables.0, &front, isa, &mut chunk);
                (0..3).for_each(|c| to.rgb[c][i] = chunk.rgb[c][0]);
                (to.alpha[i], to.guide[i], to.disparity[i]) = (chunk.alpha[0], chunk.guide[0], chunk.disparity[0]);
                (to.mask[i], to.aux[i]) = (chunk.mask[0], chunk.aux[0]);
            })
        });
        if let Some(next) = next {
            front = next;
            continue;
        }
        for y in a..b {
            let mut chunk = Chunk { len: width as usize, y, ..Chunk::new() };
            step.gather(&tables.0, &front, isa, &mut chunk);
            out.extend((0..chunk.len).map(|i| {
                let [r, g, b] = [0, 1, 2].map(|c: usize| chunk.rgb[c][i].to_bits());
                [r, g, b, chunk.alpha[i].to_bits(), chunk.touched[i].to_bits()]
            }));
        }
    }
    out
}

/// True for operations around a pixel, false for those that resample.
fn keeps_size(step: &Step) -> bool {
    step.area.as_ref().is_some_and(|area| matches!(area.reach, Reach::Margin { .. }))
}

fn height(steps: &[Step]) -> u32 {
    steps.last().and_then(|s| s.area.as_ref()).map_or(0, |a| a.extent_out.height)
}

#[test]
fn strips_and_instruction_sets_give_the_same_bits() {
    for (name, steps, tables) in area_cases(1.0) {
        for alpha in [false, true] {
            let end = height(&steps);
            let whole = run(&steps, &tables, alpha, Isa::available()[0], 0, end);
            for isa in Isa::available() {
                let cut: Vec<_> = [0..end / 3, end / 3..end / 2, end / 2..end]
                    .into_iter()
                    .flat_map(|rows| run(&steps, &tables, alpha, isa, rows.start, rows.end))
                    .collect();
                assert!(cut == whole, "{name} differs on {} or at strips, alpha {alpha}", isa.name());
            }
        }
    }
}

#[test]
fn margins_are_bounded() {
    for (name, steps, _) in area_cases(1.0) {
        for area in steps.iter().filter_map(|s| s.area.as_ref()) {
            if let Reach::Margin { x, y } = area.reach {
                assert!(x.max(y) <= MAX_MARGIN_PX, "{name}: {x} x {y}");
            }
        }
    }
}

/// Every operation does something to a picture with edges and noise, keeps what is not covered, and makes no NaN.
#[test]
fn area_operations_act_and_stay_finite() {
    for (name, steps, tables) in area_cases(1.0) {
        for alpha in [false, true] {
            let out = run(&steps, &tables, alpha, Isa::best(), 0, height(&steps));
            assert!(out.iter().flatten().all(|bits| f32::from_bits(*bits).is_finite()), "{name}");
            if steps.iter().all(keeps_size) {
                let mut chunk = Chunk::new();
                let mut changed = 0;
                for (i, px) in out.iter().enumerate() {
                    fill(i as u32 % 61, i as u32 / 61, &mut chunk, 0);
                    let same = (0..3).all(|c| chunk.rgb[c][0].to_bits() == px[c]);
                    changed += usize::from(!same);
                    assert!(same || !alpha || chunk.alpha[0] > 0.0, "{name}: changed color that covers nothing");
                }
                // In a picture so small, the blur of a lens given in millimeters, or of a small percentage, may be less than a pixel.
                let tiny = steps.iter().filter_map(|s| s.area.as_ref()).all(|area| area.margin_x() <= 1);
                let slight = tiny || name.contains("\"physical\"");
                assert!(changed > 50 || slight, "{name} changes {changed} pixels");
            }
        }
    }
}

#[test]
fn strength_zero_leaves_every_pixel() {
    for (name, steps, tables) in area_cases(0.0) {
        if !steps.iter().all(keeps_size) {
            continue;
        }
        let mut chunk = Chunk::new();
        for (i, px) in run(&steps, &tables, true, Isa::best(), 0, height(&steps)).iter().enumerate() {
            fill(i as u32 % 61, i as u32 / 61, &mut chunk, 0);
            assert!((0..3).all(|c| chunk.rgb[c][0].to_bits() == px[c]), "{name}, pixel {i}");
        }
    }
}

/// Pixels that are infinite or no number: two side by side that cover all, and two that cover half.
fn break_some(x: u32, y: u32, color: [f32; 3], chunk: &mut Chunk, i: usize) {
    fill(x, y, chunk, i);
    if y == 9 && [10, 11, 30, 31].contains(&x) {
        (0..3).for_each(|c| chunk.rgb[c][i] = color[c]);
    }
}

/// True when pixel (`x`, `y`) of the result reads nothing of row 9, or nothing of the columns of [`break_some`].
fn is_far(steps: &[Step], x: u32, y: u32) -> bool {
    let areas = steps.iter().rev().filter_map(|s| s.area.as_ref());
    let (first, end) = areas.clone().fold((y, y + 1), |(first, end), area| area.rows(first, end));
    let reach = areas.map(Area::margin_x).sum();
    !(first..end).contains(&9)
        || steps.iter().all(keeps_size) && [10, 11, 30, 31].iter().all(|at| x.abs_diff(*at) > reach)
}

#[test]
fn no_area_operation_makes_nan_or_spreads_it() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    for (name, steps, tables) in area_cases(1.0) {
        for alpha in [false, true] {
            let whole = run(&steps, &tables, alpha, Isa::best(), 0, height(&steps));
            let width = (whole.len() as u32 / height(&steps)).max(1);
            for color in [[nan; 3], [inf; 3], [-inf; 3], [inf, -inf, nan]] {
                let broken = |x, y, chunk: &mut Chunk, i| break_some(x, y, color, chunk, i);
                let out = run_on(broken, &steps, &tables, alpha, Isa::best(), 0..height(&steps));
                let mut chunk = Chunk::new();
                for (i, (px, came)) in out.iter().zip(&whole).enumerate() {
                    let (x, y) = (i as u32 % width, i as u32 / width);
                    let mut came_so = [false; 5];
                    if steps.iter().all(keeps_size) {
                        broken(x, y, &mut chunk, 0);
                        (0..3).for_each(|c| came_so[c] = chunk.rgb[c][0].is_nan());
                    }
                    let made = px.iter().zip(came_so).any(|(v, came)| f32::from_bits(*v).is_nan() && !came);
                    assert!(!made, "{name}, alpha {alpha}: {color:?} makes NaN at {x}, {y}");
                    assert!(px == came || !is_far(&steps, x, y), "{name}, alpha {alpha}: {color:?} reaches {x}, {y}");
                }
            }
        }
    }
}
