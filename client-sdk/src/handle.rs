//! A flag that is asked for often: found once, and again only after the state has changed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mycelia_flags_core::compiled::Slot;
use mycelia_flags_core::context::Context;
use mycelia_flags_core::flag::Variant;
use mycelia_flags_core::value::Value;

use crate::client::Client;
use crate::counts::Tally;
use crate::evaluate::{self, Object, Read};
use crate::observed::{Event, Observation};
use crate::seen::Turns;
use crate::state::State;

/// One flag of a client, for hot paths. From [`Client::flag`].
///
/// Each thread remembers where the flag is, so that an evaluation costs a comparison of two numbers instead of a look
/// into the table of all flags. The flag need not exist: the caller's default is served until it does. A handle keeps
/// its client connected, and is cheap to clone.
#[derive(Debug, Clone)]
pub struct FlagHandle {
    client: Client,
    key: Arc<str>,
    id: u64,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// Places in a thread's cache. Two handles of the same place take turns, at the price of a look into the table.
const CACHED_HANDLES: usize = 64;

/// What a thread knows of a handle. From one line of memory on: what every evaluation reads lies in it.
#[repr(C, align(64))]
struct Found {
    id: u64,
    generation: u64,
    turns: Turns,
    counting: bool,
    place: Place,
    tally: Option<Tally>,
}

/// Where the flag is.
struct Place {
    answer: Answer,
    /// What the flag is evaluated in.
    state: Arc<State>,
}

/// What a flag answers.
enum Answer {
    /// The same to everybody: no flag is looked at.
    Constant(Variant, u32),
    /// What its rules and its default decide for each.
    Ruled(Arc<Slot>),
    /// What it decides for each, with all that there is to it.
    Decided(Arc<Slot>),
    /// There is no such flag.
    Nothing,
}

impl Place {
    fn of(key: &str, state: Arc<State>) -> Self {
        let answer = match state.set.get(key).map(|slot| (slot, slot.flag())) {
            None => Answer::Nothing,
            Some((slot, Some(flag))) if flag.has_rules_alone(&state.set) => match flag.constant(&state.set) {
                Some(resolution) => Answer::Constant(resolution.variant.clone(), resolution.ordinal),
                None => Answer::Ruled(Arc::clone(slot)),
            },
            Some((slot, _)) => Answer::Decided(Arc::clone(slot)),
        };
        Self { answer, state }
    }

    /// The value, none when the caller's default is to be served, and the ordinal of the variant that is.
    #[inline(always)]
    fn value<'f, T: Read<'f>>(&'f self, context: &Context) -> (Option<T>, Option<u32>) {
        match &self.answer {
            Answer::Constant(variant, ordinal) => {
                let value = T::read(&variant.value);
                let served = value.is_some().then_some(*ordinal);
                (value, served)
            }
            Answer::Ruled(slot) => {
                let Some(flag) = slot.flag() else { return (None, None) };
                let resolution = flag.evaluate_rules(&self.state.set, context);
                let value = T::read(&resolution.variant.value);
                let served = value.is_some().then_some(resolution.ordinal);
                (value, served)
            }
            Answer::Decided(slot) => {
                let (value, served) = evaluate::value(Some(slot), self.state.around(), context);
                (value, served.map(|(_, ordinal)| ordinal))
            }
            Answer::Nothing => (None, None),
        }
    }
}

thread_local! {
    static CACHE: RefCell<[Option<Found>; CACHED_HANDLES]> = const { RefCell::new([const { None }; CACHED_HANDLES]) };
}

impl FlagHandle {
    pub(crate) fn new(client: Client, key: &str) -> Self {
        Self { client, key: Arc::from(key), id: NEXT_ID.fetch_add(1, Ordering::Relaxed) }
    }

    /// The key as it was asked for.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The client.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// A boolean flag's value.
    #[must_use]
    #[inline]
    pub fn bool(&self, default: bool, context: &Context) -> bool {
        self.with(context, |found, context| found.value(context)).unwrap_or(default)
    }

    /// An integer flag's value.
    #[must_use]
    #[inline]
    pub fn int(&self, default: i64, context: &Context) -> i64 {
        self.with(context, |found, context| found.value(context)).unwrap_or(default)
    }

