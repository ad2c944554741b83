//! Memory maps of large input files that cannot kill the program.
//!
//! Reading a mapped page that another process has cut off the file raises SIGBUS, whose default action ends the process. So nothing is
//! mapped unless the program has asked for the handler of `sigbus`, which puts a zero page in place and marks the mapping; the reader
//! asks [`Mapping::was_cut`] after every strip and fails that picture. Only Linux maps; elsewhere files are read by position. So they are
//! where the address space of the process is limited (`ulimit -v`, batch systems): a map of a large file would leave no room to work in.
//! Mapped pages count as resident until given back: [`Mapping::release`] returns what has been passed.

#[cfg(target_os = "linux")]
mod sigbus;

use std::fs::File;

/// Files of at least this many bytes are mapped; for smaller ones a map costs more than the copy it saves.
pub const MAP_FROM_BYTES: u64 = 8 << 20;

/// Installs the SIGBUS handler for the whole process, once; without it nothing is mapped. Meant for programs: a library has no
/// business with the signals of its host unless asked.
///
/// Returns false where the system has no such handler (then files are read by position).
pub fn install_sigbus_handler() -> bool {
    #[cfg(target_os = "linux")]
    let installed = sigbus::install();
    #[cfg(not(target_os = "linux"))]
    let installed = false;
    installed
}

/// A read-only mapping of a whole file.
#[derive(Debug)]
pub struct Mapping {
    #[cfg(target_os = "linux")]
    guard: sigbus::Guard,
    map: memmap2::Mmap,
}

impl Mapping {
    /// Maps `file` of `length` bytes when that is safe and worth it: handler installed, local file system, `length` at least `map_from`
    /// (not 0) and addressable. `None` means: read by position.
    #[cfg(target_os = "linux")]
    pub fn of(file: &File, length: u64, map_from: u64) -> Option<Self> {
        let worth_it = length > 0 && length >= map_from && usize::try_from(length).is_ok();
        if !worth_it || !sigbus::installed() || has_limited_addresses() || !is_local(file) {
            return None;
        }
        // SAFETY: the mapping is read-only and handed out as plain bytes, for which every value is valid. Another process may change or cut
        // the file: changed bytes are only ever interpreted as untrusted file contents, and a cut is caught by the handler installed above,
        // which the guard registers this range with before anything reads from it.
        let map = unsafe { memmap2::Mmap::map(file) }.ok()?;
        if map.len() as u64 != length {
            return None;
        }
        let guard = sigbus::Guard::register(map.as_ptr() as usize, map.len())?;
        Some(Self { guard, map })
    }

    /// Nothing is mapped on this system.
    #[cfg(not(target_os = "linux"))]
    pub fn of(_file: &File, _length: u64, _map_from: u64) -> Option<Self> {
        None
    }

    /// The bytes of a range, `None` beyond the end.
    pub fn bytes(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.map.get(start..start.checked_add(length)?)
    }

    /// Reads one byte of every page of a range, so that the calling thread waits for the disk and not the pool.
    pub fn touch(&self, offset: u64, length: usize) {
        let Some(bytes) = self.bytes(offset, length) else { return };
        let sum =
            bytes.iter().step_by(page_bytes()).chain(bytes.last()).fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
        std::hint::black_box(sum);
    }

    /// Gives the whole pages of a range back to the system. They can be read again, at the price of a new page-in.
    #[cfg(target_os = "linux")]
    pub fn release(&self, offset: u64, length: usize) {
        let page = page_bytes();
        let Some(start) = usize::try_from(offset).ok().map(|start| start / page * page) else { return };
        // Down to a page's start at both ends: the last page may still be needed for what follows.
        let end = (offset as usize).saturating_add(length).min(self.map.len()) / page * page;
        if start < end {
            // SAFETY: DONTNEED on a shared, read-only file mapping drops page table entries; the contents come back from the file. The range
            // is page aligned and inside the mapping.
            let _ = unsafe { self.map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, end - start) };
        }
    }

    /// Nothing is mapped on this system.
    #[cfg(not(target_os = "linux"))]
    pub fn release(&self, _offset: u64, _length: usize) {}

    /// True when a page was read that the file no longer has.
    pub fn was_cut(&self) -> bool {
        #[cfg(target_os = "linux")]
        let cut = self.guard.was_hit();
        #[cfg(not(target_os = "linux"))]
        let cut = false;
        cut
    }
}

