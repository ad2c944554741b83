//! `chiaro lut bake`, `convert` and `apply`: a recipe as a LUT, a LUT written anew, a LUT on pictures.

use std::path::Path;

use chiaro::engine::bake;
use chiaro::engine::job::{MapStyle, Work};
use chiaro::error::{Error, escape};
use chiaro::lut::{CodeRange, Domain, Interpolation, Lut, Lut3d, PreparedLut, sample, write_cube};
use chiaro::recipe::Recipe;

use super::batch::{self, Batch};
use super::exit::{Exit, Usage, usage_error};
use super::lut_args::{ApplyArgs, BakeArgs, ConvertArgs, CubeOut};
use super::values::PagesArg;
use super::{lut, output, recipes, write};

/// Bakes a recipe.
///
/// # Errors
/// A usage error for what no LUT can hold; `Output` when the file cannot be written.
pub fn bake(args: &BakeArgs) -> anyhow::Result<Exit> {
    let recipe = recipes::load(&args.recipe, &args.set)?;
    let lut = bake::bake(&recipe, args.size, &args.encoding).map_err(|e| usage_error(&e))?;
    save(&lut, &args.out)
}

/// Writes a LUT anew.
///
/// # Errors
/// A wrong or unreadable LUT, a form that a `.cube` file cannot say, a file that cannot be written.
pub fn convert(args: &ConvertArgs) -> anyhow::Result<Exit> {
    let mut lut = lut::read(&args.file)?;
    if let Some(size) = args.size {
        lut = resample(lut, size).map_err(|e| Usage(format!("{}: {e}", escape(&args.file))))?;
    }
    if args.no_title {
        lut.title = None;
    }
    save(&lut, &args.out)
}

/// The same function as one 3D table of `size` nodes an axis.
fn resample(lut: Lut, size: u32) -> Result<Lut, String> {
    // Where the tables see legal range, their domain is not that of the picture's code values.
    let domain = if lut.input_range == CodeRange::Legal { Domain::UNIT } else { lut.domain() };
    let prepared = PreparedLut::new(&lut, Interpolation::Tetrahedral);
    let cube = Lut3d::from_fn(size, domain, |rgb| sample(prepared.constants(), prepared.table(), rgb))?;
    let Lut { title, mut comments, .. } = lut;
    comments.push(format!("resampled to {size} nodes an axis by chiaro {}", env!("CARGO_PKG_VERSION")));
    Ok(Lut { title, comments, cube: Some(cube), ..Lut::default() })
}

fn save(lut: &Lut, to: &CubeOut) -> anyhow::Result<Exit> {
    let path = &to.out;
    if path.is_dir() || path.file_name().is_none() {
        return Err(Usage(format!("-o {}: this is a folder, a file is needed", escape(path))).into());
    }
    if !to.force && path.symlink_metadata().is_ok() {
        return Err(Usage(format!("-o {}: it exists; --force replaces it", escape(path))).into());
    }
    let text = write_cube(lut, path)?;
    write::atomic(path, "the LUT", |out| out.write_all(text.as_bytes()))?;
    output::line(&escape(path))?;
    Ok(Exit::Success)
}

/// Applies a LUT: a batch under a recipe of one operation, named like the file.
///
/// # Errors
/// Those of the batch as a whole.
pub fn apply(args: ApplyArgs) -> anyhow::Result<Exit> {
    let recipe = one_op(&args).map_err(|e| usage_error(&e))?;
    batch::run(Batch {
        input: args.input,
        work: Work::Grade,
        recipe,
        name: args.name,
        pages: PagesArg::First,
        maps: MapStyle::default(),
        job: args.job,
    })
}

fn one_op(args: &ApplyArgs) -> chiaro::error::Result<Recipe> {
    let path = Path::new(&args.lut);
    let Some(file) = args.lut.to_str() else {
        return Err(Error::input(path, "the name of a LUT must be UTF-8"));
    };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let text = format!(
        "version = 1\n[[op]]\nid = \"lut\"\nfile = {}\nstrength = {:?}\nencoding = {}\ninterpolation = {}\n",
        quoted(file),
        args.strength,
        quoted(args.encoding.as_deref().unwrap_or_default()),
        quoted(&args.interpolation),
    );
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Recipe::from_text(&name, &text, Path::new(""), path)
}
