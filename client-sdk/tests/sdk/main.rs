//! The SDK against a server that does what a test tells it to, over real sockets.

#[cfg(test)]
mod close;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod evaluation;
#[cfg(test)]
mod fake_server;
#[cfg(test)]
mod reconnect;
#[cfg(test)]
mod stream;
