//! What a clock that jumps does.

use super::*;

#[test]
fn a_clock_that_goes_back_a_little_writes_no_older_bucket_again() {
    let mut world = World::new();
    world.steadily(60, "ui", "on", &requests(10, 0));
    world.windows.settle();
    let before = world.windows.clone();
    world.now -= 30;
    world.report("ui", "on", requests(0, 10));
    assert_eq!(world.measure("error_rate > 1% over 30s").unwrap().samples, 80, "it is in the newest bucket");
    world.windows.settle();
    for (key, series) in &before.series {
        for (old, new) in series.rings.iter().zip(&world.windows.series[key].rings) {
            let (mut old, mut new): (Vec<_>, Vec<_>) = (old.iter().collect(), new.iter().collect());
            assert_eq!((old.pop().unwrap().0, old), (new.pop().unwrap().0, new));
        }
    }
}

#[test]
fn a_clock_that_jumps_forward_leaves_no_data_and_no_health() {
    let mut world = World::new();
    world.steadily(900, "ui", "on", &requests(100, 0));
    assert_eq!(world.word("error_rate < 2% over 5m"), "met");
    world.now += 3_600;
    assert_eq!(world.word("error_rate < 2% over 5m"), "insufficient");
    assert_eq!(world.word("error_rate > 2% over 5m"), "insufficient");
    world.steadily(60, "ui", "on", &requests(100, 0));
    assert_eq!(world.word("error_rate < 2% over 5m"), "insufficient", "not watched whole");
}

#[test]
fn a_clock_that_was_wrong_by_a_day_is_forgotten_with_what_it_wrote() {
    let mut world = World::new();
    world.steadily(900, "ui", "on", &requests(100, 0));
    world.now += 86_400;
    world.report("ui", "on", requests(0, 1_000));
    world.now -= 86_395;
    assert_eq!(
        world.word("error_rate > 2% over 5m"),
        "insufficient",
        "nobody knows that moment as finely any more"
    );
    world.report("ui", "on", requests(100, 0));
    assert_eq!(world.judge("error_rate > 2% over 5m"), Verdict::NotMet { value: 0.0 });
    assert_eq!(world.word("unavailable_seconds > 60"), "not met");
    world.steadily(60, "ui", "on", &requests(0, 100));
    assert_eq!(world.word("error_rate > 2% over 5m"), "met");
}
