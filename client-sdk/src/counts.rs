//! How often each variant of each flag was served.
//!
//! An evaluation may pay a few nanoseconds for it, which is less than an atomic addition takes when nobody else wants the
//! same number, and far less than when somebody does. So each thread has counters of its own: only it writes them, with a
//! plain load and a plain store, and whoever reports reads them and remembers how far they had come. A thread finds its
//! counter by the flag's place, a small number, and the variant by where its name lies in memory: no text is compared.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};

use mycelia_flags_core::compiled::CompiledFlag;
use mycelia_flags_core::key::{FlagKey, FoldedKey, VariantName};

use crate::limits::{COUNTERS_MAX, FALLBACK_FLAGS_MAX};
use crate::shared::Shared;

/// A thread's counter of one variant of one flag.
#[derive(Debug)]
pub(crate) struct Cell {
    flag: FlagKey,
    variant: VariantName,
    /// Written by one thread alone.
    count: AtomicU64,
    /// How far it had come when it was reported; the reporter's.
    told: AtomicU64,
}

impl Cell {
    #[inline]
    fn count(&self) {
        // Nobody else writes: a load and a store lose nothing.
        self.count.store(self.count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}

/// A thread's counters of one flag.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// A name keeps its text alive, so that no other one can come to lie in the same place.
    cells: Vec<(VariantName, Arc<Cell>)>,
}

impl Tally {
    /// Counts; false when the variant has no counter here yet.
    #[inline]
    pub(crate) fn count(&self, variant: &VariantName) -> bool {
        for (known, cell) in &self.cells {
            if known.is_same_text(variant) {
                cell.count();
                return true;
            }
        }
        false
    }

    /// Counts for the first time, or after the flag has changed.
    #[cold]
    pub(crate) fn begin(&mut self, variant: &VariantName, make: impl FnOnce() -> Option<Arc<Cell>>) {
        if let Some((known, cell)) = self.cells.iter_mut().find(|(known, _)| known == variant) {
            *known = variant.clone();
            cell.count();
            return;
        }
        if let Some(cell) = make() {
            cell.count();
            self.cells.push((variant.clone(), cell));
        }
    }

    fn cell(&self, variant: &VariantName) -> Option<Arc<Cell>> {
        self.cells.iter().find(|(known, _)| known == variant).map(|(_, cell)| Arc::clone(cell))
    }
}

/// A thread's counters of all flags, by the flags' places.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Vec<Tally>);

impl Tallies {
    /// Counts an evaluation.
    #[inline]
    pub(crate) fn count(&mut self, counts: &Counts, flag: &CompiledFlag, variant: &VariantName) {
        let place = usize::try_from(flag.place()).unwrap_or(0);
        if self.0.get(place).is_none_or(|tally| !tally.count(variant)) {
            self.begin(counts, flag, variant);
        }
    }

    #[cold]
    fn begin(&mut self, counts: &Counts, flag: &CompiledFlag, variant: &VariantName) {
        let make = || counts.cell(flag.key(), variant);
        if let Some(tally) = self.tally(counts, flag) {
            tally.begin(variant, make);
        }
    }

    /// The counter of a variant, made if there is none; none when there are too many.
    pub(crate) fn cell(
        &mut self,
        counts: &Counts,
        flag: &CompiledFlag,
        variant: &VariantName,
    ) -> Option<Arc<Cell>> {
        let tally = self.tally(counts, flag)?;
        if let Some(cell) = tally.cell(variant) {
            return Some(cell);
        }
        let cell = counts.cell(flag.key(), variant)?;
        tally.cells.push((variant.clone(), Arc::clone(&cell)));
        Some(cell)
    }

    fn tally(&mut self, counts: &Counts, flag: &CompiledFlag) -> Option<&mut Tally> {
        if flag.place() == 0 {
            flag.set_place(counts.place(flag.key()));
        }
        let place = usize::try_from(flag.place()).unwrap_or(0);
        if self.0.len() <= place {
            self.0.resize_with(place.saturating_add(1), Tally::default);
        }
        self.0.get_mut(place)
    }
}

/// Where an evaluation is counted.
#[derive(Debug)]
pub(crate) enum Counter<'c> {
    /// In the thread's counters of all flags.
    Thread(&'c mut Tallies, &'c Counts),
    /// In the counters of one flag that a thread has at hand.
    Flag(&'c mut Tally, &'c Shared),
    /// Where all threads can.
    Aside(&'c Counts),
}

impl Counter<'_> {
    /// Counts an evaluation.
    #[inline]
    pub(crate) fn count(&mut self, flag: &CompiledFlag, variant: &VariantName) {
        match self {
            Self::Thread(tallies, counts) => tallies.count(counts, flag, variant),
            Self::Flag(tally, shared) => {
                if !tally.count(variant) {
                    tally.begin(variant, || shared.cell(flag, variant));
                }
            }
            Self::Aside(counts) => counts.count_aside(flag.key(), variant),
        }
    }

    /// Counts an evaluation that serves the caller's default.
    #[cold]
    pub(crate) fn fall_back(&self, flag: &str) {
        let counts = match self {
            Self::Thread(_, counts) | Self::Aside(counts) => counts,
            Self::Flag(_, shared) => &shared.counts,
        };
        counts.fall_back(flag);
    }
}

/// What was counted of one flag and variant; no variant is the caller's default.
pub(crate) type Counted = BTreeMap<(FlagKey, Option<VariantName>), u64>;

