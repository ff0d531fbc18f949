//! What every command of a client is given.

use mycelia_flags_proto::v1;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::terminal::{Terminal, View};

/// What the options mean, and where the output goes.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) settings: Settings,
    pub(crate) terminal: &'a Terminal,
}

impl<'a> Session<'a> {
    pub(crate) const fn new(settings: Settings, terminal: &'a Terminal) -> Self {
        Self { settings, terminal }
    }

    /// A connection to the configured server. Must be called on a runtime.
    pub(crate) fn connection(&self) -> Result<Connection, Failure> {
        Connection::new(&self.settings)
    }

    /// Shows an answer.
    pub(crate) fn show(&self, view: &impl View) -> Result<(), Failure> {
        self.terminal.show(view)
    }
}

/// Asks what the server is.
pub(crate) async fn status(connection: &Connection) -> Result<v1::GetStatusResponse, Failure> {
    connection.answer(connection.admin().get_status(v1::GetStatusRequest {})).await
}
