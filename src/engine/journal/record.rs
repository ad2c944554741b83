//! The lines of a journal.
//!
//! One line is one JSON object: `at` (nanoseconds since 1970, rising within an output folder), `kind`, and the fields of
//! that kind. **Paths** are relative to the output folder, with `/` between components. A path that is text stands
//! as it is; any other, and text that starts with `hex:`, is written as `hex:` and the hexadecimal digits of its bytes
//! (on Windows: of its WTF-8 form as the standard library encodes it). Nothing read is trusted: an absolute path, or one with `..`, makes the line a bad line.

use crate::engine::identity::{Digest, Identity, Stamp};
use crate::error::ErrorKind;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Number of this format, written in every `run` line. A reader skips lines of kinds it does not know.
pub const FORMAT: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When, in nanoseconds since 1970.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub body: Body,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Body {
    /// A run started.
    Run(RunInfo),
    /// All outputs of a job lie complete and synced under temporary names.
    Commit {
        /// The job.
        job: String,
        /// Its identity.
        identity: Identity,
        /// Its outputs.
        outputs: Vec<Promised>,
    },
    /// All outputs of a job have their final names.
    Done {
        /// The job.
        job: String,
        /// Its identity.
        identity: Identity,
        /// Its outputs.
        outputs: Vec<Placed>,
    },
    /// A job failed.
    Failed {
        /// The job.
        job: String,
        /// Who must act.
        error: ErrorKind,
        /// The error's text.
        message: String,
    },
    /// Recovery gave up a `commit` whose temporaries were not all there; the job is to be done again.
    Dropped {
        /// The job.
        job: String,
    },
}

/// What a run says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of the program.
    pub version: String,
    /// Name of the recipe.
    pub recipe: String,
    /// Hash of the recipe.
    pub recipe_hash: Digest,
    /// Arithmetic class of the run.
    pub arithmetic: String,
}

impl RunInfo {
    /// A run of this program with a recipe, in an arithmetic class.
    pub fn new(recipe: impl Into<String>, recipe_hash: Digest, arithmetic: impl Into<String>) -> Self {
        let version = env!("CARGO_PKG_VERSION").into();
        Self { format: FORMAT, version, recipe: recipe.into(), recipe_hash, arithmetic: arithmetic.into() }
    }
}

/// An output under its temporary name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Promised {
    /// Final name.
    pub path: RelPath,
    /// Temporary name.
    pub temp: RelPath,
    /// Size.
    pub bytes: u64,
    /// Hash of the content.
    pub hash: Digest,
}

/// An output under its final name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    /// Final name.
    pub path: RelPath,
    /// Hash of the content.
    pub hash: Digest,
    /// Size, modification time and inode.
    #[serde(flatten)]
    pub stamp: Stamp,
}

/// A path below the output folder: at least one component, all of them names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelPath(PathBuf);

impl RelPath {
    /// `path` if it stays below the folder it is relative to: no root, no `..`.
    pub fn new(path: &Path) -> Option<Self> {
        let mut clean = PathBuf::new();
        for part in path.components() {
            match part {
                Component::Normal(name) => clean.push(name),
                Component::CurDir => {}
                _ => return None,
            }
        }
        (!clean.as_os_str().is_empty()).then_some(Self(clean))
    }

    /// `target` relative to `out`; `None` if it does not lie below.
    pub fn below(out: &Path, target: &Path) -> Option<Self> {
        Self::new(target.strip_prefix(out).ok()?)
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl Serialize for RelPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names: Vec<_> = self.0.iter().map(|name| name.to_owned()).collect();
        serializer.serialize_str(&path_text(Path::new(&names.join("/".as_ref()))))
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let path = path_from_text(&text).ok_or_else(|| de::Error::custom("a path with a broken hex form"))?;
        Self::new(&path).ok_or_else(|| de::Error::custom("a path that leaves the output folder"))
    }
}

/// The text form of any path, lossless; also the recommended name of a job made from its input's relative path.
pub fn path_text(path: &Path) -> String {
    match path.to_str() {
        Some(text) if !text.starts_with("hex:") => text.to_owned(),
        _ => path.as_os_str().as_encoded_bytes().iter().fold("hex:".into(), |text, b| text + &format!("{b:02x}")),
    }
}

/// The path that [`path_text`] wrote; `None` for broken digits.
pub fn path_from_text(text: &str) -> Option<PathBuf> {
    let Some(digits) = text.strip_prefix("hex:") else { return Some(text.into()) };
    if digits.len() % 2 != 0 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
    os_string(bytes?).map(PathBuf::from)
}

#[cfg(unix)]
fn os_string(bytes: Vec<u8>) -> Option<OsString> {
    Some(std::os::unix::ffi::OsStringExt::from_vec(bytes))
}

/// Elsewhere only text can be taken from untrusted bytes: a journal with other names makes bad lines there.
#[cfg(not(unix))]
fn os_string(bytes: Vec<u8>) -> Option<OsString> {
    String::from_utf8(bytes).ok().map(OsString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_their_text() {
        let mut paths = vec![PathBuf::from("a/b c\n.tif"), PathBuf::from("hex:00"), PathBuf::from("é.tif")];
        #[cfg(unix)]
        paths.push(PathBuf::from(os_string(b"x/\xff\xfe.tif".to_vec()).unwrap()));
        for path in paths {
            let text = serde_json::to_string(&RelPath::new(&path).unwrap()).unwrap();
            assert!(!text.contains('\n'));
            assert_eq!(serde_json::from_str::<RelPath>(&text).unwrap().as_path(), path, "{text}");
        }
    }

    #[test]
    fn a_path_never_leaves_its_folder() {
        for text in
            ["\"/etc/passwd\"", "\"../a\"", "\"a/../../b\"", "\"\"", "\".\"", "\"hex:2e2e\"", "\"hex:0\"", "\"hex:+1\""]
        {
            assert!(serde_json::from_str::<RelPath>(text).is_err(), "{text}");
        }
        assert_eq!(RelPath::below(Path::new("out"), Path::new("out/./a")).unwrap().as_path(), Path::new("a"));
        assert!(RelPath::below(Path::new("out"), Path::new("out/../a")).is_none());
        assert!(RelPath::below(Path::new("out"), Path::new("other/a")).is_none());
    }

    #[test]
    fn the_form_of_a_line_is_fixed() {
        let digest = Digest([0xab; 32]);
        let hex = "ab".repeat(32);
        let stamp = Stamp { bytes: 3, mtime_ns: 5, inode: 7 };
        let body = Body::Done {
            job: "a".into(),
            identity: Identity { digest, arithmetic: "cpu".into() },
            outputs: vec![Placed { path: RelPath::new(Path::new("x/a.tif")).unwrap(), hash: digest, stamp }],
        };
        let record = Record { at: 9, body };
        let line = serde_json::to_string(&record).unwrap();
        let identity = format!(r#"{{"digest":"{hex}","arithmetic":"cpu"}}"#);
        let output = format!(r#"{{"path":"x/a.tif","hash":"{hex}","bytes":3,"mtime_ns":5,"inode":7}}"#);
        assert_eq!(line, format!(r#"{{"at":9,"kind":"done","job":"a","identity":{identity},"outputs":[{output}]}}"#));
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
    }
}
