//! Claims: every output belongs to exactly one input, and no output is an input.
//!
//! Names are compared as a case-insensitive file system would, on every machine: a tree that is whole here must survive
//! being copied to a Mac or a PC. The **key** of an output is the real path of its folder (links resolved as far as
//! the folders exist) and its name, both lowercased. Unicode normalization is not folded: file systems differ in it, and a pair
//! that only a normalizing one takes for one name is still caught at the end, because the final rename never replaces a file
//! that appeared meanwhile.

use crate::error::{Error, escape};
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Collisions spelled out in a message; the rest is counted.
const SHOWN: usize = 10;

/// What is wrong with a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollisionKind {
    /// Two inputs would write the output.
    SameOutput,
    /// The output is an input: writing would replace it.
    OverInput,
}

/// How a command names its outputs, so that advice names options that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By a template, `--name`.
    Template,
    /// By the picture and the form of its map, as `chiaro depth` does.
    Fixed,
}

/// A refused claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// What is wrong.
    pub kind: CollisionKind,
    /// The input that claimed first, or the input that would be replaced.
    pub first: PathBuf,
    /// The input whose claim is refused.
    pub second: PathBuf,
    /// The output in question, as the second wrote it.
    pub output: PathBuf,
}

impl Collision {
    /// The collision as an error of one job, for inputs that arrive one by one.
    pub fn to_error(&self) -> Error {
        Error::output(&self.output, self.reason(Naming::Template))
    }

    fn reason(&self, naming: Naming) -> String {
        let (first, second) = (escape(&self.first), escape(&self.second));
        if naming == Naming::Fixed {
            return match self.kind {
                CollisionKind::SameOutput if self.first == self.second => format!(
                    "two outputs of {second} would both write it (names are compared without case); write each --kind into a \
                     folder of its own with -o"
                ),
                CollisionKind::SameOutput => format!(
                    "{first} and {second} would both write it (names are compared without case); run them into different \
                     folders with -o"
                ),
                CollisionKind::OverInput => format!(
                    "{second} would write it over the input {first}; choose another folder with -o, or leave maps of an \
                     earlier run out with --exclude"
                ),
            };
        }
        match self.kind {
            CollisionKind::SameOutput if self.first == self.second => format!(
                "two outputs of {second} would both write it (names are compared without case); tell them apart with \
                 {{output}} in --name, or with another `name` in [[output]]"
            ),
            CollisionKind::SameOutput => {
                format!(
                    "{first} and {second} would both write it (names are compared without case); tell them apart with \
                     --name \"{{relpath}}/{{stem}}_{{input_ext}}.{{ext}}\", or run them into different folders with -o"
                )
            }
            CollisionKind::OverInput => format!("{second} would write it over the input {first}; change -o or --name"),
        }
    }
}

/// All collisions as one error about the output folder `out`, the first ten spelled out with advice for outputs that are named so; `None`
/// without any.
pub fn report(out: &Path, collisions: &[Collision], naming: Naming) -> Option<Error> {
    if collisions.is_empty() {
        return None;
    }
    let mut reason = format!("{} outputs collide, nothing was started", collisions.len());
    for collision in collisions.iter().take(SHOWN) {
        reason += &format!("\n  {}: {}", escape(&collision.output), collision.reason(naming));
    }
    if let Some(more @ 1..) = collisions.len().checked_sub(SHOWN) {
        reason += &format!("\n  and {more} more");
    }
    Some(Error::output(out, reason))
}

/// The inputs and outputs of a run so far. Add all inputs first where they are known, then claim; where inputs arrive one by one,
/// both calls refuse what collides on arrival.
#[derive(Debug, Default)]
pub struct Claims {
    outputs: HashMap<OsString, Claim>,
    inputs: HashMap<FileKey, PathBuf>,
    /// Real paths of folders, so that a folder is resolved once.
    folders: HashMap<PathBuf, PathBuf>,
}

#[derive(Debug)]
struct Claim {
    who: PathBuf,
    output: PathBuf,
}

/// A file that exists: device and inode where there are any, else its real path.
type FileKey = (u64, u64, PathBuf);

