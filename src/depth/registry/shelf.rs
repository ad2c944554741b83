//! The models that are known by id: the embedded one, those of the list that ships, and those the user has added.
//!
//! The user's list is `registry.toml` in [`user_folder`]. A model of the shipped list becomes usable when its file is added; an id of the
//! user's own names any other. The embedded model's id cannot be taken.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{EMBEDDED, ModelEntry, contract::is_noncommercial};
use crate::depth::registry::Contract;
use crate::error::{Error, Result, escape};
use crate::recipe::models::{self, Listing, MAX_LIST_BYTES, ModelList};
use crate::recipe::nearest;

/// Environment variable that names the folder of the user's models.
pub const VARIABLE: &str = "CHIARO_MODELS";
/// File name of the user's list.
pub(super) const LIST: &str = "registry.toml";

/// Whether a model can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Inside the program.
    BuiltIn,
    /// Its file was added and is there.
    Ready,
    /// Its contract is known, its file must be added.
    NeedsFile,
    /// Its file was added and is gone.
    FileGone,
}

/// Everything that has an id.
#[derive(Debug)]
pub struct Shelf {
    folder: Option<PathBuf>,
    models: Vec<Listing>,
    by_id: HashMap<String, usize>,
    /// How many of `models`, from the first, are the user's.
    users: usize,
}

/// The folder of the user's models: `$CHIARO_MODELS`, else `chiaro/models` of the platform's data folder (`$XDG_DATA_HOME`,
/// `~/.local/share`; on Windows `%LOCALAPPDATA%`). `None` where there is none of these.
pub fn user_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = || {
        let local = if cfg!(windows) { variable("LOCALAPPDATA") } else { None };
        let home = || variable("HOME").map(|home| home.join(".local/share"));
        local.or_else(|| variable("XDG_DATA_HOME")).or_else(home)
    };
    variable(VARIABLE).or_else(|| data().map(|data| data.join("chiaro/models")))
}

impl Shelf {
    /// The shipped list and the user's, from [`user_folder`].
    ///
    /// # Errors
    /// As [`Shelf::with_folder`].
    pub fn load() -> Result<Self> {
        Self::with_folder(user_folder())
    }

    /// The shipped list and the one in `folder`, if there is one.
    ///
    /// # Errors
    /// Recipe: every problem of the user's list, with its line. Input: it cannot be read. Limit: it is larger than 1 MiB.
    pub fn with_folder(folder: Option<PathBuf>) -> Result<Self> {
        let list = match &folder {
            Some(folder) => read_list(&folder.join(LIST))?,
            None => ModelList::default(),
        };
        let users = list.models.len();
        let known = &models::known().models;
        let mut all = list.models;
        for model in &mut all {
            // A shipped model that was added keeps what is known of it.
            if let Some(shipped) = known.iter().find(|shipped| shipped.id == model.id) {
                model.noncommercial |= shipped.noncommercial;
                model.from = model.from.take().or_else(|| shipped.from.clone());
                model.note = model.note.take().or_else(|| shipped.note.clone());
                model.contract.preset.get_or_insert_with(|| shipped.id.clone());
            }
            model.noncommercial |= model.contract.license.as_deref().is_some_and(is_noncommercial);
        }
        let mut by_id: HashMap<String, usize> =
            all.iter().enumerate().map(|(i, model)| (model.id.clone(), i)).collect();
        for shipped in known.iter().filter(|shipped| !by_id.contains_key(&shipped.id)).cloned().collect::<Vec<_>>() {
            by_id.insert(shipped.id.clone(), all.len());
            all.push(shipped);
        }
        if let Some(taken) = all.iter().find(|model| model.id == EMBEDDED) {
            let path = folder.unwrap_or_default().join(LIST);
            let message = format!("id {EMBEDDED:?} is the built-in model's: give this one another");
            return Err(Error::recipe(path, taken.line, message));
        }
        Ok(Self { folder, models: all, by_id, users })
    }

