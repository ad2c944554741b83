//! Loaded models, least recently used first out, bounded by bytes.
//!
//! A session is known by its model's hash, its input size and what runs it: the same key always gives the same numbers. Its cost
//! is the registry's figure; for models without a measured one the figure is corrected after the first run. A model larger
//! than the whole budget is kept alone.

use std::collections::HashSet;

use lru::LruCache;

use super::engine::{EngineInfo, Inference};
use crate::error::Result;

/// Identity of a loaded session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// SHA-256 of the model.
    pub model: String,
    /// Input (width, height).
    pub size: (u32, u32),
    /// Engine, version and provider.
    pub engine: EngineInfo,
}

/// What the cache did, for reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct CacheCounts {
    /// Sessions loaded, reloads included.
    pub loads: u64,
    /// Requests that found their session loaded.
    pub hits: u64,
    /// Sessions dropped to make room.
    pub evictions: u64,
    /// Loads of a session that had been dropped: many of them mean a budget that is too small.
    pub reloads: u64,
}

struct Loaded {
    session: Box<dyn Inference>,
    bytes: u64,
}

/// The cache.
pub struct ModelCache {
    sessions: LruCache<SessionKey, Loaded>,
    seen: HashSet<SessionKey>,
    budget_bytes: u64,
    held_bytes: u64,
    counts: CacheCounts,
}

impl ModelCache {
    /// An empty cache that holds sessions of `budget_bytes` together.
    pub fn new(budget_bytes: u64) -> Self {
        Self {
            sessions: LruCache::unbounded(),
            seen: HashSet::new(),
            budget_bytes,
            held_bytes: 0,
            counts: CacheCounts::default(),
        }
    }

    /// The session of `key`, loaded by `load` if it is not here. Room for `bytes` is made **before** loading.
    ///
    /// # Errors
    /// What `load` says; the cache is then as if never asked, but for what was dropped to make room.
    pub fn get_or_load(
        &mut self,
        key: &SessionKey,
        bytes: u64,
        load: impl FnOnce() -> Result<Box<dyn Inference>>,
    ) -> Result<&mut dyn Inference> {
        if self.sessions.contains(key) {
            self.counts.hits += 1;
        } else {
            self.make_room(bytes, None);
            let session = load()?;
            self.counts.loads += 1;
            if !self.seen.insert(key.clone()) {
                self.counts.reloads += 1;
            }
            self.held_bytes += bytes;
            self.sessions.put(key.clone(), Loaded { session, bytes });
        }
        let loaded = self.sessions.get_or_insert_mut(key.clone(), || unreachable!("inserted above"));
        Ok(loaded.session.as_mut())
    }

    /// Replaces the cost of a loaded session by a better figure, and makes room for the difference.
    pub fn correct(&mut self, key: &SessionKey, bytes: u64) {
        let Some(loaded) = self.sessions.peek_mut(key) else { return };
        self.held_bytes = self.held_bytes - loaded.bytes + bytes;
        loaded.bytes = bytes;
        self.make_room(0, Some(key));
    }

    /// Forgets a session whose engine failed in a way that leaves its state unknown.
    pub fn remove(&mut self, key: &SessionKey) {
        if let Some(loaded) = self.sessions.pop(key) {
            self.held_bytes -= loaded.bytes;
        }
    }

    /// What happened so far.
    pub fn counts(&self) -> CacheCounts {
        self.counts
    }

    /// Bytes charged for the sessions held.
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// Drops the least recently used sessions, `keep` excepted, until `bytes` more fit.
    fn make_room(&mut self, bytes: u64, keep: Option<&SessionKey>) {
        while self.held_bytes.saturating_add(bytes) > self.budget_bytes {
            let Some(oldest) = self.sessions.iter().rev().map(|(key, _)| key).find(|key| Some(*key) != keep).cloned()
            else {
                return;
            };
            self.remove(&oldest);
            self.counts.evictions += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    struct Fake;

    impl Inference for Fake {
        fn run(&mut self, _: &[f32], _: &mut Vec<f32>) -> Result<(u32, u32)> {
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
        SessionKey { model: model.to_string(), size: (4, 4), engine: Fake.describe() }
    }

    fn ask(cache: &mut ModelCache, model: u32, bytes: u64) {
        cache.get_or_load(&key(model), bytes, || Ok(Box::new(Fake))).unwrap();
    }

    #[test]
    fn three_models_under_a_budget_for_two() {
        let mut cache = ModelCache::new(200);
        for model in [1, 2, 1, 2] {
            ask(&mut cache, model, 100);
        }
        assert_eq!(cache.counts(), CacheCounts { loads: 2, hits: 2, evictions: 0, reloads: 0 });
        // 1 was used before 2, so 3 drops it; then everybody drops the next one needed.
        for model in [3, 1, 2, 3] {
            ask(&mut cache, model, 100);
        }
        assert_eq!(cache.counts(), CacheCounts { loads: 6, hits: 2, evictions: 4, reloads: 3 });
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
        ask(&mut cache, 2, 50);
        cache.correct(&key(2), 180);
        assert_eq!((cache.held_bytes(), cache.counts().evictions), (180, 1));
        cache.correct(&key(1), 7);
        assert_eq!(cache.held_bytes(), 180);
    }

    #[test]
    fn a_failed_load_leaves_nothing() {
        let mut cache = ModelCache::new(200);
        let failed = cache.get_or_load(&key(1), 100, || Err(Error::Environment("no".into())));
        assert!(failed.is_err());
        assert_eq!((cache.held_bytes(), cache.counts().loads), (0, 0));
    }
}
