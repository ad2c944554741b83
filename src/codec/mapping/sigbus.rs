//! The SIGBUS handler: zero pages under registered mappings, the default action for everything else.
//!
//! The handler runs at any instant on any thread, so it uses nothing but a fixed table of atomics and two system calls that Linux keeps
//! async-signal-safe (mmap is not on POSIX's list, but is a plain system call here; sigaction is on it).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Mappings that can be registered at a time; more files than that are read by position.
const SLOTS: usize = 256;

/// One registered range of addresses. `start` is 0 when free and 1 while it is being filled.
struct Slot {
    start: AtomicUsize,
    end: AtomicUsize,
    hit: AtomicBool,
}

static TABLE: [Slot; SLOTS] =
    [const { Slot { start: AtomicUsize::new(0), end: AtomicUsize::new(0), hit: AtomicBool::new(false) } }; SLOTS];

/// Page size, known before the handler is installed.
static PAGE: AtomicUsize = AtomicUsize::new(0);

static INSTALLED: OnceLock<bool> = OnceLock::new();

/// Installs the handler once; true when it is in place.
pub(super) fn install() -> bool {
    *INSTALLED.get_or_init(|| {
        page_bytes();
        // SAFETY: an all-zero sigaction is a valid value; the handler has the three-argument form that SA_SIGINFO asks for and does only
        // async-signal-safe work.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_sigbus as extern "C" fn(_, _, _) as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&mut action.sa_mask);
            libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut()) == 0
        }
    })
}

/// True after a successful [`install`].
pub(super) fn installed() -> bool {
    INSTALLED.get().copied().unwrap_or(false)
}

/// Bytes of a memory page.
pub(super) fn page_bytes() -> usize {
    match PAGE.load(Ordering::Relaxed) {
        0 => {
            // SAFETY: sysconf has no preconditions.
            let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
            PAGE.store(page, Ordering::Relaxed);
            page
        }
        page => page,
    }
}

/// A registered range; dropped before the mapping itself.
#[derive(Debug)]
pub(super) struct Guard {
    slot: usize,
}

impl Guard {
    /// Registers a mapping; `None` when the table is full.
    pub(super) fn register(start: usize, length: usize) -> Option<Self> {
        let slot =
            TABLE.iter().position(|s| s.start.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok())?;
        TABLE[slot].hit.store(false, Ordering::Relaxed);
        // Whole pages: the last one reaches beyond the file.
        TABLE[slot].end.store((start + length).next_multiple_of(page_bytes()), Ordering::Relaxed);
        TABLE[slot].start.store(start, Ordering::Release);
        Some(Self { slot })
    }

    /// True when the handler had to put a page into this range.
    pub(super) fn was_hit(&self) -> bool {
        TABLE[self.slot].hit.load(Ordering::Acquire)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        TABLE[self.slot].start.store(0, Ordering::Release);
    }
}

/// The handler.
extern "C" fn on_sigbus(_signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: with SA_SIGINFO the kernel passes a valid siginfo whose address field is set for SIGBUS.
    let address = unsafe { (*info).si_addr() } as usize;
    let page_bytes = PAGE.load(Ordering::Relaxed);
    let slot = TABLE.iter().find(|slot| {
        let start = slot.start.load(Ordering::Acquire);
        start > 1 && (start..slot.end.load(Ordering::Relaxed)).contains(&address)
    });
    if let Some(slot) = slot {
        slot.hit.store(true, Ordering::Release);
        let page = (address / page_bytes * page_bytes) as *mut libc::c_void;
        // SAFETY: errno belongs to this thread and is put back; the page lies inside a registered live mapping (a guard is dropped before its
        // mapping), which is ours to replace by a private zero page of the same protection.
        let replaced = unsafe {
            let errno = *libc::__errno_location();
            let flags = libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let found = libc::mmap(page, page_bytes, libc::PROT_READ, flags, -1, 0);
            *libc::__errno_location() = errno;
            found == page
        };
        if replaced {
            return;
        }
    }
    // Not ours: the instruction runs again under the default action, which ends the process as if this handler did not exist.
    // SAFETY: an all-zero sigaction with SIG_DFL is valid; sigaction is async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut());
    }
}