    /// A model by id, in constant time; not the embedded one.
    pub fn get(&self, id: &str) -> Option<&Listing> {
        self.by_id.get(id).and_then(|&i| self.models.get(i))
    }

    /// All models but the embedded one: those the user has added, then the others that are known.
    pub fn models(&self) -> &[Listing] {
        &self.models
    }

    /// Whether the user has added this one.
    pub fn is_users(&self, id: &str) -> bool {
        self.by_id.get(id).is_some_and(|&i| i < self.users)
    }

    /// Ids that a recipe can name, the embedded model's first.
    pub fn ids(&self) -> Vec<&str> {
        [EMBEDDED].into_iter().chain(self.models.iter().map(|model| model.id.as_str())).collect()
    }

    /// The folder of the user's models.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The file of a model that has one.
    pub fn file(&self, model: &Listing) -> Option<PathBuf> {
        let file = model.file.as_ref()?;
        Some(self.folder.as_ref().map_or_else(|| file.clone(), |folder| folder.join(file)))
    }

    /// Whether a model can be used. Looks whether its file is there, not into it.
    pub fn state(&self, model: &Listing) -> State {
        match self.file(model) {
            None => State::NeedsFile,
            Some(file) if file.is_file() => State::Ready,
            Some(_) => State::FileGone,
        }
    }

    /// A listing with everything its presets say.
    pub fn complete(&self, model: &Listing) -> Contract {
        let known = models::known();
        let own = model.contract.clone();
        let preset = own.preset.clone().or_else(|| known.model(&model.id).map(|shipped| shipped.id.clone()));
        let mut contract = match preset {
            Some(preset) => own.or(known.contract(&preset)),
            None => own,
        };
        contract.preset = None;
        contract
    }

    /// The entry of a model whose file is there.
    ///
    /// # Errors
    /// Environment: it has no file, with the address and the command that help. Input: the file is not the one that was added.
    pub fn open(&self, model: &Listing) -> Result<ModelEntry> {
        let file = match (self.state(model), self.file(model)) {
            (State::Ready | State::FileGone, Some(file)) => file,
            _ => return Err(Error::Environment(how_to_get(model))),
        };
        if !file.is_file() {
            let reason = format!(
                "the file of depth model {:?} is gone: put it back, or type `{}` with the file that takes its place",
                model.id,
                add_again("FILE.onnx", model)
            );
            return Err(Error::input(&file, reason));
        }
        let mut entry = ModelEntry::from_file(&file, &model.contract)?;
        if let Some(recorded) = model.sha256.as_ref().filter(|recorded| **recorded != entry.sha256) {
            let reason = format!(
                "the file of depth model {:?} has changed: SHA-256 is {}, expected {recorded}; put the old one back or, if you trust the \
                 new one, type `{}{}`",
                model.id,
                entry.sha256,
                add_again(&quoted(&file), model),
                if is_other_export(model, &entry.sha256) {
                    format!(" --sha256 {}", entry.sha256)
                } else {
                    String::new()
                }
            );
            return Err(Error::input(&file, reason));
        }
        entry.noncommercial |= model.noncommercial;
        entry.id.clone_from(&model.id);
        Ok(entry)
    }

    /// Puts `models` in the place of the user's list: whole or not at all.
    ///
    /// # Errors
    /// Output: the folder or the file cannot be written.
    pub(super) fn write(folder: &Path, models: Vec<Listing>) -> Result<()> {
        let list = ModelList { models, ..ModelList::default() };
        let path = folder.join(LIST);
        let fail = |error: std::io::Error| Error::output(&path, format!("cannot write the list of models: {error}"));
        let temporary = folder.join(format!(".{LIST}.{}.chiaro-tmp", std::process::id()));
        let written = std::fs::File::create(&temporary).and_then(|mut file| {
            file.write_all(list.to_toml().as_bytes())?;
            file.sync_all()
        });
        let placed = written.and_then(|()| std::fs::rename(&temporary, &path));
        if placed.is_err() {
            // What is left of it is of no use to anybody.
            let _ = std::fs::remove_file(&temporary);
        }
        placed.map_err(fail)
    }

