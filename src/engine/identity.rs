//! Identity: what must be equal for two renderings to be the same bytes.
//!
//! The **digest** covers the input, the recipe, models, LUTs, the program version and the output settings. The
//! **arithmetic class** (for example `cpu` or adapter + driver, and the inference engine with version and provider) is
//! kept beside it as readable text: two classes agree only within tolerances, so a resumed run of another class must be
//! able to say so instead of rendering everything again in silence.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// Separates identities from every other use of BLAKE3 (its key derivation mode); a change of the encoding changes this text.
const CONTEXT: &str = "chiaro 2026 job identity 1";

/// Bytes read at a time while hashing.
const CHUNK_BYTES: usize = 256 << 10;

/// A BLAKE3 hash of 32 bytes; text form: 64 lowercase hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).into())
    }

    /// The hash of everything `reader` yields.
    ///
    /// # Errors
    /// What `reader` returns.
    pub fn of_reader(mut reader: impl Read) -> io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match reader.read(&mut chunk) {
                Ok(0) => return Ok(Self(hasher.finalize().into())),
                Ok(n) => hasher.update(chunk.get(..n).unwrap_or_default()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
        }
    }

    /// The hash of a file's content.
    ///
    /// # Errors
    /// What opening or reading the file returns.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        Self::of_reader(File::open(path)?)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from(self.0).to_hex())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        blake3::Hash::from_hex(&text).map(|hash| Self(hash.into())).map_err(de::Error::custom)
    }
}

/// What the file system knows of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Size in bytes.
    pub bytes: u64,
    /// Time of last modification, in nanoseconds since 1970 (negative before); 0 where the system has none.
    pub mtime_ns: i64,
    /// Number of the file in its file system; 0 outside Unix.
    pub inode: u64,
}

impl Stamp {
    /// The stamp in `metadata`.
    pub fn of(metadata: &Metadata) -> Self {
        Self { bytes: metadata.len(), mtime_ns: mtime_ns(metadata), inode: inode(metadata) }
    }
}

fn mtime_ns(metadata: &Metadata) -> i64 {
    use std::time::UNIX_EPOCH;
    let Ok(time) = metadata.modified() else { return 0 };
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_metadata: &Metadata) -> u64 {
    0
}

/// How an input is recognized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKey {
    /// By its content: survives copies and touches, costs a read.
    Content(Digest),
    /// By size, modification time and inode: free, and a copy counts as another input.
    Stamp(Stamp),
}

impl InputKey {
    /// As text, for a part of an identity.
    pub fn text(&self) -> String {
        match self {
            Self::Content(digest) => digest.to_string(),
            Self::Stamp(s) => format!("{} {} {}", s.bytes, s.mtime_ns, s.inode),
        }
    }
}

/// The identity of one job's result; see the module's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Everything that decides the bytes, but for the arithmetic.
    pub digest: Digest,
    /// The arithmetic class.
    pub arithmetic: String,
}

/// Collects the named parts of an [`Identity`]; their order does not matter, a name may occur several times.
#[derive(Debug, Clone, Default)]
pub struct IdentityBuilder {
    parts: Vec<(&'static str, Vec<u8>)>,
}

impl IdentityBuilder {
    /// No parts but the program's version.
    pub fn new() -> Self {
        Self::default().part("program", env!("CARGO_PKG_VERSION"))
    }

    /// Adds a part under `name`, e.g. `"output"` and the canonical text of the output settings.
    #[must_use]
    pub fn part(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.parts.push((name, value.as_ref().to_vec()));
        self
    }

    /// Adds a hash, e.g. of the recipe (`"recipe"`), a model (`"model"`) or a LUT (`"lut"`).
    #[must_use]
    pub fn hash(self, name: &'static str, digest: &Digest) -> Self {
        self.part(name, digest.0)
    }

    /// Adds an input; further ones (a depth map, a mask file) are added under their own names with [`part`](Self::part).
    #[must_use]
    pub fn input(self, key: &InputKey) -> Self {
        match key {
            InputKey::Content(digest) => self.hash("input content", digest),
            InputKey::Stamp(_) => self.part("input stamp", key.text()),
        }
    }

    /// The identity under the arithmetic class `arithmetic`.
    ///
    /// Encoding: the parts sorted by name, then value; each as length (u64 little endian) and bytes of the name, length
    /// and bytes of the value. Lengths make the list unambiguous: no two lists have one encoding.
    pub fn finish(mut self, arithmetic: impl Into<String>) -> Identity {
        self.parts.sort();
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        for (name, value) in &self.parts {
            for bytes in [name.as_bytes(), value] {
                hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
            }
        }
        Identity { digest: Digest(hasher.finalize().into()), arithmetic: arithmetic.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> IdentityBuilder {
        let stamp = Stamp { bytes: 10, mtime_ns: -5, inode: 7 };
        IdentityBuilder::new().input(&InputKey::Stamp(stamp)).hash("recipe", &Digest::of(b"r"))
    }

    #[test]
    fn order_does_not_matter_and_every_part_does() {
        let one = base().part("lut", "x").part("lut", "y").finish("cpu");
        assert_eq!(one, base().part("lut", "y").part("lut", "x").finish("cpu"));
        assert_ne!(one.digest, base().part("lut", "x").finish("cpu").digest);
        assert_ne!(one.digest, base().part("lut", "xy").finish("cpu").digest);
        assert_ne!(base().part("a", "bc").finish("").digest, base().part("ab", "c").finish("").digest);
        let other = Stamp { bytes: 10, mtime_ns: -5, inode: 8 };
        assert_ne!(base().input(&InputKey::Stamp(other)).finish("").digest, base().finish("").digest);
    }

    #[test]
    fn the_arithmetic_class_stays_outside_the_digest() {
        let (cpu, gpu) = (base().finish("cpu"), base().finish("gpu X"));
        assert_eq!(cpu.digest, gpu.digest);
        assert_ne!(cpu, gpu);
    }

    #[test]
    fn digests_read_back_from_their_text() {
        let digest = Digest::of(b"abc");
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<Digest>(&text).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"12\"").is_err());
        assert_eq!(Digest::of_reader(&b"abc"[..]).unwrap(), digest);
    }

    #[test]
    fn a_stamp_follows_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"12345").unwrap();
        let stamp = Stamp::of(&path.metadata().unwrap());
        assert_eq!(stamp.bytes, 5);
        assert!(stamp.mtime_ns > 0);
        assert_eq!(Digest::of_file(&path).unwrap(), Digest::of(b"12345"));
    }
}
