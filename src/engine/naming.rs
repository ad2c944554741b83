//! From inputs to jobs: what is a picture, and what its outputs are called.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::job::{Job, Work};
use crate::codec::{self, Limits};
use crate::error::{Error, Result};
use crate::picture::Format;
use crate::recipe::Recipe;
use crate::walk::Found;

/// The default of `--name`.
pub const DEFAULT_NAME: &str = "{relpath}/{stem}.{ext}";

/// Jobs, and what was left out.
#[derive(Debug, Default)]
pub struct Intake {
    /// Jobs in the order of the inputs.
    pub jobs: Vec<Job>,
    /// Files in folders whose content is no known picture, counted by extension ("" = none).
    pub skipped: BTreeMap<String, u64>,
    /// Inputs that cannot be used: named explicitly and no picture, or unreadable.
    pub failed: Vec<Error>,
}

/// Makes jobs of inputs. Reads the first bytes of every file, nothing more.
///
/// # Errors
/// A name template that is wrong.
pub fn intake(found: Vec<Result<Found>>, work: &Work, recipe: &Recipe, out: &Path, template: &str) -> Result<Intake> {
    check_template(template)?;
    let mut intake = Intake::default();
    let mut pictures = Vec::new();
    for item in found {
        match item.and_then(|found| sniff(&found.path).map(|format| (found, format))) {
            Err(error) => intake.failed.push(error),
            Ok((found, Some(format))) => pictures.push((found, format)),
            Ok((found, None)) if found.explicit => intake.failed.push(Error::unsupported(
                &found.path,
                "not a picture format Chiaro reads (TIFF, PNG, EXR); convert it first",
            )),
            Ok((found, None)) => {
                let extension = found.path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
                *intake.skipped.entry(extension).or_default() += 1;
            }
        }
    }
    let namer = Namer { work, recipe, out, template, clashing: clashing(&pictures) };
    intake.jobs = pictures.iter().map(|(found, format)| namer.job(found, *format)).collect();
    Ok(intake)
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
    let mut name = target.file_stem().unwrap_or_default().to_owned();
    name.push(format!("_p{number}"));
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
fn clashing(pictures: &[(Found, Format)]) -> HashSet<String> {
    let mut seen = HashSet::new();
    pictures.iter().map(|(found, _)| stem_key(&found.relpath)).filter(|key| !seen.insert(key.clone())).collect()
}

fn sniff(path: &Path) -> Result<Option<Format>> {
    let mut head = Vec::with_capacity(16);
    let file = File::open(path).map_err(|e| Error::input(path, format!("cannot be opened: {e}")))?;
    file.take(16).read_to_end(&mut head).map_err(|e| Error::input(path, format!("cannot be read: {e}")))?;
    Ok(Format::sniff(&head))
}

/// Names the outputs of one run.
struct Namer<'a> {
    work: &'a Work,
    recipe: &'a Recipe,
    out: &'a Path,
    template: &'a str,
    /// Stems of several pictures, as [`stem_key`] makes them.
    clashing: HashSet<String>,
}

impl Namer<'_> {
    fn job(&self, found: &Found, format: Format) -> Job {
        let targets = match self.work {
            Work::Grade => {
                let extension = extension(&found.relpath, format, self.recipe.output.format);
                vec![self.out.join(fill(self.template, &found.relpath, &extension, &self.recipe.name))]
            }
            Work::Depth(exports) => {
                let own = self.depth_name(&found.relpath);
                let named = |suffix: &str| {
                    let mut name = own.to_owned();
                    name.push(suffix);
                    self.out.join(found.relpath.with_file_name(name))
                };
                exports.iter().map(|export| named(export.suffix())).collect()
            }
        };
        Job { input: found.path.clone(), page: None, name: super::journal::path_text(&found.relpath), targets }
    }

    /// The stem; where pictures share it, the whole name of the file tells their depth maps apart.
    fn depth_name<'a>(&self, relpath: &'a Path) -> &'a OsStr {
        let shared = self.clashing.contains(&stem_key(relpath));
        if shared { relpath.file_name() } else { relpath.file_stem() }.unwrap_or_default()
    }
}

