//! Steps that wait at once become one transaction: one wait for the disk.

use super::failed;
use crate::store::StoreError;
use parking_lot::{Condvar, Mutex};
use redb::{Database, WriteTransaction};
use std::sync::Arc;

/// Who comes while the disk is busy waits, and what waits is done together when it is free again, by one of those who wait.
#[derive(Default)]
pub struct Group {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Job>,
    busy: bool,
}

/// Leaves its result behind. It may run twice: the second time where a step beside it has failed.
type Step = Box<dyn FnMut(&WriteTransaction) -> Result<(), StoreError> + Send>;

struct Job {
    doing: &'static str,
    step: Step,
    end: Arc<Mutex<Option<Result<(), StoreError>>>>,
}

impl Group {
    /// Runs one step, and returns when it is on the disk. An error takes back all of it, and nothing of others.
    pub fn write<T: Send + 'static>(
        &self,
        database: &Database,
        doing: &'static str,
        mut step: impl FnMut(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (result, end) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(None)));
        let leaves = Arc::clone(&result);
        let step: Step = Box::new(move |transaction| step(transaction).map(|value| *leaves.lock() = Some(value)));
        let mut state = self.state.lock();
        state.waiting.push(Job { doing, step, end: Arc::clone(&end) });
        while state.busy {
            self.done.wait(&mut state);
            if end.lock().is_some() {
                break;
            }
        }
        if end.lock().is_none() {
            state.busy = true;
            let jobs = std::mem::take(&mut state.waiting);
            drop(state);
            let turn = Turn(self);
            run(database, jobs);
            drop(turn);
        }
        let lost = || StoreError::failed(doing, std::io::Error::other("a step beside it has panicked"));
        end.lock().take().unwrap_or_else(|| Err(lost()))?;
        result.lock().take().ok_or_else(lost)
    }

    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.state.lock().waiting.len()
    }
}

/// Ends, also by a panic, with the turn of those who wait.
struct Turn<'a>(&'a Group);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state.lock().busy = false;
        self.0.done.notify_all();
    }
}

fn run(database: &Database, mut jobs: Vec<Job>) {
    let end = match together(database, &mut jobs) {
        Together::Done(end) => end,
        // Each for itself: the others are not at fault.
        Together::StepFailed(error) if jobs.len() == 1 => Err(error),
        Together::StepFailed(_) => return jobs.into_iter().for_each(|job| run(database, vec![job])),
    };
    for job in jobs {
        *job.end.lock() = Some(end.clone());
    }
}

enum Together {
    Done(Result<(), StoreError>),
    /// Nothing was written.
    StepFailed(StoreError),
}

fn together(database: &Database, jobs: &mut [Job]) -> Together {
    let doing = jobs.first().map_or("write", |job| job.doing);
    let transaction = match database.begin_write() {
        Ok(transaction) => transaction,
        Err(error) => return Together::Done(Err(failed(doing)(error))),
    };
    for job in jobs {
        if let Err(error) = (job.step)(&transaction) {
            // Dropped, it takes back everything.
            return Together::StepFailed(error);
        }
    }
    Together::Done(transaction.commit().map_err(failed(doing)))
}

#[cfg(test)]
mod tests;
