//! What is told and is in no record: what the server notices of its surroundings. In memory, the newest ones.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use mycelia_flags_core::event::Event;
use tokio::sync::watch;

use super::notice::Notice;

/// How many are kept for a target that is behind. Older ones are gone for it: they are of the past, and their state can
/// be asked for.
const ALARMS_MAX: usize = 256;

/// An event with its notice.
pub(super) type Alarm = (Event, Notice);

/// The newest alarms. Each has a number; whoever reads remembers the last one that it has had.
#[derive(Debug)]
pub(super) struct Alarms {
    newest: watch::Sender<u64>,
    kept: Mutex<VecDeque<Arc<Alarm>>>,
}

impl Default for Alarms {
    fn default() -> Self {
        Self { newest: watch::Sender::new(0), kept: Mutex::default() }
    }
}

impl Alarms {
    pub(super) fn raise(&self, event: Event, notice: Notice) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(Arc::new((event, notice)));
        if kept.len() > ALARMS_MAX {
            kept.pop_front();
        }
        self.newest.send_modify(|newest| *newest += 1);
    }

    /// The number of the newest one, and word of each new one.
    pub(super) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Those after a number, and the number of the last one of them.
    pub(super) fn after(&self, heard: u64) -> (Vec<Arc<Alarm>>, u64) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = *self.newest.borrow();
        let unheard = usize::try_from(newest.saturating_sub(heard)).unwrap_or(usize::MAX).min(kept.len());
        (kept.iter().skip(kept.len() - unheard).cloned().collect(), newest)
    }
}
