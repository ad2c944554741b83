//! A device that fails in the middle of a picture.
//!
//! A GPU can be lost (driver reset, unplugged, hung) or run out of memory at any strip. Rows it made so far are not mixed with rows of
//! another executor, whose results agree only within tolerances: the picture is rendered anew on the CPU, from its first strip into fresh
//! staged files, and its outcome says so. What was found in analyse is kept; it was made on the CPU. A device that was asked for is not
//! replaced: then the failure is the picture's error. A lost device is not tried again in the run.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::analyse::Facts;
use super::drive::Work;
use crate::codec::Source;
use crate::error::{Error, Result};
use crate::exec::Executor;
use crate::picture::{Region, Strip};
use crate::plan::Program;

/// Pictures that a device may fail without being lost (its memory was full for a moment) before the run goes on without it.
const MOST_FAILURES: u32 = 3;

/// The executor of a run, what stands in for it, and what became of it.
pub struct Devices {
    main: Arc<dyn Executor>,
    /// `None` when the device was asked for, or is the CPU itself.
    spare: Option<Arc<dyn Executor>>,
    record: Mutex<Record>,
}

#[derive(Default)]
struct Record {
    failures: u32,
    /// Why the device is not used any more.
    given_up: Option<Error>,
}

/// What an attempt left, and the executor it was made with.
pub struct Rendered<T> {
    pub result: T,
    /// Its arithmetic is that of the outputs.
    pub executor: Arc<dyn Executor>,
}

impl Devices {
    /// `spare` renders what `main` fails to.
    pub fn new(main: Arc<dyn Executor>, spare: Option<Arc<dyn Executor>>) -> Self {
        let spare = spare.filter(|spare| spare.arithmetic() != main.arithmetic());
        Self { main, spare, record: Mutex::default() }
    }

    /// Calls `attempt` with the device of the run in `work` and, when the device fails, once more with the one that stands in.
    ///
    /// # Errors
    /// Those of the last attempt; `Environment` at once when a device that was asked for is lost.
    pub fn render<T>(
        &self,
        work: &mut Work,
        source: &mut dyn Source,
        facts: Facts,
        mut attempt: impl FnMut(&mut Work, &mut dyn Source, Facts) -> Result<T>,
    ) -> Result<Rendered<T>> {
        let given_up = self.record().given_up.clone();
        let Some(spare) = self.spare.clone() else {
            if let Some(error) = given_up {
                return Err(error);
            }
            let watched = self.watch(work);
            let result = attempt(work, source, facts).inspect_err(|_| self.note(&watched))?;
            return Ok(Rendered { result, executor: self.main.clone() });
        };
        if given_up.is_some() {
            work.executor = spare.clone();
            return Ok(Rendered { result: attempt(work, source, facts)?, executor: spare });
        }
        // Strips that analyse kept are used up by the first attempt: the second one decodes again, to the same samples.
        let again = Facts {
            kept: Vec::new(),
            render: facts.render.clone(),
            depth_source: facts.depth_source.clone(),
            cached: facts.cached,
            map: facts.map.clone(),
            scores: facts.scores,
            finish: facts.finish.clone(),
        };
        let remarks = work.warnings.len();
        let watched = self.watch(work);
        let error = match attempt(work, source, facts) {
            Ok(result) => {
                self.record().failures = 0;
                return Ok(Rendered { result, executor: self.main.clone() });
            }
            Err(error) => error,
        };
        self.note(&watched);
        let Some(failure) = watched.failure.get() else { return Err(error) };
        work.engine.cancel.check()?;
        work.warnings.truncate(remarks);
        let later = if self.record().given_up.is_some() { ", and so is the rest of the run" } else { "" };
        work.warnings.push(format!("{failure}: the picture was rendered anew on the CPU{later}"));
        work.executor = spare.clone();
        source.rewind()?;
        Ok(Rendered { result: attempt(work, source, again)?, executor: spare })
    }

    /// Puts the device of the run into `work`, watched.
    fn watch(&self, work: &mut Work) -> Arc<Watched> {
        let watched = Arc::new(Watched { inner: self.main.clone(), failure: OnceLock::new() });
        work.executor = watched.clone();
        watched
    }

    /// Remembers the failure of an attempt, if it was the device's.
    fn note(&self, watched: &Watched) {
        let Some(failure) = watched.failure.get() else { return };
        let mut record = self.record();
        record.failures += 1;
        if self.main.is_lost() || record.failures >= MOST_FAILURES {
            record.given_up.get_or_insert_with(|| {
                Error::Environment(format!(
                    "{failure} (it is not tried again in this run; --device cpu renders without it)"
                ))
            });
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An executor that remembers its first failure, so that it can be told from those of files.
struct Watched {
    inner: Arc<dyn Executor>,
    failure: OnceLock<Error>,
}

impl Executor for Watched {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn arithmetic(&self) -> String {
        self.inner.arithmetic()
    }

    fn run_rows(
        &self,
        program: &Program,
        input: &Strip,
        depth: Option<&[f32]>,
        region: Region,
        output: &mut Strip,
    ) -> Result<()> {
        self.inner.run_rows(program, input, depth, region, output).inspect_err(|error| {
            // A second failure only follows from the first.
            let _ = self.failure.set(error.clone());
        })
    }

    fn fits(&self, program: &Program) -> bool {
        self.inner.fits(program)
    }

    fn is_lost(&self) -> bool {
        self.inner.is_lost()
    }
}

#[cfg(test)]
mod tests;
