//! LUT files that operations name: found beside the recipe, read whole, parsed, and hashed by content. Mask files are only hashed here:
//! pictures are decoded by the engine.
//!
//! A recipe is the user's own file and its LUTs are only read, so absolute paths and `..` are allowed.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::model::Recipe;
use crate::error::{Error, Result};
use crate::lut::{LoadedLut, Lut, MAX_FILE_BYTES, parse_cube};
use crate::ops::mask::Mask;
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
            recipe.context.luts.insert(name.clone(), Arc::new(LoadedLut::new(lut)));
            recipe.lut_hashes.insert(name, hash);
        }
    }
    Ok(())
}

/// Bytes of a mask file, at most.
const MAX_MASK_BYTES: u64 = 1 << 30;

/// Notes the hashes of the files that a mask names and `recipe` does not know yet.
pub(super) fn note_mask_files(recipe: &mut Recipe, mask: &Mask) -> Result<()> {
    for name in mask.files() {
        if !recipe.lut_hashes.contains_key(name) {
            let path = Path::new(name);
            let mut hasher = blake3::Hasher::new();
            let file = open_limited(path, MAX_MASK_BYTES, "size of the mask file in bytes")?;
            hasher.update_reader(file).map_err(|e| Error::recipe(path, 0, format!("cannot be read: {e}")))?;
            recipe.lut_hashes.insert(name.to_owned(), hasher.finalize().to_hex().to_string());
        }
    }
    Ok(())
}

/// Forgets files that no operation names anymore.
pub(super) fn forget_unused(recipe: &mut Recipe) {
    let used: Vec<String> = recipe.ops.iter().flat_map(|op| op.op.lut_files(&op.params)).collect();
    let masks = recipe.ops.iter().filter_map(|op| op.mask.as_ref()).flat_map(Mask::files).map(str::to_owned);
    let masks: Vec<String> = masks.collect();
    recipe.context.luts.retain(|name, _| used.contains(name));
    recipe.context.masks.retain(|name, _| masks.contains(name));
    recipe.lut_hashes.retain(|name, _| used.contains(name) || masks.contains(name));
}

fn read(path: &Path) -> Result<(Lut, String)> {
    let bytes = read_limited(path, MAX_FILE_BYTES, "size of the LUT file in bytes")?;
    let lut = parse_cube(&bytes, path)?;
    Ok((lut, blake3::hash(&bytes).to_hex().to_string()))
}

/// Reads a file of at most `limit` bytes.
pub(super) fn read_limited(path: &Path, limit: u64, what: &'static str) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| Error::recipe(path, 0, format!("cannot be read: {e}"));
    let file = open_limited(path, limit, what)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    let value = bytes.len() as u64;
    if value > limit { Err(Error::Limit { path: path.into(), what, value, limit }) } else { Ok(bytes) }
}

/// Opens a file that says it has at most `limit` bytes.
fn open_limited(path: &Path, limit: u64, what: &'static str) -> Result<File> {
    let failed = |e: std::io::Error| Error::recipe(path, 0, format!("cannot be read: {e}"));
    // Opening a folder works on some systems and a pipe would block: both are asked for before anything is opened.
    let meta = std::fs::metadata(path).map_err(failed)?;
    if !meta.is_file() {
        return Err(Error::recipe(path, 0, "is not a file"));
    }
    if meta.len() > limit {
        return Err(Error::Limit { path: path.into(), what, value: meta.len(), limit });
    }
    File::open(path).map_err(failed)
}
