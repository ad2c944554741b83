//! Journal, recovery and committer on real folders: what is in place, what the journal says of it, and what a next run makes of it.

use chiaro::engine::committer::{CommitOptions, CommitResult, CommitSet, Committer, Output};
use chiaro::engine::identity::{Digest, Identity, IdentityBuilder};
use chiaro::engine::journal::{self, Body, JobStatus, Journal, Ledger, Opened, Promised, RelPath, RunInfo, State};
use chiaro::engine::staged::{Stager, sweep};
use chiaro::error::{Error, ErrorKind};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

fn run_info() -> RunInfo {
    RunInfo::new("test", Digest::of(b"recipe"), "cpu")
}

fn identity(text: &str) -> Identity {
    IdentityBuilder::new().part("recipe", text).finish("cpu")
}

fn open(out: &Path) -> Opened {
    journal::open(out, &run_info()).unwrap()
}

/// One run that writes `files` (name, content) of the job `job`, each with the `replace` flag.
fn commit(out: &Path, job: &str, identity: &Identity, files: &[(&str, &str)], replace: bool) -> CommitResult {
    let opened = open(out);
    let stager = Stager::new(opened.journal.writer());
    let committer = Committer::start(opened.journal, CommitOptions::default()).unwrap();
    let set = stage(&stager, out, job, identity, files, replace);
    let (tx, rx) = mpsc::channel();
    committer.submit(set, move |result| tx.send(result).unwrap()).unwrap();
    committer.finish().unwrap();
    rx.recv().unwrap()
}

fn stage(
    stager: &Stager,
    out: &Path,
    job: &str,
    identity: &Identity,
    files: &[(&str, &str)],
    replace: bool,
) -> CommitSet {
    let stage = |(name, text): &(&str, &str)| {
        let staged = stager.stage(&out.join(name)).unwrap();
        staged.file().write_all(text.as_bytes()).unwrap();
        Output { staged, replace }
    };
    CommitSet { job: job.into(), identity: identity.clone(), outputs: files.iter().map(stage).collect() }
}

/// Every file below `out` but the journals, with its content.
fn tree(out: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = walkdir::WalkDir::new(out).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = entries.filter(|e| e.file_type().is_file() && !e.path().starts_with(out.join(journal::FOLDER)));
    files.map(|e| (e.path().strip_prefix(out).unwrap().to_owned(), fs::read(e.path()).unwrap())).collect()
}

fn names(out: &Path) -> Vec<String> {
    tree(out).into_iter().map(|(path, _)| path.to_string_lossy().replace('\\', "/")).collect()
}

#[test]
fn committed_outputs_are_up_to_date_for_their_identity_only() {
    let folder = tempfile::tempdir().unwrap();
    let (out, one) = (folder.path(), identity("1"));
    let targets = [out.join("x/a.tif"), out.join("x/a_depth.png")];
    assert_eq!(Ledger::load(out).unwrap().state(&one, &targets).unwrap(), State::Absent);
    let done = commit(out, "a", &one, &[("x/a.tif", "pixels"), ("x/a_depth.png", "depth")], false).unwrap();
    assert_eq!((done[0].path.clone(), done[0].bytes, done[0].hash), (targets[0].clone(), 6, Digest::of(b"pixels")));

    let ledger = Ledger::load(out).unwrap();
    assert_eq!(ledger.state(&one, &targets).unwrap(), State::UpToDate);
    assert_eq!(ledger.state(&identity("2"), &targets).unwrap(), State::OursStale);
    let gpu = Identity { arithmetic: "gpu".into(), ..one.clone() };
    assert_eq!(ledger.state(&gpu, &targets).unwrap(), State::OtherClass { recorded: "cpu".into() });
    assert_eq!(ledger.arithmetic_classes().into_iter().collect::<Vec<_>>(), ["cpu"]);
    assert_eq!(ledger.job("a"), Some(&JobStatus::Done));
    assert_eq!(
        ledger.outputs().iter().map(|(path, _)| *path).collect::<Vec<_>>(),
        [Path::new("x/a.tif"), Path::new("x/a_depth.png")]
    );

    fs::remove_file(&targets[0]).unwrap();
    assert_eq!(ledger.state(&one, &targets).unwrap(), State::OursPartial { stale: false, other_class: None });
    fs::write(&targets[0], b"PIXELS").unwrap();
    assert_eq!(ledger.state(&one, &targets).unwrap(), State::OursTouched { path: targets[0].clone() });
    fs::write(&targets[0], b"pixels").unwrap();
    assert_eq!(ledger.state(&one, &targets).unwrap(), State::UpToDate, "same bytes, another time");
    fs::write(out.join("foreign"), b"").unwrap();
    assert!(matches!(ledger.state(&one, &[out.join("foreign")]).unwrap(), State::Foreign { .. }));
    assert!(ledger.state(&one, &[folder.path().join("../elsewhere")]).is_err());
}

