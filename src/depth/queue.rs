//! The line in front of the workers: bounded, first come first served, and seen by a worker in its length, so that it can take several that go
//! together.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The line.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    /// Something was added, or the line was closed.
    added: Condvar,
    /// Something was taken.
    taken: Condvar,
    most: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// Workers with nothing to do.
    idle: usize,
    closed: bool,
}

impl<T> Queue<T> {
    /// A line of `most` places, at least one.
    pub(super) fn new(most: usize) -> Self {
        let state = State { waiting: VecDeque::new(), idle: 0, closed: false };
        Self { state: Mutex::new(state), added: Condvar::new(), taken: Condvar::new(), most: most.max(1) }
    }

    /// Adds one at the end, and waits for a place if need be; gives it back when the line is closed.
    pub(super) fn add(&self, one: T) -> Result<(), T> {
        let full = |state: &mut State<T>| state.waiting.len() >= self.most && !state.closed;
        let mut state = self.taken.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(one);
        }
        state.waiting.push_back(one);
        self.added.notify_one();
        Ok(())
    }

    /// Takes the first, and with it `together - 1` more that are `alike`, if so many wait for every worker that has nothing to do: as long as
    /// others would stand idle, nobody takes more than one. `together` is asked about the first. Waits for one; `None` once the line is closed
    /// and empty.
    pub(super) fn take(&self, together: impl Fn(&T) -> usize, alike: impl Fn(&T, &T) -> bool) -> Option<Vec<T>> {
        let mut state = self.lock();
        state.idle += 1;
        let empty = |state: &mut State<T>| state.waiting.is_empty() && !state.closed;
        let mut state = self.added.wait_while(state, empty).unwrap_or_else(PoisonError::into_inner);
        // This one included.
        let idle = state.idle;
        state.idle -= 1;
        let first = state.waiting.pop_front()?;
        let count = together(&first).max(1);
        let mates = state.waiting.iter().filter(|other| alike(&first, other)).count() + 1;
        let mut taken = vec![first];
        if count > 1 && mates >= count * idle {
            let (mut company, mut left) = (count - 1, VecDeque::with_capacity(state.waiting.len()));
            for other in std::mem::take(&mut state.waiting) {
                if company > 0 && taken.first().is_some_and(|first| alike(first, &other)) {
                    company -= 1;
                    taken.push(other);
                } else {
                    left.push_back(other);
                }
            }
            state.waiting = left;
        }
        self.taken.notify_all();
        Some(taken)
    }

    /// Nothing can be added any more; what waits can still be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.added.notify_all();
        self.taken.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(queue: &Queue<u32>, together: usize) -> Option<Vec<u32>> {
        queue.take(|_| together, |a, b| a / 10 == b / 10)
    }

    fn line(waiting: &[u32]) -> Queue<u32> {
        let queue = Queue::new(16);
        waiting.iter().for_each(|&one| queue.add(one).unwrap());
        queue
    }

    #[test]
    fn those_that_are_alike_go_together_or_alone() {
        let queue = line(&[1, 20, 2, 21, 3, 22, 4]);
        assert_eq!(take(&queue, 3), Some(vec![1, 2, 3]));
        assert_eq!(take(&queue, 3), Some(vec![20, 21, 22]));
        // Never part of a batch.
        assert_eq!(take(&queue, 3), Some(vec![4]));
        let queue = line(&[1, 2, 3]);
        assert_eq!(take(&queue, 4), Some(vec![1]));
        assert_eq!(take(&queue, 1), Some(vec![2]));
    }

    #[test]
    fn nobody_takes_what_an_idle_worker_could() {
        let queue = line(&[1, 2, 3, 4]);
        queue.lock().idle = 1;
        assert_eq!(take(&queue, 3), Some(vec![1]));
        assert_eq!(queue.lock().idle, 1);
        queue.lock().idle = 0;
        assert_eq!(take(&queue, 3), Some(vec![2, 3, 4]));
        assert_eq!(queue.lock().idle, 0);
    }

    #[test]
    fn a_full_line_waits_and_a_closed_one_is_emptied() {
        let queue = Queue::new(2);
        std::thread::scope(|scope| {
            let adding = scope.spawn(|| (0..40).try_for_each(|one| queue.add(one)));
            for one in 0..40 {
                assert_eq!(take(&queue, 1), Some(vec![one]));
                assert!(queue.lock().waiting.len() <= 2);
            }
            assert_eq!(adding.join().unwrap(), Ok(()));
        });
        queue.add(7).unwrap();
        queue.close();
        assert_eq!(queue.add(8), Err(8));
        assert_eq!(take(&queue, 1), Some(vec![7]));
        assert_eq!(take(&queue, 1), None);
    }

    #[test]
    fn closing_wakes_all_who_wait() {
        let queue: Queue<u32> = Queue::new(1);
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| take(&queue, 1))).collect();
            while queue.lock().idle < 3 {
                std::thread::yield_now();
            }
            queue.close();
            assert!(waiting.into_iter().all(|thread| thread.join().unwrap().is_none()));
        });
    }
}
