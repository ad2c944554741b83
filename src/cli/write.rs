//! Files that commands write beside pictures: complete under a temporary name, then renamed.

use std::fs::{self, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use chiaro::error::{Error, Result};

/// Writes a file by `fill`; `path` holds nothing, what it held, or all of it.
///
/// # Errors
/// `Output` when it cannot be written; `what` names it in the message.
pub fn atomic(path: &Path, what: &str, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let temporary = beside(path);
    let written = create(&temporary, fill).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|e| {
        // Nothing is left of a file that failed; if even that fails there is nothing more to say.
        let _ = fs::remove_file(&temporary);
        Error::output(path, format!("{what} cannot be written: {e}"))
    })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn create(path: &Path, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut file = BufWriter::new(OpenOptions::new().write(true).create_new(true).open(path)?);
    fill(&mut file)?;
    file.flush()?;
    file.get_ref().sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        atomic(&path, "the text", |out| out.write_all(b"old")).unwrap();
        let broken = atomic(&path, "the text", |out| {
            out.write_all(b"half")?;
            Err(std::io::Error::other("no more"))
        });
        assert!(broken.unwrap_err().to_string().contains("the text cannot be written: no more"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
