//! Tells health what goes wrong below the edge: a writer that takes nothing any more, feeds that do not move.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::distribution::hub::Hub;
use crate::edge::health::HealthStatuses;
use crate::state::{Store, WriterHealth};

pub(super) async fn tell_health(store: Store, health: HealthStatuses, stopping: CancellationToken) {
    let mut writer = store.writer_health();
    let poisoned =
        async { writer.wait_for(|health| matches!(health, WriterHealth::Poisoned { .. })).await.is_ok() };
    let poisoned = tokio::select! {
        () = stopping.cancelled() => false,
        poisoned = poisoned => poisoned,
    };
    if poisoned {
        health.read_only().await;
    }
}

/// Feeds that do not follow the log for this long are stuck: the task that moves them has died, most likely.
const FEEDS_STUCK_AFTER: Duration = Duration::from_secs(30);

pub(super) async fn watch_feeds(hub: Arc<Hub>, health: HealthStatuses, stopping: CancellationToken) {
    let mut taken_in = hub.taken_in();
    let follows = async {
        loop {
            let before = *taken_in.borrow_and_update();
            tokio::time::sleep(FEEDS_STUCK_AFTER).await;
            if hub.is_behind() && *taken_in.borrow() == before {
                return;
            }
        }
    };
    if stopping.run_until_cancelled(follows).await.is_some() {
        error!("committed changes do not reach the subscribers: restart the server");
        health.stuck().await;
    }
}
