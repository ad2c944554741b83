//! The byte budget: the one door through which work enters.
//!
//! A job states its bytes once, waits here, and holds its [`Permit`] until its output is closed. Admission is first in
//! first out: a large request at the head is never overtaken by small ones behind it, so nothing starves. A request
//! larger than the whole budget waits until nothing is out, then runs alone; plans that say beforehand that they are larger are refused
//! ([`crate::plan`]).

use super::cancel::Cancel;
use crate::error::{Error, Result};
use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// A bound on bytes in flight, shared by clones.
#[derive(Debug, Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    total: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    used: u64,
    permits: usize,
    next_ticket: u64,
    /// Tickets of waiting requests, oldest first.
    queue: VecDeque<u64>,
}

impl Budget {
    /// A budget of `total_bytes`; with 0, every request runs alone.
    pub fn new(total_bytes: u64) -> Self {
        Self { shared: Arc::new(Shared { total: total_bytes, state: Mutex::default(), changed: Condvar::new() }) }
    }

    /// The whole budget in bytes.
    pub fn total(&self) -> u64 {
        self.shared.total
    }

    /// Bytes granted and not yet returned; above [`total`](Self::total) only while an oversized request runs alone.
    pub fn used(&self) -> u64 {
        self.shared.lock().used
    }

    /// Requests that wait at this moment.
    pub fn waiting(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// Waits until `bytes` are granted.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when `cancel` is set before or while waiting; the place in
    /// the queue is given up.
    pub fn acquire(&self, bytes: u64, cancel: &Cancel) -> Result<Permit> {
        let shared = self.shared.clone();
        let _waker = cancel.on_cancel(move || {
            // Taking the lock orders this after the waiter's check of the flag, so the wake-up is never lost.
            let _state = shared.lock();
            shared.changed.notify_all();
        });
        let mut state = self.shared.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.queue.push_back(ticket);
        loop {
            if cancel.is_cancelled() {
                state.queue.retain(|t| *t != ticket);
                self.shared.changed.notify_all();
                return Err(Error::Cancelled);
            }
            if state.queue.front() == Some(&ticket) && state.fits(bytes, self.shared.total) {
                state.queue.pop_front();
                state.used = state.used.saturating_add(bytes);
                state.permits += 1;
                // The next in line may fit as well.
                self.shared.changed.notify_all();
                return Ok(Permit { shared: self.shared.clone(), bytes });
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    fn fits(&self, bytes: u64, total: u64) -> bool {
        self.permits == 0 || self.used.checked_add(bytes).is_some_and(|sum| sum <= total)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes granted by a [`Budget`]; returned on drop.
#[derive(Debug)]
#[must_use = "the bytes are returned when this is dropped"]
pub struct Permit {
    shared: Arc<Shared>,
    bytes: u64,
}

impl Permit {
    /// The bytes held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns what is held above `bytes`; growing is not possible (it could deadlock).
    pub fn shrink_to(&mut self, bytes: u64) {
        let give_back = self.bytes.saturating_sub(bytes);
        self.bytes -= give_back;
        self.shared.lock().used -= give_back;
        self.shared.changed.notify_all();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.used -= self.bytes;
        state.permits -= 1;
        drop(state);
        self.shared.changed.notify_all();
    }
}

/// The default of `--memory` in bytes: a quarter of the memory available to this process, at least 64 MiB, at most
/// 4 GiB. Where availability cannot be read (outside Linux) 1 GiB.
pub fn default_memory() -> u64 {
    available_memory().map_or(GIB, |available| (available / 4).clamp(64 * MIB, 4 * GIB))
}

/// Bytes available to this process: the smallest of `MemAvailable`, what the control groups leave and what the process may have of its own
/// (`ulimit -v`, `ulimit -d`); `None` outside Linux.
pub fn available_memory() -> Option<u64> {
    let available = available_below(Path::new("/"))?;
    Some(own_limits().fold(available, u64::min))
}

/// Limits on the address space and the data of this process (setrlimit(2)), where there are any.
#[cfg(target_os = "linux")]
fn own_limits() -> impl Iterator<Item = u64> {
    [libc::RLIMIT_AS, libc::RLIMIT_DATA].into_iter().filter_map(|resource| {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: getrlimit(2) writes one rlimit to the pointer, which outlives the call.
        let rc = unsafe { libc::getrlimit(resource, &mut limit) };
        (rc == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
    })
}

/// Elsewhere availability is unknown anyway.
#[cfg(not(target_os = "linux"))]
fn own_limits() -> impl Iterator<Item = u64> {
    std::iter::empty()
}

/// [`available_memory`] with the root of `/proc` and `/sys` as a parameter, for tests.
fn available_below(root: &Path) -> Option<u64> {
    let system = mem_available(&fs::read_to_string(root.join("proc/meminfo")).ok()?)?;
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    Some(groups.lines().filter_map(|line| group_room(root, line)).fold(system, u64::min))
}

/// `MemAvailable` of `/proc/meminfo` in bytes (proc_meminfo(5); the unit "kB" there is 1024 bytes).
fn mem_available(text: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    rest.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// What one line of `/proc/self/cgroup` (`id:controllers:path`, cgroups(7)) leaves to this process.
///
/// Limits of all ancestors hold, so each is read. In a container the path is often not visible below the mount; the
/// mount's own root then carries the limit, and it is among the ancestors.
fn group_room(root: &Path, line: &str) -> Option<u64> {
    let mut fields = line.splitn(3, ':');
    let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let (mount, limit, usage) = if id == "0" && controllers.is_empty() {
        ("sys/fs/cgroup", "memory.max", "memory.current")
    } else if controllers.split(',').any(|c| c == "memory") {
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
    } else {
        return None;
    };
    let path = Path::new(path.trim_start_matches('/'));
    path.ancestors().filter_map(|p| room_of(&root.join(mount).join(p), limit, usage)).min()
}

/// Limit minus use of one group; page cache that the kernel would drop (`inactive_file`) counts as room. `None` without a
/// limit ("max" does not parse as a number).
fn room_of(group: &Path, limit: &str, usage: &str) -> Option<u64> {
    let number = |name: &str| fs::read_to_string(group.join(name)).ok()?.trim().parse::<u64>().ok();
    let (limit, usage) = (number(limit)?, number(usage)?);
    let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let cache = ["total_inactive_file ", "inactive_file "]
        .iter()
        .find_map(|key| stat.lines().find_map(|line| line.strip_prefix(key)))
        .and_then(|value| value.trim().parse::<u64>().ok());
    Some(limit.saturating_sub(usage.saturating_sub(cache.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc;
    use std::thread;

    fn wait_for(budget: &Budget, waiting: usize) {
        while budget.waiting() != waiting {
            thread::yield_now();
        }
    }

    #[test]
    fn grants_are_first_in_first_out() {
        let (budget, cancel) = (Budget::new(100), Cancel::new());
        let held = budget.acquire(60, &cancel).unwrap();
        let (tx, rx) = mpsc::channel();
        let mut threads = Vec::new();
        // The first waiter needs 95; the small ones behind it would fit at once, yet must not overtake it.
        for (i, bytes) in [95, 10, 5, 100].into_iter().enumerate() {
            let (budget, cancel, tx) = (budget.clone(), cancel.clone(), tx.clone());
            threads.push(thread::spawn({
                let budget = budget.clone();
                move || {
                    let permit = budget.acquire(bytes, &cancel).unwrap();
                    tx.send(bytes).unwrap();
                    drop(permit);
                }
            }));
            wait_for(&budget, i + 1);
        }
        assert!(rx.try_recv().is_err(), "a small request overtook the head of the queue");
        drop(held);
        let order: Vec<u64> = rx.iter().take(4).collect();
        assert_eq!(order[0], 95);
        assert_eq!(order[3], 100);
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!((budget.used(), budget.waiting()), (0, 0));
    }

    #[test]
    fn an_oversized_request_runs_alone_and_is_not_starved() {
        let (budget, cancel) = (Budget::new(10), Cancel::new());
        let running = Arc::new(AtomicU64::new(0));
        thread::scope(|scope| {
            for worker in 0..6 {
                let (budget, cancel, running) = (budget.clone(), cancel.clone(), running.clone());
                scope.spawn(move || {
                    for round in 0..200 {
                        let bytes = if worker == 0 { 1000 } else { (worker * 7 + round) % 11 };
                        let permit = budget.acquire(bytes, &cancel).unwrap();
                        let now = running.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        assert!(now <= 10 || now == 1000, "{now} bytes in flight");
                        thread::yield_now();
                        running.fetch_sub(bytes, Ordering::SeqCst);
                        drop(permit);
                    }
                });
            }
        });
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn cancel_wakes_waiters_and_frees_their_place() {
        let (budget, cancel, other) = (Budget::new(10), Cancel::new(), Cancel::new());
        let held = budget.acquire(10, &cancel).unwrap();
        let waiter = thread::spawn({
            let (budget, cancel) = (budget.clone(), cancel.clone());
            move || budget.acquire(10, &cancel).map(drop)
        });
        wait_for(&budget, 1);
        let behind = thread::spawn({
            let (budget, other) = (budget.clone(), other.clone());
            move || budget.acquire(10, &other).map(drop)
        });
        wait_for(&budget, 2);
        cancel.cancel();
        assert!(matches!(waiter.join().unwrap(), Err(Error::Cancelled)));
        drop(held);
        assert!(behind.join().unwrap().is_ok());
        assert!(matches!(budget.acquire(1, &cancel), Err(Error::Cancelled)));
    }

    #[test]
    fn a_permit_can_shrink() {
        let (budget, cancel) = (Budget::new(10), Cancel::new());
        let mut permit = budget.acquire(10, &cancel).unwrap();
        permit.shrink_to(4);
        permit.shrink_to(7);
        assert_eq!((permit.bytes(), budget.used()), (4, 4));
        let _second = budget.acquire(6, &cancel).unwrap();
    }

    fn fake(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:  99 kB\nMemAvailable:    8388608 kB\n");

    #[test]
    fn the_smallest_limit_of_a_v2_group_and_its_ancestors_counts() {
        let root = fake(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("sys/fs/cgroup/a/b/memory.current", "5\n"),
            ("sys/fs/cgroup/a/memory.max", "1000\n"),
            ("sys/fs/cgroup/a/memory.current", "700\n"),
            ("sys/fs/cgroup/a/memory.stat", "active_file 1\ninactive_file 300\n"),
        ]);
        assert_eq!(available_below(root.path()), Some(600));
    }

    #[test]
    fn a_v1_limit_at_the_mount_root_counts_where_the_path_is_hidden() {
        let root = fake(&[
            MEMINFO,
            ("proc/self/cgroup", "4:cpu:/x\n3:memory:/docker/123\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "5000\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n"),
        ]);
        assert_eq!(available_below(root.path()), Some(4000));
    }

    #[test]
    fn without_groups_the_system_counts() {
        let root = fake(&[MEMINFO]);
        assert_eq!(available_below(root.path()), Some(8 * GIB));
        assert_eq!(available_below(Path::new("/nonexistent")), None);
        assert!((64 * MIB..=4 * GIB).contains(&default_memory()));
    }
}
