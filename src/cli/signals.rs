//! Stopping: the first SIGINT or SIGTERM asks the engine to stop, a second one ends the program at once. While inputs are still being
//! collected there is nothing to stop, and the first one ends it.
//!
//! A handler may do almost nothing, and [`Cancel::cancel`] takes locks; so the handlers only set flags and write a byte into a
//! pipe, and a thread that sleeps on the other end does the rest. Whatever the instant, final names stay whole: outputs appear by rename.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chiaro::engine::cancel::Cancel;

use super::exit::Exit;

/// The signals of this process, as far as they have arrived.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    interrupted: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
    /// True while a signal ends the program at once: before there is work to stop, and after the first signal.
    at_once: Arc<AtomicBool>,
}

impl Signals {
    /// Takes over SIGINT and SIGTERM. Where that fails they keep their default action, which is safe as well.
    #[cfg(unix)]
    pub fn install() -> Self {
        use signal_hook::consts::{SIGINT, SIGTERM};
        use signal_hook::flag::{register, register_conditional_shutdown};
        let signals = Self { at_once: Arc::new(AtomicBool::new(true)), ..Self::default() };
        let wanted = [(SIGINT, &signals.interrupted, Exit::Interrupted), (SIGTERM, &signals.terminated, Exit::Stopped)];
        for (signal, arrived, exit) in wanted {
            // Actions run in this order: the first signal that may not end the program arms the second.
            let _ = register_conditional_shutdown(signal, exit as i32, signals.at_once.clone())
                .and_then(|_| register(signal, arrived.clone()))
                .and_then(|_| register(signal, signals.at_once.clone()));
        }
        // A file beyond `ulimit -f` ends the process unless somebody listens; then the write is an error like that of a full disk.
        let _ = register(signal_hook::consts::SIGXFSZ, Arc::default());
        signals
    }

    /// Elsewhere signals keep their default action.
    #[cfg(not(unix))]
    pub fn install() -> Self {
        Self::default()
    }

    /// From now on the first signal calls `stopping` and cancels `cancel`, and only a second one ends the program.
    #[cfg(unix)]
    pub fn attach(&self, cancel: Cancel, stopping: impl FnOnce() + Send + 'static) {
        use signal_hook::consts::{SIGINT, SIGTERM};
        use std::io::Read;
        use std::os::unix::net::UnixStream;
        let Ok((mut reader, writer)) = UnixStream::pair() else { return };
        for signal in [SIGINT, SIGTERM] {
            let Ok(writer) = writer.try_clone() else { return };
            if signal_hook::low_level::pipe::register(signal, writer).is_err() {
                return;
            }
        }
        // Not joined: it sleeps until the process ends.
        let sleeper = std::thread::Builder::new().name("signals".into()).spawn(move || {
            if reader.read_exact(&mut [0]).is_ok() {
                stopping();
                cancel.cancel();
            }
        });
        if sleeper.is_ok() {
            self.at_once.store(false, Ordering::SeqCst);
        }
    }

    /// Nothing arrives.
    #[cfg(not(unix))]
    pub fn attach(&self, _cancel: Cancel, _stopping: impl FnOnce() + Send + 'static) {}

    /// The exit code of a run that a signal stopped.
    pub fn exit(&self) -> Option<Exit> {
        if self.interrupted.load(Ordering::SeqCst) {
            Some(Exit::Interrupted)
        } else if self.terminated.load(Ordering::SeqCst) {
            Some(Exit::Stopped)
        } else {
            None
        }
    }
}
