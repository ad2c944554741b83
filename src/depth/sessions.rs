//! Loaded models, least recently used first out, bounded by bytes.
//!
//! A session is known by its model's hash, its input size, what runs it and for which worker: the same key always gives the same numbers. It
//! belongs to its worker while it runs and is kept here between requests; its bytes count all the while. Its cost is the registry's figure;
//! for models without a measured one the figure is corrected after the first run. A model larger than the whole budget is kept alone.

use std::collections::HashSet;

use lru::LruCache;

use super::engine::{EngineInfo, Inference};

/// Identity of a loaded session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// SHA-256 of the model.
    pub model: String,
    /// Input (width, height).
    pub size: (u32, u32),
    /// Engine, version and provider.
    pub engine: EngineInfo,
    /// Number of the worker that runs it.
    pub worker: usize,
}

/// What the cache did, for reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct CacheCounts {
    /// Sessions loaded, reloads included.
    pub loads: u64,
    /// Runs that found their session loaded.
    pub hits: u64,
    /// Sessions dropped to make room.
    pub evictions: u64,
    /// Loads of a session that had been dropped: many of them mean a budget that is too small.
    pub reloads: u64,
    /// Pictures, or tiles of pictures, that went through a model together with others.
    pub batched: u64,
}

/// A session in the hands of its worker.
pub struct Loaded {
    /// The session.
    pub session: Box<dyn Inference>,
    /// Bytes charged for it.
    pub bytes: u64,
}

/// The cache.
pub struct ModelCache {
    /// Sessions that nobody runs.
    idle: LruCache<SessionKey, Loaded>,
    seen: HashSet<SessionKey>,
    budget_bytes: u64,
    held_bytes: u64,
    counts: CacheCounts,
}

impl ModelCache {
    /// An empty cache that holds sessions of `budget_bytes` together.
    pub fn new(budget_bytes: u64) -> Self {
        Self {
            idle: LruCache::unbounded(),
            seen: HashSet::new(),
            budget_bytes,
            held_bytes: 0,
            counts: CacheCounts::default(),
        }
    }

    /// Takes the session of `key` out. `None`: it is to be loaded, room for `bytes` was made and is charged until [`give_back`](Self::give_back)
    /// or [`lost`](Self::lost).
    pub fn take(&mut self, key: &SessionKey, bytes: u64) -> Option<Loaded> {
        let found = self.idle.pop(key);
        if found.is_some() {
            self.counts.hits += 1;
        } else {
            self.make_room(bytes);
            self.held_bytes += bytes;
        }
        found
    }

    /// Counts a session that was loaded after [`take`](Self::take).
    pub fn loaded(&mut self, key: &SessionKey) {
        self.counts.loads += 1;
        if !self.seen.insert(key.clone()) {
            self.counts.reloads += 1;
        }
    }

    /// Counts pictures that ran together.
    pub fn batched(&mut self, pictures: usize) {
        self.counts.batched += pictures as u64;
    }

    /// Takes a session back. `bytes` is what it turned out to cost; room is made for the difference.
    pub fn give_back(&mut self, key: &SessionKey, loaded: Loaded, bytes: u64) {
        self.held_bytes = self.held_bytes - loaded.bytes + bytes;
        self.make_room(0);
        self.idle.put(key.clone(), Loaded { bytes, ..loaded });
    }

    /// Forgets a session that was charged with `bytes` and could not be loaded, or whose engine failed in a way that leaves its state unknown.
    pub fn lost(&mut self, bytes: u64) {
        self.held_bytes -= bytes;
    }

    /// What happened so far.
    pub fn counts(&self) -> CacheCounts {
        self.counts
    }

