//! The CPU executor: the definition of every result.
//!
//! A strip is cut into runs of at most [`CHUNK`] pixels of one row; all steps of the pass run over one chunk while it is in the
//! first-level cache. Chunks are independent, so the result depends neither on strip height nor on threads.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Executor, samples};
use crate::error::Result;
use crate::lut::CodeLut;
use crate::ops::area::{Area, Planes};
use crate::ops::{CHUNK, Chunk, Isa, Step, Tables};
use crate::picture::{Alpha, Region, Strip};
use crate::plan::{Pass, Program};

/// Runs passes on the bounded pool.
pub struct Cpu {
    pool: Arc<rayon::ThreadPool>,
    isa: Isa,
}

impl Cpu {
    /// An executor on `pool` with the instruction set `isa`.
    pub fn new(pool: Arc<rayon::ThreadPool>, isa: Isa) -> Self {
        Self { pool, isa }
    }
}

impl Executor for Cpu {
    fn describe(&self) -> String {
        format!("CPU, {}, {} threads", self.isa.name(), self.pool.current_num_threads())
    }

    fn arithmetic(&self) -> String {
        "cpu".to_owned()
    }

    fn run_rows(
        &self,
        program: &Program,
        input: &Strip,
        depth: Option<&[f32]>,
        region: Region,
        output: &mut Strip,
    ) -> Result<()> {
        output.reset(region, program.output);
        if program.is_copy() {
            output.bytes_mut().copy_from_slice(input.bytes());
            return Ok(());
        }
        if let Some(codes) = &program.codes {
            self.pool.install(|| map_codes(codes, self.isa, input, output));
            return Ok(());
        }
        let passes = program.passes();
        let Some((last, before)) = passes.split_last() else { return Ok(()) };
        let mut spare = SPARE.take();
        let front = self.pool.install(|| self.planes(program, before, input, depth, region, &mut spare));
        let row_bytes = output.row_bytes();
        let (isa, alpha) = (self.isa, program.input.alpha);
        self.pool.install(|| {
            output.bytes_mut().par_chunks_mut(row_bytes.max(1)).enumerate().for_each_init(
                || Box::new(Chunk::new()),
                |chunk, (row, out)| {
                    let store = |chunk: &mut Chunk| {
                        samples::store(alpha, program.output, isa, chunk, program.dither_seed, out, chunk.x as usize);
                    };
                    match (&front, last.area) {
                        (Some(planes), Some(area)) => {
                            let y = region.y + row as u32;
                            gather_row(program, Front { area, planes, steps: last.steps }, y, isa, chunk, store);
                        }
                        _ => load_row(program, last.steps, input, depth, row, isa, chunk, store),
                    }
                },
            );
        });
        spare.extend(front.map(Planes::into_storage));
        SPARE.set(spare);
        Ok(())
    }
}

thread_local! {
    /// Memory of the planes of the last strip of this thread, in the order in which they were made. Taken from the system and given back for
    /// every strip, it would leave holes: twice the memory, and every page touched anew.
    static SPARE: RefCell<VecDeque<Vec<f32>>> = const { RefCell::new(VecDeque::new()) };
}

/// Gives back what this thread has kept for the next strip of a picture. Called when the picture has ended: its memory is charged no longer.
pub fn forget_strips() {
    SPARE.take();
}

impl Cpu {
    /// Runs all passes but the last; `None` when there is only one.
    fn planes(
        &self,
        program: &Program,
        passes: &[Pass],
        input: &Strip,
        depth: Option<&[f32]>,
        region: Region,
        spare: &mut VecDeque<Vec<f32>>,
    ) -> Option<Planes> {
        let areas: Vec<&Area> = program.areas().collect();
        let light = program.input.alpha == Alpha::Associated;
        let carried = program.carried();
        let mut front: Option<Planes> = None;
        for (i, pass) in passes.iter().enumerate() {
            let reader = areas.get(i)?;
            let after = areas.get(i + 1..).unwrap_or(&[]);
            let (first, end) =
                after.iter().rev().fold((region.y, region.y + region.rows), |(a, b), area| area.rows(a, b));
            let (first, end) = reader.rows(first, end);
            let (extent, pad) = (reader.extent_in, reader.margin_x());
            let storage = spare.pop_front().unwrap_or_default();
            let mut planes = Planes::within(storage, carried, extent, first, end - first, pad);
            let floats = planes.row_floats().max(1);
            let isa = self.isa;
            planes.data_mut().par_chunks_mut(floats).enumerate().for_each_init(
                || Box::new(Chunk::new()),
                |chunk, (row, data)| {
                    let mut out = Planes::row_of(carried, extent, pad, data);
                    let store = |chunk: &mut Chunk| out.store(chunk, light);
                    let y = first + row as u32;
                    match (&front, pass.area) {
                        (Some(planes), Some(area)) => {
                            gather_row(program, Front { area, planes, steps: pass.steps }, y, isa, chunk, store);
                        }
                        _ => {
                            let row = y.saturating_sub(input.region.y) as usize;
                            load_row(program, pass.steps, input, depth, row, isa, chunk, store);
                        }
                    }
                    out.finish();
                },
            );
            spare.extend(front.replace(planes).map(Planes::into_storage));
        }
        front
    }
}

