//! Results on their way into files: written at once, or by a thread of its own while the next strip is made.
//!
//! Every lane has two strips of results, one that is made and one that is written. The writer takes them in the order they were made and
//! finishes what it was given, so that its error, if it has one, belongs to an earlier strip than whatever ended the making of them.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use super::cancel::Cancel;
use super::flow::{BUFFERS, waited};
use super::profile::{Kind, Probe, Stage, Track};
use crate::codec::{Pool, Sink};
use crate::error::{Error, Result};
use crate::picture::{PixelLayout, Region, Strip};

/// Files that get one result.
pub type Sinks = Vec<Box<dyn Sink>>;

/// What writes: the files of all lanes.
pub struct Writer<'a> {
    /// By lane.
    pub sinks: Vec<Sinks>,
    /// What encodes.
    pub pool: &'a Pool,
    /// Stops it.
    pub cancel: &'a Cancel,
    /// Seconds of work so far.
    pub seconds: f64,
}

impl Writer<'_> {
    fn write(&mut self, lane: usize, strip: &Strip, (probe, track): (&Probe, Track)) -> Result<()> {
        let started = Instant::now();
        let mut bytes = 0;
        for sink in self.sinks.get_mut(lane).into_iter().flatten() {
            sink.write(strip, self.pool)?;
            bytes += strip.byte_len();
        }
        self.seconds += probe.busy(track, Stage::Write, started, strip.region, bytes);
        Ok(())
    }

    /// Ends the files; returns the seconds of work of all.
    ///
    /// # Errors
    /// Those of the sinks.
    pub fn finish(mut self, probe: &Probe) -> Result<f64> {
        let started = Instant::now();
        for sink in self.sinks.drain(..).flatten() {
            sink.finish(self.pool)?;
        }
        self.seconds += probe.other(probe.driver(), Stage::Write, started, Kind::More);
        Ok(self.seconds)
    }

    /// Writes what comes until nothing more can come.
    fn serve(mut self, results: &Receiver<Parcel>, done: &Sender<Parcel>, probe: &Probe) -> Result<Self> {
        while let Ok((lane, strip)) = waited(results, (probe, probe.writer(), Stage::Write)) {
            self.cancel.check()?;
            self.write(lane, &strip, (probe, probe.writer()))?;
            // Nobody makes results any more.
            let _ = done.send((lane, strip));
        }
        Ok(self)
    }
}

/// A result and the number of its lane.
type Parcel = (usize, Strip);

/// Where lanes put their results.
pub struct Outbox<'a> {
    way: Way<'a>,
    /// By lane: strips that can be filled, and how many there are at all.
    free: Vec<(Vec<Strip>, usize)>,
    probe: &'a Probe,
}

enum Way<'a> {
    Here(Writer<'a>),
    Thread { results: Sender<Parcel>, done: Receiver<Parcel> },
}

impl Outbox<'_> {
    /// A strip to fill; waits while all strips of the lane are on their way.
    ///
    /// # Errors
    /// The writer has ended; its own error says why.
    pub fn take(&mut self, lane: usize, region: Region, layout: PixelLayout) -> Result<Strip> {
        let most = if matches!(self.way, Way::Here(_)) { 1 } else { BUFFERS };
        loop {
            let (free, made) = self.lane(lane)?;
            if let Some(strip) = free.pop() {
                return Ok(strip);
            }
            if *made < most {
                *made += 1;
                return Ok(Strip::new(region, layout));
            }
            let Way::Thread { done, .. } = &self.way else { return Err(ended()) };
            let (lane, strip) = waited(done, (self.probe, self.probe.driver(), Stage::Render)).map_err(|_| ended())?;
            self.lane(lane)?.0.push(strip);
        }
    }

    /// Hands a result over.
    ///
    /// # Errors
    /// Those of the sinks, or that the writer has ended.
    pub fn put(&mut self, lane: usize, strip: Strip) -> Result<()> {
        match &mut self.way {
            Way::Here(writer) => {
                writer.write(lane, &strip, (self.probe, self.probe.driver()))?;
                self.lane(lane)?.0.push(strip);
                Ok(())
            }
            Way::Thread { results, .. } => results.send((lane, strip)).map_err(|_| ended()),
        }
    }

    fn lane(&mut self, lane: usize) -> Result<&mut (Vec<Strip>, usize)> {
        self.free.get_mut(lane).ok_or_else(ended)
    }
}

