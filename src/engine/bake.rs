//! A recipe as a LUT: its operations run over a grid of colors, and the results are the nodes.
//!
//! This holds only for what looks at one color at a time. Operations that read depth are refused by what they declare; anything that
//! depends on the place of a pixel is found by rendering the grid twice, the second time shuffled, where every node must come out the same.

use std::path::Path;
use std::sync::Arc;

use crate::color::encodings;
use crate::error::{Error, Result};
use crate::exec::Executor;
use crate::exec::cpu::Cpu;
use crate::lut::{Domain, Lut, Lut3d};
use crate::ops::Isa;
use crate::picture::{
    Access, Alpha, Channels, ColorEncoding, Extent, Format, Metadata, PictureInfo, PixelLayout, Region, SampleType,
    Strip,
};
use crate::plan::{Exports, Plan, PlanRequest, RenderFacts, plan};
use crate::recipe::{Bits, OpSetting, OutputSettings, Recipe};

/// Samples of the grid.
const LAYOUT: PixelLayout = PixelLayout { sample: SampleType::F32, channels: Channels::Rgb, alpha: Alpha::None };

/// Nodes along one axis that can be baked: the bounds of common programs.
pub const SIZES: std::ops::RangeInclusive<u32> = 2..=129;

/// The nodes of `recipe` as a 3D LUT of `size` nodes an axis over 0 to 1, for code values of `encoding`, which it takes and gives.
/// File settings of the recipe do not matter; its title and a comment of origin are set.
///
/// # Errors
/// `Recipe` for a size outside [`SIZES`], an encoding that is not known, and a recipe with something that is no function of one color; the
/// message names the operation.
pub fn bake(recipe: &Recipe, size: u32, encoding: &str) -> Result<Lut> {
    let refuse = |message: String| Err(Error::recipe(&recipe.name, 0, message));
    if !SIZES.contains(&size) {
        return refuse(format!("a table of {size} nodes an axis; {} to {} can be baked", SIZES.start(), SIZES.end()));
    }
    let Some(space) = encodings::by_name(encoding) else {
        return refuse(format!("encoding {encoding:?} is not known, allowed: {}", encodings::NAMES.join(", ")));
    };
    let colors = recipe.outputs.iter().filter_map(|output| output.color.as_ref()).map(|choice| choice.text());
    if let Some(color) = colors.into_iter().find(|color| *color != encoding) {
        return refuse(format!(
            "[output] color = {color:?} leaves the encoding of the table ({encoding}): leave it out, or bake for {color}"
        ));
    }
    let kept: Vec<&OpSetting> = recipe.ops.iter().filter(|op| !op.is_identity()).collect();
    if let Some(op) = kept.iter().find(|op| op.op.is_area() || op.op.wants_field(&op.params)) {
        return Err(not_one_color(recipe, op, "it looks at the neighbors of a pixel"));
    }
    let grid = Grid::new(size, space)?;
    for op in &kept {
        // Planned alone, so that whatever of it reads depth is heard under its name.
        if grid.plan(&only(recipe, op))?.depth.is_some() {
            return Err(not_one_color(recipe, op, "it reads depth"));
        }
    }
    let nodes = grid.render(recipe, false)?;
    if nodes != grid.render(recipe, true)? {
        for op in kept {
            let alone = only(recipe, op);
            if grid.render(&alone, false)? != grid.render(&alone, true)? {
                return Err(not_one_color(recipe, op, "it looks at the place of a pixel, or at its neighbors"));
            }
        }
        return refuse("the operations together look at more than one color: no LUT can hold them".to_owned());
    }
    let nodes = nodes.iter().map(|node| node.map(f32::from_bits)).collect();
    let cube = Lut3d::new(Domain::UNIT, size, nodes).map_err(|e| Error::recipe(&recipe.name, 0, e))?;
    let comments = vec![
        format!("baked by chiaro {} from the recipe {}, hash {}", env!("CARGO_PKG_VERSION"), recipe.name, recipe.hash),
        format!("takes and gives code values of {encoding}"),
    ];
    Ok(Lut { title: Some(recipe.name.clone()), comments, cube: Some(cube), ..Lut::default() })
}

/// The recipe with one of its operations.
fn only(recipe: &Recipe, op: &OpSetting) -> Recipe {
    Recipe { ops: vec![op.clone()], ..recipe.clone() }
}

fn not_one_color(recipe: &Recipe, op: &OpSetting, why: &str) -> Error {
    let message = format!("{} cannot be part of a LUT: {why}, and a LUT knows one color at a time", op.op.id());
    Error::recipe(&recipe.name, op.line, message)
}

/// A picture of every node: rows of `size` pixels, red running fastest, `size`^2 rows.
struct Grid {
    size: u32,
    info: PictureInfo,
    executor: Cpu,
}

/// A node as bits: -0 and 0 are told apart, a NaN equals itself.
type Node = [u32; 3];

