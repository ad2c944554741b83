//! Adding models to the user's list, and taking them off it.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::copies::{OldCopy, copy, create, files_of, files_of_listing};
use super::shelf::{LIST, refusal};
use super::{Contract, EMBEDDED, ModelEntry, Opened, Shelf, UNKNOWN, contract, opened};
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

/// What became of a model that was taken off the list.
#[derive(Debug, Clone)]
pub struct Removed {
    /// Its id.
    pub id: String,
    /// The files that were deleted: those that had been copied.
    pub deleted: Vec<PathBuf>,
    /// What people should know: copies that stay, and why.
    pub notes: Vec<String>,
    /// A copy that could not be deleted; the model is off the list all the same.
    pub failed: Option<Error>,
}

impl Shelf {
    /// Adds a model to the list in `folder`. The file is read whole and its contract must be complete; it is not run.
    ///
    /// A model of the same id takes only `replace` to be changed. What is not given anew is kept: of the contract where no preset
    /// is given, of the license where the file is the same or the contract is kept.
    ///
    /// # Errors
    /// Input: as [`ModelEntry::from_file`], a SHA-256 that is not the expected one, or a copy that would lie in the place of another
    /// file. Recipe: an id that is taken or wrong, a license that was not accepted. Output: the list, or a copy, cannot be written.
    pub fn add(folder: &Path, addition: &Addition) -> Result<Added> {
        let file = addition.file.canonicalize().map_err(|error| Error::input(&addition.file, error))?;
        let Prepared { mut entry, mut listing, mut notes, old, same } = prepare(folder, addition, &file)?;
        create(folder)?;
        let _lock = lock(folder)?;
        let mut models = Self::users_list(folder)?;
        let at = models.iter().position(|model| model.id == listing.id);
        if at.and_then(|at| models.get(at)) != old.as_ref() {
            let reason = format!("another program has changed model {:?} meanwhile: add it again", listing.id);
            return Err(Error::output(folder.join(LIST), reason));
        }
        let old = at.map(|at| models.remove(at));
        let used: Vec<PathBuf> = models.iter().flat_map(|model| files_of_listing(model, folder)).collect();
        let old_copy = old.as_ref().filter(|old| old.copied).map(|old| OldCopy::of(old, folder));
        if let (true, false, Some(copy)) = (same && !addition.replace, addition.copy, &old_copy)
            && copy.intact
        {
            let path = folder.join(copy.file());
            notes = vec![format!(
                "it is listed already, with these facts and its own copy in {}: nothing changed",
                escape(&path)
            )];
            entry.source = super::ModelSource::File(path);
            return Ok(Added { entry, notes });
        }
        if addition.copy {
            match copy(&file, &listing, folder, old_copy.as_ref(), &used)? {
                Some(copied) => (listing.file, listing.copied) = (Some(copied), true),
                None => notes
                    .push("it lies where its copy would: it is used there, and stays when it is removed".to_owned()),
            }
        }
        if !listing.copied && file.to_str().is_none() {
            let advice = "its path is not UTF-8 text and cannot be kept in the list: rename it, or use --copy";
            return Err(Error::input(&file, advice));
        }
        let path = folder.join(listing.file.as_deref().unwrap_or(&file));
        if same {
            let place = old.as_ref().is_some_and(|old| old.file == listing.file && old.copied == listing.copied);
            let what =
                if place { "nothing changed".to_owned() } else { format!("it is now used in {}", escape(&path)) };
            notes = vec![format!("it is listed already, with these facts: {what}")];
        }
        let new = files_of(&path, &listing.weights);
        entry.source = super::ModelSource::File(path);
        models.push(listing);
        models.sort_by(|a, b| a.id.cmp(&b.id));
        Self::write(folder, models)?;
        if let Some(copy) = old_copy {
            // The list is written: a copy that stays is worth a word and no failure.
            let gone = copy.delete(folder, &used, &new);
            if !gone.deleted.is_empty() {
                let names: Vec<String> = gone.deleted.iter().map(|path| escape(path)).collect();
                notes.push(format!("deleted the copy of the model it replaces: {}", names.join(", ")));
            }
            notes.extend(gone.notes);
            notes.extend(gone.failed.map(|error| error.to_string()));
        }
        Ok(Added { entry, notes })
    }