    /// A float flag's value.
    #[must_use]
    #[inline]
    pub fn float(&self, default: f64, context: &Context) -> f64 {
        self.with(context, |found, context| found.value(context)).unwrap_or(default)
    }

    /// A string flag's value. Allocates only for a value that is not the default.
    #[must_use]
    pub fn string<'d>(&self, default: &'d str, context: &Context) -> Cow<'d, str> {
        self.with(context, |found, context| {
            let (text, served) = found.value(context);
            (text.map(|text: &str| text.to_owned()), served)
        })
        .map_or(Cow::Borrowed(default), Cow::Owned)
    }

    /// Looks at a string flag's value without copying it.
    #[inline]
    pub fn with_string<R>(&self, default: &str, context: &Context, look: impl Fn(&str) -> R) -> R {
        self.with(context, |found, context| {
            let (text, served) = found.value(context);
            (look(text.unwrap_or(default)), served)
        })
    }

    /// An object flag's value.
    #[must_use]
    pub fn object(&self, default: Value, context: &Context) -> Value {
        self.with(context, |found, context| {
            let (value, served) = found.value(context);
            (value.map(|Object(value)| value.clone()), served)
        })
        .unwrap_or(default)
    }

    /// Tells how a request ended for which this flag was evaluated. See [`Client::observe`].
    pub fn observe(&self, context: &Context, observation: Observation) {
        self.client.observe(&self.key, context, observation);
    }

    /// Tells what happened to whom this flag was evaluated for. See [`Client::track`].
    pub fn track(&self, context: &Context, event: Event<'_>) {
        self.client.track(&self.key, context, event);
    }

    /// `read` answers, and says what it served.
    #[inline]
    fn with<R>(
        &self,
        context: &Context,
        read: impl for<'f> Fn(&'f Place, &Context) -> (R, Option<u32>),
    ) -> R {
        let shared = self.client.shared();
        let newest = shared.generation();
        let cached = CACHE.try_with(|cache| {
            // Borrowed already when `read` evaluates a flag itself; gone when the thread is ending.
            let mut cache = cache.try_borrow_mut().ok()?;
            let place = cache.get_mut(usize::try_from(self.id).unwrap_or(0) % CACHED_HANDLES)?;
            let found = match place {
                Some(found) if found.id == self.id && found.generation >= newest => found,
                _ => self.fill(place),
            };
            if found.turns.is_next() {
                shared.contexts.note(context);
            }
            let (answer, served) = read(&found.place, context);
            if found.counting {
                match (&found.tally, served) {
                    (Some(tally), Some(ordinal)) => tally.count(ordinal),
                    (tally, served) => self.uncounted(tally.is_none() && served.is_some()),
                }
            }
            Some(answer)
        });
        match cached {
            Ok(Some(answer)) => answer,
            _ => self.aside(context, read),
        }
    }

    /// What no counter was at hand for: one of too many flags, or the caller's default.
    #[cold]
    fn uncounted(&self, dropped: bool) {
        let counts = &self.client.shared().counts;
        if dropped { counts.drop_one() } else { counts.fall_back(&self.key) }
    }

    #[cold]
    fn aside<R>(
        &self,
        context: &Context,
        read: impl for<'f> Fn(&'f Place, &Context) -> (R, Option<u32>),
    ) -> R {
        let shared = self.client.shared();
        let place = Place::of(&self.key, shared.state());
        let (answer, served) = read(&place, context);
        let flag = place.state.set.get(&self.key).and_then(|slot| slot.flag());
        shared.counts.count_aside(&self.key, flag.zip(served));
        answer
    }

    #[cold]
    fn fill<'p>(&self, place: &'p mut Option<Found>) -> &'p mut Found {
        let shared = self.client.shared();
        let counting = shared.counts.is_on();
        let state = shared.state();
        let flag = state.set.get(&self.key).and_then(|slot| slot.flag());
        place.insert(Found {
            id: self.id,
            generation: state.generation,
            turns: Turns::default(),
            counting,
            tally: flag.filter(|_| counting).and_then(|flag| shared.tally(flag)),
            place: Place::of(&self.key, state),
        })
    }
}
