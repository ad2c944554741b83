//! The depth cache: answers of depth models in a folder, so that a changed grade estimates nothing again.
//!
//! It is found by content (`entry`): a renamed picture, a copy, another recipe find the same map. It never decides what a picture looks
//! like: a map comes back bit for bit as the model gave it, and whatever is wrong with a file of the cache, or with the folder, only means that
//! the model is asked. Processes may share a folder: files appear whole under their names by rename, and a file that another process
//! removes was not there.

pub mod compiled;
mod entry;
mod sweep;
#[cfg(test)]
mod tests;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

pub use entry::{Family, StoredMap};
pub use sweep::{About, FamilySurvey, Removed, clear, collect, survey};

use super::identity::Digest;
use crate::depth::engine::EngineInfo;
use crate::depth::registry::ModelEntry;
use crate::depth::worker::LowResDisparity;
use crate::error::escape;

/// The variable that names the cache folder of the program, or turns caches off with [`OFF`].
pub const VARIABLE: &str = "CHIARO_CACHE";
/// The word instead of a folder.
pub const OFF: &str = "off";
/// Bytes of maps that stay: about 5000 pictures of the embedded model.
pub const DEFAULT_BUDGET_BYTES: u64 = 1 << 30;
/// Maps that were not used for so long go.
pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(90 * 24 * 3600);

/// Where maps are kept, how many and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepthCacheOptions {
    /// The folder; made when the first map is kept.
    pub folder: PathBuf,
    /// Bytes that stay at the end of a run that added maps.
    pub budget_bytes: u64,
    /// Maps that were not used for longer go then.
    pub max_age: Duration,
}

impl DepthCacheOptions {
    /// `folder` with the usual bounds.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), budget_bytes: DEFAULT_BUDGET_BYTES, max_age: DEFAULT_MAX_AGE }
    }
}

/// The folder of this user: `depth` below `$CHIARO_CACHE`, or below `chiaro` in the user's folder of caches (`$XDG_CACHE_HOME` or `~/.cache`;
/// `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows). `None` when [`VARIABLE`] is `off`, or the user has no such folder.
pub fn default_folder() -> Option<PathBuf> {
    folder_by(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
}

fn folder_by(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    if let Some(folder) = variable(VARIABLE) {
        return (folder != OFF).then(|| Path::new(&folder).join("depth"));
    }
    let home = || variable("HOME").map(PathBuf::from);
    // The specification of XDG_CACHE_HOME has relative paths ignored.
    let xdg = variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = if cfg!(target_os = "windows") {
        variable("LOCALAPPDATA").map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        xdg.or_else(|| Some(home()?.join("Library/Caches")))
    } else {
        xdg.or_else(|| Some(home()?.join(".cache")))
    };
    Some(caches?.join("chiaro").join("depth"))
}

/// What the cache did, for reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct DepthCacheCounts {
    /// Maps that were found.
    pub hits: u64,
    /// Maps that were not, and had to be estimated.
    pub misses: u64,
    /// Maps that were kept.
    pub stored: u64,
}

/// The cache of one run: one model, one engine.
pub struct DepthCache {
    options: DepthCacheOptions,
    family: Family,
    about: About,
    hits: AtomicU64,
    misses: AtomicU64,
    stored: AtomicU64,
    /// Set when a map could not be kept: the next one will not be tried.
    unwritable: AtomicBool,
    note: Mutex<Option<String>>,
}

impl DepthCache {
    /// The cache for answers of `model` by `engine`. Touches nothing.
    pub fn new(options: DepthCacheOptions, model: &ModelEntry, engine: &EngineInfo) -> Self {
        Self {
            options,
            family: Family::new(model, engine),
            about: About { model: model.id.clone(), sha256: model.sha256.clone(), engine: engine.to_string() },
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            unwritable: AtomicBool::new(false),
            note: Mutex::new(None),
        }
    }

    /// What keys are made of.
    pub fn family(&self) -> &Family {
        &self.family
    }

