//! Adding models to the user's list, and taking them off it.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::shelf::refusal;
use super::{Contract, EMBEDDED, ModelEntry, Opened, Shelf, beside, contract, opened};
use crate::error::{Error, Result, escape};
use crate::recipe::models::{self, Listing};

/// What `models add` is told.
#[derive(Debug, Clone, Default)]
pub struct Addition {
    /// The ONNX file.
    pub file: PathBuf,
    /// Name in recipes; without it the known model's that has this hash or was named as preset, else the file's.
    pub id: Option<String>,
    /// What the graph does not say.
    pub contract: Contract,
    /// The SHA-256 that the file must have.
    pub sha256: Option<String>,
    /// Copy the file and its weights beside the list.
    pub copy: bool,
    /// Take the place of a model of the same id.
    pub replace: bool,
    /// A license that excludes commercial use is accepted.
    pub allow_noncommercial: bool,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Added {
    /// The entry, as a recipe will find it.
    pub entry: ModelEntry,
    /// What people should know.
    pub notes: Vec<String>,
}

impl Shelf {
    /// Adds a model to the list in `folder`. The file is read whole and its contract must be complete; it is not run.
    ///
    /// # Errors
    /// Input: as [`ModelEntry::from_file`], or a SHA-256 that is not the expected one. Recipe: an id that is taken or wrong, a license
    /// that was not accepted. Output: the list, or a copy, cannot be written.
    pub fn add(folder: &Path, addition: &Addition) -> Result<Added> {
        let file = addition.file.canonicalize().map_err(|error| Error::input(&addition.file, error))?;
        let opened = opened(&file)?;
        let id = id_of(addition, &opened)?;
        let listed = models::known().model(&id);
        let mut given = addition.contract.clone();
        if let Some(known) = listed {
            given.preset.get_or_insert_with(|| known.id.clone());
        }
        let mut notes = check_hash(addition, &opened, listed)?;
        let mut entry = contract::entry(&file, &opened.header, &given, opened.sha256.clone(), opened.bytes)?;
        entry.noncommercial |= listed.is_some_and(|known| known.noncommercial) && given.license.is_none();
        entry.id.clone_from(&id);
        if entry.noncommercial && !addition.allow_noncommercial {
            return Err(Error::recipe("models add", 0, refusal(&id, &entry.license)));
        }
        if entry.license == "unknown" {
            notes.push("its license is unknown: --license says it, `chiaro models list` shows it".to_owned());
        }
        create(folder)?;
        let _lock = lock(folder)?;
        let mut models = Self::users_list(folder)?;
        let mut old = None;
        if let Some(at) = models.iter().position(|model| model.id == id) {
            if !addition.replace && models[at].sha256.as_ref() != Some(&opened.sha256) {
                let message = format!(
                    "there is a model {id:?} already: --replace puts this one in its place, --id names it otherwise"
                );
                return Err(Error::recipe("models add", 0, message));
            }
            old = Some(models.remove(at));
        }
        let mut listing = Listing {
            file: Some(file.clone()),
            weights: opened.header.external_files.clone(),
            sha256: Some(opened.sha256.clone()),
            megabytes: u32::try_from(opened.bytes.div_ceil(1_000_000)).ok(),
            noncommercial: entry.noncommercial,
            contract: given,
            id,
            ..Listing::default()
        };
        listing.contract.license = Some(entry.license.clone());
        listing.contract.name = Some(entry.name.clone());
        if addition.copy {
            listing.file = Some(copy(&file, &listing, folder)?);
            listing.copied = true;
        } else if file.to_str().is_none() {
            let advice = "its path is not UTF-8 text and cannot be kept in the list: rename it, or use --copy";
            return Err(Error::input(&file, advice));
        }
        let path = folder.join(listing.file.as_deref().unwrap_or(&file));
        let used = files_of(&path, &listing.weights);
        entry.source = super::ModelSource::File(path);
        models.push(listing);
        models.sort_by(|a, b| a.id.cmp(&b.id));
        Self::write(folder, models)?;
        if let Some(old) = old.filter(|old| old.copied) {
            // The list is written: a copy that stays is worth a word and no failure.
            match delete_copy(&old, folder, &used) {
                Ok(deleted) if deleted.is_empty() => {}
                Ok(deleted) => {
                    let names: Vec<String> = deleted.iter().map(|path| escape(path)).collect();
                    notes.push(format!("deleted the copy of the model it replaces: {}", names.join(", ")));
                }
                Err(error) => notes.push(error.to_string()),
            }
        }
        Ok(Added { entry, notes })
    }