impl Grid {
    fn new(size: u32, encoding: ColorEncoding) -> Result<Self> {
        let info = PictureInfo {
            extent: Extent { width: size, height: size * size },
            layout: LAYOUT,
            encoding,
            model: crate::picture::ColorModel::AsLayout,
            encoding_source: "the table's encoding",
            orientation: 1,
            metadata: Metadata::default(),
            access: Access::Random,
            chunk_rows: 1,
            format: Format::Tiff.name(),
            compression: "none",
            depth_channel: None,
            depth_channels: Vec::new(),
            warnings: Vec::new(),
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let pool = pool.map_err(|e| Error::Environment(format!("cannot start a thread: {e}")))?;
        Ok(Self { size, info, executor: Cpu::new(Arc::new(pool), Isa::best()) })
    }

    /// The plan of `recipe` for this grid, whatever the recipe says of files.
    fn plan(&self, recipe: &Recipe) -> Result<Plan> {
        let output =
            OutputSettings { format: Some(Format::Tiff), bits: Some(Bits::Float), ..OutputSettings::default() };
        let recipe = Recipe { outputs: vec![output], ..recipe.clone() };
        plan(&PlanRequest {
            path: Path::new(&recipe.name),
            info: &self.info,
            recipe: &recipe,
            share_bytes: u64::MAX / 4,
            total_bytes: u64::MAX / 4,
            source_bytes: &|_| 0,
            exports: Exports::default(),
            threads: 1,
            strip_rows: None,
        })
    }

    /// The results of all nodes in their order; with `shuffled`, each was rendered at another place.
    fn render(&self, recipe: &Recipe, shuffled: bool) -> Result<Vec<Node>> {
        let plan = self.plan(recipe)?;
        let Some(output) = plan.outputs.first() else { return Ok(Vec::new()) };
        let program = plan.program(output, Path::new(&recipe.name), &RenderFacts::default())?;
        let input = self.strip(shuffled);
        let mut result = Strip::new(input.region, program.output);
        self.executor.run(&program, &input, None, &mut result)?;
        let nodes: Vec<Node> = result.words().chunks_exact(3).map(|c| std::array::from_fn(|i| c[i])).collect();
        if !shuffled {
            return Ok(nodes);
        }
        let mut ordered = vec![[0; 3]; nodes.len()];
        for (at, node) in nodes.into_iter().enumerate() {
            ordered[self.node_at(at, true)] = node;
        }
        Ok(ordered)
    }

    /// Which node is laid out at place `at`. The shuffle is no symmetry of the picture: a vignette has those.
    fn node_at(&self, at: usize, shuffled: bool) -> usize {
        let count = (self.size as usize).pow(3);
        // A prime above every size shares no factor with the count, so this is one to one.
        if shuffled { (at * 7919 + 1) % count } else { at }
    }

    fn strip(&self, shuffled: bool) -> Strip {
        let n = self.size;
        let mut strip = Strip::new(Region { width: n, y: 0, rows: n * n }, LAYOUT);
        let value = |i: u32| (f64::from(i) / f64::from(n - 1)) as f32;
        for (at, pixel) in strip.words_mut().chunks_exact_mut(3).enumerate() {
            let i = self.node_at(at, shuffled) as u32;
            let node = [i % n, i / n % n, i / (n * n)];
            pixel.iter_mut().zip(node).for_each(|(word, at)| *word = value(at).to_bits());
        }
        strip
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lut::{Interpolation, PreparedLut, sample};

    fn recipe(ops: &str) -> Recipe {
        Recipe::from_text("look", &format!("version = 1\n{ops}"), Path::new("."), Path::new("look.toml")).unwrap()
    }

    #[test]
    fn a_baked_table_is_the_recipe_at_its_nodes() {
        let recipe = recipe("[[op]]\nid = \"exposure\"\nev = -0.7\n[[op]]\nid = \"invert\"\n");
        let lut = bake(&recipe, 17, "srgb").unwrap();
        assert!(lut.comments[0].contains(&recipe.hash) && lut.title.as_deref() == Some("look"));
        let prepared = PreparedLut::new(&lut, Interpolation::Tetrahedral);
        let grid = Grid::new(9, encodings::srgb()).unwrap();
        let fine = grid.render(&recipe, false).unwrap();
        let input = grid.strip(false);
        // Every node of the coarse grid is one of the fine table, so interpolation adds rounding only.
        for (node, rgb) in fine.iter().zip(input.words().chunks_exact(3)) {
            let got = sample(prepared.constants(), prepared.table(), std::array::from_fn(|i| f32::from_bits(rgb[i])));
            for (got, want) in got.iter().zip(node.map(f32::from_bits)) {
                assert!((got - want).abs() < 1e-6, "{got} {want}");
            }
        }
    }

    #[test]
    fn what_no_lut_can_hold_is_refused_by_name() {
        let message = |ops: &str, size, encoding| bake(&recipe(ops), size, encoding).unwrap_err().to_string();
        let haze = message("[[op]]\nid = \"haze\"\ndensity = 0.5\n", 9, "srgb");
        assert!(haze.contains("haze") && haze.contains("depth"), "{haze}");
        assert!(message("", 1, "srgb").contains("2 to 129"));
        assert!(message("", 9, "log-q").contains("srgb"));
        assert!(message("[output]\ncolor = \"display-p3\"\n", 9, "srgb").contains("display-p3"));
    }

    #[test]
    fn the_shuffle_is_one_to_one_and_no_symmetry() {
        for size in SIZES {
            let grid = Grid { size, ..Grid::new(2, encodings::srgb()).unwrap() };
            let count = (size as usize).pow(3);
            let mut seen = vec![false; count];
            (0..count).for_each(|at| seen[grid.node_at(at, true)] = true);
            assert!(seen.iter().all(|seen| *seen), "{size}");
        }
        let grid = Grid::new(5, encodings::srgb()).unwrap();
        assert_ne!(grid.node_at(124, true), 0);
    }

    #[test]
    fn nothing_is_the_identity() {
        let lut = bake(&recipe("[output]\nformat = \"png\"\nbits = 8\n"), 5, "display-p3").unwrap();
        assert_eq!(lut.cube, Lut::identity_3d(5).unwrap().cube);
    }
}
