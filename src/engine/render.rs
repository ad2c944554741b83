//! The render phase: strip by strip from the source (or what analyse kept) through the pass into the sinks.

use std::time::Instant;

use super::analyse::Facts;
use super::drive::Work;
use super::job::DepthExport;
use super::staged::Staged;
use crate::codec::{self, Sink, SinkSpec, Source};
use crate::depth::preview;
use crate::error::{Error, Result};
use crate::ops::distance;
use crate::picture::{Alpha, Channels, Compression, Format, Metadata, PixelLayout, SampleType, Strip};
use crate::plan::{Plan, Program, depth_program};

/// Renders the graded picture into `staged`.
pub fn grade(work: &mut Work, plan: &Plan, source: &mut dyn Source, facts: Facts, staged: &Staged) -> Result<()> {
    let program = plan.program(&work.job.input, facts.depth.as_ref())?;
    let info = source.info();
    let metadata = super::carried::metadata(work, plan, info, info.extent, info.orientation);
    let same_format = info.format == plan.output.format.name();
    let spec = SinkSpec {
        extent: info.extent,
        layout: plan.output.layout,
        encoding: plan.output.encoding.clone(),
        orientation: info.orientation,
        metadata,
        compression: plan.output.compression,
        extras: if same_format { source.extras() } else { None },
        gray_name: "Y",
        text: Vec::new(),
    };
    let mut sink = open_sink(plan.output.format, staged, spec)?;
    each_strip(work, plan, source, facts, &program, |work, strip| {
        let started = Instant::now();
        sink.write(strip, &work.engine.pool)?;
        work.stages.write += started.elapsed().as_secs_f64();
        Ok(())
    })?;
    finish(work, sink)
}

/// Writes the depth map in the forms of `exports`, one staged file each.
pub fn depth_maps(
    work: &mut Work,
    plan: &Plan,
    source: &mut dyn Source,
    facts: Facts,
    exports: &[DepthExport],
    staged: &[Staged],
) -> Result<()> {
    let Some(depth) = &facts.depth else {
        return Err(Error::Environment("internal error: a depth map without depth facts".to_owned()));
    };
    let orientation = source.info().orientation;
    if orientation != 1 && exports.contains(&DepthExport::Exr) {
        let text = format!(
            "EXR has no orientation tag: the depth map lies as the picture is stored (orientation {orientation})"
        );
        work.warnings.push(text);
    }
    let program = depth_program(plan.input.0, &plan.input.1, depth);
    let text = describe(&facts, depth);
    let mut sinks = Vec::new();
    for (export, staged) in exports.iter().zip(staged) {
        sinks.push((*export, open_sink(export_format(*export), staged, export_spec(*export, source, &text))?));
    }
    each_strip(work, plan, source, facts, &program, |work, disparity| {
        let started = Instant::now();
        for (export, sink) in &mut sinks {
            sink.write(&export_strip(*export, disparity), &work.engine.pool)?;
        }
        work.stages.write += started.elapsed().as_secs_f64();
        Ok(())
    })?;
    sinks.into_iter().try_for_each(|(_, sink)| finish(work, sink))
}

/// Kind, unit and polarity of the map, for the file's text facts.
fn describe(facts: &Facts, depth: &crate::plan::DepthFacts) -> Vec<(String, String)> {
    let kind = match depth {
        crate::plan::DepthFacts::Joined(_) => "relative disparity, estimated",
        crate::plan::DepthFacts::Supplied(_) => "disparity, from supplied depth",
    };
    let fact = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    vec![
        fact("depth:kind", kind),
        fact("depth:source", facts.depth_source.as_deref().unwrap_or("unknown")),
        fact("depth:scale", "1st to 99th percentile of disparity is 0 to 1"),
    ]
}

fn export_format(export: DepthExport) -> Format {
    if export == DepthExport::Exr { Format::Exr } else { Format::Png }
}

fn export_layout(export: DepthExport) -> PixelLayout {
    let (sample, channels) = match export {
        DepthExport::Png => (SampleType::U16, Channels::Gray),
        DepthExport::Exr => (SampleType::F32, Channels::Gray),
        DepthExport::Preview => (SampleType::U8, Channels::Rgb),
    };
    PixelLayout { sample, channels, alpha: Alpha::None }
}