    /// Takes a model off the list in `folder`. Returns the files that were deleted: those that had been copied.
    ///
    /// # Errors
    /// Recipe: the user has no such model. Output: the list cannot be written, or a copy cannot be deleted.
    pub fn remove(folder: &Path, id: &str) -> Result<Vec<PathBuf>> {
        let refuse = |message: String| Err(Error::recipe("models remove", 0, message));
        if id == EMBEDDED {
            return refuse(format!("{EMBEDDED:?} is inside the program and stays there"));
        }
        if !folder.is_dir() {
            return refuse(format!("no model {id:?} was added: {} does not exist", escape(folder)));
        }
        let _lock = lock(folder)?;
        let mut models = Self::users_list(folder)?;
        let Some(at) = models.iter().position(|model| model.id == id) else {
            let ids: Vec<&str> = models.iter().map(|model| model.id.as_str()).collect();
            let added =
                if ids.is_empty() { "none were added".to_owned() } else { format!("added: {}", ids.join(", ")) };
            return refuse(format!("no model {id:?} was added; {added}"));
        };
        let model = models.remove(at);
        Self::write(folder, models)?;
        if model.copied { delete_copy(&model, folder, &[]) } else { Ok(Vec::new()) }
    }
}

fn id_of(addition: &Addition, opened: &Opened) -> Result<String> {
    let by_hash = || models::known().by_hash(&opened.sha256).map(|model| model.id.clone());
    let by_preset = || addition.contract.preset.clone().filter(|preset| models::known().model(preset).is_some());
    let by_name = || {
        let stem = addition.file.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
        stem.chars().map(plain).collect::<String>().trim_matches(['-', '.', '_']).to_owned()
    };
    let id = addition.id.clone().or_else(by_hash).or_else(by_preset).unwrap_or_else(by_name);
    models::check_id(&id).map_err(|message| Error::recipe("--id", 0, message))?;
    if id == EMBEDDED {
        return Err(Error::recipe("--id", 0, format!("id {id:?} is the built-in model's: give another with --id")));
    }
    Ok(id)
}

/// Compares with the hash that was given, else with the published one.
fn check_hash(addition: &Addition, opened: &Opened, listed: Option<&Listing>) -> Result<Vec<String>> {
    let actual = &opened.sha256;
    match (&addition.sha256, listed.and_then(|known| Some((known, known.sha256.as_ref()?)))) {
        (Some(wanted), _) if wanted != actual => Err(Error::input(
            &addition.file,
            format!("SHA-256 is {actual}, expected {wanted}: it is not the file that was meant"),
        )),
        (Some(_), _) => Ok(Vec::new()),
        (None, Some((known, published))) if !known.is_published(actual) => {
            let reason = format!(
                "SHA-256 is {actual}, that of the published file of {:?} is {published}: if this is another export of it that you \
                 trust, say --sha256 {actual}",
                known.id
            );
            Err(Error::input(&addition.file, reason))
        }
        (None, Some(_)) => Ok(vec!["its SHA-256 is that of the published file".to_owned()]),
        (None, None) => Ok(vec![
            "no SHA-256 is known to compare it with: from now on this file is the one that is meant".to_owned(),
        ]),
    }
}

fn create(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .map_err(|e| Error::output(folder, format!("cannot create the folder of models: {e}")))
}

/// Held while the list is changed: two programs at a time would lose one of two additions.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(".registry.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| Error::output(&path, error))?;
    // File systems without locks are used without.
    let _ = file.lock();
    Ok(file)
}

/// Copies file and weights below `folder`, under their own names; returns the file's path relative to it.
fn copy(file: &Path, listing: &Listing, folder: &Path) -> Result<PathBuf> {
    let own = Path::new(&listing.id).to_owned();
    // The list is text.
    let to = own.join(file.file_name().and_then(|name| name.to_str()).unwrap_or("model.onnx"));
    let mut pairs = vec![(file.to_owned(), to.clone())];
    for name in &listing.weights {
        pairs.push((beside(file, name)?, own.join(name)));
    }
    for (from, to) in without_duplicates(file, pairs)? {
        let to = folder.join(to);
        let fail = |error: std::io::Error| Error::output(&to, format!("cannot copy {} here: {error}", escape(&from)));
        create(to.parent().unwrap_or(folder))?;
        if from == to {
            continue;
        }
        let name = to.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let temporary = to.with_file_name(format!(".{name}.{}.chiaro-tmp", std::process::id()));
        let copied = std::fs::copy(&from, &temporary).and_then(|_| std::fs::rename(&temporary, &to));
        if copied.is_err() {
            // What is left of it is of no use to anybody.
            let _ = std::fs::remove_file(&temporary);
        }
        copied.map_err(fail)?;
    }
    Ok(to)
}

/// Each copy once. Two files whose copies would have the same name are refused; names that differ in case alone are the same on some file
/// systems.
fn without_duplicates(model: &Path, pairs: Vec<(PathBuf, PathBuf)>) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut sources: HashMap<String, PathBuf> = HashMap::new();
    let mut kept = Vec::new();
    for (from, to) in pairs {
        let plain: PathBuf = to.components().collect();
        match sources.get(&plain.to_string_lossy().to_lowercase()) {
            Some(other) if *other == from => continue,
            Some(other) => {
                let reason = format!(
                    "its files {} and {} would be one in the copy: rename one of them, or add it without --copy",
                    escape(other),
                    escape(&from)
                );
                return Err(Error::input(model, reason));
            }
            None => sources.insert(plain.to_string_lossy().to_lowercase(), from.clone()),
        };
        kept.push((from, to));
    }
    Ok(kept)
}

