//! Between operations: which space a pixel is in, the conversions from one to the next, and the programs that are nothing else.

use super::compile::{DepthFacts, PROXY_LAYOUT, Plan};
use super::program::Program;
use crate::color::curve::Direction;
use crate::color::{encodings, matrix};
use crate::ops::disparity::{Join, JoinConstants, color};
use crate::ops::guide::Of;
use crate::ops::{self, Domain, Grading, Step, Tables};
use crate::picture::{Alpha, Channels, ColorEncoding, Extent, PixelLayout, Referred, SampleType};

/// What the channels of a pixel mean between two steps.
#[derive(Clone)]
pub(super) enum Space {
    /// Code values of an encoding.
    Encoded(ColorEncoding),
    /// Lightness, a, b.
    Oklab,
}

/// The space a domain means in this plan. Equal encodings need no conversion between them.
pub(super) fn space_of(domain: &Domain, plan: &Plan) -> std::result::Result<Space, String> {
    match domain {
        Domain::Linear => Ok(Space::Encoded(encodings::linear_rec2020())),
        Domain::Perceptual => Ok(Space::Oklab),
        Domain::Grade => Ok(Space::Encoded(match plan.grading {
            Grading::Display => encodings::display_rec2020(),
            Grading::Acescct => encodings::acescct(),
        })),
        Domain::Encoded(None) => match plan.input.1.referred {
            Referred::Display => Ok(Space::Encoded(plan.input.1.clone())),
            Referred::Scene => Err(format!(
                "the picture is linear ({}): say which encoding the LUT was made for, encoding = \"srgb\" (allowed: {})",
                plan.input.1.name,
                encodings::NAMES.join(", ")
            )),
        },
        Domain::Encoded(Some(name)) => encodings::by_name(name)
            .map(Space::Encoded)
            .ok_or_else(|| format!("encoding {name:?} is not known, allowed: {}", encodings::NAMES.join(", "))),
    }
}

/// Collects steps and remembers which space the pixels are in.
pub(super) struct Compiler {
    pub(super) steps: Vec<Step>,
    pub(super) tables: Tables,
    at: Space,
}

impl Compiler {
    pub(super) fn new(at: ColorEncoding) -> Self {
        Self { steps: Vec::new(), tables: Tables::default(), at: Space::Encoded(at) }
    }

    /// Sets the disparity of the pixel, before any operation can change what the guide is taken from. `own` is the picture's encoding.
    pub(super) fn depth(&mut self, facts: Option<&DepthFacts>, own: &ColorEncoding) {
        match facts {
            Some(DepthFacts::Joined(join)) => {
                match join.constants.guide {
                    // The code values of the picture are its guide.
                    color::CODES => self.go(own),
                    color::LIGHT => self.go(&encodings::linear_rec2020()),
                    _ => self.guide(own),
                }
                let step = ops::disparity::step(join, &mut self.tables);
                self.steps.push(step);
            }
            Some(DepthFacts::Supplied(constants)) => self.steps.push(Step::new::<ops::supplied::Spec>(constants, 1.0)),
            None => {}
        }
    }

    /// Takes the guide of a picture whose encoding is `own`.
    fn guide(&mut self, own: &ColorEncoding) {
        let of = Of::picture(own);
        match of {
            Of::Codes => self.go(own),
            Of::Light => self.go(&encodings::linear_rec2020()),
        }
        self.steps.push(ops::guide::step(of));
    }

    /// Converts to another encoding; nothing when it is already that one.
    pub(super) fn go(&mut self, to: &ColorEncoding) {
        let linear = encodings::linear_rec2020();
        let from = match &self.at {
            Space::Encoded(at) => at.clone(),
            Space::Oklab => {
                self.steps.push(ops::oklab::step(true));
                linear
            }
        };
        self.at = Space::Encoded(to.clone());
        if from.same_codes(to) {
            return;
        }
        self.steps.extend(ops::transfer::step(&from.curve, Direction::Decode, &mut self.tables));
        let between = matrix::between(&from.primaries, &to.primaries).unwrap_or(matrix::IDENTITY);
        self.steps.extend(ops::matrix::step(&between));
        self.steps.extend(ops::transfer::step(&to.curve, Direction::Encode, &mut self.tables));
    }

    /// Converts to another space.
    pub(super) fn go_to(&mut self, to: &Space) {
        match (to, &self.at) {
            (Space::Encoded(encoding), _) => self.go(encoding),
            (Space::Oklab, Space::Oklab) => {}
            (Space::Oklab, Space::Encoded(_)) => {
                self.go(&encodings::linear_rec2020());
                self.steps.push(ops::oklab::step(false));
                self.at = Space::Oklab;
            }
        }
    }
}

