//! The client: evaluations, listeners, status, and the end.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_core::compiled::Slot;
use mycelia_flags_core::context::Context;
use mycelia_flags_core::key::{FlagKey, VariantName};
use mycelia_flags_core::value::Value;
use tokio::sync::watch;
use tracing::warn;

use crate::builder::ClientBuilder;
use crate::changes::{Changes, FlagWatch};
use crate::details::EvaluationDetails;
use crate::evaluate::{self, Object, Read};
use crate::handle::FlagHandle;
use crate::observed::{Event, Observation};
use crate::shared::Shared;
use crate::status::{ClientState, Status};
use crate::tasks::Tasks;

/// Follows a server and evaluates flags locally. Cheap to clone: all clones are one client, which ends with
/// [`Client::close`] or when the last clone and the last [`FlagHandle`] are dropped.
///
/// An evaluation never blocks, fails or panics. It gives the flag's value for the context, or the caller's default
/// when there is no such flag, it has another type, or nothing is known yet; the `*_details` methods say which.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
    life: Arc<Life>,
}

/// What all clones of a client own together.
#[derive(Debug)]
struct Life {
    shared: Arc<Shared>,
    tasks: Tasks,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.shared.closed();
    }
}

/// The client is not ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.in_words())]
pub struct NotReady {
    /// How the client is doing. When there is a last known state, evaluations serve it.
    pub status: Status,
}

impl NotReady {
    fn in_words(&self) -> String {
        let status = &self.status;
        let serving = match status.age() {
            Some(age) => format!("serving revision {}, {} s old", status.revision, age.as_secs()),
            None => "serving the caller's defaults".to_owned(),
        };
        let why = match &status.last_error {
            Some(error) => format!(": {error}"),
            None => String::new(),
        };
        format!("the flag client is {} and {serving}{why}", status.state)
    }
}

impl Client {
    /// Begins to describe a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(crate) fn new(shared: Arc<Shared>, tasks: Tasks) -> Self {
        let life = Arc::new(Life { shared: Arc::clone(&shared), tasks });
        Self { shared, life }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Waits until the state in force is the server's newest. In offline mode that is at once.
    ///
    /// A service need not wait: evaluations serve the last known good state, or the caller's defaults, meanwhile.
    ///
    /// # Errors
    /// When that takes longer than `timeout`, or the client is closed.
    pub async fn ready(&self, timeout: Duration) -> Result<(), NotReady> {
        let mut status = self.shared.watch_status();
        let settled =
            status.wait_for(|status| matches!(status.state, ClientState::Ready | ClientState::Closed));
        let reached = match tokio::time::timeout(timeout, settled).await {
            Ok(Ok(status)) => status.state == ClientState::Ready,
            Ok(Err(_)) | Err(_) => false,
        };
        if reached {
            return Ok(());
        }
        Err(NotReady { status: self.status() })
    }

    /// A boolean flag's value.
    #[must_use]
    #[inline]
    pub fn bool_value(&self, key: &str, default: bool, context: &Context) -> bool {
        self.plain(key, context).unwrap_or(default)
    }

    /// An integer flag's value.
    #[must_use]
    #[inline]
    pub fn int_value(&self, key: &str, default: i64, context: &Context) -> i64 {
        self.plain(key, context).unwrap_or(default)
    }

    /// A float flag's value. An integer flag is no float flag.
    #[must_use]
    #[inline]
    pub fn float_value(&self, key: &str, default: f64, context: &Context) -> f64 {
        self.plain(key, context).unwrap_or(default)
    }