    /// The user's part of the list, as it is written.
    pub(super) fn users_list(folder: &Path) -> Result<Vec<Listing>> {
        read_list(&folder.join(LIST)).map(|list| list.models)
    }
}

fn read_list(path: &Path) -> Result<ModelList> {
    let size = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(ModelList::default()),
        Err(error) => return Err(Error::input(path, error)),
        Ok(metadata) => metadata.len(),
    };
    if size > MAX_LIST_BYTES {
        let what = "size of the list of models in bytes";
        return Err(Error::Limit { path: path.into(), what, value: size, limit: MAX_LIST_BYTES });
    }
    let bytes = std::fs::read(path).map_err(|error| Error::input(path, error))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::recipe(path, 0, "is not UTF-8 text"))?;
    ModelList::parse(&text, path)
}

/// The command that adds another file under the id of `model`, with the contract that the list has.
fn add_again(file: &str, model: &Listing) -> String {
    let copy = if model.copied { " --copy" } else { "" };
    let license = if model.noncommercial { " --allow-noncommercial" } else { "" };
    format!("chiaro models add {file} --id {} --replace{copy}{license}", model.id)
}

/// Whether `models add` would ask for the hash: the published file of this id is known to be another.
fn is_other_export(model: &Listing, sha256: &str) -> bool {
    models::known().model(&model.id).is_some_and(|known| known.sha256.is_some() && !known.is_published(sha256))
}

