//! Distribution: who follows what, how far each one is, and who has applied what.
//!
//! Push by pulling: the writer moves one number, the head. The [`hub::Hub`] folds new records into the feed of each
//! scope, once, and moves the scope's own number; each [`subscription::Subscription`] wakes, compares its cursor with
//! it, and reads the encoded frames that it lacks. There is no queue of content for anybody.
//!
//! What is deliberately absent: gRPC (frames are opaque bytes from an [`encode::Encode`]), and any idea of who writes.

pub mod contract;
pub mod convergence;
pub mod encode;
pub mod feed;
pub mod hub;
pub mod limits;
pub mod reach;
pub mod registry;
pub mod scope;
pub mod subscription;
