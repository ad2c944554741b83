//! The CPU executor: the definition of every result.
//!
//! A strip is cut into runs of at most [`CHUNK`] pixels of one row; all steps of the pass run over one chunk while it is in the
//! first-level cache. Chunks are independent, so the result depends neither on strip height nor on threads.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Executor, samples};
use crate::error::Result;
use crate::ops::{CHUNK, Chunk, Isa, Step, Tables};
use crate::picture::{Alpha, Region, Strip};
use crate::plan::Program;

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

    fn run(&self, program: &Program, input: &Strip, depth: Option<&[f32]>, output: &mut Strip) -> Result<()> {
        output.reset(input.region, program.output);
        if program.is_copy() {
            output.bytes_mut().copy_from_slice(input.bytes());
            return Ok(());
        }
        let row_bytes = output.row_bytes();
        let isa = self.isa;
        self.pool.install(|| {
            output.bytes_mut().par_chunks_mut(row_bytes).enumerate().for_each_init(
                || Box::new(Chunk::new()),
                |chunk, (row, out)| {
                    each_chunk(program, input, depth, row, isa, chunk, |first, chunk| {
                        samples::store(program.input.alpha, program.output, chunk, program.dither_seed, out, first);
                    });
                },
            );
        });
        Ok(())
    }
}

/// Runs `program` over row `row` of `input`, chunk by chunk; `sink` gets the first column and the chunk.
fn each_chunk(
    program: &Program,
    input: &Strip,
    depth: Option<&[f32]>,
    row: usize,
    isa: Isa,
    chunk: &mut Chunk,
    mut sink: impl FnMut(usize, &mut Chunk),
) {
    let width = input.region.width as usize;
    let row_bytes = input.row_bytes();
    let source = &input.bytes()[row * row_bytes..(row + 1) * row_bytes];
    for first in (0..width).step_by(CHUNK) {
        chunk.len = CHUNK.min(width - first);
        (chunk.x, chunk.y) = (first as u32, input.region.y + row as u32);
        samples::load(program.input, source, first, chunk);
        // What masked operations did to the pixels that were here before.
        chunk.touched[..chunk.len].fill(0.0);
        if let Some(depth) = depth {
            let at = row * width + first;
            chunk.disparity[..chunk.len].copy_from_slice(&depth[at..at + chunk.len]);
        }
        let transparent = program.input.alpha == Alpha::Associated && samples::has_transparent(chunk);
        for step in &program.steps {
            if transparent && !step.acts_on_transparent {
                run_beside_transparent(step, &program.tables, isa, chunk);
            } else {
                step.run(&program.tables.0, isa, chunk);
            }
        }
        sink(first, chunk);
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

/// Runs `program` over every row of a strip on the calling thread's pool and hands the float planes out: `visit(region of one row, row
/// planes [red, green, blue, guide, disparity])`. This is how the analyse phase looks at a picture. `visit` runs on pool threads in any
/// order, so whatever it adds up must commute.
pub fn visit_rows(
    pool: &rayon::ThreadPool,
    program: &Program,
    input: &Strip,
    depth: Option<&[f32]>,
    isa: Isa,
    visit: impl Fn(Region, [&[f32]; 5]) + Sync,
) {
    let width = input.region.width as usize;
    pool.install(|| {
        (0..input.region.rows as usize).into_par_iter().for_each_init(
            || (Box::new(Chunk::new()), vec![0.0f32; width * 5]),
            |(chunk, planes), row| {
                let [r, g, b, guide, disparity] = split(planes, width);
                each_chunk(program, input, depth, row, isa, chunk, |first, chunk| {
                    let range = first..first + chunk.len;
                    r[range.clone()].copy_from_slice(&chunk.rgb[0][..chunk.len]);
                    g[range.clone()].copy_from_slice(&chunk.rgb[1][..chunk.len]);
                    b[range.clone()].copy_from_slice(&chunk.rgb[2][..chunk.len]);
                    guide[range.clone()].copy_from_slice(&chunk.guide[..chunk.len]);
                    disparity[range].copy_from_slice(&chunk.disparity[..chunk.len]);
                });
                let region = Region { width: width as u32, y: input.region.y + row as u32, rows: 1 };
                visit(region, [r, g, b, guide, disparity]);
            },
        );
    });
}

fn split(planes: &mut [f32], width: usize) -> [&mut [f32]; 5] {
    let (r, rest) = planes.split_at_mut(width);
    let (g, rest) = rest.split_at_mut(width);
    let (b, rest) = rest.split_at_mut(width);
    let (guide, disparity) = rest.split_at_mut(width);
    [r, g, b, guide, disparity]
}
