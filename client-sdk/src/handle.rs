//! A flag that is asked for often: found once, and again only after the state has changed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mycelia_flags_core::compiled::{Around, Slot};
use mycelia_flags_core::context::Context;
use mycelia_flags_core::value::Value;

use crate::client::Client;
use crate::evaluate::{self, Object};
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

struct Found {
    id: u64,
    generation: u64,
    turns: Turns,
    slot: Option<Arc<Slot>>,
    /// What the flag is evaluated in.
    state: Arc<State>,
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
        self.with(context, |slot, around| evaluate::value(slot, around, context)).unwrap_or(default)
    }

    /// An integer flag's value.
    #[must_use]
    #[inline]
    pub fn int(&self, default: i64, context: &Context) -> i64 {
        self.with(context, |slot, around| evaluate::value(slot, around, context)).unwrap_or(default)
    }

    /// A float flag's value.
    #[must_use]
    #[inline]
    pub fn float(&self, default: f64, context: &Context) -> f64 {
        self.with(context, |slot, around| evaluate::value(slot, around, context)).unwrap_or(default)
    }

    /// A string flag's value. Allocates only for a value that is not the default.
    #[must_use]
    pub fn string<'d>(&self, default: &'d str, context: &Context) -> Cow<'d, str> {
        self.with(context, |slot, around| {
            evaluate::value(slot, around, context).map(|text: &str| text.to_owned())
        })
        .map_or(Cow::Borrowed(default), Cow::Owned)
    }

    /// Looks at a string flag's value without copying it.
    #[inline]
    pub fn with_string<R>(&self, default: &str, context: &Context, look: impl Fn(&str) -> R) -> R {
        self.with(context, |slot, around| look(evaluate::value(slot, around, context).unwrap_or(default)))
    }

    /// An object flag's value.
    #[must_use]
    pub fn object(&self, default: Value, context: &Context) -> Value {
        self.with(context, |slot, around| {
            evaluate::value(slot, around, context).map(|Object(value)| value.clone())
        })
        .unwrap_or(default)
    }

    #[inline]
    fn with<R>(&self, context: &Context, read: impl Fn(Option<&Slot>, Around<'_>) -> R) -> R {
        let newest = self.client.shared().generation();
        let cached = CACHE.try_with(|cache| {
            // Borrowed already when `read` evaluates a flag itself; gone when the thread is ending.
            let mut cache = cache.try_borrow_mut().ok()?;
            let place = cache.get_mut(usize::try_from(self.id).unwrap_or(0) % CACHED_HANDLES)?;
            match place {
                Some(found) if found.id == self.id && found.generation >= newest => {}
                _ => *place = Some(self.find()),
            }
            let found = place.as_mut()?;
            if found.turns.is_next() {
                self.client.shared().contexts.note(context);
            }
            Some(read(found.slot.as_deref(), found.state.around()))
        });
        match cached {
            Ok(Some(answer)) => answer,
            _ => {
                let found = self.find();
                read(found.slot.as_deref(), found.state.around())
            }
        }
    }

    #[cold]
    fn find(&self) -> Found {
        let state = self.client.shared().state();
        Found {
            id: self.id,
            generation: state.generation,
            turns: Turns::default(),
            slot: state.set.get(&self.key).cloned(),
            state,
        }
    }
}
