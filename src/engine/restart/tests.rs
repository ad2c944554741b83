//! Devices that fail: what becomes of the pictures, of the journal, and of the pictures after them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::*;
use crate::codec::{self, SinkSpec};
use crate::color::encodings;
use crate::depth::engine::EngineChoice;
use crate::engine::Engine;
use crate::engine::job::{Event, Job, Outcome, Status, Work as Kind};
use crate::engine::journal::Ledger;
use crate::engine::options::{Device, EngineOptions};
use crate::error::ErrorKind;
use crate::exec::cpu::Cpu;
use crate::ops::Isa;
use crate::picture::{Alpha, Channels, Compression, Extent, Format, Metadata, PixelLayout, SampleType};
use crate::recipe::Recipe;

const EXTENT: Extent = Extent { width: 50, height: 60 };
const STRIP_ROWS: u32 = 7;
/// An area operation between point operations: lanes hold a window of rows when the device fails.
const LOOK: &str = "version = 1\n[[op]]\nid = \"exposure\"\nev = 0.5\n[[op]]\nid = \"sharpen\"\namount = 0.8\n";
#[cfg(feature = "onnx")]
const DEEP: &str = "version = 1\n[[op]]\nid = \"haze\"\ndensity = 0.5\n";

fn pool() -> Arc<rayon::ThreadPool> {
    Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap())
}

/// A device of its own arithmetic class that fails a number of runs after the first ones.
struct Fragile {
    inner: Arc<dyn Executor>,
    /// Runs so far.
    runs: AtomicU32,
    /// The runs that fail, counted from 0.
    fails: std::ops::Range<u32>,
    /// Whether it is lost by that.
    is_lost: AtomicBool,
    lasting: bool,
}

impl Fragile {
    fn new(fails: std::ops::Range<u32>, lasting: bool) -> Arc<Self> {
        let inner = Arc::new(Cpu::new(pool(), Isa::best()));
        Arc::new(Self { inner, runs: AtomicU32::new(0), fails, is_lost: AtomicBool::new(false), lasting })
    }

    fn runs(&self) -> u32 {
        self.runs.load(Ordering::Relaxed)
    }
}

impl Executor for Fragile {
    fn describe(&self) -> String {
        "Fragile".to_owned()
    }

    fn arithmetic(&self) -> String {
        "fragile".to_owned()
    }

    fn run_rows(
        &self,
        program: &Program,
        input: &Strip,
        depth: Option<&[f32]>,
        region: Region,
        output: &mut Strip,
    ) -> Result<()> {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        self.inner.run_rows(program, input, depth, region, output)?;
        if self.fails.contains(&run) {
            self.is_lost.store(self.lasting, Ordering::Relaxed);
            // What is there is not what the CPU makes.
            output.bytes_mut().fill(0x55);
            return Err(Error::Environment("Fragile: out of memory".to_owned()));
        }
        // Still nothing that could pass for the CPU's.
        output.bytes_mut().iter_mut().for_each(|byte| *byte ^= 1);
        Ok(())
    }

    fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }
}

/// Pictures, and the folders they are graded into.
struct Scene {
    folder: tempfile::TempDir,
    inputs: Vec<PathBuf>,
}

impl Scene {
    fn new(pictures: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inputs = (0..pictures).map(|n| folder.path().join(format!("{n}.tif"))).collect();
        let scene = Self { folder, inputs };
        for (path, seed) in scene.inputs.iter().zip(1u32..) {
            write(path, seed);
        }
        scene
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn options(&self, out: &str, device: Device) -> EngineOptions {
        EngineOptions {
            out: self.out(out),
            jobs: Some(1),
            threads: Some(1),
            memory_bytes: Some(1 << 30),
            device,
            strip_rows: Some(STRIP_ROWS),
            inference: EngineChoice::Rten,
            ..EngineOptions::default()
        }
    }

    /// Grades every picture on `executor`, as if `device` had found it; outcomes in order.
    fn grade(&self, options: EngineOptions, look: &str, executor: Option<Arc<dyn Executor>>) -> Result<Vec<Outcome>> {
        let recipe = Recipe::from_text("look", look, Path::new("."), Path::new("look.toml")).unwrap();
        let device = options.device.clone();
        let mut engine = Engine::new(EngineOptions { device: Device::Cpu, ..options }, Arc::new(recipe)).unwrap();
        engine.options.device = device;
        if let Some(executor) = executor {
            engine.executor = executor;
        }
        let jobs: Vec<_> = self.inputs.iter().map(|input| job(input, &engine.options.out)).collect();
        let mut outcomes = Vec::new();
        engine.run(&jobs, &Kind::Grade, |event| {
            if let Event::Finished(outcome) = event {
                outcomes.push(outcome.clone());
            }
        })?;
        outcomes.sort_by_key(|outcome| outcome.index);
        Ok(outcomes)
    }

    /// Files in a folder, but the journal: nothing that is not listed was left behind.
    fn tree(&self, out: &str) -> Vec<(String, Vec<u8>)> {
        let entries = std::fs::read_dir(self.out(out)).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.filter(|path| path.is_file());
        let mut files: Vec<_> = files
            .map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&p).unwrap()))
            .collect();
        files.sort();
        files
    }

    fn classes(&self, out: &str) -> Vec<String> {
        Ledger::load(&self.out(out)).unwrap().arithmetic_classes().into_iter().map(str::to_owned).collect()
    }
}

