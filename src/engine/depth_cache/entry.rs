//! One estimated map as a file, and the key it is found by.
//!
//! The key is a BLAKE3 hash over everything that the model's answer depends on, and nothing else: the values that were fed in (which
//! hold the picture's content, whatever its name), the model, and the arithmetic that ran it. A file is little endian:
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | `CHIDEPTH` |
//! | 8..12 | version of this form |
//! | 12..16, 16..20 | width, height |
//! | 20..52 | the key |
//! | 52.. | disparity, row by row, f32 |
//! | last 32 | BLAKE3 hash of all before |
//!
//! A file that is torn, damaged, moved or of another version does not decode, which is the same as not being there.

use crate::depth::engine::EngineInfo;
use crate::depth::registry::ModelEntry;
use crate::depth::worker::{DepthRequest, LowResDisparity};
use crate::engine::identity::Digest;
use crate::ops::Isa;

/// Separates these keys from every other use of BLAKE3; a change of what is hashed changes this text.
const CONTEXT: &str = "chiaro 2026 depth map 1";
const MAGIC: [u8; 8] = *b"CHIDEPTH";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 52;
const SUM_BYTES: usize = 32;
/// Pixels of the largest map that is kept: a model of 4096 x 4096.
const MAX_PIXELS: usize = 1 << 24;
/// Bytes of the largest file that is read.
pub const MAX_FILE_BYTES: u64 = (HEADER_BYTES + 4 * MAX_PIXELS + SUM_BYTES) as u64;

/// What all maps of one model have in common: the model as far as it decides its answers, and the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family(pub Digest);

impl Family {
    /// The family of what `engine` answers for `model` on this machine.
    pub fn new(model: &ModelEntry, engine: &EngineInfo) -> Self {
        // Spelled out, so that a new fact about models does not compile until it is decided whether it changes answers. What is done to the
        // picture before it is fed (order, mean, deviation, size) is in the values fed; the join comes after. Company in a batch changes no bit.
        let ModelEntry {
            sha256,
            input_name,
            output_name,
            output,
            id: _,
            name: _,
            license: _,
            noncommercial: _,
            source: _,
            size: _,
            channels: _,
            mean: _,
            std: _,
            join: _,
            file_bytes: _,
            takes_batches: _,
            bytes: _,
            measured: _,
        } = model;
        let meaning = format!("{output:?}");
        let EngineInfo { engine, version, provider } = engine;
        // Engines choose their kernels by what the processor has.
        let machine = format!("{} {}", std::env::consts::ARCH, Isa::best().name());
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        for part in [sha256, input_name, output_name, &meaning, engine, version, provider, &machine] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        Self(Digest(hasher.finalize().into()))
    }

    /// The key of one request.
    pub fn key(&self, request: &DepthRequest) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&self.0.0);
        hasher.update(&request.size.0.to_le_bytes()).update(&request.size.1.to_le_bytes());
        let mut bytes = Vec::with_capacity(4096);
        for values in request.input.chunks(1024) {
            bytes.clear();
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            hasher.update(&bytes);
        }
        Digest(hasher.finalize().into())
    }
}

/// A map as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMap {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Disparity row by row, all finite.
    pub values: Vec<f32>,
}

/// The file of an answer; `None` when it is larger than what is kept.
pub fn encode(key: &Digest, map: &LowResDisparity) -> Option<Vec<u8>> {
    let pixels = (map.width as usize).checked_mul(map.height as usize)?;
    if pixels > MAX_PIXELS || pixels != map.values.len() {
        return None;
    }
    let mut file = Vec::with_capacity(HEADER_BYTES + 4 * pixels + SUM_BYTES);
    file.extend(MAGIC);
    for number in [VERSION, map.width, map.height] {
        file.extend(number.to_le_bytes());
    }
    file.extend(key.0);
    file.extend(map.values.iter().flat_map(|value| value.to_le_bytes()));
    let sum = Digest::of(&file);
    file.extend(sum.0);
    Some(file)
}

