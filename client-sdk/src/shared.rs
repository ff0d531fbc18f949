//! What the driver writes and evaluations read. The driver replaces the state in force; evaluations never wait for it.
//!
//! Loading an `ArcSwap` costs about ten nanoseconds, as much as all the rest of a plain evaluation. So each thread keeps
//! the state that it saw last and compares one number: `generation` is moved after the state, and a thread that sees
//! the old number for a moment longer serves the state of that moment.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use mycelia_flags_core::compiled::CompiledFlag;
use mycelia_flags_core::context::Context;
use tokio::sync::watch;

use crate::change_log::{ChangeLog, Missed};
use crate::counts::{Counts, Tallies, Tally};
use crate::evaluate::Served;
use crate::observed::Observed;
use crate::reporter::Outbox;
use crate::seen::{SeenContexts, Turns};
use crate::state::{Changed, State};
use crate::status::{ClientState, Origin, Since, Standing, Status};

/// What listeners wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Head {
    /// The generation of the state in force.
    pub(crate) generation: u64,
    /// Whether nothing will follow.
    pub(crate) closed: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Tells clients of one process apart in the threads' caches.
    id: u64,
    generation: AtomicU64,
    state: ArcSwap<State>,
    standing: ArcSwap<Standing>,
    changes: Mutex<ChangeLog>,
    /// A sample of those for whom flags were evaluated.
    pub(crate) contexts: SeenContexts,
    /// How often.
    pub(crate) counts: Counts,
    /// What the service tells of its requests.
    pub(crate) observed: Observed,
    /// What was not told yet.
    pub(crate) outbox: Mutex<Outbox>,
    head: watch::Sender<Head>,
    status: watch::Sender<Status>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// Places in a thread's cache. A process has one client, seldom two.
const CACHED_CLIENTS: usize = 4;

struct Cached {
    id: u64,
    generation: u64,
    state: Arc<State>,
    turns: Turns,
    counting: bool,
    tallies: Tallies,
}

thread_local! {
    static CACHE: RefCell<[Option<Cached>; CACHED_CLIENTS]> = const { RefCell::new([None, None, None, None]) };
}

