//! Names with wildcards, matched here because a shell did not.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use crate::error::{Error, Result, escape};

/// Whether a glob is meant.
pub(super) fn has_wildcard(argument: &OsStr) -> bool {
    argument.as_encoded_bytes().iter().any(|b| b"*?[{".contains(b))
}

/// A glob, cut before its first wildcard.
pub(super) struct GlobParts {
    /// The folder before the first wildcard.
    pub(super) base: PathBuf,
    /// Matches paths relative to `base`.
    matcher: GlobMatcher,
    /// How deep a match lies at most.
    depth: usize,
    explicit: bool,
}

impl GlobParts {
    pub(super) fn new(pattern: &OsStr) -> Result<Self> {
        let text = pattern.to_str().ok_or_else(|| Error::input(pattern, "a name with wildcards must be UTF-8"))?;
        let (mut base, mut rest) = (PathBuf::new(), Vec::new());
        for part in Path::new(text).components() {
            if rest.is_empty() && !has_wildcard(part.as_os_str()) {
                base.push(part);
            } else if let Component::Normal(name) = part {
                rest.push(name.to_str().unwrap_or_default());
            } else {
                let reason = format!("{} cannot follow a wildcard", escape(part.as_ref()));
                return Err(Error::input(pattern, reason));
            }
        }
        // `{a/b,c}` may hold separators, so braces across parts make the depth unknown, as `**` does.
        let open_end = rest.iter().any(|part| part.contains("**") || part.contains('{') != part.contains('}'));
        let glob = GlobBuilder::new(&rest.join("/")).literal_separator(true).backslash_escape(cfg!(unix)).build();
        let matcher = glob.map_err(|e| Error::input(pattern, e))?.compile_matcher();
        let explicit = rest.last().is_some_and(|last| last.chars().any(|c| !"*?".contains(c)));
        let depth = if open_end { usize::MAX } else { rest.len() };
        let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
        Ok(Self { base, matcher, depth, explicit })
    }

    /// Whether a file is taken, and whether it then is explicit. As in a shell, a folder that matches means all that is below it.
    pub(super) fn accepts(&self, relative: &Path) -> Option<bool> {
        if self.matcher.is_match(relative) {
            return Some(self.explicit);
        }
        self.matches_above(relative).then_some(false)
    }

    /// Whether a folder at `depth` can hold what is taken: below the depth of the pattern only if it, or one above, matches.
    pub(super) fn may_lead_to_a_match(&self, folder: &Path, depth: usize) -> bool {
        depth < self.depth || self.matcher.is_match(folder) || self.matches_above(folder)
    }

    fn matches_above(&self, relative: &Path) -> bool {
        let above = relative.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
        above.into_iter().any(|above| self.matcher.is_match(above))
    }
}
