//! How many inferences run side by side, and with how many threads each.
//!
//! Threads of one inference wait for each other at every operator; inferences of different pictures never do. So as many run side by side as
//! there are pictures in work and memory for sessions, and each gets its share of the cores. Results do not depend on it: both engines
//! give the same bits for every number of threads, which a test checks.

use super::provider::Provider;
use super::registry::ModelEntry;
use crate::picture::Extent;

/// Pictures that go through a model together on a device, where nothing else is asked for. On the CPU nobody goes together unless asked for: there
/// it gains a few percent at one input size and loses more at another (`docs/decisions/2026-11-21-inference-side-by-side.md`).
const BATCH: usize = 4;

/// Workers and the threads of each; `count * threads` is at most the number of cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workers {
    /// Inferences side by side, at least 1.
    pub count: usize,
    /// Threads of one inference, at least 1.
    pub threads: usize,
    /// Pictures of one inference, at least 1: so many, or one.
    pub together: usize,
}

/// What the choice depends on.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Cores that may be used.
    pub cores: usize,
    /// Pictures, or tiles of pictures, in work at the same time.
    pub pictures: usize,
    /// Bytes that sessions may hold together.
    pub session_bytes: u64,
    /// Pictures that may go through a model together; `None`: what is usual for the provider.
    pub together: Option<usize>,
}

impl Workers {
    /// One, with one thread, for one picture at a time.
    pub const ONE: Self = Self { count: 1, threads: 1, together: 1 };

    /// The choice for a model. A GPU does one inference at a time. Pictures go together where model and provider take them: as many as memory leaves
    /// room for, and as can wait while others run.
    pub fn choose(model: &ModelEntry, provider: Provider, room: Room) -> Self {
        let (cores, pictures) = (room.cores.max(1), room.pictures.max(1));
        let fitting = |together: usize| {
            let sessions = orientations(model).saturating_mul(model.session_bytes(provider, together));
            usize::try_from(room.session_bytes / sessions.max(1)).unwrap_or(usize::MAX)
        };
        let usual = if provider == Provider::Cpu { 1 } else { BATCH };
        let most = if model.takes_batches && provider.batches() { room.together.unwrap_or(usual) } else { 1 };
        let together = (1..=most.min(pictures - 1)).rev().find(|&together| fitting(together) > 0).unwrap_or(1);
        // With a worker for every picture none would ever wait for company.
        let most = if provider == Provider::Cpu { fitting(together).min(pictures / together).min(cores) } else { 1 };
        let count = most.max(1);
        Self { count, threads: cores / count, together }
    }

    /// Bytes of sessions that all workers keep loaded: either orientation of the model, as far as `most` goes.
    pub fn session_bytes(&self, model: &ModelEntry, provider: Provider, most: u64) -> u64 {
        self.wants(model, provider).min(most).max(model.session_bytes(provider, self.together))
    }

    fn wants(&self, model: &ModelEntry, provider: Provider) -> u64 {
        let sessions = self.count as u64 * orientations(model);
        sessions.saturating_mul(model.session_bytes(provider, self.together))
    }

    /// Why fewer pictures go together than were `asked` for.
    pub fn unmet(&self, model: &ModelEntry, provider: Provider, asked: Option<usize>) -> Option<String> {
        let (asked, together) = (asked.filter(|asked| *asked > self.together)?, self.together);
        let reason = if !model.takes_batches {
            format!("{} takes one picture at a time", model.id)
        } else if !provider.batches() {
            format!("models that {} compiles take one picture at a time", provider.name())
        } else {
            format!("memory and pictures in work (--memory, --jobs) allow {together} at a time")
        };
        Some(format!("{asked} pictures cannot go through the depth model together: {reason}"))
    }

    /// Tiles of one picture that are on their way at once, so that no worker waits for the next.
    pub fn ahead(&self) -> usize {
        2 * self.count.max(self.together)
    }
}

