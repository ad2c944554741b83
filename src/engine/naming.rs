//! From inputs to jobs: what is a picture, and what its outputs are called.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::exports::export_asked;
use super::job::{Job, SIDECAR, Work};
use super::supplied_depth::map_path;
use super::template::{Fields, Template};
use crate::codec::open::not_read;
use crate::codec::{self, Limits};
use crate::error::{Error, Result};
use crate::picture::{Format, Metadata, exif, is_raw_extension};
use crate::recipe::{OutputKind, OutputSettings, Recipe};
use crate::walk::Found;

/// The default of `--name`.
pub const DEFAULT_NAME: &str = "{relpath}/{stem}.{ext}";

/// The key of [`Intake::skipped`] for depth maps of other pictures: no extension, since it holds a blank.
pub const DEPTH_MAPS: &str = "depth map";

/// Jobs, and what was left out.
#[derive(Debug, Default)]
pub struct Intake {
    /// Jobs in the order of the inputs.
    pub jobs: Vec<Job>,
    /// Files in folders whose content is no known picture, counted by extension ("" = none), and those that are depth maps of other pictures
    /// ([`DEPTH_MAPS`]).
    pub skipped: BTreeMap<String, u64>,
    /// Inputs that cannot be used: named explicitly and no picture, or unreadable.
    pub failed: Vec<Error>,
}

/// A picture and its place in the list of inputs, from 1. Files that are left out have none; inputs that fail keep theirs, so that
/// repairing one renames no other.
struct Numbered {
    found: Found,
    format: Format,
    number: u64,
}

impl Intake {
    fn skip(&mut self, extension: String) {
        *self.skipped.entry(extension).or_default() += 1;
    }
}

/// Makes jobs of inputs. Reads the first bytes of every file; the header too where `template` needs EXIF data.
///
/// # Errors
/// A name template that is wrong.
pub fn intake(found: Vec<Result<Found>>, work: &Work, recipe: &Recipe, out: &Path, template: &str) -> Result<Intake> {
    let template = Template::parse(template).map_err(|reason| Error::recipe("--name", 0, reason))?;
    let mut intake = Intake::default();
    let mut pictures = Vec::new();
    let mut number = 0;
    for item in found {
        let (found, head) = match item.and_then(|found| head(&found.path).map(|head| (found, head))) {
            Err(error) => {
                number += 1;
                intake.failed.push(error);
                continue;
            }
            Ok(known) => known,
        };
        let extension = found.path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        number += 1;
        match Format::sniff(&head) {
            // Camera raw files that are TIFF structures: their first page is a thumbnail.
            Some(Format::Tiff) if !found.explicit && is_raw_extension(&extension) => {
                number -= 1;
                intake.skip(extension);
            }
            Some(format) => pictures.push(Numbered { found, format, number }),
            None if found.explicit => intake.failed.push(not_read(&found.path, &head)),
            None => {
                number -= 1;
                intake.skip(extension);
            }
        }
    }
    leave_maps_out(&mut pictures, recipe, &mut intake);
    let namer = Namer { work, recipe, out, template: &template, clashing: clashing(&pictures) };
    for picture in pictures {
        match namer.job(picture) {
            Ok(job) => intake.jobs.push(job),
            Err(error) => intake.failed.push(error),
        }
    }
    Ok(intake)
}

/// Leaves files out that are the depth maps of other inputs, by the pattern of the recipe, named or not: a shell names all that match.
fn leave_maps_out(pictures: &mut Vec<Numbered>, recipe: &Recipe, intake: &mut Intake) {
    let maps: HashSet<PathBuf> = pictures
        .iter()
        .filter_map(|picture| Some((&picture.found.path, map_path(recipe, &picture.found.path)?)))
        .map(|(path, map)| (plain(path), plain(&map)))
        .filter(|(path, map)| path != map)
        .map(|(_, map)| map)
        .collect();
    if maps.is_empty() {
        return;
    }
    let mut left_out = 0;
    pictures.retain_mut(|picture| {
        let stays = !maps.contains(&plain(&picture.found.path));
        left_out += u64::from(!stays);
        picture.number -= left_out;
        stays
    });
    if left_out > 0 {
        intake.skipped.insert(DEPTH_MAPS.to_owned(), left_out);
    }
}

/// A path without `.` and, where it can be told from the name alone, without `..`: to compare names, not to open them.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

/// One job for every page of the pictures, in place of one for the first; from the second on, `_p2`, `_p3`, ... follows the names of outputs. Files that cannot be read keep their one job, which then fails with
/// its own error.
pub fn each_page(intake: &mut Intake, limits: &Limits) {
    let jobs = std::mem::take(&mut intake.jobs);
    intake.jobs = jobs.into_iter().flat_map(|job| pages_of(job, limits)).collect();
}