    /// Bytes charged for the sessions held, those that run included.
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// Drops the least recently used sessions until `bytes` more fit; those that run stay.
    fn make_room(&mut self, bytes: u64) {
        while self.held_bytes.saturating_add(bytes) > self.budget_bytes {
            let Some((_, oldest)) = self.idle.pop_lru() else { return };
            self.held_bytes -= oldest.bytes;
            self.counts.evictions += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;

    struct Fake;

    impl Inference for Fake {
        fn run_batch(&mut self, _: usize, _: &[f32], _: &mut Vec<f32>) -> Result<(u32, u32)> {
            Ok((0, 0))
        }
        fn describe(&self) -> EngineInfo {
            EngineInfo { engine: "fake".into(), version: String::new(), provider: String::new() }
        }
        fn bytes(&self) -> u64 {
            0
        }
    }

    fn key(model: u32) -> SessionKey {
        SessionKey { model: model.to_string(), size: (4, 4), engine: Fake.describe(), worker: 0 }
    }

    fn take(cache: &mut ModelCache, model: u32, bytes: u64) -> Loaded {
        cache.take(&key(model), bytes).unwrap_or_else(|| {
            cache.loaded(&key(model));
            Loaded { session: Box::new(Fake), bytes }
        })
    }

    fn ask(cache: &mut ModelCache, model: u32, bytes: u64) {
        let loaded = take(cache, model, bytes);
        let bytes = loaded.bytes;
        cache.give_back(&key(model), loaded, bytes);
    }

    #[test]
    fn three_models_under_a_budget_for_two() {
        let mut cache = ModelCache::new(200);
        for model in [1, 2, 1, 2] {
            ask(&mut cache, model, 100);
        }
        assert_eq!(cache.counts(), CacheCounts { loads: 2, hits: 2, evictions: 0, reloads: 0, batched: 0 });
        // 1 was used before 2, so 3 drops it; then everybody drops the next one needed.
        for model in [3, 1, 2, 3] {
            ask(&mut cache, model, 100);
        }
        assert_eq!(cache.counts(), CacheCounts { loads: 6, hits: 2, evictions: 4, reloads: 3, batched: 0 });
        assert_eq!(cache.held_bytes(), 200);
        ask(&mut cache, 2, 100);
        assert_eq!(cache.counts().hits, 3);
    }

    #[test]
    fn a_model_larger_than_the_budget_is_alone() {
        let mut cache = ModelCache::new(200);
        ask(&mut cache, 1, 100);
        ask(&mut cache, 2, 1000);
        assert_eq!((cache.held_bytes(), cache.counts().evictions), (1000, 1));
        ask(&mut cache, 2, 1000);
        assert_eq!(cache.counts().hits, 1);
    }

    #[test]
    fn a_corrected_cost_makes_room_for_itself() {
        let mut cache = ModelCache::new(200);
        ask(&mut cache, 1, 50);
        let loaded = take(&mut cache, 2, 50);
        cache.give_back(&key(2), loaded, 180);
        assert_eq!((cache.held_bytes(), cache.counts().evictions), (180, 1));
        ask(&mut cache, 2, 50);
        assert_eq!((cache.held_bytes(), cache.counts().hits), (180, 1));
    }

    #[test]
    fn sessions_that_run_are_charged_and_stay() {
        let mut cache = ModelCache::new(200);
        let (one, two) = (take(&mut cache, 1, 100), take(&mut cache, 2, 100));
        let three = take(&mut cache, 3, 100);
        assert_eq!((cache.held_bytes(), cache.counts().evictions), (300, 0));
        cache.give_back(&key(1), one, 100);
        assert_eq!(cache.held_bytes(), 300);
        cache.give_back(&key(2), two, 100);
        assert_eq!((cache.held_bytes(), cache.counts().evictions), (200, 1));
        drop(three);
        cache.lost(100);
        assert_eq!(cache.held_bytes(), 100);
    }

    #[test]
    fn a_failed_load_leaves_nothing() {
        let mut cache = ModelCache::new(200);
        assert!(cache.take(&key(1), 100).is_none());
        cache.lost(100);
        assert_eq!((cache.held_bytes(), cache.counts().loads), (0, 0));
    }
}
