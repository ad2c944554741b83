use super::*;
use crate::engine::depth_cache::sweep::MAP_ENDING;
use std::time::Instant;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn engine() -> EngineInfo {
    EngineInfo { engine: "fake".into(), version: "1".into(), provider: "cpu".into() }
}

fn cache(folder: &Path) -> DepthCache {
    DepthCache::new(DepthCacheOptions::in_folder(folder), &ModelEntry::embedded(), &engine())
}

fn key(number: u32) -> Digest {
    Digest::of(&number.to_le_bytes())
}

fn map(value: f32) -> LowResDisparity {
    let values = vec![value; 100];
    LowResDisparity {
        width: 10,
        height: 10,
        values,
        engine: engine(),
        worker: 0,
        started: Instant::now(),
        seconds: 0.0,
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if !path.ends_with("about.json") => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

#[test]
fn maps_are_found_again_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("not/there/yet");
    let first = cache(&root);
    assert!(!first.has_maps() && first.find(&key(1)).is_none());
    first.store(&key(1), &map(0.5));
    let second = cache(&root);
    assert!(second.has_maps());
    assert_eq!(second.find(&key(1)).unwrap().values, map(0.5).values);
    assert!(second.find(&key(2)).is_none());
    assert_eq!(first.counts(), DepthCacheCounts { hits: 0, misses: 1, stored: 1 });
    assert_eq!(second.counts(), DepthCacheCounts { hits: 1, misses: 1, stored: 0 });
    let other = EngineInfo { version: "2".into(), ..engine() };
    let other = DepthCache::new(DepthCacheOptions::in_folder(&root), &ModelEntry::embedded(), &other);
    assert!(!other.has_maps() && other.find(&key(1)).is_none());
    assert_eq!(first.finish(), None);
}

#[test]
fn damaged_files_are_misses_and_are_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    for damage in [&b""[..], b"short", &[0; 600]] {
        cache.store(&key(1), &map(0.5));
        std::fs::write(&files(folder.path())[0], damage).unwrap();
        assert!(cache.find(&key(1)).is_none());
        cache.store(&key(1), &map(0.5));
        assert_eq!(cache.find(&key(1)).unwrap().values, map(0.5).values);
    }
    // A map under the name of another one.
    cache.store(&key(2), &map(0.25));
    std::fs::copy(cache.path(&key(2)), cache.path(&key(1))).unwrap();
    assert!(cache.find(&key(1)).is_none());
}

#[test]
fn the_longest_unused_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let now = SystemTime::now();
    let one = 52 + 400 + 32;
    for number in 0..6 {
        cache.store(&key(number), &map(0.5));
        let file = std::fs::File::open(cache.path(&key(number))).unwrap();
        file.set_modified(now - DAY * (10 + number)).unwrap();
    }
    // Used today, so it is the youngest.
    cache.find(&key(5)).unwrap();
    let removed = collect(folder.path(), 3 * one, DAY * 12, now).unwrap();
    assert_eq!(removed, Removed { maps: 3, bytes: 3 * one, kept_maps: 3, kept_bytes: 3 * one });
    let left: Vec<u32> = (0..6).filter(|&number| cache.find(&key(number)).is_some()).collect();
    assert_eq!(left, [0, 1, 5]);
    let later = now + DAY * 91;
    assert_eq!(collect(folder.path(), u64::MAX, DEFAULT_MAX_AGE, later).unwrap().maps, 3);
    assert!(!cache.has_maps() && files(folder.path()).is_empty());
}

#[test]
fn a_run_that_added_maps_cleans_up() {
    let folder = tempfile::tempdir().unwrap();
    let options = DepthCacheOptions { budget_bytes: 1000, ..DepthCacheOptions::in_folder(folder.path()) };
    let cache = DepthCache::new(options, &ModelEntry::embedded(), &engine());
    (0..5).for_each(|number| cache.store(&key(number), &map(0.5)));
    assert_eq!(cache.finish(), None);
    assert_eq!(files(folder.path()).len(), 2);
}

#[test]
fn only_what_is_ours_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    cache.store(&key(1), &map(0.5));
    let shard = cache.path(&key(1)).parent().unwrap().to_path_buf();
    let name = key(9).to_string();
    let (young, old) =
        (shard.join(format!("{name}{MAP_ENDING}.new-1-1")), shard.join(format!("{name}{MAP_ENDING}.new-1-2")));
    let theirs = [folder.path().join("a.tif"), folder.path().join("0123456789abcdef.map"), shard.join("notes.txt")];
    for path in theirs.iter().chain([&young, &old]) {
        std::fs::write(path, b"x").unwrap();
    }
    let file = std::fs::File::options().write(true).open(&old).unwrap();
    file.set_modified(SystemTime::now() - DAY).unwrap();
    let survey = survey(folder.path()).unwrap();
    assert_eq!((survey.len(), survey[0].maps), (1, 1));
    assert_eq!(survey[0].about.as_ref().unwrap().model, "chiaro-small");
    assert_eq!(clear(folder.path()).unwrap().maps, 1);
    assert!(theirs.iter().chain([&young]).all(|path| path.exists()));
    assert!(!old.exists() && cache.find(&key(1)).is_none());
}

#[test]
fn many_writers_and_sweepers_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let folder = folder.path();
            scope.spawn(move || {
                let cache = cache(folder);
                for round in 0..40u32 {
                    let number = round % 8;
                    if let Some(found) = cache.find(&key(number)) {
                        assert_eq!(found.values, map(number as f32).values);
                    }
                    cache.store(&key(number), &map(number as f32));
                    if round % 10 == thread {
                        collect(folder, 1500, DAY, SystemTime::now()).unwrap();
                    }
                }
            });
        }
    });
    assert!(files(folder.path()).iter().all(|path| path.to_string_lossy().ends_with(MAP_ENDING)));
}

#[test]
fn a_folder_that_cannot_be_written_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"x").unwrap();
    let cache = cache(&file.join("below"));
    (0..3).for_each(|number| cache.store(&key(number), &map(0.5)));
    assert!(cache.find(&key(1)).is_none());
    let note = cache.finish().unwrap();
    assert!(note.contains("cannot be written") && note.contains("below") && note.contains("--depth-cache"), "{note}");
    assert_eq!(cache.finish(), None);
    assert_eq!(cache.counts().stored, 0);
}

#[test]
fn folders_follow_the_environment() {
    let given = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        folder_by(move |name| pairs.iter().find(|(k, _)| k == name).map(|(_, v)| v.into()))
    };
    assert_eq!(given(&[("CHIARO_CACHE", "/c"), ("HOME", "/h")]), Some("/c/depth".into()));
    assert_eq!(given(&[("CHIARO_CACHE", "off"), ("HOME", "/h")]), None);
    assert_eq!(given(&[]), None);
    #[cfg(target_os = "linux")]
    {
        assert_eq!(given(&[("HOME", "/h")]), Some("/h/.cache/chiaro/depth".into()));
        assert_eq!(given(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]), Some("/x/chiaro/depth".into()));
        assert_eq!(given(&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")]), Some("/h/.cache/chiaro/depth".into()));
    }
}