/// The files of a model, links resolved.
fn files_of(model: &Path, weights: &[String]) -> Vec<PathBuf> {
    let folder = model.parent().unwrap_or(Path::new("."));
    let all = std::iter::once(model.to_owned()).chain(weights.iter().map(|name| folder.join(name)));
    all.filter_map(|file| file.canonicalize().ok()).collect()
}

/// Deletes what [`copy`] wrote, but for the files `used` by others, and folders that are empty then.
fn delete_copy(model: &Listing, folder: &Path, used: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let own = folder.join(&model.id);
    let mut deleted = Vec::new();
    let plain = |name: &String| crate::depth::onnx_header::stays_inside(name).is_ok();
    // The list is edited by people: nothing outside the model's own folder is a copy.
    let file = model.file.as_ref().and_then(|file| file.strip_prefix(&model.id).ok()?.to_str().map(str::to_owned));
    for name in file.into_iter().chain(model.weights.iter().cloned()).filter(plain) {
        let path = own.join(&name);
        if path.canonicalize().is_ok_and(|path| used.contains(&path)) {
            continue;
        }
        match std::fs::remove_file(&path) {
            Ok(()) => deleted.push(path.clone()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::output(&path, format!("cannot delete this copy: {error}"))),
        }
        // Folders that hold anything else stay.
        for parent in path.ancestors().skip(1).take_while(|parent| parent.starts_with(&own)) {
            let _ = std::fs::remove_dir(parent);
        }
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depth::onnx_header::tests::model;

    fn addition(file: PathBuf, copy: bool) -> Addition {
        let contract = Contract { preset: Some("depth-anything-v2".into()), ..Contract::default() };
        Addition { file, id: Some("mine".into()), contract, copy, replace: true, ..Addition::default() }
    }

    #[test]
    fn copies_keep_their_names_and_go_when_they_are_replaced() {
        let place = tempfile::tempdir().unwrap();
        let (from, shelf) = (place.path().join("from"), place.path().join("models"));
        std::fs::create_dir_all(&from).unwrap();
        let onnx = |name: &str, weights: &str, notes: &[(&str, &str)]| {
            let file = model(&[("image", &[1, 3, 0, 0])], Some(weights), notes);
            std::fs::write(from.join(name), &file).unwrap();
            std::fs::write(from.join(weights), weights).unwrap();
            file
        };
        // Weights by the name that copies once had.
        let first = onnx("a.onnx", "model.onnx", &[]);
        let added = Shelf::add(&shelf, &addition(from.join("a.onnx"), true)).unwrap();
        added.entry.verify().unwrap();
        let own = |name: &str| shelf.join("mine").join(name);
        assert_eq!(
            (std::fs::read(own("a.onnx")).unwrap(), std::fs::read(own("model.onnx")).unwrap()),
            (first, b"model.onnx".to_vec())
        );
        // Another takes its place: one file is of both, the other goes.
        onnx("b.onnx", "model.onnx", &[("k", "v")]);
        let added = Shelf::add(&shelf, &addition(from.join("b.onnx"), true)).unwrap();
        added.entry.verify().unwrap();
        assert!(!own("a.onnx").exists() && own("b.onnx").is_file(), "{:?}", added.notes);
        assert!(
            added.notes.iter().any(|note| note.contains("a.onnx") && !note.contains("b.onnx")),
            "{:?}",
            added.notes
        );
        // A copy that is used where it lies stays.
        let added = Shelf::add(&shelf, &addition(own("b.onnx"), false)).unwrap();
        added.entry.verify().unwrap();
        Shelf::add(&shelf, &addition(from.join("a.onnx"), true)).unwrap();
        Shelf::add(&shelf, &addition(from.join("a.onnx"), false)).unwrap();
        assert!(!own("a.onnx").exists() && !own("model.onnx").exists() && own("b.onnx").is_file());
        assert!(from.join("a.onnx").is_file() && from.join("model.onnx").is_file());
    }

    #[test]
    fn no_two_files_become_one() {
        let pair = |from: &str, to: &str| (PathBuf::from(from), PathBuf::from(to));
        let kept =
            |pairs: &[(PathBuf, PathBuf)]| without_duplicates(Path::new("m"), pairs.to_vec()).map(|kept| kept.len());
        assert_eq!(kept(&[pair("a", "x/a"), pair("a", "x/./a"), pair("b", "x/b")]).unwrap(), 2);
        let error = kept(&[pair("a", "x/model.onnx"), pair("b", "x/Model.onnx")]).unwrap_err().to_string();
        assert!(error.contains("would be one"), "{error}");
    }
}
