//! Conditions, asked of moments that have passed.

use super::*;
use crate::observation::question::Purpose;
use crate::observation::recorded::Looks;

impl World {
    fn looks(&mut self, text: &str, from: i64) -> Looks {
        self.ask(text, |windows, check, asked| windows.looks(check, asked, at(from)))
    }

    /// The first moment at which it was true, in seconds.
    fn first(&mut self, text: &str, from: i64) -> Option<i64> {
        let moments = self.looks(text, from).moments;
        let is_met = |moment: &Timestamp| {
            self.ask(text, |windows, check, asked| {
                let asked = Asked { now: *moment, ..*asked };
                matches!(windows.recorded(check, &asked, &off, Purpose::Verdict).judge(), Verdict::Met { .. })
            })
        };
        moments.into_iter().find(is_met).map(|moment| moment.unix_seconds() - START)
    }
}

#[test]
fn a_moment_is_judged_by_what_was_known_then() {
    let mut world = World::new();
    world.steadily(3_600, "ui", "on", &requests(100, 0));
    world.steadily(300, "ui", "on", &requests(0, 100));
    world.steadily(3_600, "ui", "on", &requests(100, 0));
    // A minute of six that fails makes 20 %: half of five minutes is half of the requests.
    let first = world.first("error_rate > 49% over 5m", 0).unwrap();
    assert!((3_600 + 120..=3_600 + 180).contains(&first), "{first}");
    assert_eq!(world.first("error_rate > 49% over 5m", 4_500), None, "it was over then");
    // In seconds, of what happened just now.
    world.steadily(100, "ui", "on", &requests(0, 100));
    let first = world.first("error_rate > 90% over 10s", 7_450).unwrap();
    assert!((7_505..=7_515).contains(&first), "{first}");
}

#[test]
fn what_is_not_kept_is_not_asked() {
    let mut world = World::new();
    assert_eq!(world.looks("error_rate > 1% over 5m", 0), Looks { held_from: None, moments: Vec::new() });
    world.steadily(2 * 86_400, "ui", "on", &requests(100, 0));
    let mut held = |text: &str| world.looks(text, 0).held_from.unwrap().unix_seconds() - START;
    // Minutes go back a day, and a window of five minutes needs five of them before it.
    assert_eq!(held("error_rate > 1% over 5m"), 86_400 + 300);
    // Buckets of five seconds go back half an hour.
    assert_eq!(held("error_rate > 1% over 10s"), 2 * 86_400 - 1_800 + 10);
    assert_eq!(held("error_rate > 1% over 1h"), 0);
    let looks = world.looks("error_rate > 1% over 1h", 0).moments;
    assert!(looks.len() <= 336 + 1_440 + 360 + 120, "{}", looks.len());
    assert!(looks.is_sorted());
}

#[test]
fn who_was_away_in_the_past_is_known_from_when_it_was() {
    let mut world = World::new();
    world.steadily(3_600, "ui", "on", &requests(1, 0));
    world.steadily(3_600, "runner", "on", &requests(1, 0));
    world.steadily(3_600, "ui", "on", &requests(1, 0));
    // `ui` was silent from 3,600 to 7,205: a tenth of a quarter of an hour is a minute and a half of it.
    let first = world.first("uptime < 90% over 15m in ui", 0).unwrap();
    assert!((3_690..=3_750).contains(&first), "{first}");
    assert_eq!(world.first("uptime < 90% over 15m in ui", 8_200), None, "it was back for long enough");
    assert_eq!(world.first("uptime < 90% over 15m in ui", 9_000), None);
    // Nobody asks of a time in which it was not known; what it does now says nothing of then.
    let first = world.first("uptime > 99% over 15m in runner", 0).unwrap();
    assert!((3_605 + 900..=3_605 + 1_000).contains(&first), "{first}");
    assert_eq!(world.first("uptime < 99% over 15m in runner", 0).map(|first| first > 7_200), Some(true));
    // Without a service the worst of them counts.
    let first = world.first("uptime < 50% over 15m", 0).unwrap();
    assert!((3_600 + 450..=3_600 + 520).contains(&first), "{first}");
}

#[test]
fn uptime_is_asked_of_services_that_observe_nothing_of_the_flag() {
    let mut world = World::new();
    for _ in 0..720 {
        world.now += 5;
        world.batches += 1;
        let batch = Batch {
            environment: EnvironmentKey::new("production"),
            service: ServiceName::new("billing"),
            instance: Arc::from("one"),
            id: Box::from(world.batches.to_string()),
            observations: Vec::new(),
        };
        world.windows.take(batch, at(world.now));
    }
    world.steadily(1_800, "ui", "on", &requests(1, 0));
    let looks = world.looks("uptime > 99% over 15m in billing", 0);
    assert_eq!(looks.held_from, Some(at(5)));
    let first = world.first("uptime < 90% over 15m in billing", 0).unwrap();
    assert!((3_690..=3_750).contains(&first), "{first}");
}