impl Shared {
    pub(crate) fn new(state: Arc<State>, standing: Standing, origin: Origin) -> Self {
        let shared = Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            generation: AtomicU64::new(state.generation),
            head: watch::Sender::new(Head { generation: state.generation, closed: false }),
            state: ArcSwap::new(state),
            standing: ArcSwap::from_pointee(standing),
            changes: Mutex::default(),
            contexts: SeenContexts::default(),
            counts: Counts::default(),
            observed: Observed::default(),
            outbox: Mutex::default(),
            status: watch::Sender::new(Status::new()),
        };
        shared.describe(origin);
        shared.status.send_modify(|status| match standing {
            _ if origin == Origin::Nothing => {}
            Standing::Live => status.state = ClientState::Ready,
            Standing::Cached(since) | Standing::Stale(since) => {
                status.state = ClientState::Stale;
                status.since = Some(since);
            }
        });
        shared
    }

    /// The number of the newest state.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Reads the state in force for a flag and a context. `read` answers, and says what it served.
    #[inline]
    pub(crate) fn read<R>(
        &self,
        key: &str,
        context: &Context,
        read: impl for<'s> Fn(&'s State, &str, &Context) -> (R, Served<'s>),
    ) -> R {
        let cached = self.with_cached(|held| {
            if held.turns.is_next() {
                self.contexts.note(context);
            }
            let (answer, served) = read(&held.state, key, context);
            if held.counting {
                match served {
                    Some((flag, ordinal)) => held.tallies.count(&self.counts, flag, ordinal),
                    None => self.counts.fall_back(key),
                }
            }
            answer
        });
        cached.unwrap_or_else(|| self.read_aside(key, context, read))
    }

    /// The same where the thread cannot keep a state.
    #[cold]
    fn read_aside<R>(
        &self,
        key: &str,
        context: &Context,
        read: impl for<'s> Fn(&'s State, &str, &Context) -> (R, Served<'s>),
    ) -> R {
        let state = self.state.load();
        let (answer, served) = read(&state, key, context);
        self.counts.count_aside(key, served);
        answer
    }

    #[inline]
    fn with_cached<R>(&self, look: impl FnOnce(&mut Cached) -> R) -> Option<R> {
        let newest = self.generation();
        let answer = CACHE.try_with(|cache| {
            // Borrowed already when `look` evaluates a flag itself; gone when the thread is ending.
            let mut cache = cache.try_borrow_mut().ok()?;
            let place = cache.get_mut(usize::try_from(self.id).unwrap_or(0) % CACHED_CLIENTS)?;
            let held = match place {
                Some(held) if held.id == self.id && held.generation >= newest => held,
                _ => self.fill(place),
            };
            Some(look(held))
        });
        answer.ok().flatten()
    }

    /// The counters stay when the state is another one: the same flags are in it, most of them.
    #[cold]
    fn fill<'p>(&self, place: &'p mut Option<Cached>) -> &'p mut Cached {
        let tallies = match place.take() {
            Some(held) if held.id == self.id => held.tallies,
            _ => Tallies::of_this_thread(&self.counts),
        };
        let state = self.state.load_full();
        place.insert(Cached {
            id: self.id,
            generation: state.generation,
            state,
            turns: Turns::default(),
            counting: self.counts.is_on(),
            tallies,
        })
    }

    /// Counts an evaluation where no counter is at hand.
    pub(crate) fn count(&self, flag: &CompiledFlag, ordinal: u32) {
        if !self.counts.is_on() {
            return;
        }
        let counted = self.with_cached(|held| held.tallies.count(&self.counts, flag, ordinal));
        if counted.is_none() {
            self.counts.count_aside(flag.key().as_str(), Some((flag, ordinal)));
        }
    }

    /// This thread's counters of a flag; none when there are too many.
    pub(crate) fn tally(&self, flag: &CompiledFlag) -> Option<Tally> {
        let tally = self.with_cached(|held| held.tallies.tally(&self.counts, flag));
        tally.unwrap_or_else(|| self.counts.lone_tally(flag))
    }

    /// The state in force, to keep.
    pub(crate) fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// What the reasons of evaluations depend on.
    pub(crate) fn standing(&self) -> Standing {
        **self.standing.load()
    }

    /// Puts a state into force, then tells.
    pub(crate) fn install(&self, state: Arc<State>, changed: Changed) {
        let generation = state.generation;
        debug_assert!(generation > self.generation(), "generations count up");
        {
            // Held for both: a listener that saw the number without the change would take it for told.
            let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
            self.state.store(state);
            self.generation.store(generation, Ordering::Release);
            changes.push(generation, changed);
        }
        self.describe(Origin::Server);
        self.head.send_modify(|head| head.generation = generation);
    }

    /// The state in force is the server's newest.
    pub(crate) fn live(&self) {
        self.standing.store(Arc::new(Standing::Live));
        self.status.send_if_modified(|status| {
            if status.state == ClientState::Closed {
                return false;
            }
            let news = status.state != ClientState::Ready || status.last_error.is_some();
            status.state = ClientState::Ready;
            status.last_error = None;
            status.since = None;
            news
        });
    }

    /// The server cannot confirm the state any more. `denied`: because it refuses this client.
    pub(crate) fn stale(&self, denied: bool) {
        let since = match self.standing() {
            Standing::Live => Since::now(),
            Standing::Cached(since) | Standing::Stale(since) => since,
        };
        self.standing.store(Arc::new(Standing::Stale(since)));
        let empty = self.generation() == 0;
        self.status.send_if_modified(|status| {
            if status.state == ClientState::Closed {
                return false;
            }
            let state = match (empty, denied) {
                (true, true) => ClientState::Error,
                (true, false) => ClientState::NotReady,
                (false, _) => ClientState::Stale,
            };
            let news = status.state != state;
            status.state = state;
            status.since = (!empty).then_some(since);
            news
        });
    }

    /// Nothing will follow.
    pub(crate) fn closed(&self) {
        if self.head.borrow().closed {
            return;
        }
        if self.generation() > 0 {
            self.stale(false);
        }
        self.status.send_modify(|status| status.state = ClientState::Closed);
        self.head.send_modify(|head| head.closed = true);
    }

    /// Changes what the status says beside the state.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(change);
    }

    pub(crate) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    pub(crate) fn watch_status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    pub(crate) fn watch_head(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    /// What a listener missed since its cursor.
    pub(crate) fn missed(&self, cursor: u64) -> Option<Missed> {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.after(cursor, self.generation())
    }

    fn describe(&self, origin: Origin) {
        let state = self.state();
        let broken = state.view.members().filter(|member| member.content.broken().is_some());
        let broken_flags = broken.count();
        self.status.send_modify(|status| {
            status.origin = origin;
            status.revision = state.revision().get();
            status.epoch = Arc::clone(&state.lineage.epoch);
            status.environment = Arc::clone(&state.lineage.environment);
            status.flags = state.flags();
            status.broken_flags = broken_flags;
        });
    }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_core::key::FlagKey;

    use super::*;

    /// A listener that looks between two steps of the driver must not take a change for told that it was not told of.
    #[test]
    fn no_change_is_missed_by_whoever_looks_while_it_comes() {
        const CHANGES: u64 = 50_000;
        let state = |generation| {
            let mut state = State::default();
            state.generation = generation;
            Arc::new(state)
        };
        let changed = Changed { whole: false, keys: Arc::from([FlagKey::new("dreams")]) };
        let shared = Shared::new(state(0), Standing::Live, Origin::Nothing);
        std::thread::scope(|scope| {
            scope.spawn(|| (1..=CHANGES).for_each(|number| shared.install(state(number), changed.clone())));
            let mut cursor = 0;
            while cursor < CHANGES {
                let Some(missed) = shared.missed(cursor) else { continue };
                // None is "any flag may have changed", where the log no longer goes back that far.
                let told = missed.changes.map(|changes| changes.len() as u64);
                assert!(
                    told.is_none_or(|told| told == missed.generation - cursor),
                    "{told:?} after {cursor}"
                );
                cursor = missed.generation;
            }
        });
    }
}
