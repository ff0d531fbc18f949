//! How often each variant of each flag was served.
//!
//! An evaluation may pay a few nanoseconds for it, which is less than an atomic addition takes when nobody else wants the
//! same number, and far less than when somebody does. So each thread has counters of its own: only it writes them, with a
//! plain load and a plain store, and whoever reports reads them and remembers how far they had come. A variant of a flag
//! has a number, which is the flag's place and the variant's ordinal added up, and a thread finds its counter by that
//! number alone: nothing is compared. An evaluation by key writes the number down, and every 64th adds them up: see
//! [`waiting`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mycelia_flags_core::compiled::CompiledFlag;
use mycelia_flags_core::key::{FlagKey, VariantName};

use crate::evaluate::Served;
use crate::limits::{COUNTER_CHUNKS_MAX, COUNTERS_MAX, FALLBACK_FLAGS_MAX};

mod numbers;
mod thread;
mod waiting;

use numbers::Numbers;
use thread::{Chunk, PER_CHUNK, Thread};
use waiting::Waiting;

/// No number is as large as this, but for those of flags without a place.
const NUMBERS_END: u32 = 1 << 18;
const _: () = assert!(NUMBERS_END as usize == COUNTERS_MAX && NUMBERS_END < CompiledFlag::UNPLACED);

/// A variant's number. Out of all reach while the flag has no place.
#[inline(always)]
fn number(flag: &CompiledFlag, ordinal: u32) -> u32 {
    flag.place().wrapping_add(ordinal)
}

/// Where the counter of a number is: in which piece, and for that piece to find it, the number.
fn place(number: u32) -> (usize, usize) {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    (number / PER_CHUNK, number)
}

/// A thread's counters of one flag.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    chunk: Arc<Chunk>,
    place: usize,
    /// The counters are in use for as long as somebody has this.
    _owner: Arc<()>,
}

impl Tally {
    /// Counts an evaluation.
    #[inline(always)]
    pub(crate) fn count(&self, ordinal: u32) {
        self.chunk.count(self.place.wrapping_add(usize::try_from(ordinal).unwrap_or(0)));
    }
}

/// A thread's counters of all flags, by number.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    chunks: Vec<Option<Arc<Chunk>>>,
    waiting: Arc<Waiting>,
    /// Whether anybody reads them.
    is_heard: bool,
    owner: Arc<()>,
}

impl Tallies {
    /// None yet, of a thread that is about to count; what it counts is reported from now on.
    pub(crate) fn of_this_thread(counts: &Counts) -> Self {
        let mut tallies = Self::default();
        tallies.is_heard = counts.is_on() && counts.register(&tallies.waiting, &tallies.owner);
        if !tallies.is_heard {
            tallies.waiting.close();
        }
        tallies
    }

    /// Counts an evaluation.
    #[inline(always)]
    pub(crate) fn count(&mut self, counts: &Counts, flag: &CompiledFlag, ordinal: u32) {
        let number = number(flag, ordinal);
        if number >= NUMBERS_END {
            self.count_unplaced(counts, flag, ordinal);
        } else if self.waiting.push(number) {
            self.add_up(counts);
        }
    }

    #[cold]
    #[inline(never)]
    fn count_unplaced(&mut self, counts: &Counts, flag: &CompiledFlag, ordinal: u32) {
        match self.tally(counts, flag) {
            Some(tally) => tally.count(ordinal),
            None => counts.drop_one(),
        }
    }

    #[inline(never)]
    fn add_up(&mut self, counts: &Counts) {
        let Self { chunks, waiting, owner, is_heard } = self;
        if !*is_heard {
            waiting.close();
            return counts.drop_one();
        }
        waiting.add_up(|number| {
            let (index, number) = place(number);
            match chunk(chunks, index, || counts.counters(index, waiting, owner)) {
                Some(chunk) => chunk.count(number),
                None => counts.drop_one(),
            }
        });
    }

    /// The counters of a flag, made if there are none; none when there are too many.
    pub(crate) fn tally(&mut self, counts: &Counts, flag: &CompiledFlag) -> Option<Tally> {
        let place = counts.place(flag)?;
        let index = place / PER_CHUNK;
        let Self { chunks, waiting, owner, .. } = self;
        let chunk = chunk(chunks, index, || counts.counters(index, waiting, owner))?;
        Some(Tally { chunk: Arc::clone(chunk), place, _owner: Arc::clone(owner) })
    }
}

/// A piece of a thread's counters, made if there is none.
fn chunk(
    chunks: &mut Vec<Option<Arc<Chunk>>>,
    index: usize,
    make: impl FnOnce() -> Option<Arc<Chunk>>,
) -> Option<&Arc<Chunk>> {
    if chunks.len() <= index {
        chunks.resize_with(index.saturating_add(1), Default::default);
    }
    let chunk = chunks.get_mut(index)?;
    if chunk.is_none() {
        *chunk = make();
    }
    chunk.as_ref()
}

