//! The queue of accepted jobs, the work, and the counts.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Jobs that may wait. One more is answered with 503: who asks can try again, a queue without an end cannot.
pub(crate) const QUEUE_JOBS_MAX: usize = 16;

/// An accepted job: prepare the line with which the agent opens the conversation.
#[derive(Debug)]
struct Job {
    number: u64,
    user: String,
}

/// A finished job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Done {
    job: u64,
    user: String,
    line: String,
    /// What the voice will be charged for.
    syllables: usize,
}

/// Where jobs go in.
#[derive(Debug, Clone)]
pub(crate) struct Intake(mpsc::Sender<Job>);

/// Where they come out.
#[derive(Debug)]
pub(crate) struct Queue(mpsc::Receiver<Job>);

/// An empty queue.
pub(crate) fn queue() -> (Intake, Queue) {
    let (sender, receiver) = mpsc::channel(QUEUE_JOBS_MAX);
    (Intake(sender), Queue(receiver))
}

impl Intake {
    /// Accepts a job and answers with its number; none when there is no room.
    pub(crate) fn offer(&self, user: String, counts: &Counts) -> Option<u64> {
        let Ok(place) = self.0.try_reserve() else {
            counts.refused();
            return None;
        };
        // Counted before the worker can have it: nobody sees more jobs done than accepted.
        let number = counts.accepted();
        place.send(Job { number, user });
        Some(number)
    }
}

impl Queue {
    /// Works job after job until all intakes are gone and the last job is done.
    pub(crate) async fn work(mut self, counts: Arc<Counts>) {
        while let Some(job) = self.0.recv().await {
            counts.done(opening(job));
        }
    }
}

fn opening(job: Job) -> Done {
    let line = format!("Hello {}, how can I help?", job.user);
    Done { job: job.number, syllables: syllables(&line), user: job.user, line }
}

/// Groups of vowels: rough, and good enough for an estimate.
fn syllables(text: &str) -> usize {
    let is_vowel = |character: char| "aeiouy".contains(character.to_ascii_lowercase());
    let mut before = false;
    text.chars()
        .filter(|character| {
            let begins = is_vowel(*character) && !before;
            before = is_vowel(*character);
            begins
        })
        .count()
}

/// What has become of the jobs so far.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<Tally>);

#[derive(Debug, Clone, Default)]
struct Tally {
    accepted: u64,
    refused: u64,
    done: u64,
    last: Option<Done>,
}

impl Counts {
    /// A job was accepted; answers with its number.
    fn accepted(&self) -> u64 {
        self.change(|tally| {
            tally.accepted += 1;
            tally.accepted
        })
    }

    /// A job was refused.
    pub(crate) fn refused(&self) {
        self.change(|tally| tally.refused += 1);
    }

    /// All of it.
    pub(crate) fn report(&self) -> Value {
        let tally = self.change(|tally| tally.clone());
        json!({"accepted": tally.accepted, "refused": tally.refused, "done": tally.done, "last": tally.last})
    }

    fn done(&self, done: Done) {
        self.change(|tally| {
            tally.done += 1;
            tally.last = Some(done);
        });
    }

    fn change<R>(&self, change: impl FnOnce(&mut Tally) -> R) -> R {
        // Numbers are whole after each change, so a poisoned lock has nothing half done in it.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_are_estimated() {
        assert_eq!(syllables("Hello ada, how can I help?"), 8);
        assert_eq!(syllables(""), 0);
    }
}
