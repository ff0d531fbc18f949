//! What a thread has served and not added to its counters yet.
//!
//! Where a counter lies is known only when the flag has been read. A processor that is to write it knows nothing about
//! what it reads next until then, and so begins on the next evaluation later: that took ten nanoseconds of one among a
//! thousand flags. So a thread writes one number after the other down, and adds them up when there is no more room.

use std::sync::atomic::{AtomicU32, Ordering, fence};

/// Numbers that a thread writes down before it adds them up.
pub(super) const WAITING_MAX: usize = 64;

/// See the module. One thread writes; whoever reports reads. Alone in its lines of memory.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Waiting {
    /// How often was added up, twice; odd while it is done.
    round: AtomicU32,
    length: AtomicU32,
    numbers: [AtomicU32; WAITING_MAX],
}

impl Default for Waiting {
    fn default() -> Self {
        let numbers = [const { AtomicU32::new(0) }; WAITING_MAX];
        Self { round: AtomicU32::new(0), length: AtomicU32::new(0), numbers }
    }
}

/// What waited at some moment.
#[derive(Debug)]
pub(super) struct Seen {
    round: u32,
    pub(super) numbers: Vec<u32>,
}

impl Waiting {
    /// Writes a number down. True when there is no more room: then it is to be added up.
    #[inline(always)]
    pub(super) fn push(&self, number: u32) -> bool {
        let length = self.length.load(Ordering::Relaxed);
        if let Some(place) = self.numbers.get(usize::try_from(length).unwrap_or(0)) {
            place.store(number, Ordering::Relaxed);
        }
        let length = length.wrapping_add(1);
        self.length.store(length, Ordering::Release);
        usize::try_from(length).is_ok_and(|length| length >= WAITING_MAX)
    }

    /// Leaves no room for anything: whoever pushes is told that it is full, and nothing is written down.
    pub(super) fn close(&self) {
        self.length.store(u32::try_from(WAITING_MAX).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Hands every number to `count`, after which none waits.
    pub(super) fn add_up(&self, count: impl FnMut(u32)) {
        let round = self.round.load(Ordering::Relaxed);
        self.round.store(round.wrapping_add(1), Ordering::Relaxed);
        // Whoever sees a counter that is written below sees that the round was another one, too.
        fence(Ordering::Release);
        self.written().for_each(count);
        self.length.store(0, Ordering::Relaxed);
        self.round.store(round.wrapping_add(2), Ordering::Release);
    }

    fn written(&self) -> impl Iterator<Item = u32> {
        let length = usize::try_from(self.length.load(Ordering::Acquire)).unwrap_or(0);
        self.numbers.iter().take(length).map(|number| number.load(Ordering::Relaxed))
    }

    /// What waits; none while it is being added up. Good only if [`Self::is_still`] says so after the counters were read.
    pub(super) fn see(&self) -> Option<Seen> {
        let round = self.round.load(Ordering::Acquire);
        round.is_multiple_of(2).then(|| Seen { round, numbers: self.written().collect() })
    }

    /// Whether nothing has been added up since.
    pub(super) fn is_still(&self, seen: &Seen) -> bool {
        fence(Ordering::Acquire);
        self.round.load(Ordering::Relaxed) == seen.round
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_good_until_it_is_added_up() {
        let waiting = Waiting::default();
        assert!(!waiting.push(7) && !waiting.push(9));
        let seen = waiting.see().unwrap();
        assert_eq!(seen.numbers, [7, 9]);
        waiting.push(11);
        assert!(waiting.is_still(&seen), "what came later is told later");
        let mut counted = Vec::new();
        waiting.add_up(|number| {
            counted.push(number);
            assert!(waiting.see().is_none());
        });
        assert_eq!(counted, [7, 9, 11]);
        assert!(!waiting.is_still(&seen));
        assert!(waiting.see().unwrap().numbers.is_empty());
    }

    #[test]
    fn there_is_room_for_so_many_and_not_more() {
        let waiting = Waiting::default();
        let full: Vec<bool> = (0..64).map(|number| waiting.push(number)).collect();
        assert_eq!(full.iter().position(|is_full| *is_full), Some(WAITING_MAX - 1));
    }
}