    /// True when there are maps of this model and engine, so that a run may do without the model.
    pub fn has_maps(&self) -> bool {
        self.family_folder().is_dir()
    }

    /// The map of `key`. Whatever is wrong with its file makes it a miss.
    pub fn find(&self, key: &Digest) -> Option<StoredMap> {
        let found = self.read(key);
        let count = if found.is_some() { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
        found
    }

    fn read(&self, key: &Digest) -> Option<StoredMap> {
        let mut file = std::fs::File::open(self.path(key)).ok()?;
        let mut bytes = Vec::new();
        let most = entry::MAX_FILE_BYTES;
        if file.metadata().ok()?.len() > most {
            return None;
        }
        (&mut file).take(most).read_to_end(&mut bytes).ok()?;
        let map = entry::decode(key, &bytes)?;
        // Its age begins anew. In a folder that cannot be written nothing is ever removed either.
        let _ = file.set_modified(SystemTime::now());
        Some(map)
    }

    /// Keeps an answer. Never fails: a folder that cannot be written is noted once.
    pub fn store(&self, key: &Digest, map: &LowResDisparity) {
        if self.unwritable.load(Ordering::Relaxed) {
            return;
        }
        let Some(file) = entry::encode(key, map) else { return };
        // A process that cleans up may take the folder away before the file is in it: once more.
        match self.write(key, &file).or_else(|_| self.write(key, &file)) {
            Ok(()) => drop(self.stored.fetch_add(1, Ordering::Relaxed)),
            Err(error) => {
                self.unwritable.store(true, Ordering::Relaxed);
                let folder = escape(&self.options.folder);
                self.remark(format!(
                    "the depth cache {folder} cannot be written ({error}): depth of this run is not kept for the next one; give another folder with --depth-cache, or --depth-cache off"
                ));
            }
        }
    }

    fn write(&self, key: &Digest, bytes: &[u8]) -> std::io::Result<()> {
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.options.folder);
        make_folder(folder)?;
        let about = self.family_folder().join(sweep::ABOUT);
        if !about.exists()
            && let Ok(text) = serde_json::to_vec(&self.about)
        {
            put(&about, &text)?;
        }
        put(&path, bytes)
    }

    /// What happened so far.
    pub fn counts(&self) -> DepthCacheCounts {
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        DepthCacheCounts { hits: count(&self.hits), misses: count(&self.misses), stored: count(&self.stored) }
    }

    /// Ends a run: what is too much or too old goes, if this run added to it. Returns what a person should know, if there is something.
    pub fn finish(&self) -> Option<String> {
        if self.counts().stored > 0 {
            let DepthCacheOptions { folder, budget_bytes, max_age } = &self.options;
            let now = SystemTime::now();
            let maps = collect(folder, *budget_bytes, *max_age, now).map(drop);
            let all = maps.and_then(|()| compiled::collect(folder, *max_age, now).map(drop));
            if let Err(error) = all {
                self.remark(error.to_string());
            }
        }
        self.note.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn remark(&self, text: String) {
        self.note.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
    }

    fn family_folder(&self) -> PathBuf {
        let name = self.family.0.to_string();
        self.options.folder.join(name.get(..sweep::FAMILY_DIGITS).unwrap_or(&name))
    }

    fn path(&self, key: &Digest) -> PathBuf {
        let name = key.to_string();
        let shard = name.get(..sweep::SHARD_DIGITS).unwrap_or(&name);
        self.family_folder().join(shard).join(format!("{name}{}", sweep::MAP_ENDING))
    }
}

/// Makes a folder that only its owner can look into: depth maps show what the pictures show.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Lets a file appear whole under its name. It is not flushed to the disk: what a crash tears does not decode.
fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!("{}{}-{}", sweep::TEMPORARY, std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    let temporary = PathBuf::from(temporary);
    let written = std::fs::File::create_new(&temporary).and_then(|mut file| file.write_all(bytes));
    written.and_then(|()| std::fs::rename(&temporary, path)).inspect_err(|_| {
        // Half a file in a full folder helps nobody.
        let _ = std::fs::remove_file(&temporary);
    })
}