/// Sessions that pictures of one aspect need when some stand upright: one per input size.
fn orientations(model: &ModelEntry) -> u64 {
    let size = |width, height| model.input_size(Extent { width, height });
    if size(3, 2) == size(2, 3) { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(bytes: u64, cores: usize, pictures: usize, session_bytes: u64) -> (usize, usize) {
        let model = ModelEntry { bytes, ..ModelEntry::embedded() };
        let workers = Workers::choose(&model, Provider::Cpu, Room { cores, pictures, session_bytes, together: None });
        assert!(workers.count * workers.threads <= cores.max(1) && workers.together == 1);
        (workers.count, workers.threads)
    }

    #[test]
    fn cores_are_shared_by_pictures_and_memory() {
        const MIB: u64 = 1 << 20;
        assert_eq!(choose(48 * MIB, 16, 100, 2048 * MIB), (16, 1));
        assert_eq!(choose(48 * MIB, 16, 1, 2048 * MIB), (1, 16));
        assert_eq!(choose(48 * MIB, 16, 3, 2048 * MIB), (3, 5));
        assert_eq!(choose(600 * MIB, 16, 100, 2048 * MIB), (1, 16));
        assert_eq!(choose(600 * MIB, 16, 100, 100 * MIB), (1, 16));
        assert_eq!(choose(100 * MIB, 2, 2, 2048 * MIB), (2, 1));
        assert_eq!(choose(0, 0, 0, 0), (1, 1));
        let room = Room { cores: 16, pictures: 100, session_bytes: 2048 * MIB, together: None };
        let gpu = Workers::choose(&ModelEntry::embedded(), Provider::Cuda, room);
        assert_eq!((gpu.count, gpu.threads), (1, 16));
    }

    #[test]
    fn pictures_go_together_where_there_is_room_and_company() {
        const MIB: u64 = 1 << 20;
        let model = |takes_batches| ModelEntry { takes_batches, bytes: 100 * MIB, ..ModelEntry::embedded() };
        let choose = |model: &ModelEntry, provider, together, pictures, mib| {
            let room = Room { cores: 16, pictures, session_bytes: mib * MIB, together };
            let workers = Workers::choose(model, provider, room);
            (workers.count, workers.together)
        };
        let (one, any) = (model(false), model(true));
        // A device has its own memory for pictures.
        assert_eq!(choose(&any, Provider::Cuda, None, 17, 200), (1, BATCH));
        assert_eq!(choose(&any, Provider::Cuda, Some(16), 17, 200), (1, 16));
        assert_eq!(choose(&any, Provider::Cuda, Some(1), 17, 200), (1, 1));
        assert_eq!(choose(&any, Provider::Cuda, None, 3, 200), (1, 2));
        assert_eq!(choose(&any, Provider::Cuda, None, 1, 200), (1, 1));
        assert_eq!(choose(&one, Provider::Cuda, Some(16), 17, 200), (1, 1));
        assert_eq!(choose(&any, Provider::TensorRt, Some(16), 17, 200), (1, 1));
        // On the CPU pictures go together when that is asked for, and share the memory with fewer workers.
        assert_eq!(choose(&any, Provider::Cpu, None, 17, 2048), (10, 1));
        assert_eq!(choose(&any, Provider::Cpu, Some(4), 17, 2048), (2, 4));
        assert_eq!(choose(&any, Provider::Cpu, Some(4), 17, 16_000), (4, 4));
        assert_eq!(choose(&any, Provider::Cpu, Some(4), 3, 16_000), (1, 2));
        assert_eq!(choose(&any, Provider::Cpu, Some(4), 17, 400), (1, 2));
        assert_eq!(choose(&any, Provider::Cpu, Some(4), 17, 100), (1, 1));
        assert_eq!(choose(&one, Provider::Cpu, Some(4), 17, 2048), (10, 1));
        let single = Workers { count: 1, ..Workers::ONE };
        let unmet = |model, provider, asked| single.unmet(model, provider, asked).unwrap_or_default();
        assert_eq!((single.unmet(&any, Provider::Cpu, None), single.unmet(&one, Provider::Cpu, Some(1))), (None, None));
        assert!(unmet(&one, Provider::Cpu, Some(4)).contains("chiaro-small takes one picture"));
        assert!(unmet(&any, Provider::TensorRt, Some(4)).contains("tensorrt"));
        assert!(unmet(&any, Provider::Cpu, Some(4)).contains("--memory"));
        let batching = Workers { count: 1, threads: 16, together: BATCH };
        let bytes = batching.session_bytes(&any, Provider::Cpu, u64::MAX);
        assert!(bytes > 2 * 3 * any.bytes && bytes <= 2 * 4 * any.bytes);
        assert_eq!(batching.session_bytes(&any, Provider::Cpu, 0), any.session_bytes(Provider::Cpu, BATCH));
        assert_eq!(batching.session_bytes(&any, Provider::Cuda, u64::MAX), 2 * any.bytes);
    }
}