/// A program that is one function of code values: rows as they are.
fn map_codes(codes: &CodeLut, isa: Isa, input: &Strip, output: &mut Strip) {
    let channels = input.layout.channels.count();
    let row_bytes = input.row_bytes().max(1);
    let rows = input.bytes().par_chunks(row_bytes).zip(output.bytes_mut().par_chunks_mut(row_bytes));
    rows.for_each(|(from, to)| codes.apply(isa, channels, samples::cast(from), samples::cast_mut(to)));
}

/// What a pass behind an area operation begins with.
struct Front<'a> {
    area: &'a Step,
    planes: &'a Planes,
    steps: &'a [Step],
}

/// Gathers row `y` of a pass, chunk by chunk, and runs its steps; `sink` gets the chunks.
fn gather_row(program: &Program, front: Front, y: u32, isa: Isa, chunk: &mut Chunk, mut sink: impl FnMut(&mut Chunk)) {
    let width = front.area.area.as_ref().map_or(0, |area| area.extent_out.width) as usize;
    for first in (0..width).step_by(CHUNK) {
        chunk.len = CHUNK.min(width - first);
        (chunk.x, chunk.y) = (first as u32, y);
        front.area.gather(&program.tables.0, front.planes, isa, chunk);
        run_steps(program, front.steps, isa, chunk);
        sink(chunk);
    }
}

/// Loads row `row` of `input`, chunk by chunk, and runs `steps`; `sink` gets the chunks.
#[expect(clippy::too_many_arguments, reason = "a row of the pass needs them all, and this is its only loop")]
fn load_row(
    program: &Program,
    steps: &[Step],
    input: &Strip,
    depth: Option<&[f32]>,
    row: usize,
    isa: Isa,
    chunk: &mut Chunk,
    mut sink: impl FnMut(&mut Chunk),
) {
    for first in (0..input.region.width as usize).step_by(CHUNK) {
        load_run(program, steps, input, depth, (first, row), isa, chunk);
        sink(chunk);
    }
}

/// Loads the pixels from column `first` on of row `row` of `input`, as many as a chunk holds, and runs `steps`.
fn load_run(
    program: &Program,
    steps: &[Step],
    input: &Strip,
    depth: Option<&[f32]>,
    (first, row): (usize, usize),
    isa: Isa,
    chunk: &mut Chunk,
) {
    let width = input.region.width as usize;
    let row_bytes = input.row_bytes();
    let source = input.bytes().get(row * row_bytes..(row + 1) * row_bytes).unwrap_or(&[]);
    chunk.len = CHUNK.min(width - first);
    (chunk.x, chunk.y) = (first as u32, input.region.y + row as u32);
    samples::load(program.input, isa, source, first, chunk);
    // What masked operations did to the pixels that were here before.
    chunk.touched[..chunk.len].fill(0.0);
    if let Some(depth) = depth {
        let at = row * width + first;
        chunk.disparity[..chunk.len].copy_from_slice(&depth[at..at + chunk.len]);
    }
    run_steps(program, steps, isa, chunk);
}

fn run_steps(program: &Program, steps: &[Step], isa: Isa, chunk: &mut Chunk) {
    let transparent = program.input.alpha == Alpha::Associated && samples::has_transparent(chunk);
    for step in steps {
        if transparent && !step.acts_on_transparent {
            run_beside_transparent(step, &program.tables, isa, chunk);
        } else {
            step.run(&program.tables.0, isa, chunk);
        }
    }
}

/// Runs a step; color of pixels without coverage stays as it was.
fn run_beside_transparent(step: &Step, tables: &Tables, isa: Isa, chunk: &mut Chunk) {
    let before = chunk.rgb;
    step.run(&tables.0, isa, chunk);
    for (plane, before) in chunk.rgb.iter_mut().zip(&before) {
        for ((value, before), alpha) in plane.iter_mut().zip(before).zip(&chunk.alpha).take(chunk.len) {
            *value = if *alpha > 0.0 { *value } else { *before };
        }
    }
}

/// Rows of a tile: enough that what is done once per tile does not count, few enough that all threads find work in a strip.
const TILE_ROWS: usize = 64;

/// Runs `program` over a strip, tile by tile of at most [`CHUNK`] columns and a few rows, and shows every run of pixels to `visit`; `finish`
/// ends a tile. This is how the analyse phase looks at a picture: what is added up stays in the first-level cache. Tiles come on pool threads
/// in any order, each with a state that was used for other tiles before, so whatever is added up must commute.
pub fn visit_tiles<S>(
    pool: &rayon::ThreadPool,
    program: &Program,
    input: &Strip,
    isa: Isa,
    state: impl Fn() -> S + Sync + Send,
    visit: impl Fn(&mut S, &Chunk) + Sync,
    finish: impl Fn(&mut S) + Sync,
) {
    let (width, rows) = (input.region.width as usize, input.region.rows as usize);
    let columns = width.div_ceil(CHUNK);
    let tiles = columns * rows.div_ceil(TILE_ROWS);
    pool.install(|| {
        (0..tiles).into_par_iter().for_each_init(
            || (Box::new(Chunk::new()), state()),
            |(chunk, state), tile| {
                let (first, row) = (tile % columns * CHUNK, tile / columns * TILE_ROWS);
                for row in row..rows.min(row + TILE_ROWS) {
                    load_run(program, &program.steps, input, None, (first, row), isa, chunk);
                    visit(state, chunk);
                }
                finish(state);
            },
        );
    });
}