/// Bytes of a memory page.
#[cfg(target_os = "linux")]
fn page_bytes() -> usize {
    sigbus::page_bytes()
}

/// Bytes of a memory page.
#[cfg(not(target_os = "linux"))]
fn page_bytes() -> usize {
    4096
}

/// File systems whose files can vanish or stall under a mapping (linux/magic.h and statfs(2)): NFS, SMB, SMB2, CIFS, FUSE, 9P, Ceph, AFS
/// (two), Coda, NCP.
#[cfg(target_os = "linux")]
const REMOTE: [u32; 11] = [
    0x6969,
    0x517b,
    0xfe53_4d42,
    0xff53_4d42,
    0x6573_5546,
    0x0102_1997,
    0x00c3_6400,
    0x5346_414f,
    0x6b41_4653,
    0x7375_7245,
    0x564c,
];

/// True when the address space of the process is limited (setrlimit(2), RLIMIT_AS).
#[cfg(target_os = "linux")]
pub fn has_limited_addresses() -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit(2) writes one rlimit to the pointer, which outlives the call.
    let rc = unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limit) };
    rc == 0 && limit.rlim_cur != libc::RLIM_INFINITY
}

/// True when `file` is known to lie on a local file system.
#[cfg(target_os = "linux")]
fn is_local(file: &File) -> bool {
    use std::os::fd::AsRawFd;
    let mut facts = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the descriptor is open as long as `file` is borrowed and `facts` has the size fstatfs writes.
    let rc = unsafe { libc::fstatfs(file.as_raw_fd(), facts.as_mut_ptr()) };
    if rc != 0 {
        return false;
    }
    // SAFETY: fstatfs returned 0 and has filled the structure.
    let facts = unsafe { facts.assume_init() };
    // The magic numbers have 32 bits; the field's width and sign depend on the architecture.
    !REMOTE.contains(&(facts.f_type as u32))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write;

    use super::*;

    /// A temporary file, if those lie on a local file system.
    fn local_file() -> Option<File> {
        let file = tempfile::tempfile().unwrap();
        if !is_local(&file) {
            eprintln!("ignored: temporary files lie on a network file system");
            return None;
        }
        Some(file)
    }

    #[test]
    fn a_mapping_reads_and_gives_back() {
        assert!(install_sigbus_handler());
        let Some(mut file) = local_file() else { return };
        let contents: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
        file.write_all(&contents).unwrap();
        assert!(Mapping::of(&file, contents.len() as u64, 1 << 20).is_none(), "smaller than asked for");
        let map = Mapping::of(&file, contents.len() as u64, 1).unwrap();
        map.touch(10, 90_000);
        assert_eq!(map.bytes(10, 90_000), Some(&contents[10..90_010]));
        map.release(10, 90_000);
        assert_eq!(map.bytes(0, contents.len()), Some(&contents[..]), "given back pages come back");
        assert_eq!(map.bytes(99_999, 2), None);
        assert!(!map.was_cut());
    }

    #[test]
    fn a_cut_page_reads_as_zeros_and_is_marked() {
        assert!(install_sigbus_handler());
        let Some(mut file) = local_file() else { return };
        file.write_all(&[7; 64 * 1024]).unwrap();
        let [map, other] = [0; 2].map(|_| Mapping::of(&file, 64 * 1024, 1).unwrap());
        file.set_len(4096).unwrap();
        map.touch(0, 4096);
        assert!(!map.was_cut());
        assert_eq!(map.bytes(32 * 1024, 16), Some(&[0; 16][..]));
        assert!(map.was_cut() && !other.was_cut());
    }
}