/// What was counted of one flag and variant; no variant is the caller's default.
pub(crate) type Counted = BTreeMap<(FlagKey, Option<VariantName>), u64>;

/// How many more pieces there may be.
fn room(threads: &[Thread]) -> usize {
    COUNTER_CHUNKS_MAX.saturating_sub(threads.iter().map(Thread::pieces).sum())
}

/// The counters of all threads of a client.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    switched_off: AtomicBool,
    threads: Mutex<Vec<Thread>>,
    numbers: Mutex<Numbers>,
    /// Evaluations that no thread could count by itself.
    others: Mutex<Counted>,
    /// Evaluations that served the caller's default.
    fallbacks: Mutex<BTreeMap<FlagKey, u64>>,
    dropped: AtomicU64,
}

impl Counts {
    /// Counts nothing from now on. Threads that have evaluated already go on until the state changes.
    pub(crate) fn switch_off(&self) {
        self.switched_off.store(true, Ordering::Relaxed);
    }

    /// Whether evaluations are counted.
    pub(crate) fn is_on(&self) -> bool {
        !self.switched_off.load(Ordering::Relaxed)
    }

    /// The flag's place, given to it when it has none yet; none when there are too many flags.
    fn place(&self, flag: &CompiledFlag) -> Option<usize> {
        if flag.place() == CompiledFlag::UNPLACED {
            let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
            flag.set_place(numbers.place(flag)?);
        }
        usize::try_from(flag.place()).ok()
    }

    /// Lets what a thread counts be reported; false when there are too many.
    fn register(&self, waiting: &Arc<Waiting>, owner: &Arc<()>) -> bool {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = threads.len() < COUNTER_CHUNKS_MAX;
        if has_room {
            threads.push(Thread::new(Arc::clone(waiting), Arc::downgrade(owner)));
        }
        has_room
    }

    /// Counters of a thread; none when there are too many.
    fn counters(&self, index: usize, waiting: &Arc<Waiting>, owner: &Arc<()>) -> Option<Arc<Chunk>> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let room = room(&threads);
        if let Some(thread) = threads.iter_mut().find(|thread| thread.is_of(owner)) {
            return thread.chunk(index, room);
        }
        let mut thread = Thread::new(Arc::clone(waiting), Arc::downgrade(owner));
        let chunk = thread.chunk(index, room)?;
        threads.push(thread);
        Some(chunk)
    }

    /// Counters of its own, where a thread's are not at hand; none when there are too many.
    pub(crate) fn lone_tally(&self, flag: &CompiledFlag) -> Option<Tally> {
        Tallies::default().tally(self, flag)
    }

    /// An evaluation could not be counted.
    pub(crate) fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts where a thread cannot by itself: when it is ending, or within another evaluation.
    #[cold]
    pub(crate) fn count_aside(&self, key: &str, served: Served<'_>) {
        if !self.is_on() {
            return;
        }
        let Some((flag, ordinal)) = served else {
            return self.fall_back(key);
        };
        let Some((_, variant)) = flag.servable().find(|(known, _)| *known == ordinal) else {
            return;
        };
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let count = others.entry((flag.key().clone(), Some(variant.clone()))).or_default();
        *count = count.saturating_add(1);
    }

    /// Counts an evaluation that served the caller's default. Nobody waits: one that comes in between is dropped, and
    /// the number of these is told.
    #[cold]
    pub(crate) fn fall_back(&self, flag: &str) {
        if !self.is_on() {
            return;
        }
        let counted = self.fallbacks.try_lock().is_ok_and(|mut fallbacks| {
            let has_room = fallbacks.len() < FALLBACK_FLAGS_MAX;
            match fallbacks.get_mut(flag) {
                Some(count) => *count = count.saturating_add(1),
                None if has_room => drop(fallbacks.insert(FlagKey::new(flag), 1)),
                None => return false,
            }
            true
        });
        if !counted {
            self.drop_one();
        }
    }

    /// What was counted since this was asked last.
    pub(crate) fn take(&self) -> Counted {
        let mut counted = std::mem::take(&mut *self.others.lock().unwrap_or_else(PoisonError::into_inner));
        let fallbacks = std::mem::take(&mut *self.fallbacks.lock().unwrap_or_else(PoisonError::into_inner));
        // A name that is none is the caller's mistake, and no flag.
        let named = fallbacks.into_iter().filter(|(flag, _)| FlagKey::parse(flag.as_str()).is_ok());
        counted.extend(named.map(|(flag, count)| ((flag, None), count)));
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = room(&threads);
        threads.retain_mut(|thread| {
            // Asked before the numbers are read.
            let is_in_use = thread.is_in_use();
            thread.take(&mut room, |number, news| {
                if let Some((flag, variant)) = numbers.meaning(number) {
                    let sum = counted.entry((flag.clone(), Some(variant.clone()))).or_default();
                    *sum = sum.saturating_add(news);
                }
            });
            is_in_use
        });
        counted
    }

    /// How many evaluations could not be counted since this was asked last.
    pub(crate) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