impl Claims {
    /// No inputs, no outputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// True when nothing collides for sure: inputs and their outputs, looked at by hashes alone, so that very many files need little
    /// memory. False asks for the claims one by one, which say what collides.
    pub fn are_free<'a>(inputs: impl Iterator<Item = &'a Path>, outputs: impl Iterator<Item = &'a Path>) -> bool {
        let mut claims = Self::new();
        let inputs: HashSet<FileKey> = inputs.filter_map(file_key).collect();
        let mut seen = HashSet::new();
        for output in outputs {
            let hash = *blake3::hash(claims.output_key(output).as_encoded_bytes()).as_bytes();
            let key = u128::from_le_bytes(std::array::from_fn(|i| hash[i]));
            if !seen.insert(key) || file_key(output).is_some_and(|file| inputs.contains(&file)) {
                return false;
            }
        }
        true
    }

    /// Adds an input file (each frame of a sequence). One that does not exist is no danger and is left out.
    ///
    /// # Errors
    /// A [`Collision`] when an output claimed before is this file.
    pub fn add_input(&mut self, input: &Path) -> Result<(), Box<Collision>> {
        let Some(file) = file_key(input) else { return Ok(()) };
        let key = self.output_key(input);
        if let Some(claim) = self.outputs.get(&key)
            && file_key(&claim.output).as_ref() == Some(&file)
        {
            return Err(Box::new(Collision {
                kind: CollisionKind::OverInput,
                first: input.to_owned(),
                second: claim.who.clone(),
                output: claim.output.clone(),
            }));
        }
        self.inputs.insert(file, input.to_owned());
        Ok(())
    }

    /// Claims `output` for the input `who`.
    ///
    /// # Errors
    /// A [`Collision`] when the output was claimed before (even by the same input: its outputs must differ), or is an input.
    pub fn claim(&mut self, who: &Path, output: &Path) -> Result<(), Box<Collision>> {
        let refused = |kind, first: &Path| {
            let (first, second, output) = (first.to_owned(), who.to_owned(), output.to_owned());
            Err(Box::new(Collision { kind, first, second, output }))
        };
        if let Some(input) = file_key(output).and_then(|key| self.inputs.get(&key)) {
            return refused(CollisionKind::OverInput, input);
        }
        let key = self.output_key(output);
        if let Some(claim) = self.outputs.get(&key) {
            return refused(CollisionKind::SameOutput, &claim.who);
        }
        self.outputs.insert(key, Claim { who: who.to_owned(), output: output.to_owned() });
        Ok(())
    }

    /// Gives up the claims of `who`: before an input that changed (watch folder) claims again.
    pub fn release(&mut self, who: &Path) {
        self.outputs.retain(|_, claim| claim.who != who);
    }

    fn output_key(&mut self, output: &Path) -> OsString {
        let folder = output.parent().unwrap_or(Path::new(""));
        let real = match self.folders.get(folder) {
            Some(real) => real.clone(),
            None => {
                let real = real_folder(folder);
                self.folders.insert(folder.to_owned(), real.clone());
                real
            }
        };
        lowercase(real.join(output.file_name().unwrap_or_default()).as_os_str())
    }
}

/// The real path of `folder`; of a folder that does not exist yet, the real path of the nearest one above and the rest.
fn real_folder(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let absolute = if folder.as_os_str().is_empty() { std::env::current_dir().unwrap_or_default() } else { absolute };
    for known in absolute.ancestors() {
        if let (Ok(real), Ok(rest)) = (fs::canonicalize(known), absolute.strip_prefix(known)) {
            return rest.components().fold(real, |path, part| match part {
                Component::ParentDir => path.parent().map(Path::to_owned).unwrap_or(path),
                Component::CurDir => path,
                part => path.join(part),
            });
        }
    }
    absolute
}

/// Lowercase of text; of other names the ASCII letters only, so that two of them never become one by replacement characters.
fn lowercase(name: &OsStr) -> OsString {
    match name.to_str() {
        Some(text) => text.to_lowercase().into(),
        None => name.to_ascii_lowercase(),
    }
}

/// The key of an existing file, links followed; `None` if nothing is there.
#[cfg(unix)]
fn file_key(path: &Path) -> Option<FileKey> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino(), PathBuf::new()))
}