/// The input's own extension where it names the output's format, else the format's usual one.
fn extension(relpath: &Path, input: Format, output: Option<Format>) -> String {
    let output = output.unwrap_or(input);
    let own = relpath.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
    let fits = match output {
        Format::Tiff => own.eq_ignore_ascii_case("tif") || own.eq_ignore_ascii_case("tiff"),
        other => own.eq_ignore_ascii_case(other.extension()),
    };
    if fits { own } else { output.extension().to_owned() }
}

const FIELDS: [&str; 5] = ["relpath", "stem", "recipe", "ext", "input_ext"];

fn check_template(template: &str) -> Result<()> {
    let wrong = |reason: String| Err(Error::recipe("--name", 0, reason));
    let mut rest = template;
    let mut has_stem = false;
    while let Some(open) = rest.find(['{', '}']) {
        if !rest[open..].starts_with('{') {
            return wrong(format!("a lone }} in {template:?}"));
        }
        let Some(close) = rest[open..].find('}') else { return wrong(format!("a {{ without }} in {template:?}")) };
        let field = &rest[open + 1..open + close];
        if !FIELDS.contains(&field) {
            let allowed = FIELDS.map(|field| format!("{{{field}}}")).join(" ");
            return wrong(format!("{{{field}}} is not known, allowed: {allowed}"));
        }
        has_stem |= field == "stem";
        rest = &rest[open + close + 1..];
    }
    let escapes = template.starts_with('/') || template.split('/').any(|part| part == "..");
    match (has_stem, escapes) {
        (_, true) => wrong(format!("{template:?} leads out of the output folder")),
        (false, _) => wrong(format!("{template:?} gives every picture the same name: {{stem}} is missing")),
        (true, false) => Ok(()),
    }
}

/// Fills a checked template. Names stay as bytes, so that those that are no UTF-8 survive.
fn fill(template: &str, relpath: &Path, extension: &str, recipe: &str) -> PathBuf {
    let mut out = PathBuf::new();
    for component in template.split('/') {
        let mut name = std::ffi::OsString::new();
        let mut rest = component;
        while let Some(open) = rest.find('{') {
            name.push(&rest[..open]);
            let close = rest[open..].find('}').map_or(rest.len(), |at| open + at);
            match &rest[open + 1..close.min(rest.len())] {
                "relpath" => name.push(relpath.parent().map_or(OsStr::new(""), Path::as_os_str)),
                "stem" => name.push(relpath.file_stem().unwrap_or_default()),
                "recipe" => name.push(recipe),
                "ext" => name.push(extension),
                "input_ext" => name.push(relpath.extension().unwrap_or_default()),
                _ => {}
            }
            rest = rest.get(close + 1..).unwrap_or("");
        }
        name.push(rest);
        if !name.is_empty() {
            out.push(name);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::job::DepthExport;
    use super::*;

    #[test]
    fn names_follow_the_template() {
        let fill = |template| fill(template, Path::new("day 1/a.b.TIFF"), "tif", "dusk");
        assert_eq!(fill(DEFAULT_NAME), Path::new("day 1/a.b.tif"));
        assert_eq!(fill("{stem}_{recipe}.{ext}"), Path::new("a.b_dusk.tif"));
        assert_eq!(fill("{stem}_{input_ext}.{ext}"), Path::new("a.b_TIFF.tif"));
    }

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
    fn extensions_follow_the_format() {
        assert_eq!(extension(Path::new("a.TIFF"), Format::Tiff, None), "TIFF");
        assert_eq!(extension(Path::new("a.jpg"), Format::Tiff, None), "tif");
        assert_eq!(extension(Path::new("a.tif"), Format::Tiff, Some(Format::Png)), "png");
    }

    #[test]
    fn bad_templates_say_why() {
        for (template, word) in
            [("{stem", "without"), ("{name}.x", "allowed"), ("../{stem}", "leads out"), ("x.{ext}", "same name")]
        {
            assert!(check_template(template).unwrap_err().to_string().contains(word), "{template}");
        }
        check_template(DEFAULT_NAME).unwrap();
    }
}