    /// Takes models off the list in `folder`, all or none. Of their files only copies are deleted, and of these none that another model
    /// uses or that has changed.
    ///
    /// # Errors
    /// Recipe: the user has no such model. Output: the list cannot be written.
    pub fn remove(folder: &Path, ids: &[String]) -> Result<Vec<Removed>> {
        let refuse = |message: String| Err(Error::recipe("models remove", 0, message));
        if ids.iter().any(|id| id == EMBEDDED) {
            return refuse(format!("{EMBEDDED:?} is inside the program and stays there; nothing was removed"));
        }
        if !folder.is_dir() {
            return refuse(format!("no model {} was added: {} does not exist", quoted_ids(ids), escape(folder)));
        }
        let _lock = lock(folder)?;
        let models = Self::users_list(folder)?;
        let known = |id: &String| models.iter().any(|model| model.id == *id);
        let unknown: Vec<String> = ids.iter().filter(|id| !known(id)).cloned().collect();
        if !unknown.is_empty() {
            let all: Vec<&str> = models.iter().map(|model| model.id.as_str()).collect();
            let added =
                if all.is_empty() { "none were added".to_owned() } else { format!("added: {}", all.join(", ")) };
            let rest = if unknown.len() < ids.len() { "; nothing was removed" } else { "" };
            return refuse(format!("no model {} was added; {added}{rest}", quoted_ids(&unknown)));
        }
        let (gone, stay): (Vec<Listing>, Vec<Listing>) = models.into_iter().partition(|model| ids.contains(&model.id));
        let used: Vec<PathBuf> = stay.iter().flat_map(|model| files_of_listing(model, folder)).collect();
        // Looked into before any file goes: two models may share one.
        let gone: Vec<(String, Option<OldCopy>)> =
            gone.iter().map(|model| (model.id.clone(), model.copied.then(|| OldCopy::of(model, folder)))).collect();
        Self::write(folder, stay)?;
        let removed = gone.into_iter().map(|(id, copy)| {
            let gone = copy.map(|copy| copy.delete(folder, &used, &[])).unwrap_or_default();
            Removed { id, deleted: gone.deleted, notes: gone.notes, failed: gone.failed }
        });
        Ok(removed.collect())
    }
}

/// A model that may be added.
struct Prepared {
    entry: ModelEntry,
    listing: Listing,
    notes: Vec<String>,
    /// What the list has of this id, and whether that says the same.
    old: Option<Listing>,
    same: bool,
}

