//! When a condition is true, when it is not, and when nobody knows.

use super::*;

#[test]
fn what_fails_is_seen_within_seconds_and_forgotten_after_the_window() {
    let mut world = World::new();
    world.steadily(600, "runner", "on", &requests(100, 0));
    assert_eq!(world.judge("error_rate > 10% over 300s"), Verdict::NotMet { value: 0.0 });
    world.steadily(60, "runner", "on", &requests(0, 100));
    assert_eq!(world.word("error_rate > 10% over 300s"), "met");
    let measured = world.measure("error_rate > 10% over 300s").unwrap();
    assert_eq!(measured.samples, 6_100, "61 buckets of 5 s: the one that is not over beside 300 s");
    assert_eq!((measured.from, measured.until), (at(360), at(660)));
    world.steadily(310, "runner", "on", &requests(100, 0));
    assert_eq!(world.judge("error_rate > 10% over 300s"), Verdict::NotMet { value: 0.0 });
}

#[test]
fn those_without_the_feature_do_not_hide_those_who_have_it() {
    let mut world = World::new();
    for _ in 0..20 {
        world.now += 5;
        world.report("ui", "off", requests(990, 0));
        world.report("ui", "on", requests(5, 5));
    }
    assert_eq!(world.judge("error_rate > 10% over 1m"), Verdict::Met { value: 50.0 });
    // Nobody has it any more: what became of it is seen on everybody.
    world.steadily(65, "ui", "off", &requests(99, 1));
    assert_eq!(world.judge("error_rate > 10% over 1m"), Verdict::NotMet { value: 1.0 });
}

#[test]
fn what_became_of_a_feature_that_was_taken_back_is_held_against_what_was_before_it() {
    let mut world = World::new();
    world.steadily(600, "ui", "off", &requests(99, 1));
    world.changed_at = Some(world.now);
    world.steadily(300, "ui", "on", &requests(50, 50));
    assert_eq!(world.word("error_rate > 20% versus baseline over 1m"), "met");
    world.steadily(900, "ui", "off", &requests(99, 1));
    assert_eq!(world.word("error_rate > 20% versus baseline over 1m"), "not met");
    let measured = world.measure("error_rate > 10% versus baseline over 1m").unwrap();
    let reference = measured.reference.unwrap();
    assert_eq!((reference.value, reference.compared), (1.0, 1.0));
    // There is nobody to compare with those who do not have it.
    assert_eq!(world.word("error_rate > 20% versus control over 1m"), "insufficient");
}

#[test]
fn too_few_samples_and_none_are_no_data() {
    let mut world = World::new();
    assert_eq!(world.word("error_rate > 1%"), "insufficient");
    assert_eq!(world.word("requests > 0"), "insufficient", "nobody was heard of");
    world.steadily(5, "ui", "on", &requests(0, 19));
    assert_eq!(world.word("error_rate > 1%"), "insufficient", "19 requests");
    assert_eq!(world.word("error_rate > 1% min_samples 19"), "met");
    assert_eq!(world.word("latency.p95 > 1ms"), "insufficient");
    assert_eq!(world.word("clicks > 0"), "not met", "somebody was heard of, and nobody clicked");
    world.steadily(5, "ui", "on", &requests(0, 1));
    assert_eq!(world.word("error_rate > 1%"), "met");
    assert_eq!(world.word("error_rate > 1% min_samples 21"), "insufficient");
    assert_eq!(world.word("error_rate > 1% in runner"), "insufficient");
    assert_eq!(world.word("error_rate > 1% of whispers"), "insufficient");
}

#[test]
fn a_healthy_window_must_have_been_watched_whole() {
    let mut world = World::new();
    world.steadily(1_800, "ui", "on", &requests(10, 0));
    assert_eq!(world.word("error_rate < 2% over 1h"), "insufficient", "watched for half an hour");
    world.steadily(1_860, "ui", "on", &requests(10, 0));
    assert_eq!(world.word("error_rate < 2% over 1h"), "met");
    // Nothing was heard for half an hour: what happened then, nobody knows.
    world.now += 1_800;
    assert_eq!(world.word("error_rate < 2% over 1h"), "insufficient");
    world.steadily(60, "ui", "on", &requests(10, 0));
    assert_eq!(world.word("error_rate < 2% over 1h"), "insufficient");
    assert_eq!(world.word("error_rate < 2% over 30s"), "met");
}

