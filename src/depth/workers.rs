//! How many inferences run side by side, and with how many threads each.
//!
//! Threads of one inference wait for each other at every operator; inferences of different pictures never do. So as many run side by side as
//! there are pictures in work and memory for sessions, and each gets its share of the cores. Results do not depend on it: both engines
//! give the same bits for every number of threads, which a test checks.

use super::provider::Provider;
use super::registry::ModelEntry;
use crate::picture::Extent;

/// Pictures that go through a model together, where it takes them and enough of one size wait.
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
}

impl Workers {
    /// One, with one thread, for one picture at a time.
    pub const ONE: Self = Self { count: 1, threads: 1, together: 1 };

    /// The choice for a model. A GPU does one inference at a time. Pictures go together where memory leaves room for it beside all workers, and where
    /// there can be more of them than workers.
    pub fn choose(model: &ModelEntry, provider: Provider, room: Room) -> Self {
        let cores = room.cores.max(1);
        let fitting = room.session_bytes / (orientations(model) * model.bytes).max(1);
        let most = usize::try_from(fitting).unwrap_or(usize::MAX).min(room.pictures).min(cores);
        let count = if provider == Provider::Cpu { most.max(1) } else { 1 };
        let one = Self { count, threads: cores / count, together: 1 };
        let batching = Self { together: BATCH, ..one };
        let fits = model.takes_batches && batching.wants(model, provider) <= room.session_bytes;
        if fits && room.pictures >= BATCH + count { batching } else { one }
    }

    /// Bytes of sessions that all workers keep loaded: either orientation of the model, as far as `most` goes.
    pub fn session_bytes(&self, model: &ModelEntry, provider: Provider, most: u64) -> u64 {
        self.wants(model, provider).min(most).max(model.session_bytes(provider, self.together))
    }

    fn wants(&self, model: &ModelEntry, provider: Provider) -> u64 {
        let sessions = self.count as u64 * orientations(model);
        sessions.saturating_mul(model.session_bytes(provider, self.together))
    }

    /// Tiles of one picture that are asked about at once, so that no worker waits for the next.
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
        let workers = Workers::choose(&model, Provider::Cpu, Room { cores, pictures, session_bytes });
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
        let room = Room { cores: 16, pictures: 100, session_bytes: 2048 * MIB };
        let gpu = Workers::choose(&ModelEntry::embedded(), Provider::Cuda, room);
        assert_eq!((gpu.count, gpu.threads), (1, 16));
    }

    #[test]
    fn pictures_go_together_where_there_is_room_and_company() {
        const MIB: u64 = 1 << 20;
        let model = |takes_batches, mib| ModelEntry { takes_batches, bytes: mib * MIB, ..ModelEntry::embedded() };
        let choose = |model: &ModelEntry, provider, pictures, mib| {
            let workers = Workers::choose(model, provider, Room { cores: 16, pictures, session_bytes: mib * MIB });
            (workers.count, workers.together)
        };
        let (one, any) = (model(false, 100), model(true, 100));
        // A device has its own memory for pictures.
        assert_eq!(choose(&any, Provider::Cuda, 17, 200), (1, BATCH));
        assert_eq!(choose(&any, Provider::Cuda, 4, 2048), (1, 1));
        assert_eq!(choose(&one, Provider::Cuda, 17, 2048), (1, 1));
        // On the CPU workers come first, and company needs memory beside them.
        assert_eq!(choose(&any, Provider::Cpu, 17, 2048), (10, 1));
        assert_eq!(choose(&any, Provider::Cpu, 17, 16_000), (16, 1));
        assert_eq!(choose(&any, Provider::Cpu, 20, 16_000), (16, BATCH));
        let batching = Workers { count: 1, threads: 16, together: BATCH };
        let bytes = batching.session_bytes(&any, Provider::Cpu, u64::MAX);
        assert!(bytes > 2 * 3 * any.bytes && bytes <= 2 * 4 * any.bytes);
        assert_eq!(batching.session_bytes(&any, Provider::Cpu, 0), any.session_bytes(Provider::Cpu, BATCH));
        assert_eq!(batching.session_bytes(&any, Provider::Cuda, u64::MAX), 2 * any.bytes);
    }
}