#[test]
fn a_later_run_replaces_and_the_ledger_follows() {
    let folder = tempfile::tempdir().unwrap();
    let (out, one, two) = (folder.path(), identity("1"), identity("2"));
    commit(out, "a", &one, &[("a.tif", "first")], false).unwrap();
    commit(out, "a", &two, &[("a.tif", "second")], true).unwrap();
    let ledger = Ledger::load(out).unwrap();
    assert_eq!(ledger.state(&two, &[out.join("a.tif")]).unwrap(), State::UpToDate);
    assert_eq!(ledger.state(&one, &[out.join("a.tif")]).unwrap(), State::OursStale);
    assert_eq!(tree(out), [(PathBuf::from("a.tif"), b"second".to_vec())]);
}

#[test]
fn a_failing_job_fails_alone_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (out, id) = (folder.path(), identity("1"));
    let opened = open(out);
    let stager = Stager::new(opened.journal.writer());
    let committer = Committer::start(opened.journal, CommitOptions::default()).unwrap();
    let good = stage(&stager, out, "good", &id, &[("good.tif", "g")], false);
    let taken = stage(&stager, out, "taken", &id, &[("b_free.tif", "new"), ("taken.tif", "new")], false);
    let blocked = stage(&stager, out, "blocked", &id, &[("first.tif", "1"), ("blocked.tif", "2")], true);
    let outside = stage(&stager, out, "outside", &id, &[("../outside.tif", "x")], false);
    fs::write(out.join("taken.tif"), b"foreign").unwrap();
    fs::create_dir_all(out.join("blocked.tif/child")).unwrap();
    let (tx, rx) = mpsc::channel();
    for set in [taken, blocked, outside, good] {
        let (tx, job) = (tx.clone(), set.job.clone());
        committer.submit(set, move |result| tx.send((job, result)).unwrap()).unwrap();
    }
    committer.failed("broken", &Error::input("in/broken.tif", "truncated")).unwrap();
    committer.flush().unwrap();
    let results: std::collections::BTreeMap<String, CommitResult> = rx.try_iter().collect();
    assert!(results["good"].is_ok());
    let taken = results["taken"].as_ref().unwrap_err();
    assert!(taken.in_place.is_empty() && taken.to_string().contains("appeared meanwhile"), "{taken}");
    let blocked = results["blocked"].as_ref().unwrap_err();
    assert_eq!(blocked.in_place, [out.join("first.tif")]);
    assert!(
        blocked.to_string().contains("already in place: ") && blocked.to_string().contains("blocked.tif"),
        "{blocked}"
    );
    assert!(results["outside"].as_ref().unwrap_err().to_string().contains("must lie below the output folder"));
    committer.finish().unwrap();

    assert_eq!(names(out), ["first.tif", "good.tif", "taken.tif"]);
    assert_eq!(fs::read(out.join("taken.tif")).unwrap(), b"foreign");
    assert!(!folder.path().join("../outside.tif").exists());
    let ledger = Ledger::load(out).unwrap();
    let failed: Vec<&str> =
        ledger.jobs().filter(|(_, s)| matches!(s, JobStatus::Failed { .. })).map(|(j, _)| j).collect();
    assert_eq!(failed, ["blocked", "broken", "outside", "taken"]);
    assert!(matches!(ledger.job("broken"), Some(JobStatus::Failed { error: ErrorKind::Input, .. })));
    // What the failed job did put in place is ours, so the next run may replace it.
    assert_eq!(ledger.state(&identity("2"), &[out.join("first.tif")]).unwrap(), State::OursStale);
}

#[test]
fn a_target_that_appears_after_the_check_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (out, id) = (folder.path(), identity("1"));
    let opened = open(out);
    let stager = Stager::new(opened.journal.writer());
    let options = CommitOptions { wait: Duration::from_secs(600), ..CommitOptions::default() };
    let committer = Committer::start(opened.journal, options).unwrap();
    let (tx, rx) = mpsc::channel();
    for job in ["a", "b"] {
        // Both want one name: the check of the second finds it free, the rename does not.
        let tx = tx.clone();
        let set = stage(&stager, out, job, &id, &[("same.tif", job)], false);
        committer.submit(set, move |result| tx.send(result.is_ok()).unwrap()).unwrap();
    }
    committer.flush().unwrap();
    let mut results: Vec<bool> = rx.try_iter().collect();
    results.sort();
    assert_eq!(results, [false, true]);
    assert_eq!(tree(out), [(PathBuf::from("same.tif"), b"a".to_vec())]);
}