/// The pass of the analyse phase: the picture as its means are taken for the model, with its guide beside it. Display codes are taken as they are
/// and brought to what the model wants as means ([`model_program`]), a few thousand instead of millions of pixels; scene light, whose
/// highlights would drown a mean, is encoded as sRGB before.
pub fn guide_program(layout: PixelLayout, encoding: &ColorEncoding) -> Program {
    let mut compiler = Compiler::new(encoding.clone());
    let codes_as_came = encoding.referred == Referred::Display;
    if codes_as_came && Of::picture(encoding) == Of::Light {
        compiler.steps.push(ops::keep::step());
        compiler.guide(encoding);
        compiler.steps.push(ops::restore::step());
    } else {
        compiler.guide(encoding);
    }
    if !codes_as_came {
        compiler.go(&encodings::srgb());
    }
    let (steps, tables) = (compiler.steps, compiler.tables);
    Program::of(layout, layout, steps, tables)
}

/// The pass that brings means of [`guide_program`] to sRGB-encoded Rec.709, what models were trained on; `None` where they are that already.
pub fn model_program(encoding: &ColorEncoding) -> Option<Program> {
    let srgb = encodings::srgb();
    if encoding.referred == Referred::Scene || encoding.same_codes(&srgb) {
        return None;
    }
    let mut compiler = Compiler::new(encoding.clone());
    compiler.go(&encodings::linear_rec2020());
    compiler.go(&srgb);
    let layout = PixelLayout { sample: SampleType::F32, channels: Channels::Rgb, alpha: Alpha::None };
    Some(Program::of(layout, layout, compiler.steps, compiler.tables))
}

/// The pass that brings a picture to linear Rec.2020, for its proxy.
pub fn linear_program(layout: PixelLayout, encoding: &ColorEncoding) -> Program {
    let mut compiler = Compiler::new(encoding.clone());
    compiler.go(&encodings::linear_rec2020());
    let output = PixelLayout { sample: SampleType::F32, ..layout };
    Program::of(layout, output, compiler.steps, compiler.tables)
}

/// The pass that writes depth maps: normalized disparity as gray float.
pub fn depth_program(layout: PixelLayout, encoding: &ColorEncoding, facts: &DepthFacts) -> Program {
    shown_depth(Compiler::new(encoding.clone()), layout, encoding, facts)
}

/// Disparity as gray floats, of a picture whose encoding is `encoding`, from wherever `compiler` stands.
fn shown_depth(mut compiler: Compiler, layout: PixelLayout, encoding: &ColorEncoding, facts: &DepthFacts) -> Program {
    compiler.depth(Some(facts), encoding);
    let show = ops::show_disparity::Constants { gain: 1.0 };
    compiler.steps.push(Step::new::<ops::show_disparity::Spec>(&show, 1.0));
    let output = PixelLayout { sample: SampleType::F32, channels: Channels::Gray, alpha: Alpha::None };
    let (steps, tables) = (compiler.steps, compiler.tables);
    let supplied_depth = matches!(facts, DepthFacts::Supplied(_));
    Program { input: layout, output, steps, tables, supplied_depth, dither_seed: None, codes: None }
}

/// The pass that shows the disparity of the proxy of a picture, of size `extent` in linear Rec.2020, as gray floats. `encoding` is that of the
/// picture, in which its guide is taken.
pub fn proxy_depth_program(encoding: &ColorEncoding, facts: &DepthFacts, extent: Extent) -> Program {
    let reduced = scaled(Some(facts), extent);
    let compiler = Compiler::new(encodings::linear_rec2020());
    shown_depth(compiler, PROXY_LAYOUT, encoding, reduced.as_ref().unwrap_or(facts))
}

/// The pass that shows a picture beside its depth map: sRGB of 8 bit, without alpha.
pub fn shown_program(layout: PixelLayout, encoding: &ColorEncoding) -> Program {
    let mut compiler = Compiler::new(encoding.clone());
    compiler.go(&encodings::srgb());
    let output = PixelLayout { sample: SampleType::U8, channels: Channels::Rgb, alpha: Alpha::None };
    Program::of(layout, output, compiler.steps, compiler.tables)
}

/// Depth facts for a reduced copy of the picture: the join is the same grid over fewer pixels.
pub(super) fn scaled(facts: Option<&DepthFacts>, extent: Extent) -> Option<DepthFacts> {
    Some(match facts? {
        DepthFacts::Joined(join) => {
            let c = &join.constants;
            let placed = JoinConstants::new(c.table, c.width, c.height, (extent.width, extent.height));
            let constants = JoinConstants { x_scale: placed.x_scale, y_scale: placed.y_scale, ..*c };
            DepthFacts::Joined(Join { constants, words: join.words.clone() })
        }
        DepthFacts::Supplied(constants) => DepthFacts::Supplied(*constants),
    })
}