#[test]
fn what_must_stay_true_is_looked_at_all_the_time() {
    let mut world = World::new();
    let text = "error_rate > 5% for 10m";
    world.steadily(1_200, "ui", "on", &requests(100, 0));
    world.steadily(590, "ui", "on", &requests(80, 20));
    assert_eq!(world.word(text), "not met");
    world.steadily(65, "ui", "on", &requests(80, 20));
    assert_eq!(world.word(text), "met");
    // A minute in between that was well begins it anew.
    world.steadily(70, "ui", "on", &requests(100, 0));
    world.steadily(400, "ui", "on", &requests(80, 20));
    assert_eq!(world.word(text), "not met");
    world.steadily(300, "ui", "on", &requests(80, 20));
    assert_eq!(world.word(text), "met");
    // A gap is no data, and not health.
    world.now += 120;
    world.steadily(60, "ui", "on", &requests(80, 20));
    assert_eq!(world.word(text), "insufficient");
}

#[test]
fn latencies_are_judged_by_mean_and_quantile() {
    let mut world = World::new();
    let mut bucket = requests(10, 0);
    for ms in [100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 9_000.0] {
        bucket.latency.add(ms);
    }
    world.steadily(660, "ui", "on", &bucket);
    assert_eq!(world.word("latency.p95 > 5000ms over 600s"), "met");
    assert_eq!(world.word("latency.p50 > 200ms over 600s"), "not met");
    assert_eq!(world.word("latency.mean > 300ms for 5m"), "met");
    let worst = world.measure("latency.p99 > 1s").unwrap();
    assert!((worst.value - 9_000.0).abs() < 90.0);
    assert_eq!((worst.instances.len(), &*worst.instances[0].instance), (1, "one"));
}

#[test]
fn a_service_that_falls_silent_is_noticed() {
    let mut world = World::new();
    assert_eq!(world.word("unavailable_seconds > 60"), "insufficient", "nobody was ever heard of");
    world.steadily(60, "ui", "on", &requests(1, 0));
    world.report("runner", "on", requests(1, 0));
    for _ in 0..12 {
        world.now += 5;
        world.report("ui", "on", requests(1, 0));
    }
    assert_eq!(world.judge("unavailable_seconds > 60"), Verdict::NotMet { value: 60.0 });
    world.now += 1;
    assert_eq!(world.judge("unavailable_seconds > 60"), Verdict::Met { value: 61.0 });
    assert_eq!(world.judge("unavailable_seconds > 60 in ui"), Verdict::NotMet { value: 1.0 });
    assert_eq!(world.word("unavailable_seconds > 60 in agent"), "insufficient", "it never was there");
    world.now += 30;
    assert_eq!(world.word("unavailable_seconds > 60 for 20s"), "met");
    assert_eq!(world.word("unavailable_seconds > 60 for 40s"), "not met");
}

#[test]
fn the_share_of_the_time_in_which_a_service_was_there_is_its_uptime() {
    let mut world = World::new();
    assert_eq!(world.word("uptime < 99%"), "insufficient", "nobody was ever heard of");
    world.steadily(300, "ui", "on", &requests(1, 0));
    assert_eq!(
        world.word("uptime > 99.5% over 5m"),
        "insufficient",
        "it came five seconds after the beginning"
    );
    world.steadily(300, "ui", "on", &requests(1, 0));
    assert_eq!(world.judge("uptime > 99.5% over 5m"), Verdict::Met { value: 100.0 });
    assert_eq!(world.word("uptime > 99.5% over 1h"), "insufficient", "it is not known for so long");
    assert_eq!(world.word("uptime > 99% over 5m in agent"), "insufficient", "it never was there");
    world.now += 15;
    assert_eq!(world.judge("uptime < 99% over 5m"), Verdict::NotMet { value: 100.0 }, "no silence yet");
    world.now += 15;
    assert_eq!(world.judge("uptime < 99% over 5m"), Verdict::Met { value: 90.0 });
    world.steadily(90, "ui", "on", &requests(1, 0));
    assert_eq!(world.word("uptime < 99% for 1m"), "not met", "within a minute it was away and came back");
    let away = 100.0 * 35.0 / 300.0;
    let measured = world.measure("uptime < 99% over 5m in ui").unwrap();
    assert!((measured.value - (100.0 - away)).abs() < 1e-9, "{}", measured.value);
    // Another one that has just come and is away at once takes the share down as far as it is known to.
    world.report("runner", "on", requests(1, 0));
    world.now += 30;
    world.report("ui", "on", requests(1, 0));
    assert_eq!(world.judge("uptime < 95% over 5m in runner"), Verdict::Met { value: 90.0 });
    assert_eq!(world.word("uptime > 99% versus baseline"), "insufficient");
}