fn export_spec(export: DepthExport, source: &dyn Source, text: &[(String, String)]) -> SinkSpec {
    let info = source.info();
    let (polarity, encoding) = match export {
        DepthExport::Png => ("65535 = nearest, 0 = farthest", crate::color::encodings::srgb()),
        DepthExport::Exr => {
            ("Z: relative depth, 1 = nearest, larger = farther", crate::color::encodings::linear_rec709())
        }
        DepthExport::Preview => ("red = near, blue = far", crate::color::encodings::srgb()),
    };
    let mut text = text.to_vec();
    text.push(("depth:polarity".to_owned(), polarity.to_owned()));
    SinkSpec {
        extent: info.extent,
        layout: export_layout(export),
        encoding,
        orientation: info.orientation,
        metadata: Metadata::default(),
        compression: Compression::Deflate,
        extras: None,
        gray_name: "Z",
        text,
    }
}

/// One strip of normalized disparity (gray f32) in the form of an export.
fn export_strip(export: DepthExport, disparity: &Strip) -> Strip {
    let values: &[f32] = bytemuck::cast_slice(disparity.words());
    let values = &values[..disparity.region.pixels()];
    let mut out = Strip::new(disparity.region, export_layout(export));
    match export {
        DepthExport::Png => {
            let samples: &mut [u16] = bytemuck::cast_slice_mut(out.words_mut());
            for (sample, d) in samples.iter_mut().zip(values) {
                *sample = (d.max(0.0).min(1.0) * 65_535.0 + 0.5) as u16;
            }
        }
        DepthExport::Exr => {
            let samples: &mut [f32] = bytemuck::cast_slice_mut(out.words_mut());
            for (sample, d) in samples.iter_mut().zip(values) {
                // Reciprocal of the disparity that `ops::distance` assumes, scaled so that the nearest is 1.
                *sample = (1.0 + distance::OFFSET) / (d.max(0.0).min(1.0) + distance::OFFSET);
            }
        }
        DepthExport::Preview => {
            for (sample, d) in out.bytes_mut().chunks_exact_mut(3).zip(values) {
                sample.copy_from_slice(&preview::turbo(*d));
            }
        }
    }
    out
}

/// Pulls every strip through `program` and hands the result on.
fn each_strip(
    work: &mut Work,
    plan: &Plan,
    source: &mut dyn Source,
    facts: Facts,
    program: &Program,
    mut sink: impl FnMut(&mut Work, &Strip) -> Result<()>,
) -> Result<()> {
    let extent = source.info().extent;
    let mut kept = facts.kept.into_iter();
    let mut buffer = None;
    let mut output = None;
    let mut depth = Vec::new();
    for region in plan.strips(extent) {
        work.engine.cancel.check()?;
        let started = Instant::now();
        let input = match kept.next() {
            Some(strip) => strip,
            None => {
                let mut strip = buffer.take().unwrap_or_else(|| Strip::new(region, plan.input.0));
                source.read(region, &mut strip, &work.engine.pool)?;
                strip
            }
        };
        if program.supplied_depth {
            depth.resize(region.pixels(), 0.0);
            source.read_depth(region, &mut depth, &work.engine.pool)?;
        }
        work.stages.read += started.elapsed().as_secs_f64();
        let started = Instant::now();
        let mut result = output.take().unwrap_or_else(|| Strip::new(region, program.output));
        let supplied = program.supplied_depth.then_some(depth.as_slice());
        work.engine.executor.run(program, &input, supplied, &mut result)?;
        work.stages.render += started.elapsed().as_secs_f64();
        sink(work, &result)?;
        (buffer, output) = (Some(input), Some(result));
    }
    source.check_intact()
}

fn open_sink(format: Format, staged: &Staged, spec: SinkSpec) -> Result<Box<dyn Sink>> {
    let file = staged.file().try_clone().map_err(|e| Error::output(staged.target(), e))?;
    codec::create(format, file, staged.target(), spec)
}

fn finish(work: &mut Work, sink: Box<dyn Sink>) -> Result<()> {
    let started = Instant::now();
    sink.finish(&work.engine.pool)?;
    work.stages.write += started.elapsed().as_secs_f64();
    Ok(())
}
