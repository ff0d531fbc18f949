//! The owner of every task of a client: its own, and those that tonic starts for a connection.

use std::future::Future;
use std::pin::Pin;

use hyper::rt::Executor;
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::limits::CLOSE_TIMEOUT;

/// See the module. When it is dropped, all tasks are asked to end.
#[derive(Debug)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        let stop = CancellationToken::new();
        Self { tracker: TaskTracker::new(), _stop_on_drop: stop.clone().drop_guard(), stop }
    }

    /// What tasks listen to.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Where tasks, and the connections' own tasks, are counted.
    pub(crate) fn tracker(&self) -> TaskTracker {
        self.tracker.clone()
    }

    /// Starts a task.
    pub(crate) fn spawn(&self, runtime: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn_on(task, runtime);
    }

    /// How many tasks there are.
    pub(crate) fn count(&self) -> usize {
        self.tracker.len()
    }

    /// Ends all tasks and waits for them, within a bound. Answers whether all have ended.
    pub(crate) async fn end(&self) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(CLOSE_TIMEOUT, self.tracker.wait()).await.is_ok()
    }
}

/// Lets tonic start its tasks where they are counted.
#[derive(Debug, Clone)]
pub(crate) struct TrackedExecutor(pub(crate) TaskTracker);

impl Executor<Pin<Box<dyn Future<Output = ()> + Send>>> for TrackedExecutor {
    fn execute(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.spawn(task);
    }
}
