//! The stage with engines that do as they are told.

use super::*;
use crate::depth::registry::{NEAREST_M, OutputMeaning};

/// Answers with the mean of its input; the first value is a command: 7 panics, 8 fails, 9 answers NaN.
struct Fake;

impl Inference for Fake {
    fn run_batch(&mut self, _: usize, input: &[f32], output: &mut Vec<f32>) -> Result<(u32, u32)> {
        match input[0] {
            7.0 => panic!("seven"),
            8.0 => return Err(Error::Environment("eight".into())),
            9.0 => *output = vec![f32::NAN],
            _ => *output = vec![input.iter().sum::<f32>() / input.len() as f32],
        }
        Ok((1, 1))
    }
    fn describe(&self) -> EngineInfo {
        fake()
    }
    fn bytes(&self) -> u64 {
        1
    }
}

fn fake() -> EngineInfo {
    EngineInfo { engine: "fake".into(), version: "1".into(), provider: "cpu".into() }
}

fn ask(stage: &DepthStage, model: &Arc<ModelEntry>, first: f32) -> Result<LowResDisparity> {
    let input = vec![first; 3 * 2 * 2];
    stage.estimate(DepthRequest { model: model.clone(), input, size: (2, 2), tries_out: false })
}

#[test]
fn errors_and_panics_belong_to_their_request() {
    let model = Arc::new(ModelEntry::embedded());
    let stage = DepthStage::with_loader(fake(), Box::new(|_, _, _| Ok(Box::new(Fake))), Workers::ONE, 1 << 30).unwrap();
    assert_eq!(ask(&stage, &model, 0.5).unwrap().values, [0.5]);
    let panic = ask(&stage, &model, 7.0).unwrap_err().to_string();
    assert!(panic.contains("chiaro-small") && panic.contains("seven"), "{panic}");
    assert!(ask(&stage, &model, 8.0).unwrap_err().to_string().contains("eight"));
    assert!(ask(&stage, &model, 9.0).unwrap_err().to_string().contains("NaN"));
    assert_eq!(ask(&stage, &model, 0.25).unwrap().values, [0.25]);
    // The session that panicked was dropped and loaded again.
    assert_eq!(stage.counts(), CacheCounts { loads: 2, hits: 3, evictions: 0, reloads: 1, batched: 0 });
}

#[test]
fn a_wrong_tensor_is_refused() {
    let model = Arc::new(ModelEntry::embedded());
    let stage = DepthStage::with_loader(fake(), Box::new(|_, _, _| Ok(Box::new(Fake))), Workers::ONE, 1 << 30).unwrap();
    let error =
        stage.estimate(DepthRequest { model, input: vec![0.0; 5], size: (2, 2), tries_out: false }).unwrap_err();
    assert!(error.to_string().contains("5 values, expected 12"), "{error}");
}

#[test]
fn metric_answers_become_disparity() {
    let model = Arc::new(ModelEntry { output: OutputMeaning::MetricDepth, ..ModelEntry::embedded() });
    let stage = DepthStage::with_loader(fake(), Box::new(|_, _, _| Ok(Box::new(Fake))), Workers::ONE, 1 << 30).unwrap();
    assert_eq!(ask(&stage, &model, 4.0).unwrap().values, [0.25]);
    assert_eq!(ask(&stage, &model, -4.0).unwrap().values, [1.0 / NEAREST_M]);
}

#[test]
fn many_drivers_are_served_by_any_number_of_workers() {
    let model = Arc::new(ModelEntry::embedded());
    for workers in [1, 3] {
        let load: Loader = Box::new(|_, _, _| Ok(Box::new(Fake)));
        let stage = DepthStage::with_loader(fake(), load, Workers { count: workers, ..Workers::ONE }, 1 << 30).unwrap();
        std::thread::scope(|scope| {
            for i in 0..8 {
                let (stage, model) = (&stage, &model);
                scope.spawn(move || {
                    for j in 0..20 {
                        let value = (i * 20 + j) as f32 / 1024.0;
                        assert_eq!(ask(stage, model, value).unwrap().values, [value]);
                    }
                });
            }
        });
        let counts = stage.counts();
        assert_eq!(counts.loads + counts.hits, 160);
        assert!((1..=workers as u64).contains(&counts.loads) && counts.reloads == 0, "{counts:?}");
    }
}

/// Answers every picture with its first value; keeps the number of pictures of each run. In company it adds `drift` to all, and as alone
/// fails for the value 8 and panics for 7.
struct Together {
    drift: f32,
    runs: Arc<Mutex<Vec<usize>>>,
}

