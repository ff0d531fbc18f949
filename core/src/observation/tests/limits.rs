//! What is too much is refused and said, and what comes twice counts once.

use super::super::batch::{Limit, Refused};
use super::super::bucket::CUSTOM_MAX;
use super::super::ring::HOURS;
use super::super::series::INSTANCES_MAX;
use super::super::window::{BATCHES_MAX, NAMES_MAX, SERIES_MAX};
use super::*;

#[test]
fn a_repeated_batch_counts_once() {
    let mut world = World::new();
    world.report("ui", "on", requests(20, 0));
    world.batches -= 1;
    let taken = world.report("ui", "on", requests(20, 0));
    assert!(taken.repeated && taken.accepted == 0);
    world.batches -= 1;
    assert!(!world.report("runner", "on", requests(20, 0)).repeated, "it is somebody else's");
    assert_eq!(world.measure("requests > 0").unwrap().samples, 40);
    for number in 0..BATCHES_MAX {
        assert!(world.windows.remember_hash(number as u128));
    }
    assert_eq!(world.windows.batches().count(), BATCHES_MAX);
    assert_eq!(world.windows.batches().next(), Some(BATCHES_MAX as u128 - 1));
}

#[test]
fn one_series_too_many_is_refused_until_an_old_one_is_gone() {
    let mut world = World::new();
    for number in 0..SERIES_MAX {
        assert_eq!(world.report("ui", &format!("v{number}"), requests(1, 0)).accepted, 1);
    }
    let taken = world.report("ui", "more", requests(1, 0));
    assert_eq!(taken.refused, [Refused { index: 0, why: Limit::Series { max: SERIES_MAX } }]);
    assert_eq!(taken.accepted, 0);
    assert_eq!(world.report("ui", "v0", requests(1, 0)).accepted, 1, "what is there goes on");
    world.now += 15 * 86_400;
    assert_eq!(world.report("ui", "more", requests(1, 0)).accepted, 1);
    assert_eq!(world.windows.keys().count(), 1);
}

#[test]
fn custom_names_have_a_bound_and_the_rest_counts_all_the_same() {
    let mut world = World::new();
    let custom = |names: std::ops::Range<usize>| {
        let mut bucket = requests(1, 0);
        bucket.counters = names.map(|name| (Box::from(format!("c{name}")), 1)).collect();
        bucket
    };
    let taken = world.report("ui", "on", custom(0..CUSTOM_MAX + 1));
    assert_eq!(taken.refused[0].why, Limit::Custom { max: CUSTOM_MAX });
    for begin in (0..NAMES_MAX).step_by(10) {
        assert!(world.report("ui", "on", custom(begin..begin + 10)).refused.is_empty());
    }
    let taken = world.report("ui", "on", custom(NAMES_MAX..NAMES_MAX + 1));
    assert_eq!(taken.refused[0].why, Limit::Names { name: Box::from("c1000"), max: NAMES_MAX });
    assert_eq!(taken.accepted, 1);
    assert_eq!(world.measure("requests > 0").unwrap().samples, 102);
}

#[test]
fn instances_beyond_those_that_are_kept_apart_count_as_well() {
    let mut windows = Windows::new(at(0));
    for number in 0..INSTANCES_MAX + 10 {
        let batch = Batch {
            environment: EnvironmentKey::new("production"),
            service: ServiceName::new("ui"),
            instance: Arc::from(format!("i{number}")),
            id: Box::from("1"),
            observations: vec![Observation {
                flag: None,
                variant: None,
                bucket: requests(1, u64::from(number == 7)),
            }],
        };
        windows.take(batch, at(0));
    }
    let mut world = World { windows, now: 0, changed_at: None, batches: 0 };
    let check = MetricCheck::parse("error_rate > 0.5%").unwrap();
    let environment = EnvironmentKey::new("production");
    let asked = Asked { environment: &environment, flags: &[], changed_at: None, now: at(0) };
    let measured = world.windows.measure(&check, &asked, &off).unwrap();
    assert_eq!(measured.samples, 139);
    assert_eq!(
        (&*measured.instances[0].instance, measured.instances[0].value),
        ("i7", 50.0),
        "the worst first"
    );
    assert_eq!(measured.instances.len(), super::super::measurement::INSTANCES_MAX);
}

#[test]
fn memory_stays_bounded_however_long_it_goes_on() {
    let mut world = World::new();
    for _ in 0..2_000 {
        world.now += 3_600;
        world.report("ui", "on", requests(1, 0));
    }
    world.windows.settle();
    let series = world.windows.series.values().next().unwrap();
    let held: Vec<usize> = series.rings.iter().map(|ring| ring.iter().count()).collect();
    assert_eq!(held, [1, 1, 25, usize::try_from(super::super::ring::PACES[HOURS].steps).unwrap() + 1]);
}
