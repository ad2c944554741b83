//! Killed at random instants, a batch leaves final names that are whole; the next run completes the same tree.
//!
//! The victim is this test program itself, started again with [`CHILD`] naming the output folder: a small batch driver on the
//! engine's own parts (ledger, policy, budget, staging, committer), without pictures. It reports progress as `#` characters, one for each
//! chunk written and each job settled; the parent kills it with SIGKILL after a random number of them and a random
//! pause, so most kills land in the middle of the work whatever the speed of the machine.

use chiaro::engine::budget::Budget;
use chiaro::engine::cancel::Cancel;
use chiaro::engine::claims::Claims;
use chiaro::engine::committer::{CommitOptions, CommitSet, Committer, Output};
use chiaro::engine::identity::{Digest, Identity, IdentityBuilder};
use chiaro::engine::journal::{self, JobStatus, Ledger, Opened, RunInfo, State};
use chiaro::engine::on_exist::{Decision, OnExist, decide};
use chiaro::engine::staged::{Stager, is_temporary_name, sweep};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Names the output folder for the victim.
const CHILD: &str = "CHIARO_KILL_TEST_OUT";
/// The recipe of the victim's run: another one makes everything stale.
const RECIPE: &str = "CHIARO_KILL_TEST_RECIPE";

const KILLS: usize = 40;
const JOBS: usize = 8;
const CHUNK_BYTES: usize = 256 << 10;

/// SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", figure 16).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// The outputs of job `n`: 1 to 3 MB and, for odd jobs, a small second file.
fn outputs(n: usize) -> Vec<(PathBuf, usize)> {
    let mut outputs = vec![(PathBuf::from(format!("roll {}/frame_{n}.tif", n % 3)), (1 + n % 3) << 20)];
    if n % 2 == 1 {
        outputs.push((PathBuf::from(format!("depth/frame_{n}_depth.png")), 100_000));
    }
    outputs
}

/// The bytes of an output under a recipe: any two differ.
fn content(recipe: &str, path: &Path, bytes: usize) -> Vec<u8> {
    let seed = Digest::of(format!("{recipe} {}", path.display()).as_bytes());
    let mut random = Random(u64::from_le_bytes(std::array::from_fn(|i| seed.0[i])));
    let words = std::iter::repeat_with(|| random.next().to_le_bytes());
    words.flatten().take(bytes).collect()
}

fn identity(recipe: &str, n: usize) -> Identity {
    IdentityBuilder::new().part("recipe", recipe).part("input", n.to_le_bytes()).finish("cpu")
}

fn progress() {
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(b"#").and_then(|()| stdout.flush());
}

/// The victim; does nothing unless the parent asked for it.
#[test]
fn victim() {
    let Some(out) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let recipe = std::env::var(RECIPE).unwrap();
    run_batch(&out, &recipe);
}

fn run_batch(out: &Path, recipe: &str) {
    let mut claims = Claims::new();
    for n in 0..JOBS {
        for (path, _) in outputs(n) {
            claims.claim(Path::new(&n.to_string()), &out.join(path)).unwrap();
        }
    }
    let Opened { ledger, journal, recovered } =
        journal::open(out, &RunInfo::new("kill", Digest::of(recipe.as_bytes()), "cpu")).unwrap();
    assert_eq!(recovered.warnings, [""; 0]);
    let swept = sweep(["roll 0", "roll 1", "roll 2", "depth"].map(|folder| out.join(folder)));
    assert!(swept.errors.is_empty() && swept.live.is_empty(), "{swept:?}");
    let stager = Stager::new(journal.writer());
    let options = CommitOptions { group: 3, wait: Duration::from_millis(20), ..CommitOptions::default() };
    let committer = Committer::start(journal, options).unwrap();
    let (budget, cancel, next) = (Budget::new(4 << 20), Cancel::new(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if n >= JOBS {
                        return;
                    }
                    let bytes: usize = outputs(n).iter().map(|(_, bytes)| bytes).sum();
                    let permit = budget.acquire(bytes as u64, &cancel).unwrap();
                    // Given back with the last byte written: what waits for its group holds no memory.
                    let set = render(out, recipe, n, &ledger, &stager);
                    drop(permit);
                    if let Some(set) = set {
                        let settled = |result: Result<_, _>| {
                            result.unwrap();
                            progress();
                        };
                        committer.submit(set, settled).unwrap();
                    }
                }
            });
        }
    });
    committer.finish().unwrap();
}

/// Writes the outputs of job `n` under temporary names, unless they are up to date.
fn render(out: &Path, recipe: &str, n: usize, ledger: &Ledger, stager: &Stager) -> Option<CommitSet> {
    let identity = identity(recipe, n);
    let targets: Vec<PathBuf> = outputs(n).iter().map(|(path, _)| out.join(path)).collect();
    let replace = match decide(&ledger.state(&identity, &targets).unwrap(), OnExist::default(), false) {
        Decision::Write { replace } => replace,
        Decision::Skip(_) => return None,
        other => panic!("job {n}: {other:?}"),
    };
    let write = |(path, bytes): (PathBuf, usize)| {
        let staged = stager.stage(&out.join(&path)).unwrap();
        for chunk in content(recipe, &path, bytes).chunks(CHUNK_BYTES) {
            staged.file().write_all(chunk).unwrap();
            progress();
        }
        Output { staged, replace }
    };
    Some(CommitSet { job: n.to_string(), identity, outputs: outputs(n).into_iter().map(write).collect() })
}

