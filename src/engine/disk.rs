//! The few file system calls that the standard library does not offer as they are needed here.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Renames `from` to `to`, replacing a file at `to`.
pub(super) fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Renames `from` to `to` only if nothing is at `to`: [`ErrorKind::AlreadyExists`] otherwise.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rename_noreplace(from, to) {
        // Some file systems know no flags (EINVAL), old kernels not even the call (ENOSYS).
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => link_new(from, to),
        result => result,
    }
}

/// The portable way: a hard link never replaces. A kill between the two steps leaves both names, which recovery clears.
fn link_new(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Err(e),
        // No hard links here (FAT, some network mounts): a check and a rename leave a small gap, and nothing better exists.
        Err(_) => match fs::symlink_metadata(to) {
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(e) if e.kind() == ErrorKind::NotFound => fs::rename(from, to),
            Err(e) => Err(e),
        },
    }
}

#[cfg(target_os = "linux")]
fn rename_noreplace(from: &Path, to: &Path) -> io::Result<()> {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    let from = CString::new(from.as_os_str().as_bytes())?;
    let to = CString::new(to.as_os_str().as_bytes())?;
    // SAFETY: renameat2(2) takes two folder descriptors (AT_FDCWD: the current folder) and two NUL-terminated strings,
    // which it only reads and which outlive the call.
    let status = unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            libc::AT_FDCWD,
            from.as_ptr(),
            libc::AT_FDCWD,
            to.as_ptr(),
            libc::RENAME_NOREPLACE,
        )
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn rename_noreplace(_from: &Path, _to: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// Makes the names in `folder` durable. Systems and file systems that cannot sync a folder are taken at their word.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        result => result,
    }
}

/// Whether `path` still names the open file `file`; on systems without inodes, whether it names any file.
pub(super) fn names(path: &Path, file: &File) -> bool {
    let (Ok(named), Ok(open)) = (fs::symlink_metadata(path), file.metadata()) else { return false };
    same_file(&named, &open)
}

#[cfg(unix)]
fn same_file(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same_file(a: &fs::Metadata, _b: &fs::Metadata) -> bool {
    a.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_never_replaces() {
        type Rename = fn(&Path, &Path) -> io::Result<()>;
        for rename in [rename_new as Rename, link_new] {
            let folder = tempfile::tempdir().unwrap();
            let (a, b) = (folder.path().join("a"), folder.path().join("b"));
            fs::write(&a, b"new").unwrap();
            rename(&a, &b).unwrap();
            assert!(!a.exists());
            fs::write(&a, b"newer").unwrap();
            assert_eq!(rename(&a, &b).unwrap_err().kind(), ErrorKind::AlreadyExists);
            assert_eq!((fs::read(&a).unwrap(), fs::read(&b).unwrap()), (b"newer".to_vec(), b"new".to_vec()));
            rename_over(&a, &b).unwrap();
            assert_eq!(fs::read(&b).unwrap(), b"newer");
            sync_folder(folder.path()).unwrap();
        }
    }

    #[test]
    fn a_missing_source_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let error = rename_new(&folder.path().join("a"), &folder.path().join("b")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
