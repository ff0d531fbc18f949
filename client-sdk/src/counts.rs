//! How often each variant of each flag was served.
//!
//! An evaluation may pay a few nanoseconds for it, which is less than an atomic addition takes when nobody else wants the
//! same number, and far less than when somebody does. So each thread has counters of its own: only it writes them, with a
//! plain load and a plain store, and whoever reports reads them and remembers how far they had come. A thread finds its
//! counters by the flag's place, a small number, in two rows: names, which are compared by where they lie in memory, and
//! counts beside each other. No text is compared, and nothing that is found depends on what was found before.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use mycelia_flags_core::compiled::CompiledFlag;
use mycelia_flags_core::key::{FlagKey, FoldedKey, VariantName};

use crate::evaluate::Served;
use crate::limits::{COUNTERS_MAX, FALLBACK_FLAGS_MAX};

/// Flags whose counters lie in one piece.
const FLAGS_PER_CHUNK: usize = 64;

/// Variants of a flag that are found by its place; further ones are looked for.
const VARIANTS: usize = 2;

/// Counters that one thread alone writes.
#[derive(Debug)]
struct Chunk([AtomicU64; FLAGS_PER_CHUNK * VARIANTS]);

impl Default for Chunk {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; FLAGS_PER_CHUNK * VARIANTS])
    }
}

/// Nobody else writes: a load and a store lose nothing.
#[inline]
fn bump(count: &AtomicU64) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// A thread's counter of one variant of one flag.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    chunk: Arc<Chunk>,
    index: usize,
    /// The counter is in use for as long as somebody has this.
    owner: Arc<()>,
}

impl Cell {
    #[inline]
    fn count(&self) {
        self.chunk.0.get(self.index).into_iter().for_each(bump);
    }
}

/// A thread's counters of one flag.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// A name keeps its text alive, so that no other one can come to lie in the same place.
    cells: [Option<(VariantName, Cell)>; VARIANTS],
    /// Of flags that serve more variants.
    further: Vec<(VariantName, Cell)>,
}

impl Tally {
    /// Counts; false when the variant has no counter at hand.
    #[inline]
    pub(crate) fn count(&self, variant: &VariantName) -> bool {
        for (known, cell) in self.cells.iter().flatten() {
            if known.is_same_text(variant) {
                cell.count();
                return true;
            }
        }
        false
    }

    /// Counts for the first time, or after the flag has changed, or one of many variants.
    #[cold]
    pub(crate) fn begin(&mut self, variant: &VariantName, make: impl FnOnce() -> Option<Cell>) {
        let mut known = self.cells.iter_mut().flatten().chain(&mut self.further);
        if let Some((known, cell)) = known.find(|(known, _)| known == variant) {
            *known = variant.clone();
            cell.count();
        } else if let Some(cell) = make() {
            cell.count();
            let entry = (variant.clone(), cell);
            match self.cells.iter_mut().find(|place| place.is_none()) {
                Some(place) => *place = Some(entry),
                None => self.further.push(entry),
            }
        }
    }
}

/// A thread's counters of all flags, by the flags' places.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    names: Vec<[Option<VariantName>; VARIANTS]>,
    chunks: Vec<Arc<Chunk>>,
    /// Of flags that serve more variants.
    further: HashMap<usize, Vec<(VariantName, Cell)>>,
    owner: Arc<()>,
}

impl Tallies {
    /// Counts an evaluation.
    #[inline]
    pub(crate) fn count(&mut self, counts: &Counts, flag: &CompiledFlag, variant: &VariantName) {
        let place = place_of(flag);
        if let (Some(names), Some(chunk)) = (self.names.get(place), self.chunks.get(place / FLAGS_PER_CHUNK))
        {
            let index = place % FLAGS_PER_CHUNK * VARIANTS;
            for (ordinal, name) in names.iter().enumerate() {
                if name.as_ref().is_some_and(|name| name.is_same_text(variant)) {
                    chunk.0.get(index + ordinal).into_iter().for_each(bump);
                    return;
                }
            }
        }
        self.begin(counts, flag, variant);
    }

    #[cold]
    fn begin(&mut self, counts: &Counts, flag: &CompiledFlag, variant: &VariantName) {
        if self.further.get(&place_of(flag)).is_some_and(|further| count_in(further, variant)) {
            return;
        }
        if let Some(cell) = self.cell(counts, flag, variant) {
            cell.count();
        }
    }