#[test]
fn a_clock_that_jumps_ahead_makes_nobody_silent() {
    let mut world = World::new();
    world.steadily(60, "ui", "on", &requests(1, 0));
    world.now += 3_600;
    world.windows.look(at(world.now));
    assert_eq!(world.judge("unavailable_seconds > 60"), Verdict::NotMet { value: 0.0 });
    for _ in 0..61 {
        world.now += 1;
        world.windows.look(at(world.now));
    }
    assert_eq!(
        world.judge("unavailable_seconds > 60"),
        Verdict::Met { value: 61.0 },
        "from then on it counts"
    );
}

#[test]
fn what_services_count_and_measure_themselves_is_judged_too() {
    let mut world = World::new();
    let mut bucket = requests(10, 0);
    bucket.counters.insert(Box::from("rls_violations"), 1);
    assert_eq!(world.word("rls_violations > 0"), "insufficient", "nobody counts it");
    world.report("ui", "on", bucket);
    assert_eq!(world.word("rls_violations > 0"), "met");
    world.steadily(310, "ui", "on", &requests(10, 0));
    assert_eq!(world.judge("rls_violations > 0"), Verdict::NotMet { value: 0.0 });
    let mut score = Bucket::default();
    score.values.entry(Box::from("feedback_score")).or_default().add(4.5);
    world.report("ui", "on", score);
    assert_eq!(world.judge("feedback_score > 4.0"), Verdict::Met { value: 4.5 });
}

#[test]
fn one_count_is_judged_by_another() {
    let mut world = World::new();
    let loads = |fallbacks: u64, loads: u64| {
        let mut bucket = requests(1, 0);
        bucket.counters.insert(Box::from("weight_fallbacks"), fallbacks);
        bucket.counters.insert(Box::from("weight_loads"), loads);
        bucket
    };
    let text = "ratio(weight_fallbacks, weight_loads) > 5% over 1m";
    assert_eq!(world.word(text), "insufficient", "nobody counts");
    world.report("ui", "on", loads(2, 19));
    assert_eq!(world.word(text), "insufficient", "of 19");
    assert_eq!(world.word(&format!("{text} min_samples 19")), "met");
    world.report("ui", "on", loads(0, 21));
    assert_eq!(world.judge(text), Verdict::NotMet { value: 5.0 });
    assert_eq!(world.word("ratio(weight_falbacks, weight_loads) < 5%"), "insufficient", "mistyped");
    assert_eq!(world.word("ratio(requests, weight_loads) > 4% in runner"), "insufficient");
    world.report("ui", "on", loads(1, 0));
    let measured = world.measure(text).unwrap();
    assert_eq!((measured.value, measured.samples), (7.5, 40));
    assert_eq!((measured.instances[0].value, measured.instances[0].samples), (7.5, 40));
    world.steadily(120, "ui", "on", &requests(10, 0));
    assert_eq!(world.word(text), "insufficient", "nothing was loaded in this minute");
    world.steadily(120, "ui", "on", &loads(0, 10));
    assert_eq!(world.judge(text), Verdict::NotMet { value: 0.0 });
    assert_eq!(world.word("ratio(weight_fallbacks, weight_loads) < 5% over 1m"), "met");
}

#[test]
fn a_ratio_of_those_who_have_the_feature_is_held_against_the_others() {
    let mut world = World::new();
    let saves = |saves: u64| {
        let mut bucket = requests(100, 0);
        bucket.counters.insert(Box::from("saves"), saves);
        bucket
    };
    for _ in 0..60 {
        world.now += 5;
        world.report("ui", "off", saves(10));
        world.report("ui", "on", saves(20));
    }
    let text = "ratio(saves, requests) > 20% versus control over 1m";
    assert_eq!(world.judge(text), Verdict::Met { value: 100.0 });
}

#[test]
fn the_past_can_be_asked_about() {
    let mut world = World::new();
    world.steadily(600, "ui", "on", &requests(0, 10));
    world.steadily(7_200, "ui", "on", &requests(10, 0));
    assert_eq!(world.word("error_rate > 5% over 5m"), "not met");
    world.now = 600;
    assert_eq!(world.word("error_rate > 5% over 5m"), "met");
    assert_eq!(world.word("error_rate > 5% over 30s"), "insufficient", "only its minutes are known by now");
}
