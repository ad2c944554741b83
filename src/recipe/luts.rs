//! LUT files that operations name: found beside the recipe, read whole, parsed, and hashed by content.
//!
//! A recipe is the user's own file and its LUTs are only read, so absolute paths and `..` are allowed.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::model::Recipe;
use crate::error::{Error, Result};
use crate::lut::{Lut, MAX_FILE_BYTES, parse_cube};
use crate::ops::{AnyOp, Kind, ParamSet, Value};

/// `file` as seen from the current folder, when `dir` is the folder of the recipe that names it.
///
/// # Errors
/// A sentence, when the folder's name is not UTF-8: parameters are text, and another name would be another file.
pub(super) fn beside(dir: &Path, file: &str) -> std::result::Result<String, String> {
    let path = dir.join(file);
    path.to_str().map(str::to_owned).ok_or_else(|| {
        format!("{file:?} cannot be named: the folder {} has a name that is not UTF-8", crate::error::escape(dir))
    })
}

/// Turns the file parameters of an operation from relative to `dir` into relative to the current folder.
pub(super) fn place_files(op: &dyn AnyOp, params: &mut ParamSet, dir: &Path) -> std::result::Result<(), String> {
    for info in op.params().iter().filter(|p| p.kind == Kind::File) {
        if let Some(Value::Text(file)) = params.get_mut(info.name)
            && !file.is_empty()
        {
            *file = beside(dir, file)?;
        }
    }
    Ok(())
}

/// Loads the LUTs that an operation names and `recipe` does not hold yet.
pub(super) fn load(recipe: &mut Recipe, op: &dyn AnyOp, params: &ParamSet) -> Result<()> {
    for name in op.lut_files(params) {
        if !recipe.context.luts.contains_key(&name) {
            let (lut, hash) = read(Path::new(&name))?;
            recipe.context.luts.insert(name.clone(), Arc::new(lut));
            recipe.lut_hashes.insert(name, hash);
        }
    }
    Ok(())
}

/// Forgets LUTs that no operation names anymore.
pub(super) fn forget_unused(recipe: &mut Recipe) {
    let used: Vec<String> = recipe.ops.iter().flat_map(|op| op.op.lut_files(&op.params)).collect();
    recipe.context.luts.retain(|name, _| used.contains(name));
    recipe.lut_hashes.retain(|name, _| used.contains(name));
}

fn read(path: &Path) -> Result<(Lut, String)> {
    let bytes = read_limited(path, MAX_FILE_BYTES, "size of the LUT file in bytes")?;
    let lut = parse_cube(&bytes, path)?;
    Ok((lut, blake3::hash(&bytes).to_hex().to_string()))
}

/// Reads a file of at most `limit` bytes.
pub(super) fn read_limited(path: &Path, limit: u64, what: &'static str) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| Error::recipe(path, 0, format!("cannot be read: {e}"));
    // Opening a folder works on some systems and a pipe would block: both are asked for before anything is opened.
    let meta = std::fs::metadata(path).map_err(failed)?;
    if !meta.is_file() {
        return Err(Error::recipe(path, 0, "is not a file"));
    }
    let too_large = |value| Error::Limit { path: path.into(), what, value, limit };
    if meta.len() > limit {
        return Err(too_large(meta.len()));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|f| f.take(limit + 1).read_to_end(&mut bytes)).map_err(failed)?;
    let value = bytes.len() as u64;
    if value > limit { Err(too_large(value)) } else { Ok(bytes) }
}
