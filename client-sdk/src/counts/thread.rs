//! The counters of one thread, as whoever reports reads them.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, Weak};

use super::waiting::Waiting;

/// Counters in one piece. A flag's lie in one.
pub(super) const PER_CHUNK: usize = 128;

/// Counters that one thread alone writes.
#[derive(Debug)]
pub(super) struct Chunk([AtomicU64; PER_CHUNK]);

impl Default for Chunk {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; PER_CHUNK])
    }
}

impl Chunk {
    /// Nobody else writes: a load and a store lose nothing.
    #[inline(always)]
    pub(super) fn count(&self, number: usize) {
        if let Some(count) = self.0.get(number % PER_CHUNK) {
            count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
    }
}

/// Counters, and how much of them was reported.
#[derive(Debug)]
struct Piece {
    /// Its place among the pieces of all flags.
    index: usize,
    chunk: Arc<Chunk>,
    told: Box<[u64; PER_CHUNK]>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Thread {
    waiting: Arc<Waiting>,
    pieces: Vec<Piece>,
    owner: Weak<()>,
}

impl Thread {
    /// A thread without counters.
    pub(super) const fn new(waiting: Arc<Waiting>, owner: Weak<()>) -> Self {
        Self { waiting, pieces: Vec::new(), owner }
    }

    /// Whether it is the one of this owner.
    pub(super) fn is_of(&self, owner: &Arc<()>) -> bool {
        std::ptr::eq(self.owner.as_ptr(), Arc::as_ptr(owner))
    }

    /// Whether anybody may still write.
    pub(super) fn is_in_use(&self) -> bool {
        let is_in_use = self.owner.strong_count() > 0;
        // A thread that is gone by now has written its last, and what it wrote is seen from here on.
        fence(Ordering::Acquire);
        is_in_use
    }

    /// How many pieces there are.
    pub(super) const fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// Counters, made if there is room for them.
    pub(super) fn chunk(&mut self, index: usize, room: usize) -> Option<Arc<Chunk>> {
        if let Some(piece) = self.pieces.iter().find(|piece| piece.index == index) {
            return Some(Arc::clone(&piece.chunk));
        }
        (room > 0).then(|| {
            let chunk = Arc::<Chunk>::default();
            self.pieces.push(Piece { index, chunk: Arc::clone(&chunk), told: Box::new([0; PER_CHUNK]) });
            chunk
        })
    }

    /// The numbers that were counted since this was asked last, and how often. Of a thread that is evaluating now, the
    /// last few may be told the next time.
    /// There may be `room` more pieces: what waits may have none yet.
    pub(super) fn take(&mut self, room: &mut usize, mut tell: impl FnMut(usize, u64)) {
        let seen = self.waiting.see();
        for number in seen.iter().flat_map(|seen| &seen.numbers) {
            let before = self.pieces.len();
            self.chunk(usize::try_from(*number).unwrap_or(usize::MAX) / PER_CHUNK, *room);
            *room = room.saturating_sub(self.pieces.len() - before);
        }
        let read = |piece: &Piece| piece.chunk.0.each_ref().map(|count| count.load(Ordering::Relaxed));
        let mut sums: Vec<[u64; PER_CHUNK]> = self.pieces.iter().map(read).collect();
        // Added up meanwhile, they might be in the sums already.
        if let Some(seen) = seen.filter(|seen| self.waiting.is_still(seen)) {
            for number in seen.numbers {
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                let place = self.pieces.iter().position(|piece| piece.index == number / PER_CHUNK);
                let sum = place.and_then(|place| sums.get_mut(place)?.get_mut(number % PER_CHUNK));
                if let Some(sum) = sum {
                    *sum = sum.wrapping_add(1);
                }
            }
        }
        for (piece, sums) in self.pieces.iter_mut().zip(sums) {
            let first = piece.index.saturating_mul(PER_CHUNK);
            for ((number, sum), told) in (first..).zip(sums).zip(piece.told.iter_mut()) {
                // What was told while it waited may be missing from the sum until it is added up.
                let news = sum.saturating_sub(*told);
                if news > 0 {
                    *told = sum;
                    tell(number, news);
                }
            }
        }
    }
}
