//! Why a server does not start.

use std::net::SocketAddr;

use mycelia_flags_core::key::EnvironmentKey;

use crate::control::notifier::NotifyError;
use crate::edge::router::DescriptorsError;
use crate::edge::tls::TlsError;
use crate::state::OpenError;

/// A server could not start. Each names the setting that is to blame.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The thread that opens the store ended without an answer.
    #[error("the store could not be opened: its thread ended")]
    StoreThread,
    /// The default environment is not one of the store's.
    #[error("default environment {environment}: the store has only {}", environments.join(", "))]
    DefaultEnvironment {
        /// What was asked for.
        environment: EnvironmentKey,
        /// What there is.
        environments: Vec<String>,
    },
    /// An environment that browsers are to be served is not one of the store's.
    #[error("environment {environment} for browsers: the store has only {}", environments.join(", "))]
    BrowserEnvironment {
        /// What was asked for.
        environment: EnvironmentKey,
        /// What there is.
        environments: Vec<String>,
    },
    /// An environment that a token chooses is not one of the store's.
    #[error("environment {environment} of a selector token: the store has only {}", environments.join(", "))]
    TokenEnvironment {
        /// What was asked for.
        environment: EnvironmentKey,
        /// What there is.
        environments: Vec<String>,
    },
    /// Nobody could be told what happens.
    #[error(transparent)]
    Notify(#[from] NotifyError),
    /// Our own descriptors could not be read.
    #[error("descriptors: {0}")]
    Descriptors(#[from] DescriptorsError),
}
