//! Which router answers now: while the store is being loaded one that only tells its health, afterwards the whole one.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;

/// The router of the moment.
#[derive(Debug)]
pub struct Gate {
    router: ArcSwap<Router>,
}

impl Gate {
    /// Begins with a router.
    #[must_use]
    pub fn new(router: Router) -> Arc<Self> {
        Arc::new(Self { router: ArcSwap::from_pointee(router) })
    }

    /// Goes over to another router: for every request from now on, on open connections too.
    pub fn open(&self, router: Router) {
        self.router.store(Arc::new(router));
    }

    /// The router of the moment.
    pub fn router(&self) -> Router {
        Router::clone(&self.router.load())
    }
}
