//! The one thread that owns the log.
//!
//! It takes commands from one bounded queue. Change sets that wait at the same time become one group and share one
//! sync; reads are pieces between the groups. It knows nobody who listens: it moves one number, the head.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use mycelia_flags_core::check::Undone;
use mycelia_flags_core::revision::Revision;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, error, info};

use super::commit::{CommitError, CommitRequest, WriterHealth};
use super::crash_point::CrashPoints;
use super::envelope::Position;
use super::group::{Answer, Bench, Group};
use super::limits::READ_BYTES_MAX;
use super::log::{Log, LogError};
use super::read::ReadError;
use super::remembered::Remembered;
use super::schemas::JsonSchemas;
use super::store::Visible;
use crate::clock::SharedClock;

/// What the writer can be asked for.
#[derive(Debug)]
pub(super) enum Command {
    /// Commit a change set.
    Commit(Waiting),
    /// Read records after a revision, at most up to another one.
    Read { after: Revision, up_to: Revision, answer: oneshot::Sender<Result<Vec<Bytes>, ReadError>> },
    /// Close the log and end.
    Close,
}

/// A change set that waits for the writer.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) request: CommitRequest,
    /// The revisions that it undoes, as the log had them when it was asked for.
    pub(super) undone: Vec<Undone>,
    pub(super) answer: Answer,
}

/// Waits for the writer's end when it is dropped, so that a store that was dropped has released its lock.
#[derive(Debug)]
pub(super) struct WriterThread(Option<JoinHandle<()>>);

impl Drop for WriterThread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // An error says that it panicked, which its own end has reported already.
            thread.join().ok();
        }
    }
}

/// The writer's own state.
pub(super) struct Writer {
    pub(super) log: Box<dyn Log>,
    pub(super) commands: mpsc::Receiver<Command>,
    /// Commands that were taken out of the queue and belong behind the group that is being made.
    pub(super) set_aside: VecDeque<Command>,
    pub(super) visible: Arc<Visible>,
    pub(super) clock: SharedClock,
    pub(super) schemas: JsonSchemas,
    pub(super) remembered: Remembered,
    pub(super) position: Position,
    pub(super) crash_points: CrashPoints,
    pub(super) poisoned: Option<Arc<str>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(self) -> std::io::Result<WriterThread> {
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        Ok(WriterThread(Some(thread.spawn(|| self.run())?)))
    }

    fn run(self) {
        // What is declared last is dropped first: the log, with its lock, before the word that the store is closed.
        // That holds when the thread panics as well.
        let _closed = Closed(self.visible.health.clone());
        let mut writer = self;
        while let Some(command) = writer.next_command() {
            match command {
                Command::Commit(waiting) => writer.commit_group(waiting),
                Command::Read { after, up_to, answer } => {
                    answer.send(writer.read(after, up_to)).ok();
                }
                Command::Close => break,
            }
        }
        info!(head = %writer.position.revision, "closing the store");
    }

    fn next_command(&mut self) -> Option<Command> {
        self.set_aside.pop_front().or_else(|| self.commands.blocking_recv())
    }

    /// Another change set that waits already. Anything else that waits keeps its place behind it.
    fn next_waiting(&mut self) -> Option<Waiting> {
        if !self.set_aside.is_empty() {
            return None;
        }
        match self.commands.try_recv() {
            Ok(Command::Commit(waiting)) => Some(waiting),
            Ok(other) => {
                self.set_aside.push_back(other);
                None
            }
            Err(_) => None,
        }
    }

    /// Check → durable → visible → announced → answered. The order is the whole point of this function; every promise
    /// about what a reader, a subscriber or a caller may see rests on it.
    fn commit_group(&mut self, first: Waiting) {
        if let Some(reason) = &self.poisoned {
            first.answer.send(Err(CommitError::Poisoned { reason: Arc::clone(reason) })).ok();
            return;
        }

        // Check: one after the other, each against what the ones before it did, on a copy that nobody sees.
        let mut group = Group::on(&self.visible.snapshot.load(), self.position);
        let mut next = Some(first);
        while let Some(waiting) = next.take() {
            let mut bench = Bench {
                log: &mut *self.log,
                remembered: &mut self.remembered,
                visible: &self.visible,
                clock: &self.clock,
                schemas: &self.schemas,
            };
            group.admit(waiting, &mut bench);
            if group.has_room() {
                next = self.next_waiting();
            }
        }

        if !group.sealed.is_empty() {
            // Durable: written and synced, or nobody hears of any of it.
            self.crash_points.reach("before_append");
            let started = self.clock.elapsed();
            if let Err(error) = self.log.append(&group.sealed) {
                self.poison(&error);
                self.refuse(group);
                return;
            }
            let micros = self.clock.elapsed().saturating_sub(started).as_micros();
            self.crash_points.reach("after_head_before_publish");
            self.position = group.position();

            // Visible: first the snapshot, then the records that led to it. `records_after` still hides them.
            self.visible.snapshot.store(Arc::new(group.working.clone()));
            {
                let mut recent = self.visible.recent.lock().unwrap_or_else(PoisonError::into_inner);
                for (record, sealed) in group.records.iter().zip(&group.sealed) {
                    recent.push(Arc::clone(record), sealed.bytes.len());
                }
            }

            // Announced: only now does the number move that everybody watches. Whoever sees it finds all of the above.
            self.visible.head.send_replace(self.position.revision);
            self.crash_points.reach("after_publish_before_answer");
            let micros = u64::try_from(micros).unwrap_or(u64::MAX);
            self.visible.counters.group(group.records.len(), micros, self.log.size());
            debug!(revision = %self.position.revision, records = group.records.len(), micros, "committed");
        }

        // Answered: last, so that whoever has an answer can read what it says. Rejections and dry runs waited as well,
        // because they may rest on changes of this group.
        for (answer, outcome) in group.answers {
            self.visible.counters.outcome(&outcome);
            answer.send(outcome).ok();
        }
    }

    /// Nobody in a group that failed may believe anything of it.
    fn refuse(&self, group: Group) {
        let reason = self.poisoned.clone().unwrap_or_default();
        for (answer, _) in group.answers {
            answer.send(Err(CommitError::Poisoned { reason: Arc::clone(&reason) })).ok();
        }
    }

    /// A second sync after a failed one proves nothing: the kernel may have dropped the pages. Hence no more writes
    /// until a restart reads back what is really there.
    fn poison(&mut self, error: &LogError) {
        let reason: Arc<str> = Arc::from(error.to_string());
        error!(dir = %self.log.dir().display(), head = %self.position.revision, %reason, "the store takes no more writes");
        self.poisoned = Some(Arc::clone(&reason));
        self.visible.health.send_replace(WriterHealth::Poisoned { reason });
    }

    /// Never beyond the head: a group that failed may have left something behind it.
    fn read(&mut self, after: Revision, up_to: Revision) -> Result<Vec<Bytes>, ReadError> {
        let up_to = up_to.min(self.position.revision);
        if after >= up_to {
            return Ok(Vec::new());
        }
        Ok(self.log.read(after, up_to, READ_BYTES_MAX)?)
    }
}

struct Closed(watch::Sender<WriterHealth>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.send_replace(WriterHealth::Closed);
    }
}
