//! Reading ahead: a thread of its own reads the next strip while the driver works on the one before.
//!
//! Two buffers go back and forth, so that nothing is allocated after the second strip and memory stays as the plan has counted it. Items
//! arrive in the order they are read; the error of a strip arrives in its place, after all strips before it. What is read, and whether it
//! fails, is the same as without the thread.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, RecvError, channel};
use std::time::Instant;

use super::profile::{Kind, Probe, Stage, Track};
use crate::error::{Error, Result};

/// Items between reading and what works on them: one on either side.
pub const BUFFERS: usize = crate::plan::OVERLAPPED;

/// Hands everything that `read` makes to `work`, one after the other, until `read` has no more.
///
/// `read` gets back what `work` returned, to fill it again. With `ahead`, it runs on a thread of its own, at most [`BUFFERS`] items before
/// `work` is done with them; `waits` is the stage whose waiting for items is recorded.
///
/// # Errors
/// The first error in the order of items; `Environment` when no thread can be started. A panic of `read` goes on in the caller.
pub fn each<T: Send>(
    (probe, waits): (&Probe, Stage),
    ahead: bool,
    mut read: impl FnMut(Option<T>) -> Result<Option<T>> + Send,
    mut work: impl FnMut(T) -> Result<Option<T>>,
) -> Result<()> {
    if !ahead {
        let mut buffer = None;
        while let Some(item) = read(buffer.take())? {
            buffer = work(item)?;
        }
        return Ok(());
    }
    std::thread::scope(|scope| {
        let (send, items) = channel();
        let (give_back, buffers) = channel();
        (0..BUFFERS).for_each(|_| {
            // The receiver is right here.
            let _ = give_back.send(None);
        });
        let reader = || {
            let buffers = buffers;
            let track = probe.reader();
            while let Ok(buffer) = waited(&buffers, (probe, track, Stage::Read)) {
                let item = read(buffer).transpose();
                let goes_on = matches!(item, Some(Ok(_)));
                // Nobody listens after an error of `work`: then it does not matter either.
                if item.is_some_and(|item| send.send(item).is_err()) || !goes_on {
                    break;
                }
            }
            // The end of the items is the end of their sender.
            drop(send);
        };
        let thread = std::thread::Builder::new().name("read".into()).spawn_scoped(scope, reader);
        let thread = thread.map_err(|e| Error::Environment(format!("cannot start a thread that reads: {e}")))?;
        let result = (|| {
            while let Ok(item) = waited(&items, (probe, probe.driver(), waits)) {
                // After the last item nobody wants buffers any more.
                let _ = give_back.send(work(item?)?);
            }
            Ok(())
        })();
        drop((items, give_back));
        thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        result
    })
}

/// Receives; what it had to wait for is recorded.
pub fn waited<T>(
    receiver: &Receiver<T>,
    (probe, track, stage): (&Probe, Track, Stage),
) -> std::result::Result<T, RecvError> {
    if let Ok(item) = receiver.try_recv() {
        return Ok(item);
    }
    let started = Instant::now();
    let item = receiver.recv();
    probe.other(track, stage, started, Kind::Waiting);
    item
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::engine::profile::Recorder;

    fn probe() -> Probe {
        Probe::new(Recorder::default(), 0, 0)
    }

    /// Counts from 1 up to `last`, then fails or ends; returns what arrived and how it ended.
    fn run(ahead: bool, last: u32, fails: bool, stop_at: u32) -> (Vec<u32>, Result<()>) {
        let mut next = 0;
        let mut seen = Vec::new();
        let read = |_: Option<u32>| {
            next += 1;
            match next > last {
                true if fails => Err(Error::Environment("unreadable".into())),
                true => Ok(None),
                false => Ok(Some(next)),
            }
        };
        let work = |item| {
            seen.push(item);
            if item == stop_at { Err(Error::Environment("stopped".into())) } else { Ok(Some(item)) }
        };
        let result = each((&probe(), Stage::Render), ahead, read, work);
        (seen, result)
    }

    #[test]
    fn ahead_or_not_is_the_same() {
        for (last, fails, stop_at) in [
            (0, false, 0),
            (1, false, 0),
            (9, false, 0),
            (0, true, 0),
            (5, true, 0),
            (5, true, 3),
            (9, false, 1),
            (5, true, 5),
        ] {
            let [(one, first), (two, second)] = [false, true].map(|ahead| run(ahead, last, fails, stop_at));
            assert_eq!(one, two, "{last} {fails} {stop_at}");
            assert_eq!(first.map_err(|e| e.to_string()), second.map_err(|e| e.to_string()), "{last} {fails} {stop_at}");
        }
    }

    #[test]
    fn buffers_come_back_and_there_are_no_more() {
        let mut made = 0;
        let mut left = 50;
        let read = |buffer: Option<Vec<u8>>| {
            left -= 1;
            made += u32::from(buffer.is_none());
            Ok((left >= 0).then(|| buffer.unwrap_or_default()))
        };
        each((&probe(), Stage::Render), true, read, |buffer| Ok(Some(buffer))).unwrap();
        assert_eq!(made, BUFFERS as u32);
    }

    #[test]
    fn panics_keep_their_words() {
        let read = |_: Option<u32>| -> Result<Option<u32>> { panic!("seven") };
        let caught = catch_unwind(AssertUnwindSafe(|| each((&probe(), Stage::Read), true, read, |x| Ok(Some(x)))));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"seven"));
        let work = |_: u32| -> Result<Option<u32>> { panic!("eight") };
        let caught = catch_unwind(AssertUnwindSafe(|| each((&probe(), Stage::Read), true, |_| Ok(Some(1)), work)));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"eight"));
    }
}