fn job(input: &Path, out: &Path) -> Job {
    let name = input.file_name().unwrap();
    let target = out.join(name);
    Job { input: input.to_owned(), page: None, name: name.to_string_lossy().into_owned(), targets: vec![target] }
}

fn write(path: &Path, seed: u32) {
    let layout = PixelLayout { sample: SampleType::U16, channels: Channels::Rgb, alpha: Alpha::None };
    let mut strip = Strip::new(Region { width: EXTENT.width, y: 0, rows: EXTENT.height }, layout);
    let mut state = seed;
    strip.bytes_mut().iter_mut().for_each(|byte| {
        // A linear congruential generator (Knuth, TAOCP 2, 3.3.4, table 1, line 16).
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    });
    let spec = SinkSpec {
        extent: EXTENT,
        layout,
        encoding: encodings::srgb(),
        orientation: 1,
        metadata: Metadata::default(),
        compression: Compression::None,
        extras: None,
        gray_name: "Y",
        text: Vec::new(),
    };
    let file = File::options().read(true).write(true).create_new(true).open(path).unwrap();
    let mut sink = codec::create(Format::Tiff, file, path, spec).unwrap();
    sink.write(&strip, &pool()).unwrap();
    sink.finish(&pool()).unwrap();
}

fn failure(outcome: &Outcome) -> Option<(ErrorKind, &str)> {
    match &outcome.status {
        Status::Failed { kind, message } => Some((*kind, message)),
        _ => None,
    }
}

#[test]
fn a_lost_device_costs_no_picture_and_is_not_tried_again() {
    let scene = Scene::new(3);
    scene.grade(scene.options("cpu", Device::Cpu), LOOK, None).unwrap();
    let fragile = Fragile::new(4..99, true);
    let outcomes = scene.grade(scene.options("auto", Device::Auto), LOOK, Some(fragile.clone())).unwrap();
    for outcome in &outcomes {
        assert_eq!(outcome.status, Status::Done);
        assert!(outcome.device.as_deref().is_some_and(|device| device.starts_with("CPU")), "{outcome:?}");
    }
    let [first, later @ ..] = outcomes.as_slice() else { panic!("no outcomes") };
    assert!(first.warnings.iter().any(|w| w.contains("out of memory: the picture was rendered anew on the CPU")));
    assert!(first.warnings.iter().any(|w| w.contains("the rest of the run")), "{:?}", first.warnings);
    let told_again = later.iter().flat_map(|outcome| &outcome.warnings).any(|w| w.contains("anew"));
    assert!(!told_again, "{later:?}");
    assert_eq!(fragile.runs(), 5, "a lost device was used");
    assert!(scene.tree("auto") == scene.tree("cpu"));
    assert_eq!(scene.classes("auto"), ["cpu"]);
}

/// What the journal says of a restarted picture is who rendered it, so that a resumed run cannot mix arithmetics unasked.
#[test]
fn a_restarted_picture_is_recorded_as_the_cpu_s() {
    let scene = Scene::new(2);
    scene.grade(scene.options("cpu", Device::Cpu), LOOK, None).unwrap();
    let fragile = Fragile::new(2..3, false);
    let outcomes = scene.grade(scene.options("auto", Device::Auto), LOOK, Some(fragile)).unwrap();
    let devices: Vec<_> = outcomes.iter().map(|outcome| outcome.device.clone().unwrap()).collect();
    assert!(devices[0].starts_with("CPU") && devices[1] == "Fragile", "{devices:?}");
    assert!(!outcomes[0].warnings[0].contains("rest of the run"), "{outcomes:?}");
    assert!(scene.tree("auto")[0] == scene.tree("cpu")[0] && scene.tree("auto")[1] != scene.tree("cpu")[1]);
    assert_eq!(scene.classes("auto"), ["cpu", "fragile"]);
    let healthy = || Some(Fragile::new(0..0, false) as Arc<dyn Executor>);
    let refused = scene.grade(scene.options("auto", Device::Auto), LOOK, healthy()).unwrap_err();
    assert!(refused.to_string().contains("--allow-mixed") && refused.to_string().contains("0.tif"), "{refused}");
    let mixed = EngineOptions { allow_mixed: true, ..scene.options("auto", Device::Auto) };
    let outcomes = scene.grade(mixed, LOOK, healthy()).unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.status == Status::UpToDate), "{outcomes:?}");
}