/// Reads a model and checks everything that needs no change of the list. `file` is absolute, links resolved.
fn prepare(folder: &Path, addition: &Addition, file: &Path) -> Result<Prepared> {
    let opened = opened(file)?;
    let id = id_of(addition, &opened)?;
    let listed = models::known().model(&id);
    let old = Shelf::users_list(folder)?.into_iter().find(|model| model.id == id);
    let (mut given, mut notes) = kept(addition, old.as_ref(), &opened);
    if let Some(known) = listed {
        given.preset.get_or_insert_with(|| known.id.clone());
    }
    check_license(addition, &opened, listed)?;
    notes.extend(check_hash(addition, &opened, listed)?);
    let mut entry = contract::entry(file, &opened.header, &given, opened.sha256.clone(), opened.bytes)?;
    // An id that is known says which weights these are.
    entry.noncommercial |= listed.is_some_and(|known| known.noncommercial);
    if let Some(old) = old.as_ref().filter(|_| addition.contract.license.is_none() && given.license.is_some()) {
        entry.noncommercial |= old.noncommercial && old.contract.license == given.license;
    }
    entry.id.clone_from(&id);
    let mut listing = Listing {
        file: Some(file.to_owned()),
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
    let same = old.as_ref().is_some_and(|old| is_same(old, &listing));
    if let Some(old) = old.as_ref().filter(|_| !same && !addition.replace) {
        return Err(Error::recipe("models add", 0, taken(old, &listing)));
    }
    if entry.noncommercial && !addition.allow_noncommercial && !same {
        return Err(Error::recipe("models add", 0, refusal(&entry.id, &entry.license)));
    }
    notes.extend(license_note(addition, &entry));
    Ok(Prepared { entry, listing, notes, old, same })
}

fn quoted_ids(ids: &[String]) -> String {
    ids.iter().map(|id| format!("{id:?}")).collect::<Vec<_>>().join(", ")
}

/// What is given, completed by what the list has of a model of this id; and what there is to say about it.
fn kept(addition: &Addition, old: Option<&Listing>, opened: &Opened) -> (Contract, Vec<String>) {
    let mut given = addition.contract.clone();
    let Some(old) = old else { return (given, Vec::new()) };
    let same_file = old.sha256.as_ref() == Some(&opened.sha256);
    let same_preset = given.preset.is_none() || given.preset == old.contract.preset;
    let license = || old.contract.license.clone().filter(|license| license != UNKNOWN);
    let mut words = Vec::new();
    // A preset settles all that is not given with it.
    if given.preset.is_none() {
        words.extend(old.contract.values().iter().map(|(key, value)| format!("{key} = {value}")));
        let license = license();
        given = given.or(Contract { license, name: None, ..old.contract.clone() });
    }
    if same_file && given.license.is_none() {
        given.license = license();
    }
    if same_preset && given.name.is_none() {
        given.name.clone_from(&old.contract.name);
    }
    if addition.contract.license.is_none() {
        words.extend(given.license.iter().map(|license| format!("license {license}")));
    }
    let notes = match words.is_empty() {
        true => Vec::new(),
        false => vec![format!("kept from the model it replaces, where nothing else is given: {}", words.join(", "))],
    };
    (given, notes)
}

/// Whether two listings say the same about the same bytes, wherever these lie.
fn is_same(old: &Listing, new: &Listing) -> bool {
    let unsaid = |contract: &Contract| {
        let license = contract.license.clone().filter(|license| license != UNKNOWN);
        Contract { license, ..contract.clone() }
    };
    old.sha256 == new.sha256 && old.noncommercial == new.noncommercial && unsaid(&old.contract) == unsaid(&new.contract)
}

/// The sentence about an id that is taken.
fn taken(old: &Listing, new: &Listing) -> String {
    let what = if old.sha256 == new.sha256 { "with other facts about this file" } else { "of another file" };
    format!(
        "there is a model {:?} already, {what}: --replace puts this one in its place, --id names it otherwise",
        old.id
    )
}

/// Refuses a license that is given for weights whose license is known to exclude commercial use. Buying another one does not change
/// what the list knows: `--allow-noncommercial` is the word for it.
fn check_license(addition: &Addition, opened: &Opened, listed: Option<&Listing>) -> Result<()> {
    let Some(given) = addition.contract.license.as_deref() else { return Ok(()) };
    let published = models::known().by_hash(&opened.sha256);
    let Some(known) = published.into_iter().chain(listed).find(|known| known.noncommercial) else { return Ok(()) };
    if contract::is_noncommercial(given) {
        return Ok(());
    }
    let license = known.contract.license.as_deref().unwrap_or(UNKNOWN);
    let reason = if published.is_some_and(|published| published.id == known.id) {
        format!("by its SHA-256 this is the published file of {:?}", known.id)
    } else {
        format!("the id {:?} stands for these weights; if the file holds others, give it another --id", known.id)
    };
    let message = format!(
        "the license of {:?} is {license}, which does not allow commercial use, and not {given:?}: {reason}. Leave --license out; if you \
         may use it all the same, say --allow-noncommercial",
        known.id
    );
    Err(Error::recipe("--license", 0, message))
}

/// What there is to say about the license.
fn license_note(addition: &Addition, entry: &ModelEntry) -> Option<String> {
    if entry.license == UNKNOWN {
        return Some("its license is unknown: --license says it, `chiaro models list` shows it".to_owned());
    }
    let given = addition.contract.license.as_deref()?;
    let known = models::known().model(addition.contract.preset.as_deref()?)?;
    let license = known.contract.license.as_deref().filter(|license| *license != given)?;
    Some(format!("its license {given} is your word: that of {:?} is {license}", known.id))
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

/// Held while the list is changed: two programs at a time would lose one of two additions.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(".registry.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| Error::output(&path, error))?;
    // File systems without locks are used without.
    let _ = file.lock();
    Ok(file)
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
        assert!(!added.notes.concat().contains("stays"), "{:?}", added.notes);
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
}