fn pages_of(job: Job, limits: &Limits) -> Vec<Job> {
    let count = codec::page_count(&job.input, limits).unwrap_or(1);
    let page = |page: u32| match page {
        0 => Job { page: Some(0), ..job.clone() },
        _ => Job {
            input: job.input.clone(),
            page: Some(page),
            name: format!("{}, page {}", job.name, page + 1),
            targets: job.targets.iter().map(|target| with_page(target, page + 1)).collect(),
        },
    };
    (0..count).map(page).collect()
}

/// `a/b.tif` as `a/b_p2.tif`.
fn with_page(target: &Path, number: u32) -> PathBuf {
    before_extension(target, &format!("_p{number}"))
}

/// True for the file with the facts of a map whose format has no room for them: `b.npy.json`.
pub fn is_beside(target: &Path) -> bool {
    let name = target.file_name().unwrap_or_default().as_encoded_bytes();
    [Format::Pfm, Format::Npy].iter().any(|format| {
        let end = format!(".{}{SIDECAR}", format.extension());
        name.ends_with(end.as_bytes())
    })
}

/// `a/b.tif` as `a/b<more>.tif`, and `a/b.npy.json` as `a/b<more>.npy.json`: facts stay beside their map.
pub(super) fn before_extension(target: &Path, more: &str) -> PathBuf {
    let part = |part: Option<&OsStr>| part.map(OsString::from).unwrap_or_default();
    if is_beside(target) {
        let mut name = part(before_extension(&target.with_extension(""), more).file_name());
        name.push(SIDECAR);
        return target.with_file_name(name);
    }
    let mut name = part(target.file_stem());
    name.push(more);
    if let Some(extension) = target.extension() {
        name.push(".");
        name.push(extension);
    }
    target.with_file_name(name)
}

/// What a picture is called without its extension, as a case-insensitive file system compares names.
fn stem_key(relpath: &Path) -> String {
    relpath.with_file_name(relpath.file_stem().unwrap_or_default()).to_string_lossy().to_lowercase()
}

/// The stems that several pictures have.
fn clashing(pictures: &[Numbered]) -> HashSet<String> {
    let mut seen = HashSet::new();
    pictures.iter().map(|picture| stem_key(&picture.found.relpath)).filter(|key| !seen.insert(key.clone())).collect()
}

/// The first 16 bytes.
fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::with_capacity(16);
    let file = File::open(path).map_err(|e| Error::input(path, format!("cannot be opened: {e}")))?;
    file.take(16).read_to_end(&mut head).map_err(|e| Error::input(path, format!("cannot be read: {e}")))?;
    Ok(head)
}

/// Names the outputs of one run.
struct Namer<'a> {
    work: &'a Work,
    recipe: &'a Recipe,
    out: &'a Path,
    template: &'a Template,
    /// Stems of several pictures, as [`stem_key`] makes them.
    clashing: HashSet<String>,
}

impl Namer<'_> {
    fn job(&self, picture: Numbered) -> Result<Job> {
        let found = &picture.found;
        let targets = match self.work {
            Work::Grade => {
                let outputs = self.recipe.outputs.iter();
                let names = outputs.map(|output| self.output_names(&picture, output)).collect::<Result<Vec<_>>>()?;
                names.concat()
            }
            Work::Depth(exports) => {
                let own = self.depth_name(&found.relpath);
                let named = |suffix: &str| {
                    let mut name = own.to_owned();
                    name.push(suffix);
                    self.out.join(found.relpath.with_file_name(name))
                };
                exports.iter().flat_map(|export| export.files(named(export.suffix()))).collect()
            }
            Work::Mask(number) => {
                let mut name = self.depth_name(&found.relpath).to_owned();
                name.push(format!("_mask{number}.png"));
                vec![self.out.join(found.relpath.with_file_name(name))]
            }
        };
        let name = super::journal::path_text(&found.relpath);
        Ok(Job { input: picture.found.path, page: None, name, targets })
    }

    /// The names of the files of one output. Several outputs are told apart by a folder each, unless the template names them.
    fn output_names(&self, picture: &Numbered, output: &OutputSettings) -> Result<Vec<PathBuf>> {
        let found = &picture.found;
        let reads_exif = self.template.reads_exif();
        let metadata = if reads_exif { metadata(&found.path)? } else { Metadata::default() };
        let fields = Fields {
            path: &found.path,
            relpath: &found.relpath,
            ext: &match output.kind {
                OutputKind::Picture => extension(&found.relpath, picture.format, output.format),
                _ => output.format.unwrap_or(Format::Png).extension().to_owned(),
            },
            number: picture.number,
            recipe: &self.recipe.name,
            hash: &self.recipe.hash,
            output: &output.name,
            exif: &|name| exif::field(&metadata, name),
        };
        let name = self.template.fill(&fields).map_err(|reason| Error::input(&found.path, reason))?;
        let folder = if self.template.names_outputs() { "" } else { &output.name };
        let place = |name: PathBuf| self.out.join(folder).join(name);
        Ok(match export_asked(output) {
            Some(export) => export.files(place(with_suffix(&name, export.suffix()))),
            None => vec![place(name)],
        })
    }

    /// The stem; where pictures share it, the whole name of the file tells their depth maps apart.
    fn depth_name<'a>(&self, relpath: &'a Path) -> &'a OsStr {
        let shared = self.clashing.contains(&stem_key(relpath));
        if shared { relpath.file_name() } else { relpath.file_stem() }.unwrap_or_default()
    }
}