impl Inference for Together {
    fn run_batch(&mut self, count: usize, input: &[f32], output: &mut Vec<f32>) -> Result<(u32, u32)> {
        self.runs.lock().unwrap().push(count);
        // Alone is slow, so that company is always worth its time.
        std::thread::sleep(std::time::Duration::from_millis(if count == 1 { 50 } else { 0 }));
        let firsts: Vec<f32> = input.chunks(input.len() / count).map(|picture| picture[0]).collect();
        assert!(!firsts.contains(&7.0), "seven");
        if firsts.contains(&8.0) {
            return Err(Error::Environment("eight".into()));
        }
        let drift = if count > 1 { self.drift } else { 0.0 };
        *output = firsts.into_iter().map(|value| value + drift).collect();
        Ok((1, 1))
    }
    fn describe(&self) -> EngineInfo {
        fake()
    }
    fn bytes(&self) -> u64 {
        1
    }
}

/// The answers to `values`, of which the first keeps the worker busy until the others wait; and the pictures of each run.
fn answers_together(values: &[f32], drift: f32) -> (Vec<Result<LowResDisparity>>, Vec<usize>) {
    let model = Arc::new(ModelEntry { takes_batches: true, ..ModelEntry::embedded() });
    let (runs, gate) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(())));
    let closed = gate.lock().unwrap();
    let (recorded, waiting) = (runs.clone(), gate.clone());
    let (begun, begins) = channel();
    let begun = Mutex::new(begun);
    let load: Loader = Box::new(move |_, _, _| {
        let _ = begun.lock().unwrap().send(());
        drop(waiting.lock());
        Ok(Box::new(Together { drift, runs: recorded.clone() }))
    });
    let stage = DepthStage::with_loader(fake(), load, Workers { together: 4, ..Workers::ONE }, 1 << 30).unwrap();
    let ask = |value: f32| {
        stage
            .submit(DepthRequest { model: model.clone(), input: vec![value; 12], size: (2, 2), tries_out: false })
            .unwrap()
    };
    let mut pending = vec![ask(values[0])];
    begins.recv().unwrap();
    pending.extend(values[1..].iter().map(|&value| ask(value)));
    drop(closed);
    let answers = pending.into_iter().map(Pending::wait).collect();
    drop(stage);
    let runs = runs.lock().unwrap().clone();
    (answers, runs)
}

fn values(answers: &[Result<LowResDisparity>]) -> Vec<Option<f32>> {
    answers.iter().map(|answer| answer.as_ref().ok().map(|answer| answer.values[0])).collect()
}

const WAITING: [f32; 9] = [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.5, 6.75];

#[test]
fn those_that_wait_run_together_once_it_was_tried() {
    let (answers, runs) = answers_together(&WAITING, 0.0);
    assert_eq!(values(&answers), WAITING.map(Some));
    assert_eq!(runs, [1, 1, 1, 1, 1, 4, 4, 4]);
}

#[test]
fn company_that_changes_a_bit_is_not_kept() {
    let (answers, runs) = answers_together(&WAITING, 0.25);
    assert_eq!(values(&answers), WAITING.map(Some));
    assert_eq!(runs, [1, 1, 1, 1, 1, 4, 1, 1, 1, 1]);
}

#[test]
fn twins_decide_nothing() {
    let (answers, runs) = answers_together(&[0.5, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.5], 0.0);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(runs, [1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 4]);
}

#[test]
fn requests_that_nobody_waits_for_do_not_run() {
    let model = Arc::new(ModelEntry::embedded());
    let (opened, gate) = channel::<()>();
    let (gate, loads) = (Mutex::new(gate), Arc::new(Mutex::new(0)));
    let counted = loads.clone();
    let load: Loader = Box::new(move |_, _, _| {
        *counted.lock().unwrap() += 1;
        let _ = gate.lock().unwrap().recv();
        Ok(Box::new(Fake))
    });
    let stage = DepthStage::with_loader(fake(), load, Workers::ONE, 1 << 30).unwrap();
    let submit = |size: u32| {
        let input = vec![0.5; 3 * (size * size) as usize];
        stage.submit(DepthRequest { model: model.clone(), input, size: (size, size), tries_out: false }).unwrap()
    };
    let first = submit(2);
    while *loads.lock().unwrap() == 0 {
        std::thread::yield_now();
    }
    // Each size would load a session.
    drop(submit(3));
    let last = submit(2);
    drop(opened);
    assert!(first.wait().is_ok() && last.wait().is_ok());
    assert_eq!(*loads.lock().unwrap(), 1);
}

#[test]
fn what_goes_wrong_in_company_belongs_to_one() {
    for (bad, word) in [(7.0, "seven"), (8.0, "eight")] {
        for place in [2, 6] {
            let mut asked = WAITING;
            asked[place] = bad;
            let (answers, _) = answers_together(&asked, 0.0);
            let mut expected = asked.map(Some);
            expected[place] = None;
            assert_eq!(values(&answers), expected);
            assert!(answers[place].as_ref().unwrap_err().to_string().contains(word));
        }
    }
}