fn start(out: &Path, recipe: &str) -> Child {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args(["--exact", "victim", "--nocapture", "--test-threads", "1"]).env(CHILD, out).env(RECIPE, recipe);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// Reads progress until `events` were seen or the victim ended; how many were seen.
fn wait_for(child: &mut Child, events: u64) -> u64 {
    let (mut seen, mut byte) = (0, [0]);
    let stdout = child.stdout.as_mut().unwrap();
    while seen < events && stdout.read(&mut byte).is_ok_and(|n| n == 1) {
        seen += u64::from(byte == *b"#");
    }
    seen
}

/// Kills the victim at a random instant; whether it was still at work.
fn kill_at_random(out: &Path, recipe: &str, events: u64, random: &mut Random) -> bool {
    let mut child = start(out, recipe);
    let wanted = 1 + random.below(events);
    let seen = wait_for(&mut child, wanted);
    thread::sleep(Duration::from_micros(random.below(20_000)));
    child.kill().unwrap();
    let status = child.wait().unwrap();
    seen == wanted && !status.success()
}

fn run_to_end(out: &Path, recipe: &str) -> u64 {
    let mut child = start(out, recipe);
    let events = wait_for(&mut child, u64::MAX);
    assert!(child.wait().unwrap().success(), "the run failed");
    events
}

/// Every file below `out` but the journals.
fn tree(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = walkdir::WalkDir::new(out).into_iter().map(Result::unwrap).filter(|e| e.file_type().is_file());
    let files = files.filter(|e| !e.path().starts_with(out.join(journal::FOLDER)));
    files.map(|e| (e.path().strip_prefix(out).unwrap().to_owned(), fs::read(e.path()).unwrap())).collect()
}

fn expected(recipe: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let all = (0..JOBS).flat_map(outputs);
    all.map(|(path, bytes)| (path.clone(), content(recipe, &path, bytes))).collect()
}

fn is_temporary(path: &Path) -> bool {
    is_temporary_name(path.file_name().unwrap())
}

#[test]
fn kills_never_leave_a_torn_file_and_the_next_run_completes() {
    let folder = tempfile::tempdir().unwrap();
    let reference = folder.path().join("reference");
    let (old, new) = (expected("old"), expected("new"));
    let events = run_to_end(&reference, "new");
    assert!(tree(&reference) == new, "the uninterrupted run wrote another tree");
    let mut random = Random(20_260_101);
    let (mut at_work, mut with_temporaries, mut mid_commit) = (0, 0, 0);
    for round in 0..KILLS {
        let out = folder.path().join(format!("round {round}"));
        // Every second round replaces outputs of ours that are stale; every third is killed twice.
        if round % 2 == 1 {
            run_to_end(&out, "old");
        }
        for _ in 0..1 + usize::from(round % 3 == 2) {
            at_work += usize::from(kill_at_random(&out, "new", events, &mut random));
            let found = tree(&out);
            with_temporaries += usize::from(found.keys().any(|path| is_temporary(path)));
            let ledger = Ledger::load(&out).unwrap();
            mid_commit += usize::from(ledger.jobs().any(|(_, status)| *status == JobStatus::Pending));
            for (path, bytes) in found.iter().filter(|(path, _)| !is_temporary(path)) {
                let whole = new.get(path) == Some(bytes) || (round % 2 == 1 && old.get(path) == Some(bytes));
                assert!(whole, "round {round}: {} is torn, {} bytes", path.display(), bytes.len());
            }
            assert!(
                round % 2 == 0 || new.keys().all(|path| found.contains_key(path)),
                "round {round}: a file vanished"
            );
        }
        run_to_end(&out, "new");
        assert!(tree(&out) == new, "round {round}: the tree differs from that of an uninterrupted run");
        let ledger = Ledger::load(&out).unwrap();
        assert!(ledger.jobs().all(|(_, status)| *status == JobStatus::Done));
        for n in 0..JOBS {
            let targets: Vec<PathBuf> = outputs(n).iter().map(|(path, _)| out.join(path)).collect();
            assert_eq!(ledger.state(&identity("new", n), &targets).unwrap(), State::UpToDate);
        }
        fs::remove_dir_all(&out).unwrap();
    }
    println!("{at_work} kills met a victim at work, {with_temporaries} left temporaries, {mid_commit} an open commit");
    assert!(at_work >= KILLS / 2, "only {at_work} kills met a victim at work");
    assert!(with_temporaries >= KILLS / 4, "only {with_temporaries} kills left temporaries");
    assert!(mid_commit > 0, "no kill landed between the commit line and the done line");
}

#[test]
fn a_second_process_takes_nothing_from_a_living_one() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let mut child = start(out, "new");
    let mut live = 0;
    while wait_for(&mut child, 1) == 1 {
        let opened = journal::open(out, &RunInfo::new("kill", Digest::of(b"other"), "cpu")).unwrap();
        assert_eq!((opened.recovered.dropped, opened.recovered.finished), (vec![], vec![]));
        let swept = sweep(["roll 0", "roll 1", "roll 2", "depth"].map(|folder| out.join(folder)));
        // A temporary created this very moment may be swept before it is locked; its writer then takes another name.
        assert!(swept.removed.iter().all(|temp| !temp.exists()) && swept.errors.is_empty(), "{swept:?}");
        live += swept.live.len();
    }
    assert!(child.wait().unwrap().success());
    assert!(live > 0, "no temporary of the living process was met");
    assert!(tree(out) == expected("new"));
}

#[test]
fn a_second_run_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run_to_end(folder.path(), "new") > 0);
    assert_eq!(run_to_end(folder.path(), "new"), 0);
}