/// `name` with its extension replaced.
fn with_suffix(name: &Path, suffix: &str) -> PathBuf {
    let mut stem = name.file_stem().unwrap_or_default().to_owned();
    stem.push(suffix);
    name.with_file_name(stem)
}

/// What travels beside the pixels of a file, from its header.
fn metadata(path: &Path) -> Result<Metadata> {
    Ok(codec::open(path, &Limits::default())?.info().metadata.clone())
}

/// The input's own extension where it names the output's format, else the format's usual one.
fn extension(relpath: &Path, input: Format, output: Option<Format>) -> String {
    let output = output.unwrap_or(input.written_as());
    let own = relpath.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
    if output.has_extension(&own) { own } else { output.extension().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::job::DepthExport;
    use super::*;

    #[test]
    fn depth_maps_of_pictures_with_one_stem_keep_their_extensions() {
        let folder = tempfile::tempdir().unwrap();
        let found = ["pair.tif", "Pair.png", "single.tif"].map(|name| {
            let path = folder.path().join(name);
            std::fs::write(&path, b"II*\0________").unwrap();
            Ok(Found { path, relpath: name.into(), explicit: false, sequence: None })
        });
        let work = Work::Depth(vec![DepthExport::Png]);
        let intake = intake(found.into(), &work, &Recipe::empty("r"), Path::new("out"), DEFAULT_NAME).unwrap();
        let names: Vec<_> = intake.jobs.iter().flat_map(|job| &job.targets).collect();
        assert_eq!(names, ["out/pair.tif_depth.png", "out/Pair.png_depth.png", "out/single_depth.png"].map(Path::new));
    }

    #[test]
    fn facts_stay_beside_their_map() {
        let named = |name: &str| before_extension(Path::new(name), "-2").to_string_lossy().into_owned();
        let names = ["o/a_depth.npy", "o/a_depth.npy.json", "o/a.json", "o/noext"].map(named);
        assert_eq!(names, ["o/a_depth-2.npy", "o/a_depth-2.npy.json", "o/a-2.json", "o/noext-2"]);
    }

    #[test]
    fn raw_files_in_folders_are_left_out_and_named_ones_fail_with_advice() {
        let folder = tempfile::tempdir().unwrap();
        let found = |name: &str, contents: &[u8], explicit| {
            let path = folder.path().join(name);
            std::fs::write(&path, contents).unwrap();
            Ok(Found { path, relpath: name.into(), explicit, sequence: None })
        };
        let files = vec![
            found("a.NEF", b"MM\0*\0\0\0\x08________", false),
            found("b.cr2", b"II*\0\x10\0\0\0CR\x02\0____", false),
            found("c.cr3", b"\0\0\0\x18ftypcrx ____", true),
        ];
        let intake = intake(files, &Work::Grade, &Recipe::empty("r"), Path::new("out"), DEFAULT_NAME).unwrap();
        assert!(intake.jobs.is_empty());
        assert_eq!(intake.skipped, BTreeMap::from([("cr2".to_owned(), 1), ("nef".to_owned(), 1)]));
        assert!(intake.failed[0].to_string().contains("develop it to a 16-bit TIFF"), "{:?}", intake.failed);
    }

    #[test]
    fn extensions_follow_the_format() {
        assert_eq!(extension(Path::new("a.TIFF"), Format::Tiff, None), "TIFF");
        assert_eq!(extension(Path::new("a.jpg"), Format::Tiff, None), "tif");
        assert_eq!(extension(Path::new("a.tif"), Format::Tiff, Some(Format::Png)), "png");
        assert_eq!(extension(Path::new("a.JPEG"), Format::Jpeg, None), "JPEG");
        assert_eq!(extension(Path::new("a.pfm"), Format::Pfm, None), "exr");
    }
}
