//! What the server sends out into the world by itself: HTTP requests and mail. The only place that opens connections to
//! others.
//!
//! A connection is made for each message and ends with it. There are few of them, so that a pool would save nothing, and
//! no task outlives the request that needed it. What is deliberately absent: what is sent, and when.

pub mod http;
pub mod secret;
pub mod smtp;
pub mod tls;
