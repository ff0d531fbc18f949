//! Conditions, asked of moments that have passed: by the buckets that are left of them.
//!
//! A moment is looked at when its bucket is over, so that nobody knows what came later: the further back, the coarser. What
//! is not kept has no answer: how long a service was silent, and a window that is shorter than the buckets of its time.

use super::metric::Metric;
use super::question::{Control, Gathered, Purpose, Selection, lengths};
use super::ring::{PACES, Pace};
use super::window::Windows;
use crate::plan::metric_check::{Asked, MetricCheck};
use crate::revision::Timestamp;

/// When a condition can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looks {
    /// Since when windows as long as the condition's are kept, and somebody has reported; none when nobody has.
    pub held_from: Option<Timestamp>,
    /// The moments, in order: one for each bucket.
    pub moments: Vec<Timestamp>,
}

impl Windows {
    /// Gathers what a condition is asked of, at a moment that [`Self::looks`] has named.
    #[must_use]
    pub fn recorded(
        &mut self,
        check: &MetricCheck,
        asked: &Asked<'_>,
        control: Control<'_>,
        purpose: Purpose,
    ) -> Gathered {
        self.settle();
        let mut gathered = self.gather_at(check, asked, control, (asked.now, purpose));
        // Its bucket is over: there is no further one beside the window.
        gathered.window_steps = gathered.window_steps.saturating_sub(1);
        gathered.silence = None;
        gathered
    }

    /// The moments from one to another at which a condition can be asked.
    #[must_use]
    pub fn looks(&mut self, check: &MetricCheck, asked: &Asked<'_>, from: Timestamp) -> Looks {
        self.settle();
        let (window, sustained) = lengths(check);
        let length = window.saturating_add(sustained);
        let now = asked.now.min(self.newest);
        // The coarsest buckets that the window is made of.
        let place = PACES.iter().rposition(|pace| pace.step_seconds <= window).unwrap_or(0);
        let pace = Pace::at(place);
        let reach = pace.span_seconds().saturating_sub(length).max(0);
        let selection = Selection::of(check, asked);
        let oldest = match Metric::of(&check.metric) {
            // Whether a service was there is known of those too that have observed nothing of the flag.
            Metric::Uptime => self.asked(&selection).map(|(_, presence)| presence.since).min(),
            _ => {
                let rings = self.selected(&selection).filter_map(|(_, series)| series.rings.get(place));
                rings.filter_map(|ring| ring.iter().next().map(|(index, _)| pace.begin_of(*index))).min()
            }
        };
        let Some(oldest) = oldest else { return Looks { held_from: None, moments: Vec::new() } };
        let held_from = oldest.max(back(self.newest, reach));
        let mut moments = Vec::new();
        let mut begin = from.max(held_from);
        loop {
            let age = self.newest.unix_seconds().saturating_sub(begin.unix_seconds());
            let pace = Pace::at(Pace::reaching(length.saturating_add(age)));
            let next = pace.begin_of(pace.index_of(begin).saturating_add(1));
            if next > now {
                return Looks { held_from: Some(held_from), moments };
            }
            moments.push(Timestamp::from_unix_micros(next.unix_micros().saturating_sub(1)));
            begin = next;
        }
    }
}

const fn back(moment: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_unix_micros(moment.unix_micros().saturating_sub(seconds.saturating_mul(1_000_000)))
}