/// Never told: the writer's own error takes its place.
fn ended() -> Error {
    Error::Environment("internal error: the thread that writes ended early".to_owned())
}

/// Runs `make`, which puts results into the outbox; with `beside` they are written on a thread of its own. Returns the writer, for the
/// end of the files.
///
/// # Errors
/// The writer's error when it has one, else that of `make`: in the order of strips, as if everything were done one after the other.
pub fn deliver<'a>(
    writer: Writer<'a>,
    probe: &'a Probe,
    beside: bool,
    make: impl FnOnce(&mut Outbox) -> Result<()>,
) -> Result<Writer<'a>> {
    let free: Vec<_> = writer.sinks.iter().map(|_| (Vec::new(), 0)).collect();
    if !beside {
        let mut outbox = Outbox { way: Way::Here(writer), free, probe };
        make(&mut outbox)?;
        return if let Way::Here(writer) = outbox.way { Ok(writer) } else { Err(ended()) };
    }
    std::thread::scope(|scope| {
        let (results, arrived) = channel();
        let (give_back, done) = channel();
        let serve = move || writer.serve(&arrived, &give_back, probe);
        let thread = std::thread::Builder::new().name("write".into()).spawn_scoped(scope, serve);
        let thread = thread.map_err(|e| Error::Environment(format!("cannot start a thread that writes: {e}")))?;
        let mut outbox = Outbox { way: Way::Thread { results, done }, free, probe };
        let made = make(&mut outbox);
        // Without senders the writer ends after what it has.
        drop(outbox);
        let writer = thread.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        made.map(|()| writer)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::engine::profile::Recorder;
    use crate::picture::{Alpha, Channels, SampleType};

    const LAYOUT: PixelLayout = PixelLayout { sample: SampleType::U8, channels: Channels::Gray, alpha: Alpha::None };

    /// Notes the first row of every strip; the one at `fails_at` cannot be written.
    struct Notes(Arc<Mutex<Vec<u32>>>, u32);

    impl Sink for Notes {
        fn write(&mut self, strip: &Strip, _: &Pool) -> Result<()> {
            self.0.lock().unwrap().push(strip.region.y);
            if strip.region.y == self.1 { Err(Error::Environment("disk full".into())) } else { Ok(()) }
        }
        fn finish(self: Box<Self>, _: &Pool) -> Result<()> {
            Ok(())
        }
    }

    /// Puts strips 0 to 9 into two lanes; the making fails at `make_fails_at`. Returns what was written, strips made, and the end.
    fn run(beside: bool, make_fails_at: u32, write_fails_at: u32) -> (Vec<u32>, Result<()>) {
        let notes = Arc::new(Mutex::new(Vec::new()));
        let sink = || vec![Box::new(Notes(notes.clone(), write_fails_at)) as Box<dyn Sink>];
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let cancel = Cancel::new();
        let writer = Writer { sinks: vec![sink(), sink()], pool: &pool, cancel: &cancel, seconds: 0.0 };
        let probe = Probe::new(Recorder::default(), 0, 0);
        let result = deliver(writer, &probe, beside, |outbox| {
            for y in 0..10 {
                for lane in 0..2 {
                    if y == make_fails_at {
                        return Err(Error::Environment("unmakeable".into()));
                    }
                    let region = Region { width: 1, y, rows: 1 };
                    let mut strip = outbox.take(lane, region, LAYOUT)?;
                    strip.reset(region, LAYOUT);
                    outbox.put(lane, strip)?;
                }
            }
            Ok(())
        });
        let result = result.and_then(|writer| writer.finish(&probe).map(|_| ()));
        let seen = notes.lock().unwrap().clone();
        (seen, result)
    }

    #[test]
    fn beside_or_not_is_the_same() {
        for (make, write) in [(99, 99), (0, 99), (4, 99), (4, 3), (3, 3), (9, 0), (99, 9)] {
            let [(one, first), (two, second)] = [false, true].map(|beside| run(beside, make, write));
            assert_eq!(one, two, "{make} {write}");
            assert_eq!(first.map_err(|e| e.to_string()), second.map_err(|e| e.to_string()), "{make} {write}");
        }
    }
}