/// The map of a file; `None` unless it is whole, undamaged, of this version and the one of `key`.
pub fn decode(key: &Digest, file: &[u8]) -> Option<StoredMap> {
    let (content, sum) = file.split_at_checked(file.len().checked_sub(SUM_BYTES)?)?;
    let (header, values) = content.split_at_checked(HEADER_BYTES)?;
    let number = |at: usize| Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let (width, height) = (number(12)?, number(16)?);
    let pixels = (width as usize).checked_mul(height as usize)?;
    let fits = pixels > 0 && pixels <= MAX_PIXELS && values.len() == 4 * pixels;
    let ours = header.starts_with(&MAGIC) && number(8)? == VERSION && header.get(20..) == Some(&key.0[..]);
    if !fits || !ours || Digest::of(content).0[..] != *sum {
        return None;
    }
    let values: Vec<f32> =
        values.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).collect();
    values.iter().all(|value| value.is_finite()).then_some(StoredMap { width, height, values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depth::registry::OutputMeaning;
    use std::sync::Arc;
    use std::time::Instant;

    fn engine() -> EngineInfo {
        EngineInfo { engine: "fake".into(), version: "1".into(), provider: "cpu".into() }
    }

    fn request(value: f32) -> DepthRequest {
        DepthRequest { model: Arc::new(ModelEntry::embedded()), input: vec![value; 12], size: (2, 2), tries_out: false }
    }

    fn answer() -> LowResDisparity {
        let values = vec![0.5, -1.25, f32::MIN_POSITIVE, 3.0, -0.0, 1e-40];
        LowResDisparity {
            width: 3,
            height: 2,
            values,
            engine: engine(),
            worker: 0,
            started: Instant::now(),
            seconds: 0.0,
        }
    }

    #[test]
    fn a_map_comes_back_bit_for_bit() {
        let key = Family::new(&ModelEntry::embedded(), &engine()).key(&request(0.5));
        let map = decode(&key, &encode(&key, &answer()).unwrap()).unwrap();
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!((map.width, map.height, bits(&map.values)), (3, 2, bits(&answer().values)));
    }

    #[test]
    fn every_damage_is_a_miss() {
        let key = Family::new(&ModelEntry::embedded(), &engine()).key(&request(0.5));
        let file = encode(&key, &answer()).unwrap();
        for length in 0..file.len() {
            assert_eq!(decode(&key, &file[..length]), None, "{length}");
        }
        for bit in 0..file.len() * 8 {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&key, &damaged), None, "{bit}");
        }
        assert_eq!(decode(&Digest::of(b"another"), &file), None);
        let infinite = LowResDisparity { values: vec![f32::INFINITY; 6], ..answer() };
        assert_eq!(decode(&key, &encode(&key, &infinite).unwrap()), None);
    }

    #[test]
    fn keys_follow_everything_that_changes_an_answer() {
        let model = ModelEntry::embedded();
        let family = Family::new(&model, &engine());
        let key = family.key(&request(0.5));
        assert_eq!(
            key,
            Family::new(&ModelEntry { id: "renamed".into(), ..model.clone() }, &engine()).key(&request(0.5))
        );
        let others = [
            Family::new(&ModelEntry { sha256: "0".into(), ..model.clone() }, &engine()),
            Family::new(&ModelEntry { output: OutputMeaning::MetricDepth, ..model.clone() }, &engine()),
            Family::new(&ModelEntry { output_name: "second".into(), ..model.clone() }, &engine()),
            Family::new(&model, &EngineInfo { version: "2".into(), ..engine() }),
            Family::new(&model, &EngineInfo { provider: "cuda".into(), ..engine() }),
        ];
        for other in others {
            assert_ne!(other.key(&request(0.5)), key);
        }
        assert_ne!(family.key(&request(0.25)), key);
        assert_ne!(family.key(&DepthRequest { size: (4, 1), ..request(0.5) }), key);
    }
}