#[cfg(not(unix))]
fn file_key(path: &Path) -> Option<FileKey> {
    Some((0, 0, fs::canonicalize(path).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(result: Result<(), Box<Collision>>) -> Option<CollisionKind> {
        result.err().map(|collision| collision.kind)
    }

    #[test]
    fn case_and_detours_do_not_hide_a_collision() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        fs::create_dir(&out).unwrap();
        let mut claims = Claims::new();
        assert_eq!(kind(claims.claim(Path::new("a"), &out.join("new/É.tif"))), None);
        for same in ["new/é.TIF", "NEW/É.tif", "./new/É.tif", "new/x/../É.tif"] {
            let found = claims.claim(Path::new("b"), &out.join(same)).unwrap_err();
            assert_eq!(
                (found.kind, found.first.as_path(), found.second.as_path()),
                (CollisionKind::SameOutput, Path::new("a"), Path::new("b")),
                "{same}"
            );
        }
        assert_eq!(kind(claims.claim(Path::new("b"), &out.join("new/e.tif"))), None);
    }

    #[test]
    fn hashes_alone_find_every_collision() {
        let folder = tempfile::tempdir().unwrap();
        let (input, out) = (folder.path().join("a.tif"), folder.path().join("out"));
        fs::write(&input, b"x").unwrap();
        let free =
            |outputs: &[PathBuf]| Claims::are_free([input.as_path()].into_iter(), outputs.iter().map(PathBuf::as_path));
        assert!(free(&[out.join("a.tif"), out.join("b.tif")]));
        assert!(!free(&[out.join("a.tif"), out.join("A.tif")]), "names without case");
        assert!(!free(&[out.join("b.tif"), input.clone()]), "an output over an input");
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_hide_a_collision() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut claims = Claims::new();
        assert_eq!(kind(claims.claim(Path::new("a"), &real.join("x.tif"))), None);
        assert_eq!(kind(claims.claim(Path::new("b"), &link.join("x.tif"))), Some(CollisionKind::SameOutput));

        fs::write(real.join("in.tif"), b"x").unwrap();
        fs::hard_link(real.join("in.tif"), folder.path().join("hard.tif")).unwrap();
        claims.add_input(&real.join("in.tif")).unwrap();
        for same in [real.join("in.tif"), link.join("in.tif"), folder.path().join("hard.tif")] {
            assert_eq!(kind(claims.claim(Path::new("c"), &same)), Some(CollisionKind::OverInput));
        }
    }

    #[test]
    fn an_input_that_arrives_late_is_refused_if_it_is_an_output() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.tif"), folder.path().join("b.tif"));
        fs::write(&a, b"a").unwrap();
        fs::write(&b, b"b").unwrap();
        let mut claims = Claims::new();
        claims.add_input(&a).unwrap();
        claims.claim(&a, &b).unwrap();
        assert_eq!(kind(claims.claim(&a, &b)), Some(CollisionKind::SameOutput));
        claims.release(&a);
        claims.claim(&a, &b).unwrap();
        assert_eq!(kind(claims.add_input(&b)), Some(CollisionKind::OverInput));
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_are_kept_apart() {
        use std::os::unix::ffi::OsStrExt;
        let mut claims = Claims::new();
        for name in [&b"/nowhere/\xff.tif"[..], b"/nowhere/\xfe.tif"] {
            assert_eq!(kind(claims.claim(Path::new("a"), Path::new(OsStr::from_bytes(name)))), None);
        }
        let same = Path::new(OsStr::from_bytes(b"/nowhere/\xff.TIF"));
        assert_eq!(kind(claims.claim(Path::new("b"), same)), Some(CollisionKind::SameOutput));
    }

    #[test]
    fn two_outputs_of_one_input_get_their_own_advice() {
        let mut claims = Claims::new();
        claims.claim(Path::new("a"), Path::new("/nowhere/x.tif")).unwrap();
        let own = claims.claim(Path::new("a"), Path::new("/nowhere/X.tif")).unwrap_err().to_error().to_string();
        assert!(own.contains("two outputs of a ") && own.contains("{output}"), "{own}");
        assert!(!own.contains("input_ext"), "{own}");
        let other = claims.claim(Path::new("b"), Path::new("/nowhere/x.tif")).unwrap_err().to_error().to_string();
        assert!(other.contains("a and b") && other.contains("{input_ext}"), "{other}");
    }

    #[test]
    fn the_message_is_capped_and_counts_all() {
        let one = Collision {
            kind: CollisionKind::SameOutput,
            first: "x/a.tif".into(),
            second: "y/a.tif".into(),
            output: "out/a.tif".into(),
        };
        let told = |count: usize, naming| report(Path::new("out"), &vec![one.clone(); count], naming);
        let text = told(25, Naming::Template).unwrap().to_string();
        assert!(text.contains("25 outputs collide") && text.ends_with("and 15 more"), "{text}");
        assert!(text.contains("x/a.tif and y/a.tif") && text.lines().count() == 12, "{text}");
        assert!(text.contains("--name") && !told(10, Naming::Template).unwrap().to_string().contains("more"));
        assert!(told(0, Naming::Template).is_none());
        let text = told(1, Naming::Fixed).unwrap().to_string();
        assert!(!text.contains("--name") && text.contains("different folders with -o"), "{text}");
    }
}