#[test]
fn a_full_group_commits_without_being_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (out, id) = (folder.path(), identity("1"));
    let opened = open(out);
    let stager = Stager::new(opened.journal.writer());
    let options = CommitOptions { queue: 1, group: 3, wait: Duration::from_secs(600) };
    let committer = Committer::start(opened.journal, options).unwrap();
    let (tx, rx) = mpsc::channel();
    for n in 0..6 {
        let (tx, name) = (tx.clone(), format!("{n}.tif"));
        let set = stage(&stager, out, &name, &id, &[(&name, "x")], false);
        committer.submit(set, move |result| tx.send(result.unwrap()).unwrap()).unwrap();
    }
    assert_eq!(rx.iter().take(6).count(), 6);
    drop(committer);
    assert_eq!(names(out).len(), 6);
}

/// Leaves what a kill leaves: a journal with a `commit` line and temporaries, all locks released.
fn interrupted(out: &Path, job: &str, id: &Identity, files: &[(&str, &str)]) -> Vec<PathBuf> {
    let mut journal = Journal::create(out, &run_info(), 0).unwrap();
    let mut temps = Vec::new();
    let promised = files.iter().enumerate().map(|(n, (name, text))| {
        let temp = format!(".{name}.{}-{n}.chiaro-tmp", journal.writer());
        fs::write(out.join(&temp), text).unwrap();
        temps.push(out.join(&temp));
        let relative = |name: &str| RelPath::new(Path::new(name)).unwrap();
        Promised {
            path: relative(name),
            temp: relative(&temp),
            bytes: text.len() as u64,
            hash: Digest::of(text.as_bytes()),
        }
    });
    let outputs = promised.collect();
    journal.append([Body::Commit { job: job.into(), identity: id.clone(), outputs }]).unwrap();
    temps
}

#[test]
fn an_interrupted_commit_is_finished_wherever_it_stopped() {
    for renamed in 0..=2 {
        let folder = tempfile::tempdir().unwrap();
        let (out, id) = (folder.path(), identity("1"));
        let files = [("a.tif", "pixels"), ("b.png", "depth")];
        let temps = interrupted(out, "job", &id, &files);
        for (temp, (name, _)) in temps.iter().zip(files).take(renamed) {
            fs::rename(temp, out.join(name)).unwrap();
        }
        assert_eq!(Ledger::load(out).unwrap().job("job"), Some(&JobStatus::Pending));
        let opened = open(out);
        assert_eq!(opened.recovered.finished, ["job"], "{:?}", opened.recovered);
        assert_eq!(opened.ledger.state(&id, &[out.join("a.tif"), out.join("b.png")]).unwrap(), State::UpToDate);
        assert_eq!(names(out), ["a.tif", "b.png"]);
        drop(opened);
        let again = open(out);
        assert!(again.recovered.finished.is_empty() && again.recovered.dropped.is_empty());
        assert_eq!(again.ledger.job("job"), Some(&JobStatus::Done));
    }
}

#[test]
fn an_incomplete_commit_is_dropped_with_its_temporaries() {
    let folder = tempfile::tempdir().unwrap();
    let (out, id) = (folder.path(), identity("1"));
    let temps = interrupted(out, "job", &id, &[("a.tif", "pixels"), ("b.png", "depth")]);
    fs::write(&temps[1], "dexth").unwrap();
    let opened = open(out);
    assert_eq!((opened.recovered.dropped, names(out).len()), (vec!["job".to_owned()], 0));
    assert_eq!(opened.ledger.job("job"), Some(&JobStatus::Dropped));
}

#[test]
fn recovery_never_replaces_a_foreign_file_but_replaces_ours() {
    let folder = tempfile::tempdir().unwrap();
    let (out, one, two) = (folder.path(), identity("1"), identity("2"));
    fs::write(out.join("foreign.tif"), "theirs").unwrap();
    interrupted(out, "foreign", &one, &[("foreign.tif", "new")]);
    commit(out, "ours", &one, &[("ours.tif", "old")], false).unwrap();
    interrupted(out, "ours", &two, &[("ours.tif", "new")]);
    let opened = open(out);
    assert_eq!(opened.recovered.finished, ["ours"]);
    assert_eq!(
        tree(out),
        [(PathBuf::from("foreign.tif"), b"theirs".to_vec()), (PathBuf::from("ours.tif"), b"new".to_vec())]
    );
    assert_eq!(opened.ledger.state(&two, &[out.join("ours.tif")]).unwrap(), State::UpToDate);
}

