//! A log in memory that a test can hold up and make fail.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change::Change;
use tokio::sync::{Semaphore, mpsc};

use super::{Revision, Store, clock};
use crate::state::crash_point::CrashPoints;
use crate::state::envelope::{Position, Sealed};
use crate::state::epoch::Epoch;
use crate::state::log::{Log, LogError, Sink};
use crate::state::memory_log::MemoryLog;
use crate::state::opening::{own_record, start};

/// A store on such a log, and what moves it.
pub(super) struct Switches {
    pub(super) gate: (Store, Gate),
    /// While true, every append stores its records and then says that it failed.
    pub(super) fail: Arc<AtomicBool>,
}

/// Holds up every append until it is opened for good.
pub(super) struct Gate {
    entered: tokio::sync::Mutex<mpsc::Receiver<()>>,
    open: Arc<Semaphore>,
}

impl Gate {
    /// Waits until the writer stands before the gate.
    pub(super) async fn entered(&self) {
        self.entered.lock().await.recv().await.unwrap();
    }

    pub(super) fn open(&self) {
        self.open.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

impl Drop for Gate {
    /// A test that fails must not leave the writer, and whoever waits for its end, before a closed gate.
    fn drop(&mut self) {
        if self.open.available_permits() == 0 {
            self.open();
        }
    }
}

pub(super) fn faulty() -> Switches {
    let mut inner = MemoryLog::new(Epoch::draw());
    let change = Change::CreateStore {
        bucketing: Generation::V3,
        environments: vec!["development".to_owned(), "production".to_owned()],
    };
    let genesis = own_record(&super::Snapshot::default(), "test", change, clock().now()).unwrap();
    inner.append(&[Sealed::seal(&genesis, Position::default())]).unwrap();
    let (enter, entered) = mpsc::channel(1_024);
    let open = Arc::new(Semaphore::new(0));
    let fail = Arc::new(AtomicBool::new(false));
    let log = FaultyLog { inner, enter, open: Arc::clone(&open), fail: Arc::clone(&fail) };
    let store = start(Box::new(log), None, clock(), CrashPoints::default()).unwrap();
    Switches { gate: (store, Gate { entered: tokio::sync::Mutex::new(entered), open }), fail }
}

struct FaultyLog {
    inner: MemoryLog,
    enter: mpsc::Sender<()>,
    open: Arc<Semaphore>,
    fail: Arc<AtomicBool>,
}

impl Log for FaultyLog {
    fn epoch(&self) -> Epoch {
        self.inner.epoch()
    }

    fn dir(&self) -> &Path {
        self.inner.dir()
    }

    fn confirmed(&self) -> Position {
        self.inner.confirmed()
    }

    fn replay(&mut self, sink: &mut Sink<'_>) -> Result<(), LogError> {
        self.inner.replay(sink)
    }

    fn settle(&mut self, head: Position) -> Result<(), LogError> {
        self.inner.settle(head)
    }

    fn append(&mut self, group: &[Sealed]) -> Result<(), LogError> {
        self.enter.try_send(()).ok();
        let waiting = Arc::clone(&self.open);
        let waiter = tokio::runtime::Builder::new_current_thread().build().unwrap();
        waiter.block_on(async move { waiting.acquire().await.unwrap().forget() });
        self.inner.append(group)?;
        if self.fail.load(Ordering::SeqCst) {
            return Err(LogError::Full { action: "writing to the log" });
        }
        Ok(())
    }

    fn read(&mut self, after: Revision, up_to: Revision, bytes: usize) -> Result<Vec<Bytes>, LogError> {
        self.inner.read(after, up_to, bytes)
    }

    fn size(&self) -> u64 {
        self.inner.size()
    }
}
