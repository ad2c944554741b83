//! `--include` and `--exclude`: which of the files found in folders are taken.

use std::ffi::OsStr;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::error::{Error, Result};

/// Globs that choose among the files found in folders and by wildcards. What is named itself, in an argument or in a list, is always taken.
///
/// A pattern without `/` is matched against file names at any depth, one with `/` against the path relative to the folder that was named.
/// An excluded folder excludes everything below it. Excluding wins.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    include: Option<Globs>,
    exclude: Option<Globs>,
}

impl Filter {
    /// A filter of patterns; without any `include`, everything is included.
    ///
    /// # Errors
    /// [`Error::Recipe`] for a pattern that cannot be read.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self> {
        Ok(Self { include: Globs::new("--include", include)?, exclude: Globs::new("--exclude", exclude)? })
    }

    /// Whether the file at `relative` is taken.
    pub fn takes(&self, relative: &Path) -> bool {
        self.include.as_ref().is_none_or(|globs| globs.matches(relative))
            && !self.exclude.as_ref().is_some_and(|globs| globs.matches(relative))
    }

    /// Whether the folder at `relative` is entered.
    pub fn enters(&self, relative: &Path) -> bool {
        !self.exclude.as_ref().is_some_and(|globs| globs.matches(relative))
    }
}

/// Patterns of one kind.
#[derive(Debug, Clone)]
struct Globs {
    /// Against the last name.
    names: GlobSet,
    /// Against the whole relative path.
    paths: GlobSet,
}

impl Globs {
    fn new(flag: &str, patterns: &[String]) -> Result<Option<Self>> {
        if patterns.is_empty() {
            return Ok(None);
        }
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        let wrong = |pattern: &str, e: &dyn std::fmt::Display| Error::recipe(flag, 0, format!("{pattern:?}: {e}"));
        for pattern in patterns {
            // `raw/` means the folder, as in a shell.
            let text = pattern.trim_end_matches('/').trim_start_matches("./");
            if text.is_empty() {
                return Err(wrong(pattern, &"an empty pattern matches nothing"));
            }
            let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(cfg!(unix)).build();
            let glob = glob.map_err(|e| wrong(pattern, e.kind()))?;
            if text.contains('/') {
                paths.add(glob)
            } else {
                names.add(glob)
            };
        }
        let build = |set: GlobSetBuilder| set.build().map_err(|e| wrong(&patterns.join(" "), e.kind()));
        Ok(Some(Self { names: build(names)?, paths: build(paths)? }))
    }

    fn matches(&self, relative: &Path) -> bool {
        let name = relative.file_name().unwrap_or(OsStr::new(""));
        self.names.is_match(Path::new(name)) || self.paths.is_match(relative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(include: &[&str], exclude: &[&str]) -> Filter {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        Filter::new(&own(include), &own(exclude)).unwrap()
    }

    #[test]
    fn names_match_at_any_depth_and_paths_from_the_folder() {
        let takes = |filter: &Filter, path: &str| filter.takes(Path::new(path));
        let tif = filter(&["*.tif", "day1/*.png"], &["*_proxy.*", "raw"]);
        for (path, taken) in [
            ("a.tif", true),
            ("x/y/a.tif", true),
            ("day1/a.png", true),
            ("day2/a.png", false),
            ("x/day1/a.png", false),
            ("a_proxy.tif", false),
            ("a.TIF", false),
        ] {
            assert_eq!(takes(&tif, path), taken, "{path}");
        }
        assert!(!tif.enters(Path::new("x/raw")) && tif.enters(Path::new("x/raws")));
        assert!(!filter(&[], &["x/**"]).takes(Path::new("x/y/a.tif")));
        assert!(!filter(&[], &["x/raw/"]).enters(Path::new("x/raw")));
        assert!(Filter::default().takes(Path::new("a")) && Filter::default().enters(Path::new("a")));
    }

    #[test]
    fn wrong_patterns_are_named() {
        for pattern in ["[", "", "/", "{a"] {
            let error = Filter::new(&[], &[pattern.to_owned()]).unwrap_err().to_string();
            assert!(error.contains("--exclude") && error.contains(&format!("{pattern:?}")), "{error}");
        }
    }
}