#[test]
fn the_commit_of_a_living_writer_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (out, id) = (folder.path(), identity("1"));
    let mut journal = Journal::create(out, &run_info(), 0).unwrap();
    let staged = Stager::new(journal.writer()).stage(&out.join("a.tif")).unwrap();
    staged.file().write_all(b"pixels").unwrap();
    let relative = |path: &Path| RelPath::below(out, path).unwrap();
    let outputs = vec![Promised {
        path: relative(staged.target()),
        temp: relative(staged.temp()),
        bytes: 6,
        hash: Digest::of(b"pixels"),
    }];
    journal.append([Body::Commit { job: "a".into(), identity: id, outputs }]).unwrap();
    let opened = open(out);
    assert_eq!(opened.recovered.live, ["a"]);
    assert_eq!(sweep([out]).live, [staged.temp().to_owned()]);
    assert!(staged.temp().exists() && !out.join("a.tif").exists());
    assert_ne!(opened.journal.path(), journal.path());
}

#[test]
fn torn_and_bad_lines_do_not_hide_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (out, id) = (folder.path(), identity("1"));
    commit(out, "a", &id, &[("a.tif", "x")], false).unwrap();
    let path = fs::read_dir(out.join(journal::FOLDER)).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read_to_string(&path).unwrap();
    let (first, rest) = whole.split_once('\n').unwrap();
    let leaving = rest.lines().next().unwrap().replace("\"path\":\"a.tif\"", "\"path\":\"../a.tif\"");
    fs::write(&path, format!("{first}\nnot json\n{leaving}\n{{\"at\":1,\"kind\":\"future\"}}\n{rest}{{\"at\":99,\"ki"))
        .unwrap();
    let ledger = Ledger::load(out).unwrap();
    assert_eq!(ledger.warnings().len(), 3, "{:?}", ledger.warnings());
    assert!(ledger.warnings()[0].contains(":2: line skipped"));
    assert_eq!(ledger.state(&id, &[out.join("a.tif")]).unwrap(), State::UpToDate);
    for length in 0..whole.len() {
        fs::write(&path, &whole.as_bytes()[..length]).unwrap();
        let ledger = Ledger::load(out).unwrap();
        assert!(ledger.warnings().is_empty(), "cut at {length}: {:?}", ledger.warnings());
    }
}

/// Mounts a file system of `bytes` at `at`; `None` where that is not allowed.
fn small_disk(at: &Path, bytes: u64) -> Option<Unmount> {
    let size = format!("size={bytes}");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output().ok()?;
    mounted.status.success().then(|| Unmount(at.to_owned()))
}

struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_fails_the_job_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = small_disk(folder.path(), 256 << 10) else {
        println!("ignored: mounting a small disk needs rights that this user does not have");
        return;
    };
    let (out, id) = (folder.path(), identity("1"));
    commit(out, "a", &id, &[("a.tif", "fits")], false).unwrap();
    let opened = open(out);
    let stager = Stager::new(opened.journal.writer());
    let committer = Committer::start(opened.journal, CommitOptions::default()).unwrap();
    // A picture that does not fit: the writer learns it, and its temporary goes.
    let big = stager.stage(&out.join("big.tif")).unwrap();
    assert!(big.file().write_all(&vec![1; 1 << 20]).is_err());
    // A picture that fits while the journal does not any more.
    let small = stage(&stager, out, "small", &id, &[("small.tif", "")], false);
    let (tx, rx) = mpsc::channel();
    let job = "j".repeat(8 << 10);
    let small = CommitSet { job, ..small };
    committer.submit(small, move |result| tx.send(result).unwrap()).unwrap();
    committer.flush().unwrap();
    let failure = rx.recv().unwrap().unwrap_err();
    assert_eq!(failure.error.kind(), ErrorKind::Output);
    assert!(failure.to_string().contains("journal"), "{failure}");
    drop(big);
    let _ = committer.finish();
    assert_eq!(names(out), ["a.tif"]);
    commit(out, "small", &id, &[("small.tif", "s")], false).unwrap();
    assert!(Ledger::load(out).unwrap().warnings().is_empty());
}