/// The counters of all threads of a client.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    cells: Mutex<Vec<Arc<Cell>>>,
    /// Places count from 1: 0 is a flag that has none yet. A key keeps its place for ever.
    places: Mutex<HashMap<FoldedKey, u32>>,
    /// Evaluations that no thread could count by itself.
    others: Mutex<Counted>,
    /// Evaluations that served the caller's default.
    fallbacks: Mutex<BTreeMap<FlagKey, u64>>,
    dropped: AtomicU64,
}

impl Counts {
    fn place(&self, flag: &FlagKey) -> u32 {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let next = u32::try_from(places.len().saturating_add(1)).unwrap_or(u32::MAX);
        *places.entry(flag.folded()).or_insert(next)
    }

    /// A new counter for the thread that asks; none when there are too many.
    pub(crate) fn cell(&self, flag: &FlagKey, variant: &VariantName) -> Option<Arc<Cell>> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if cells.len() >= COUNTERS_MAX {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let (count, told) = (AtomicU64::new(0), AtomicU64::new(0));
        let cell = Arc::new(Cell { flag: flag.clone(), variant: variant.clone(), count, told });
        cells.push(Arc::clone(&cell));
        Some(cell)
    }

    /// Counts where a thread cannot by itself: when it is ending, or within another evaluation.
    #[cold]
    pub(crate) fn count_aside(&self, flag: &FlagKey, variant: &VariantName) {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let count = others.entry((flag.clone(), Some(variant.clone()))).or_default();
        *count = count.saturating_add(1);
    }

    /// Counts an evaluation that served the caller's default. Nobody waits: one that comes in between is dropped, and
    /// the number of these is told.
    #[cold]
    pub(crate) fn fall_back(&self, flag: &str) {
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
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.retain(|cell| {
            // Asked before the number is read: a thread that is gone by now has written its last.
            let is_in_use = Arc::strong_count(cell) > 1;
            fence(Ordering::Acquire);
            let count = cell.count.load(Ordering::Relaxed);
            let news = count.wrapping_sub(cell.told.load(Ordering::Relaxed));
            if news > 0 {
                cell.told.store(count, Ordering::Relaxed);
                let sum = counted.entry((cell.flag.clone(), Some(cell.variant.clone()))).or_default();
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
mod tests {
    use mycelia_flags_core::bucketing::Generation;
    use mycelia_flags_core::flag::{EffectiveFlag, Variant};
    use mycelia_flags_core::value::{FlagType, Value};

    use super::*;

    fn flag(key: &str) -> (CompiledFlag, VariantName, VariantName) {
        let (on, off) = (VariantName::new("on"), VariantName::new("off"));
        let variants = [(&on, true), (&off, false)]
            .map(|(name, value)| Variant { name: name.clone(), value: Value::Boolean(value) });
        let flag = EffectiveFlag::constant(FlagKey::new(key), FlagType::Boolean, Arc::from(variants), &on);
        (CompiledFlag::compile(&flag, Generation::V3).unwrap(), on, off)
    }

    fn told(counts: &Counts) -> Vec<(String, String, u64)> {
        let name =
            |variant: &Option<VariantName>| variant.as_ref().map_or("-".to_owned(), ToString::to_string);
        counts
            .take()
            .iter()
            .map(|((flag, variant), count)| (flag.to_string(), name(variant), *count))
            .collect()
    }

    fn row(flag: &str, variant: &str, count: u64) -> (String, String, u64) {
        (flag.to_owned(), variant.to_owned(), count)
    }

    #[test]
    fn threads_count_for_themselves_and_nothing_is_lost_when_they_end() {
        let counts = Counts::default();
        let (dreams, on, off) = flag("dreams");
        let (again, new_on, _) = flag("dreams");
        let (chat, ..) = flag("oracle.chat");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut tallies = Tallies::default();
                    for number in 0..10_000 {
                        tallies.count(&counts, &dreams, if number % 4 == 0 { &on } else { &off });
                        tallies.count(&counts, &chat, &on);
                        tallies.count(&counts, &again, &new_on);
                    }
                });
            }
        });
        let expected =
            [row("dreams", "off", 30_000), row("dreams", "on", 50_000), row("oracle.chat", "on", 40_000)];
        assert_eq!(told(&counts), expected);
        assert_eq!(told(&counts), [], "and what was told is told once");
        assert_eq!(counts.cells.lock().unwrap().len(), 0, "threads that are gone leave nothing behind");
        assert_eq!(dreams.place(), again.place(), "a flag that has changed keeps its place");
        assert_ne!(dreams.place(), chat.place());
    }

    #[test]
    fn reports_while_threads_count_add_up() {
        let counts = Counts::default();
        let (dreams, on, _) = flag("dreams");
        let sum = std::thread::scope(|scope| {
            let counting = scope.spawn(|| {
                let mut tallies = Tallies::default();
                (0..200_000).for_each(|_| tallies.count(&counts, &dreams, &on));
            });
            let mut sum = 0;
            while !counting.is_finished() {
                sum += counts.take().values().sum::<u64>();
            }
            sum + counts.take().values().sum::<u64>()
        });
        assert_eq!(sum, 200_000);
    }

    #[test]
    fn what_a_thread_cannot_count_is_counted_aside_within_bounds() {
        let counts = Counts::default();
        let on = VariantName::new("on");
        counts.count_aside(&FlagKey::new("dreams"), &on);
        counts.fall_back("dreams");
        counts.fall_back("dreams");
        counts.fall_back("no name");
        assert_eq!(told(&counts), [row("dreams", "-", 2), row("dreams", "on", 1)]);
        for number in 0..FALLBACK_FLAGS_MAX + 3 {
            counts.fall_back(&format!("flag-{number}"));
        }
        assert_eq!(
            (told(&counts).len(), counts.take_dropped(), counts.take_dropped()),
            (FALLBACK_FLAGS_MAX, 3, 0)
        );
    }
}