/// A path as a word of a shell's command line.
pub fn quoted(path: &Path) -> String {
    let text = escape(path);
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./+=:@,%".contains(c) || (cfg!(windows) && c == '\\');
    match (text.chars().all(plain) && !text.is_empty(), cfg!(windows)) {
        (true, _) => text,
        (false, true) => format!("\"{text}\""),
        (false, false) => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// What to do about a model whose contract is known and whose file is not.
pub fn how_to_get(model: &Listing) -> String {
    let from = model.from.as_ref().map(|from| format!("get it from {from}, then type")).unwrap_or("type".into());
    let license = model.contract.license.as_deref().unwrap_or("unknown");
    let flag = if model.noncommercial { " --allow-noncommercial" } else { "" };
    format!(
        "depth model {:?} (license {license}) is known, but has no file yet; nothing is downloaded by itself: {from} \
         `chiaro models add FILE.onnx --id {}{flag}`",
        model.id, model.id
    )
}

/// Refuses a model whose license excludes commercial use, unless that was allowed.
///
/// # Errors
/// Recipe, with the flag that allows it.
pub fn permit(model: &ModelEntry, allow_noncommercial: bool) -> Result<()> {
    if allow_noncommercial || !model.noncommercial {
        return Ok(());
    }
    Err(Error::recipe("[depth]", 0, refusal(&model.id, &model.license)))
}

/// The sentence that refuses a license.
pub(super) fn refusal(id: &str, license: &str) -> String {
    format!(
        "depth model {id:?} has the license {license}, which does not allow commercial use: say --allow-noncommercial if yours is not, \
         or take another model"
    )
}

/// The model of a recipe: an id of the [`Shelf`], or else a path to an ONNX file (relative to `folder`).
///
/// # Errors
/// As [`ModelEntry::from_file`] and [`Shelf::open`]; an id that is unknown lists the known ones; Recipe when a contract is given for
/// a model that has an id.
pub fn find(name: &str, folder: &Path, given: &Contract) -> Result<ModelEntry> {
    find_on(Shelf::load, name, folder, given)
}

/// As [`find`], with the shelf that `shelf` loads. It is not loaded for the embedded model and for files.
pub fn find_on(shelf: impl Fn() -> Result<Shelf>, name: &str, folder: &Path, given: &Contract) -> Result<ModelEntry> {
    let refuse = || {
        let key = given.values().first().map(|(key, _)| *key)?;
        let reason = format!("model {name:?} is known by its id and all about it is settled: {key} is for .onnx files");
        Some(Error::recipe("[depth]", 0, reason))
    };
    if name == EMBEDDED {
        return refuse().map_or_else(|| Ok(ModelEntry::embedded()), Err);
    }
    let path = folder.join(name);
    if models::check_id(name).is_err() {
        return ModelEntry::from_file(&path, given);
    }
    let shelf = shelf()?;
    if let Some(model) = shelf.get(name) {
        return refuse().map_or_else(|| shelf.open(model), Err);
    }
    if path.extension().is_none() && !path.exists() {
        let ids = shelf.ids();
        let hint = nearest(name, ids.iter().copied()).map_or_else(
            || format!("give an id ({}) or the path of an .onnx file", ids.join(", ")),
            |id| format!("did you mean {id:?}? (`chiaro models list` shows all; {EMBEDDED} is built in)"),
        );
        return Err(Error::Environment(format!("there is no depth model {name:?}: {hint}")));
    }
    ModelEntry::from_file(&path, given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_models_say_how_to_get_them() {
        let shelf = Shelf::with_folder(None).unwrap();
        assert_eq!(shelf.get(EMBEDDED), None);
        let model = shelf.get("depth-anything-v2-base").unwrap();
        assert_eq!(shelf.state(model), State::NeedsFile);
        let error = shelf.open(model).unwrap_err().to_string();
        for words in
            ["https://", "models add FILE.onnx --id depth-anything-v2-base", "--allow-noncommercial", "CC-BY-NC-4.0"]
        {
            assert!(error.contains(words), "{error}");
        }
        let contract = shelf.complete(shelf.get("depth-anything-v2-metric-indoor-small").unwrap());
        assert_eq!((contract.size, contract.multiple_of), (Some((518, 518)), Some(14)));
        assert!(contract.output.unwrap().is_metric());
    }

    #[test]
    fn the_users_list_is_read_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let load = |text: &str| {
            std::fs::write(folder.path().join(LIST), text).unwrap();
            Shelf::with_folder(Some(folder.path().to_owned()))
        };
        let shelf = load(
            "version = 1\n[[model]]\nid = \"depth-pro\"\nfile = \"gone.onnx\"\n[[model]]\nid = \"mine\"\n\
                          license = \"CC-BY-NC-4.0\"\n",
        )
        .unwrap();
        let pro = shelf.get("depth-pro").unwrap();
        assert_eq!((shelf.state(pro), pro.noncommercial, shelf.is_users("depth-pro")), (State::FileGone, true, true));
        assert!(shelf.open(pro).unwrap_err().to_string().contains("is gone"));
        assert!(shelf.get("mine").unwrap().noncommercial && !shelf.is_users("midas-small"));
        assert_eq!(shelf.ids().iter().filter(|id| **id == "depth-pro").count(), 1);
        let error = load("version = 1\n[[model]]\nid = \"chiaro-small\"\n").unwrap_err().to_string();
        assert!(error.contains("registry.toml:2:") && error.contains("built-in"), "{error}");
        assert!(load("version = 1\n[[model]]\nid = 3\n").unwrap_err().to_string().contains("registry.toml:3:"));
    }

    #[test]
    fn names_that_are_nearly_right() {
        let shelf = || Shelf::with_folder(None);
        let error = |name| find_on(shelf, name, Path::new("."), &Contract::default()).unwrap_err().to_string();
        assert!(error("midas-smal").contains("did you mean \"midas-small\""));
        assert!(error("zzzzzzzzzzz").contains("chiaro-small"));
    }
}
