//! How many inferences run side by side, and with how many threads each.
//!
//! Threads of one inference wait for each other at every operator; inferences of different pictures never do. So as many run side by side as
//! there are pictures in work and memory for sessions, and each gets its share of the cores. Results do not depend on it: both engines
//! give the same bits for every number of threads, which a test checks.

use super::provider::Provider;
use super::registry::ModelEntry;
use crate::picture::Extent;

/// Workers and the threads of each; `count * threads` is at most the number of cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workers {
    /// Inferences side by side, at least 1.
    pub count: usize,
    /// Threads of one inference, at least 1.
    pub threads: usize,
}

/// What the choice depends on.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Cores that may be used.
    pub cores: usize,
    /// Pictures in work at the same time.
    pub pictures: usize,
    /// Bytes that sessions may hold together.
    pub session_bytes: u64,
}

impl Workers {
    /// The choice for a model. A GPU does one inference at a time.
    pub fn choose(model: &ModelEntry, provider: Provider, room: Room) -> Self {
        let cores = room.cores.max(1);
        let fitting = room.session_bytes / (orientations(model) * model.bytes).max(1);
        let most = usize::try_from(fitting).unwrap_or(usize::MAX).min(room.pictures).min(cores);
        let count = if provider == Provider::Cpu { most.max(1) } else { 1 };
        Self { count, threads: cores / count }
    }

    /// Bytes of sessions that all workers keep loaded: either orientation of the model, as far as `most` goes.
    pub fn session_bytes(&self, model: &ModelEntry, most: u64) -> u64 {
        (self.count as u64 * orientations(model)).saturating_mul(model.bytes).min(most).max(model.bytes)
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
        assert!(workers.count * workers.threads <= cores.max(1));
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
}