    /// A string flag's value. Allocates only for a value that is not the default; [`Client::with_string`] never does.
    #[must_use]
    pub fn string_value<'d>(&self, key: &str, default: &'d str, context: &Context) -> Cow<'d, str> {
        self.shared
            .read(key, context, |state, key, context| {
                let (text, served) = evaluate::keyed(state, key, context);
                (text.map(|text: &str| text.to_owned()), served)
            })
            .map_or(Cow::Borrowed(default), Cow::Owned)
    }

    /// Looks at a string flag's value without copying it.
    #[inline]
    pub fn with_string<R>(&self, key: &str, default: &str, context: &Context, look: impl Fn(&str) -> R) -> R {
        self.shared.read(key, context, |state, key, context| {
            let (text, served) = evaluate::keyed(state, key, context);
            (look(text.unwrap_or(default)), served)
        })
    }

    /// An object flag's value.
    #[must_use]
    pub fn object_value(&self, key: &str, default: Value, context: &Context) -> Value {
        self.shared
            .read(key, context, |state, key, context| {
                let (value, served) = evaluate::keyed(state, key, context);
                (value.map(|Object(value)| value.clone()), served)
            })
            .unwrap_or(default)
    }

    /// A boolean flag's value, and how it came about.
    #[must_use]
    pub fn bool_details(&self, key: &str, default: bool, context: &Context) -> EvaluationDetails<bool> {
        self.details(key, default, context, |value: bool| value)
    }

    /// An integer flag's value, and how it came about.
    #[must_use]
    pub fn int_details(&self, key: &str, default: i64, context: &Context) -> EvaluationDetails<i64> {
        self.details(key, default, context, |value: i64| value)
    }

    /// A float flag's value, and how it came about.
    #[must_use]
    pub fn float_details(&self, key: &str, default: f64, context: &Context) -> EvaluationDetails<f64> {
        self.details(key, default, context, |value: f64| value)
    }

    /// A string flag's value, and how it came about.
    #[must_use]
    pub fn string_details(&self, key: &str, default: &str, context: &Context) -> EvaluationDetails<String> {
        let state = self.shared.state();
        let standing = self.shared.standing();
        self.shared.contexts.note(context);
        evaluate::details(&state, standing, key, default.to_owned(), context, &self.shared, |text: &str| {
            text.to_owned()
        })
    }

    /// An object flag's value, and how it came about.
    #[must_use]
    pub fn object_details(&self, key: &str, default: Value, context: &Context) -> EvaluationDetails<Value> {
        let state = self.shared.state();
        let standing = self.shared.standing();
        self.shared.contexts.note(context);
        evaluate::details(&state, standing, key, default, context, &self.shared, |Object(value)| {
            value.clone()
        })
    }

    /// One flag, for hot paths. The flag need not exist yet.
    #[must_use]
    pub fn flag(&self, key: &str) -> FlagHandle {
        FlagHandle::new(self.clone(), key)
    }

    /// Tells how a request ended for which a flag was evaluated. It counts for the variant that the flag serves to the
    /// context, is told to the server with the next report, and is what guards judge. It takes less than a microsecond,
    /// waits for nobody, and cannot fail: what there is no room for is dropped, and its number is told.
    pub fn observe(&self, flag: &str, context: &Context, observation: Observation) {
        self.shared.observed.observe(self.of(flag, context), context.targeting_key(), observation);
    }

    /// Tells what happened to somebody for whom a flag was evaluated: something was shown or taken up, or a number of the
    /// service's own. As cheap and as unfailing as [`Client::observe`].
    pub fn track(&self, flag: &str, context: &Context, event: Event<'_>) {
        self.shared.observed.track(self.of(flag, context), context.targeting_key(), event);
    }

    /// Tells how a request ended that has to do with no flag in particular.
    pub fn observe_service(&self, context: &Context, observation: Observation) {
        self.shared.observed.observe((None, None), context.targeting_key(), observation);
    }

    /// Tells a number of the service's own that has to do with no flag in particular.
    pub fn track_service(&self, context: &Context, event: Event<'_>) {
        self.shared.observed.track((None, None), context.targeting_key(), event);
    }

    /// What the flag serves to the context. This evaluation is not counted.
    fn of(&self, flag: &str, context: &Context) -> (Option<FlagKey>, Option<VariantName>) {
        let state = self.shared.state();
        match state.set.get(flag).map(|slot| &**slot) {
            Some(Slot::Flag(found)) => {
                let variant = found.evaluate(state.around(), context).variant.name.clone();
                (Some(found.key().clone()), Some(variant))
            }
            Some(Slot::Broken { key, .. }) => (Some(key.clone()), None),
            None => (Some(FlagKey::new(flag)), None),
        }
    }

    /// The keys of all flags, as they were spelled at creation, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let state = self.shared.state();
        let keys = state.set.slots().into_iter().map(|slot| slot.key().to_string());
        keys.collect()
    }

    /// The changes from now on. Nothing is queued: several changes that nobody looked at are one event.
    pub fn changes(&self) -> Changes {
        Changes::new(Arc::clone(&self.shared))
    }

    /// Watches one flag's definition.
    #[must_use]
    pub fn watch(&self, key: &str) -> FlagWatch {
        FlagWatch::new(Arc::clone(&self.shared), key)
    }

    /// How the client is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// The same, to wait for changes of it.
    #[must_use]
    pub fn watch_status(&self) -> watch::Receiver<Status> {
        self.shared.watch_status()
    }

    /// How many tasks the client owns, those of its connection included. 0 in offline mode and after `close`.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.life.tasks.count()
    }

    /// Ends the connection and all tasks, and writes the last known good state if it is not on disk yet. Returns
    /// within two seconds. Evaluations go on with the last known values. Closing twice is fine.
    pub async fn close(&self) {
        if !self.life.tasks.end().await {
            warn!(tasks = self.life.tasks.count(), "the flag client's tasks did not end in time");
        }
        self.shared.closed();
    }

    #[inline]
    fn plain<T: for<'s> Read<'s>>(&self, key: &str, context: &Context) -> Option<T> {
        self.shared.read(key, context, |state, key, context| evaluate::keyed(state, key, context))
    }

    fn details<T: for<'s> Read<'s>>(
        &self,
        key: &str,
        default: T,
        context: &Context,
        own: impl FnOnce(T) -> T,
    ) -> EvaluationDetails<T> {
        let state = self.shared.state();
        let standing = self.shared.standing();
        self.shared.contexts.note(context);
        evaluate::details(&state, standing, key, default, context, &self.shared, own)
    }
}
