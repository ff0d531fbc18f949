//! What is used, by whom and when.

use super::super::usage::{Granularity, Grouping, UsageQuery};
use super::*;

fn query(granularity: Granularity, grouping: Grouping) -> UsageQuery {
    UsageQuery {
        environment: EnvironmentKey::new("production"),
        flag: None,
        service: None,
        from: at(0),
        until: at(3 * 86_400),
        granularity,
        grouping,
    }
}

fn world() -> World {
    let mut world = World::new();
    for (hour, users) in [(0, 0..40), (1, 20..60), (30, 50..70)] {
        world.now = hour * 3_600;
        for (variant, clicks) in [("on", 3), ("off", 1)] {
            let bucket = Bucket { evaluations: 100, impressions: 10, clicks, ..seen(users.clone()) };
            world.report("ui", variant, bucket);
        }
    }
    world.report("runner", "on", requests(5, 2));
    world
}

#[test]
fn rows_are_by_time_and_by_what_is_asked_for() {
    let mut windows = world().windows;
    let mut rows = |granularity, grouping| windows.usage(&query(granularity, grouping));
    let hours = rows(Granularity::Hour, Grouping::default());
    let told: Vec<_> = hours.values().map(|row| (row.bucket.evaluations, row.users)).collect();
    assert_eq!(told, [(200, 40), (200, 40), (200, 20)]);
    let days = rows(Granularity::Day, Grouping { variant: true, service: false });
    let told = days.iter().map(|(key, row)| {
        (key.variant.as_ref().unwrap().as_str(), row.bucket.evaluations, row.users, row.bucket.clicks)
    });
    let begins: std::collections::BTreeSet<i64> =
        days.keys().map(|key| key.begin.unix_seconds() % 86_400).collect();
    assert_eq!(begins.into_iter().collect::<Vec<_>>(), [0], "days begin at midnight in UTC");
    assert_eq!(
        told.collect::<Vec<_>>(),
        [("off", 200, 60, 2), ("on", 200, 60, 6), ("off", 100, 20, 1), ("on", 100, 20, 3)]
    );
    let whole = rows(Granularity::Whole, Grouping { variant: false, service: true });
    let told = whole
        .iter()
        .map(|(key, row)| (key.service.as_ref().unwrap().as_str(), row.bucket.requests(), row.users));
    assert_eq!(told.collect::<Vec<_>>(), [("runner", 7, 0), ("ui", 0, 70)]);
}

#[test]
fn one_flag_and_one_service_can_be_asked_about() {
    let mut windows = world().windows;
    let mut asked = query(Granularity::Whole, Grouping::default());
    asked.service = Some(ServiceName::new("runner"));
    assert_eq!(windows.usage(&asked).values().next().unwrap().bucket.requests(), 7);
    asked.flag = Some(FoldedKey::of("whispers"));
    assert!(windows.usage(&asked).is_empty());
    asked.flag = None;
    asked.until = at(60);
    assert!(windows.usage(&asked).is_empty(), "the minutes of the first hour");
}
