//! Pictures of one size that go through a model together.
//!
//! Whether that is worth anything depends on model, processor and threads, and whether a picture's map stays the same in company depends on
//! the kernels that an engine picks for so many. Neither can be known beforehand, so both are tried in every session, see [`trial`]: a map
//! never depends on which other pictures happened to wait with it.

use std::time::Instant;

use super::engine::Inference;
use crate::error::Result;

/// What a model said about one picture.
#[derive(Debug)]
pub(super) struct Ran {
    /// Width and height of the map.
    pub size: (u32, u32),
    /// The map.
    pub values: Vec<f32>,
    /// When its part of the run began.
    pub started: Instant,
    /// Wall seconds of its part.
    pub seconds: f64,
}

/// Runs one picture.
pub(super) fn alone(session: &mut dyn Inference, input: &[f32]) -> Result<Ran> {
    let (started, mut values) = (Instant::now(), Vec::new());
    let size = session.run(input, &mut values)?;
    Ok(Ran { size, values, started, seconds: started.elapsed().as_secs_f64() })
}

/// Runs pictures as one. The time is shared out evenly.
pub(super) fn together(session: &mut dyn Inference, inputs: &[&[f32]]) -> Result<Vec<Ran>> {
    let (started, mut values) = (Instant::now(), Vec::new());
    let size = session.run_batch(inputs.len(), &inputs.concat(), &mut values)?;
    let share = started.elapsed() / u32::try_from(inputs.len()).unwrap_or(u32::MAX).max(1);
    let maps = values.chunks_exact((size.0 as usize * size.1 as usize).max(1));
    let parts = maps.enumerate().map(|(i, map)| Ran {
        size,
        values: map.to_vec(),
        started: started + share * i as u32,
        seconds: share.as_secs_f64(),
    });
    Ok(parts.collect())
}

/// Runs pictures one by one and then as one, twice: the first batch of a session takes longer. Returns the maps of those that ran alone, and whether
/// it may batch from now on: the batches gave the same bits, and the second took less time. `None` where two pictures are the same: what a
/// model makes of a mixture of them does not show then.
pub(super) fn trial(session: &mut dyn Inference, inputs: &[&[f32]]) -> (Vec<Result<Ran>>, Option<bool>) {
    let single: Vec<Result<Ran>> = inputs.iter().map(|input| alone(session, input)).collect();
    let differ = inputs.iter().enumerate().all(|(i, input)| inputs.iter().skip(i + 1).all(|other| input != other));
    let worth = differ.then(|| {
        let first = together(session, inputs).is_ok_and(|batch| is_same(&single, &batch));
        first && together(session, inputs).is_ok_and(|batch| is_same(&single, &batch) && is_faster(&batch, &single))
    });
    (single, worth)
}

/// The fastest of those that ran alone stands for all.
fn is_faster(batch: &[Ran], single: &[Result<Ran>]) -> bool {
    let fastest = single.iter().flatten().map(|ran| ran.seconds).fold(f64::INFINITY, f64::min);
    batch.first().is_some_and(|ran| ran.seconds < fastest)
}

/// Bit for bit, NaN included.
fn is_same(single: &[Result<Ran>], batch: &[Ran]) -> bool {
    let bits = |ran: &Ran| ran.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let same = |(one, other): (&Result<Ran>, &Ran)| {
        one.as_ref().is_ok_and(|one| one.size == other.size && bits(one) == bits(other))
    };
    single.len() == batch.len() && single.iter().zip(batch).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depth::engine::EngineInfo;
    use crate::error::Error;
    use std::time::Duration;

    /// Answers with its inputs; cannot take more than `most`.
    struct Fake {
        most: usize,
    }

    impl Inference for Fake {
        fn run_batch(&mut self, count: usize, input: &[f32], output: &mut Vec<f32>) -> Result<(u32, u32)> {
            if count > self.most {
                return Err(Error::Environment("too many".into()));
            }
            *output = input.to_vec();
            Ok((1, (input.len() / count) as u32))
        }
        fn describe(&self) -> EngineInfo {
            EngineInfo { engine: "fake".into(), version: String::new(), provider: String::new() }
        }
        fn bytes(&self) -> u64 {
            0
        }
    }

    fn ran(values: &[f32], millis: u64) -> Ran {
        let seconds = Duration::from_millis(millis).as_secs_f64();
        Ran { size: (1, values.len() as u32), values: values.to_vec(), started: Instant::now(), seconds }
    }

    #[test]
    fn company_must_change_no_bit_and_save_time() {
        // The first one alone warmed the session up.
        let single = vec![Ok(ran(&[1.0, f32::NAN], 90)), Ok(ran(&[2.0, 3.0], 20))];
        let batch = |value, millis| [ran(&[1.0, f32::NAN], millis), ran(&[2.0, value], millis)];
        assert!(is_same(&single, &batch(3.0, 0)));
        assert!(!is_same(&single, &batch(3.0 + 1e-6, 0)));
        assert!(!is_same(&single, &batch(3.0, 0)[..1]));
        let failed = vec![Ok(ran(&[1.0, f32::NAN], 20)), Err(Error::Environment("alone".into()))];
        assert!(!is_same(&failed, &batch(3.0, 0)));
        assert!(is_faster(&batch(3.0, 19), &single) && !is_faster(&batch(3.0, 20), &single));
    }

    #[test]
    fn a_trial_answers_with_those_that_ran_alone() {
        let different: [&[f32]; 3] = [&[1.0, 2.0], &[3.0, 4.0], &[5.0, 6.0]];
        let twins: [&[f32]; 3] = [&[1.0, 2.0], &[3.0, 4.0], &[1.0, 2.0]];
        for (inputs, most, expected) in
            [(different, 1, Some(Some(false))), (different, 3, None), (twins, 3, Some(None))]
        {
            let (answers, worth) = trial(&mut Fake { most }, &inputs);
            let values: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().values).collect();
            assert_eq!(values, inputs);
            // Whether a batch that is the same is faster is up to the clock.
            assert!(expected.map_or(worth.is_some(), |expected| worth == expected), "{worth:?}");
        }
    }

    #[test]
    fn a_batch_is_parted_and_its_time_shared_out() {
        let parts = together(&mut Fake { most: 2 }, &[&[1.0], &[2.0]]).unwrap();
        assert_eq!(parts.iter().map(|ran| ran.values[0]).collect::<Vec<_>>(), [1.0, 2.0]);
        assert_eq!(parts[0].seconds, parts[1].seconds);
        assert!(parts[1].started >= parts[0].started);
    }
}
