//! A sample of the contexts that flags were evaluated for, so that the server can say whom a change would concern.
//!
//! An evaluation pays for a countdown, and one in thousands for a copy. Nothing is kept that the next report does not
//! take, and nothing waits: a sample that somebody else is looking at is not added to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use mycelia_flags_core::context::Context;

use crate::limits::{SEEN_CONTEXTS_MAX, SEEN_INTERVAL_MAX};

/// Counts a thread's evaluations: often at the beginning, seldom later, so that a quiet service is seen as well.
#[derive(Debug)]
pub(crate) struct Turns {
    left: u32,
    interval: u32,
}

impl Default for Turns {
    fn default() -> Self {
        Self { left: 1, interval: 1 }
    }
}

impl Turns {
    /// Whether this evaluation's context is to be kept.
    #[inline]
    pub(crate) fn is_next(&mut self) -> bool {
        self.left -= 1;
        self.left == 0 && self.begin_again()
    }

    #[cold]
    fn begin_again(&mut self) -> bool {
        self.interval = self.interval.saturating_mul(4).min(SEEN_INTERVAL_MAX);
        self.left = self.interval;
        true
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct SeenContexts {
    switched_off: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    contexts: Vec<Context>,
    /// Where the next one goes when there is no more room.
    next: usize,
}

impl SeenContexts {
    /// Keeps nothing from now on.
    pub(crate) fn switch_off(&self) {
        self.switched_off.store(true, Ordering::Relaxed);
    }

    /// Keeps a context, unless somebody else is looking.
    #[cold]
    pub(crate) fn note(&self, context: &Context) {
        if self.switched_off.load(Ordering::Relaxed) || context.targeting_key().is_none() {
            return;
        }
        let Ok(mut kept) = self.kept.try_lock() else {
            return;
        };
        if kept.contexts.len() < SEEN_CONTEXTS_MAX {
            kept.contexts.push(context.clone());
            return;
        }
        let at = kept.next % SEEN_CONTEXTS_MAX;
        kept.next = at + 1;
        if let Some(place) = kept.contexts.get_mut(at) {
            *place = context.clone();
        }
    }

    /// Takes what was kept.
    pub(crate) fn take(&self) -> Vec<Context> {
        self.kept.lock().map(|mut kept| std::mem::take(&mut *kept).contexts).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_evaluations_are_seen_and_later_ones_seldom() {
        let mut turns = Turns::default();
        let seen: Vec<u32> = (1..=20_000).filter(|_| turns.is_next()).collect();
        assert_eq!(seen, [1, 5, 21, 85, 341, 1_365, 5_461, 9_557, 13_653, 17_749]);
    }

    #[test]
    fn a_full_sample_keeps_the_newest() {
        let seen = SeenContexts::default();
        for number in 0..SEEN_CONTEXTS_MAX + 3 {
            seen.note(&Context::new(&format!("user-{number}")));
        }
        seen.note(&Context::anonymous());
        let taken = seen.take();
        assert_eq!(taken.len(), SEEN_CONTEXTS_MAX);
        let newest = format!("user-{}", SEEN_CONTEXTS_MAX + 2);
        assert!(taken.iter().any(|context| context.targeting_key() == Some(&newest)));
        assert!(taken.iter().all(|context| context.targeting_key() != Some("user-1")));
        assert!(seen.take().is_empty());
        seen.switch_off();
        seen.note(&Context::new("ana"));
        assert!(seen.take().is_empty());
    }
}
