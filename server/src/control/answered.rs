//! Which variants the server has handed out to whoever asked it to evaluate, counted until the windows take it.
//!
//! An evaluation waits for nobody here: each thread counts behind a lock of its own, which another one takes only to
//! empty it. What is held is bounded, and what there is no room for is counted as that.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::FixedState;
use mycelia_flags_core::key::{EnvironmentKey, FlagKey, ServiceName, VariantName};
use mycelia_flags_core::observation::answered::Answered;
use mycelia_flags_core::observation::users::{self, USERS_PER_HOUR, Users};
use mycelia_flags_core::observation::window::SERIES_MAX;
use tokio_util::sync::CancellationToken;

use super::observations::Observations;
use crate::clock::SharedClock;

/// How often the windows take what was counted, unless somebody asks for it: as often as instances report.
pub const RHYTHM: Duration = Duration::from_secs(5);

/// Threads that count apart from each other. More of them share.
const PARTS: usize = 4;

/// Combinations of environment, service, flag and variant that a part holds, each of at most 2 KiB: as many as the
/// windows would.
const HELD_MAX: usize = SERIES_MAX;

/// What was handed out of one variant.
#[derive(Debug)]
struct Tally {
    variant: VariantName,
    evaluations: u64,
    users: Users,
}

impl Tally {
    fn of(variant: &VariantName) -> Self {
        Self { variant: variant.clone(), evaluations: 0, users: Users::default() }
    }
}

/// By its hash: an answer may be about a thousand flags.
type OfService = HashMap<FlagKey, Vec<Tally>, FixedState>;

/// What some threads have counted.
#[derive(Debug, Default)]
struct Part {
    held: usize,
    counted: BTreeMap<(EnvironmentKey, ServiceName), OfService>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Handouts {
    parts: [Mutex<Part>; PARTS],
    left_out: AtomicU64,
}

static NEXT_PART: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static PART: usize = NEXT_PART.fetch_add(1, Ordering::Relaxed) % PARTS;
}

impl Handouts {
    /// Counts what one answer hands out to a service; `user` is the targeting key, if there is one.
    pub fn count<'f>(
        &self,
        environment: &EnvironmentKey,
        service: &ServiceName,
        user: Option<&str>,
        variants: impl IntoIterator<Item = (&'f FlagKey, &'f VariantName)>,
    ) {
        let user = user.map(users::hash);
        let place = PART.try_with(|part| *part).unwrap_or(0);
        let Some(part) = self.parts.get(place) else { return };
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        let Part { held, counted } = &mut *part;
        let flags = counted.entry((environment.clone(), service.clone())).or_default();
        for (flag, variant) in variants {
            // Looked for before anything is cloned: it is there, nearly always.
            let tallies = match flags.get_mut(flag) {
                Some(tallies) => tallies,
                None => flags.entry(flag.clone()).or_default(),
            };
            let is_known =
                |tally: &&mut Tally| tally.variant.is_same_text(variant) || tally.variant == *variant;
            let tally = match tallies.iter_mut().find(is_known) {
                Some(tally) => tally,
                None if *held >= HELD_MAX => {
                    self.left_out.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                None => {
                    *held += 1;
                    tallies.push_mut(Tally::of(variant))
                }
            };
            tally.evaluations = tally.evaluations.saturating_add(1);
            if let Some(user) = user {
                tally.users.add(user, USERS_PER_HOUR);
            }
        }
    }

    /// What was counted since this was asked last, and how many evaluations there was no room for.
    #[must_use]
    pub fn take(&self) -> (Vec<Answered>, u64) {
        let mut all = Vec::new();
        for part in &self.parts {
            let part = std::mem::take(&mut *part.lock().unwrap_or_else(PoisonError::into_inner));
            for ((environment, service), flags) in part.counted {
                let tallies = flags.into_iter().flat_map(|(flag, tallies)| {
                    let flag = flag.folded();
                    tallies.into_iter().map(move |tally| (flag.clone(), tally))
                });
                all.extend(tallies.map(|(flag, tally)| Answered {
                    environment: environment.clone(),
                    flag,
                    variant: tally.variant,
                    service: service.clone(),
                    evaluations: tally.evaluations,
                    users: tally.users,
                }));
            }
        }
        (all, self.left_out.swap(0, Ordering::Relaxed))
    }
}

/// Lets the windows take what was counted on the rhythm, until the server stops. Whoever keeps them takes the rest.
pub async fn run(observations: Arc<Observations>, clock: SharedClock, stopping: CancellationToken) {
    while stopping.run_until_cancelled(tokio::time::sleep(RHYTHM)).await.is_some() {
        observations.settle(clock.now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> EnvironmentKey {
        EnvironmentKey::new("production")
    }

    #[test]
    fn what_all_threads_count_is_taken_once() {
        let handouts = Handouts::default();
        let (flag, on, off) = (FlagKey::new("oracle.chat"), VariantName::new("on"), VariantName::new("off"));
        std::thread::scope(|scope| {
            for thread in 0..6 {
                let (handouts, flag, on, off) = (&handouts, &flag, &on, &off);
                scope.spawn(move || {
                    for number in 0..1_000 {
                        let user = format!("user-{}", number % 10);
                        let variant = if thread == 0 { off } else { on };
                        let service = ServiceName::new("ui");
                        handouts.count(&environment(), &service, Some(&user), [(flag, variant)]);
                    }
                });
            }
        });
        let (all, left_out) = handouts.take();
        let sum = |variant: &VariantName| {
            let of_variant = all.iter().filter(|answered| answered.variant == *variant);
            of_variant.map(|answered| answered.evaluations).sum::<u64>()
        };
        assert_eq!((sum(&on), sum(&off), left_out), (5_000, 1_000, 0));
        assert!(all.iter().all(|answered| answered.users.count(USERS_PER_HOUR) == 10));
        assert!(all.iter().all(|answered| answered.flag.as_str() == "oracle_chat"));
        assert_eq!(handouts.take(), (Vec::new(), 0));
    }

    #[test]
    fn what_there_is_no_room_for_is_counted_as_that() {
        let handouts = Handouts::default();
        let (service, on) = (ServiceName::new("browser"), VariantName::new("on"));
        let flags: Vec<FlagKey> =
            (0..HELD_MAX + 7).map(|number| FlagKey::new(&format!("f{number}"))).collect();
        for _ in 0..2 {
            let all = flags.iter().map(|flag| (flag, &on));
            handouts.count(&environment(), &service, None, all);
        }
        let (all, left_out) = handouts.take();
        assert_eq!((all.len(), left_out), (HELD_MAX, 14));
        assert!(all.iter().all(|answered| answered.evaluations == 2 && answered.users.hashes().is_empty()));
    }
}