#[test]
fn a_device_that_keeps_failing_is_given_up() {
    let scene = Scene::new(MOST_FAILURES as usize + 1);
    let fragile = Fragile::new(0..99, false);
    let outcomes = scene.grade(scene.options("auto", Device::Auto), LOOK, Some(fragile.clone())).unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.status == Status::Done), "{outcomes:?}");
    assert_eq!(fragile.runs(), MOST_FAILURES);
}

#[test]
fn a_device_that_was_asked_for_is_not_replaced() {
    let scene = Scene::new(3);
    let fragile = Fragile::new(4..99, true);
    let outcomes = scene.grade(scene.options("gpu", Device::Gpu), LOOK, Some(fragile.clone())).unwrap();
    for outcome in &outcomes {
        let (kind, message) = failure(outcome).unwrap();
        assert!(kind == ErrorKind::Environment && message.contains("out of memory"), "{message}");
    }
    assert_eq!(fragile.runs(), 5, "a lost device was used");
    assert!(scene.tree("gpu").is_empty());
}

/// Files that fail are no reason to doubt the device, nor to render anything twice.
#[test]
fn a_broken_picture_is_no_failure_of_the_device() {
    let scene = Scene::new(1);
    let path = &scene.inputs[0];
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    let fragile = Fragile::new(0..0, true);
    let outcomes = scene.grade(scene.options("auto", Device::Auto), LOOK, Some(fragile.clone())).unwrap();
    assert_eq!(failure(&outcomes[0]).unwrap().0, ErrorKind::Input);
    assert!(outcomes[0].warnings.is_empty(), "{outcomes:?}");
    assert!(scene.tree("auto").is_empty());
}

/// The strips that analyse kept are gone with the first attempt.
#[test]
#[cfg(feature = "onnx")]
fn a_picture_that_was_kept_decoded_is_read_again() {
    let scene = Scene::new(1);
    scene.grade(scene.options("cpu", Device::Cpu), DEEP, None).unwrap();
    let fragile = Fragile::new(3..4, false);
    let outcomes = scene.grade(scene.options("auto", Device::Auto), DEEP, Some(fragile.clone())).unwrap();
    assert_eq!((&outcomes[0].status, fragile.runs()), (&Status::Done, 4));
    assert!(scene.tree("auto") == scene.tree("cpu"));
}

/// A real device that goes away between two strips.
#[cfg(feature = "gpu")]
mod gpu {
    use super::*;
    use crate::exec::gpu::{Gpu, Selection};

    struct Vanishing {
        gpu: Gpu,
        runs: AtomicU32,
    }

    impl Executor for Vanishing {
        fn describe(&self) -> String {
            self.gpu.describe()
        }

        fn arithmetic(&self) -> String {
            self.gpu.arithmetic()
        }

        fn run_rows(
            &self,
            program: &Program,
            input: &Strip,
            depth: Option<&[f32]>,
            region: Region,
            output: &mut Strip,
        ) -> Result<()> {
            if self.runs.fetch_add(1, Ordering::Relaxed) == 3 {
                self.gpu.lose();
            }
            self.gpu.run_rows(program, input, depth, region, output)
        }

        fn is_lost(&self) -> bool {
            self.gpu.is_lost()
        }
    }

    fn vanishing() -> Option<Arc<Vanishing>> {
        let Ok(Some(gpu)) = Gpu::new(&Selection::Name("llvmpipe".to_owned())) else {
            // tests/parity.rs insists on the adapter.
            eprintln!("ignored: no software adapter");
            return None;
        };
        Some(Arc::new(Vanishing { gpu, runs: AtomicU32::new(0) }))
    }

    #[test]
    fn a_real_device_that_is_lost() {
        let Some(device) = vanishing() else { return };
        let scene = Scene::new(2);
        scene.grade(scene.options("cpu", Device::Cpu), LOOK, None).unwrap();
        let outcomes = scene.grade(scene.options("auto", Device::Auto), LOOK, Some(device.clone())).unwrap();
        assert!(outcomes.iter().all(|outcome| outcome.status == Status::Done), "{outcomes:?}");
        assert!(outcomes[0].warnings.iter().any(|w| w.contains("rendered anew on the CPU")), "{outcomes:?}");
        assert_eq!(device.runs.load(Ordering::Relaxed), 4, "a lost device was used");
        assert!(scene.tree("auto") == scene.tree("cpu"));
    }

    #[test]
    fn a_real_device_that_was_asked_for() {
        let Some(device) = vanishing() else { return };
        let scene = Scene::new(2);
        let name = Device::Named("llvmpipe".to_owned());
        let outcomes = scene.grade(scene.options("gpu", name), LOOK, Some(device)).unwrap();
        for outcome in &outcomes {
            assert_eq!(failure(outcome).unwrap().0, ErrorKind::Environment);
        }
        assert!(scene.tree("gpu").is_empty());
    }
}
