//! A request to stop, shared by everything that may wait.
//!
//! Whoever decides to stop (a signal thread of the face, `--fail-fast`) calls [`Cancel::cancel`]. Loops call
//! [`Cancel::check`] at every picture or strip; blocking waits register a waker, so that a stop never has to wait for
//! a grant. [`Cancel::cancel`] takes locks and therefore must not be called from inside a signal handler.

use crate::error::{Error, Result};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A clonable stop flag; all clones are one flag. It is never cleared.
#[derive(Clone, Default)]
pub struct Cancel {
    inner: Arc<Inner>,
}

type Wake = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Inner {
    flag: AtomicBool,
    next: AtomicU64,
    wakers: Mutex<Vec<(u64, Wake)>>,
}

impl Cancel {
    /// A flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything to stop, and wakes every waiter. Further calls do nothing.
    pub fn cancel(&self) {
        if self.inner.flag.swap(true, Ordering::SeqCst) {
            return;
        }
        // Called outside the list's lock: a waker takes the lock of what it wakes.
        let wakers: Vec<Wake> = self.inner.lock().iter().map(|(_, wake)| wake.clone()).collect();
        wakers.iter().for_each(|wake| wake());
    }

    /// Whether a stop was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.inner.flag.load(Ordering::SeqCst)
    }

    /// [`Error::Cancelled`] once a stop was asked for.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Calls `wake` when a stop is asked for, until the guard is dropped.
    ///
    /// Register first, then check the flag under the lock that `wake` takes: a stop in between is then never missed.
    pub fn on_cancel(&self, wake: impl Fn() + Send + Sync + 'static) -> WakeGuard {
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed);
        self.inner.lock().push((id, Arc::new(wake)));
        WakeGuard { cancel: self.clone(), id }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Wake)>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a waker of [`Cancel::on_cancel`] registered.
#[must_use = "the waker is removed when this is dropped"]
#[derive(Debug)]
pub struct WakeGuard {
    cancel: Cancel,
    id: u64,
}

impl Drop for WakeGuard {
    fn drop(&mut self) {
        self.cancel.inner.lock().retain(|(id, _)| *id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn clones_are_one_flag() {
        let cancel = Cancel::new();
        let other = cancel.clone();
        assert!(other.check().is_ok());
        cancel.cancel();
        assert!(matches!(other.check(), Err(Error::Cancelled)));
    }

    #[test]
    fn wakers_run_once_and_only_while_registered() {
        let (cancel, count) = (Cancel::new(), Arc::new(AtomicUsize::new(0)));
        let bump = |by: usize| {
            let count = count.clone();
            move || {
                count.fetch_add(by, Ordering::SeqCst);
            }
        };
        let _kept = cancel.on_cancel(bump(1));
        drop(cancel.on_cancel(bump(100)));
        cancel.cancel();
        cancel.cancel();
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
}
