//! Waiting for conditions, never for time.

use std::future::Future;
use std::time::Duration;

/// How long a condition may take before the test gives up. Generous: it is only reached when something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until a condition holds, or panics with what was waited for.
#[track_caller]
pub(crate) fn eventually<F, Fut>(what: &str, mut holds: F) -> impl Future<Output = ()>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let caller = std::panic::Location::caller();
    async move {
        let wait = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "{caller}: never came: {what}");
    }
}

/// Waits for a future, or panics with what was waited for.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_elapsed) => panic!("never came: {what}"),
    }
}
