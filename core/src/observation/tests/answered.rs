//! Evaluations on the server: counted, and nobody's report.

use super::*;
use crate::observation::answered::{Answered, SERIES_ANSWERED_MAX};
use crate::observation::usage::{Granularity, Grouping, UsageQuery};
use crate::observation::users::{USERS_PER_HOUR, Users};

fn answered(flag: &str, evaluations: u64, who: &[&str]) -> Answered {
    let mut sketch = Users::default();
    who.iter().for_each(|user| sketch.add(users::hash(user), USERS_PER_HOUR));
    Answered {
        environment: EnvironmentKey::new("production"),
        flag: FoldedKey::of(flag),
        variant: VariantName::new("on"),
        service: ServiceName::new("browser"),
        evaluations,
        users: sketch,
    }
}

fn used(windows: &mut Windows, flag: &str) -> Vec<(u64, u64, u64)> {
    let query = UsageQuery {
        environment: EnvironmentKey::new("production"),
        flag: Some(FoldedKey::of(flag)),
        service: None,
        from: at(0),
        until: at(7_200),
        granularity: Granularity::Whole,
        grouping: Grouping::default(),
    };
    let rows = windows.usage(&query);
    rows.values().map(|row| (row.bucket.evaluated(), row.bucket.answered, row.users)).collect()
}

#[test]
fn what_the_server_evaluates_is_counted_beside_what_services_evaluate() {
    let mut world = World::new();
    world.report("ui", "on", Bucket { evaluations: 10, fallbacks: 2, ..requests(80, 20) });
    let handed_out = vec![answered("dreams", 900, &["ana", "ben"]), answered("dreams", 5, &["ana"])];
    assert_eq!(world.windows.count_answered(handed_out, at(0)), 0);
    assert_eq!(used(&mut world.windows, "dreams"), [(915, 905, 2)]);
    // What a guard asks of outcomes is what services told of them.
    let mut measured = |metric: &str| {
        let measured = world.measure(&format!("{metric} > 1 over 1m"));
        measured.map(|found| (found.value, found.samples))
    };
    assert_eq!(measured("error_rate"), Some((20.0, 100)));
    assert_eq!(measured("requests"), Some((100.0, 100)));
    assert_eq!(measured("fallback_rate"), Some((20.0, 10)));
    assert_eq!(measured("evaluations"), Some((915.0, 915)));
}

#[test]
fn whoever_only_asks_is_no_service_that_is_there_or_silent() {
    let mut world = World::new();
    world.windows.count_answered(vec![answered("dreams", 1, &[])], at(0));
    assert_eq!((world.windows.heard().count(), world.windows.reporters().count()), (0, 0));
}

#[test]
fn half_of_the_room_is_kept_for_what_services_observe() {
    let mut windows = Windows::new(at(0));
    let many = (0..=SERIES_ANSWERED_MAX).map(|number| answered(&format!("flag{number}"), 3, &[]));
    assert_eq!(windows.count_answered(many.collect(), at(0)), 3);
    assert_eq!(windows.keys().count(), SERIES_ANSWERED_MAX);
    assert_eq!(windows.count_answered(vec![answered("flag0", 3, &[])], at(1)), 0, "one that is there counts");
    // After as long as anything is kept the room is free again.
    let later = 15 * 24 * 3_600;
    assert_eq!(windows.count_answered(vec![answered("another", 3, &[])], at(later)), 0);
}