    /// The counter of a variant, made if there is none; none when there are too many.
    pub(crate) fn cell(
        &mut self,
        counts: &Counts,
        flag: &CompiledFlag,
        variant: &VariantName,
    ) -> Option<Cell> {
        if flag.place() == 0 {
            flag.set_place(counts.place(flag.key()));
        }
        let place = place_of(flag);
        if self.names.len() <= place {
            self.names.resize_with(place.saturating_add(1), Default::default);
            self.chunks.resize_with(place / FLAGS_PER_CHUNK + 1, Default::default);
        }
        let chunk = Arc::clone(self.chunks.get(place / FLAGS_PER_CHUNK)?);
        let names = self.names.get_mut(place)?;
        let free = names.iter().position(Option::is_none);
        let known = names.iter().position(|name| name.as_ref() == Some(variant));
        let owner = &self.owner;
        if let Some(ordinal) = known.or(free) {
            let index = place % FLAGS_PER_CHUNK * VARIANTS + ordinal;
            let cell = Cell { chunk, index, owner: Arc::clone(owner) };
            if known.is_none() && !counts.register(flag.key(), variant, &cell) {
                return None;
            }
            // A flag that has changed has other names, of the same text.
            *names.get_mut(ordinal)? = Some(variant.clone());
            return Some(cell);
        }
        let further = self.further.entry(place).or_default();
        if let Some((known, cell)) = further.iter_mut().find(|(known, _)| known == variant) {
            *known = variant.clone();
            return Some(cell.clone());
        }
        let cell = Cell { chunk: Arc::default(), index: 0, owner: Arc::clone(owner) };
        let registered = counts.register(flag.key(), variant, &cell);
        registered.then(|| {
            further.push((variant.clone(), cell.clone()));
            cell
        })
    }
}

fn place_of(flag: &CompiledFlag) -> usize {
    usize::try_from(flag.place()).unwrap_or(0)
}

/// Counts with the counter of a variant; false when there is none.
fn count_in(cells: &[(VariantName, Cell)], variant: &VariantName) -> bool {
    let cell = cells.iter().find(|(known, _)| known.is_same_text(variant));
    cell.into_iter().for_each(|(_, cell)| cell.count());
    cell.is_some()
}

/// What was counted of one flag and variant; no variant is the caller's default.
pub(crate) type Counted = BTreeMap<(FlagKey, Option<VariantName>), u64>;

/// A counter, for whoever reports.
#[derive(Debug)]
struct Registered {
    flag: FlagKey,
    variant: VariantName,
    chunk: Arc<Chunk>,
    index: usize,
    /// How far it had come when it was reported.
    told: u64,
    owner: Weak<()>,
}

/// The counters of all threads of a client.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    switched_off: AtomicBool,
    registered: Mutex<Vec<Registered>>,
    /// Places count from 1: 0 is a flag that has none yet. A key keeps its place for ever.
    places: Mutex<HashMap<FoldedKey, u32>>,
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

    fn place(&self, flag: &FlagKey) -> u32 {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let next = u32::try_from(places.len().saturating_add(1)).unwrap_or(u32::MAX);
        *places.entry(flag.folded()).or_insert(next)
    }

    /// Lets a counter be reported; false when there are too many.
    fn register(&self, flag: &FlagKey, variant: &VariantName, cell: &Cell) -> bool {
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        if registered.len() >= COUNTERS_MAX {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let Cell { chunk, index, owner } = cell;
        registered.push(Registered {
            flag: flag.clone(),
            variant: variant.clone(),
            chunk: Arc::clone(chunk),
            index: *index,
            told: 0,
            owner: Arc::downgrade(owner),
        });
        true
    }

    /// A counter of its own, where a thread's are not at hand; none when there are too many.
    pub(crate) fn lone_cell(&self, flag: &FlagKey, variant: &VariantName) -> Option<Cell> {
        let cell = Cell { chunk: Arc::default(), index: 0, owner: Arc::default() };
        self.register(flag, variant, &cell).then_some(cell)
    }

    /// Counts where a thread cannot by itself: when it is ending, or within another evaluation.
    #[cold]
    pub(crate) fn count_aside(&self, key: &str, served: Served<'_>) {
        if !self.is_on() {
            return;
        }
        let Some((flag, variant)) = served else {
            return self.fall_back(key);
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
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was counted since this was asked last.
    pub(crate) fn take(&self) -> Counted {
        let mut counted = std::mem::take(&mut *self.others.lock().unwrap_or_else(PoisonError::into_inner));
        let fallbacks = std::mem::take(&mut *self.fallbacks.lock().unwrap_or_else(PoisonError::into_inner));
        // A name that is none is the caller's mistake, and no flag.
        let named = fallbacks.into_iter().filter(|(flag, _)| FlagKey::parse(flag.as_str()).is_ok());
        counted.extend(named.map(|(flag, count)| ((flag, None), count)));
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.retain_mut(|counter| {
            // Asked before the number is read: a thread that is gone by now has written its last.
            let is_in_use = counter.owner.strong_count() > 0;
            fence(Ordering::Acquire);
            let count = counter.chunk.0.get(counter.index).map_or(0, |count| count.load(Ordering::Relaxed));
            let news = count.wrapping_sub(counter.told);
            if news > 0 {
                counter.told = count;
                let sum = counted.entry((counter.flag.clone(), Some(counter.variant.clone()))).or_default();
                *sum = sum.saturating_add(news);
            }
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
