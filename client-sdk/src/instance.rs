//! The name of an instance that was given none.

use std::{env, fs, process};

/// `host-pid`: what people look for in a list of connected instances. It need not be unique.
pub(crate) fn default_name() -> String {
    let host = env::var("HOSTNAME")
        .ok()
        .or_else(|| fs::read_to_string("/etc/hostname").ok())
        .map(|host| host.trim().to_owned())
        .filter(|host| !host.is_empty() && host.len() <= 200);
    format!("{}-{}", host.as_deref().unwrap_or("instance"), process::id())
}
