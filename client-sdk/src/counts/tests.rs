//! Threads count, and reports add up.

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::flag::{EffectiveFlag, Variant};
use mycelia_flags_core::value::{FlagType, Value};

use super::*;

fn flag(key: &str) -> (CompiledFlag, VariantName, VariantName) {
    let (on, off) = (VariantName::new("on"), VariantName::new("off"));
    let variants = [(&on, true), (&off, false)]
        .map(|(name, value)| Variant { name: name.clone(), value: Value::Boolean(value) });
    let flag = EffectiveFlag::constant(FlagKey::new(key), FlagType::Boolean, Arc::from(variants), &on);
    (CompiledFlag::compile(&flag, Generation::V3).unwrap(), on, off)
}

fn told(counts: &Counts) -> Vec<(String, String, u64)> {
    let name = |variant: &Option<VariantName>| variant.as_ref().map_or("-".to_owned(), ToString::to_string);
    counts.take().iter().map(|((flag, variant), count)| (flag.to_string(), name(variant), *count)).collect()
}

fn row(flag: &str, variant: &str, count: u64) -> (String, String, u64) {
    (flag.to_owned(), variant.to_owned(), count)
}

#[test]
fn threads_count_for_themselves_and_nothing_is_lost_when_they_end() {
    let counts = Counts::default();
    let (dreams, on, off) = flag("dreams");
    let (again, new_on, _) = flag("dreams");
    let (chat, ..) = flag("oracle.chat");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut tallies = Tallies::default();
                for number in 0..10_000 {
                    tallies.count(&counts, &dreams, if number % 4 == 0 { &on } else { &off });
                    tallies.count(&counts, &chat, &on);
                    tallies.count(&counts, &again, &new_on);
                }
            });
        }
    });
    let expected =
        [row("dreams", "off", 30_000), row("dreams", "on", 50_000), row("oracle.chat", "on", 40_000)];
    assert_eq!(told(&counts), expected);
    assert_eq!(told(&counts), [], "and what was told is told once");
    assert_eq!(counts.registered.lock().unwrap().len(), 0, "threads that are gone leave nothing behind");
    assert_eq!(dreams.place(), again.place(), "a flag that has changed keeps its place");
    assert_ne!(dreams.place(), chat.place());
}

#[test]
fn flags_of_many_variants_are_counted_too() {
    let counts = Counts::default();
    let names = ["a", "b", "c", "d"].map(VariantName::new);
    let (dreams, ..) = flag("dreams");
    let mut tallies = Tallies::default();
    for (times, name) in (1..).zip(&names) {
        (0..times).for_each(|_| tallies.count(&counts, &dreams, name));
    }
    // The same names after a change, and a handle's counters beside the thread's.
    let again = ["a", "b", "c", "d"].map(VariantName::new);
    again.iter().for_each(|name| tallies.count(&counts, &dreams, name));
    let cell = tallies.cell(&counts, &dreams, &names[3]).unwrap();
    cell.count();
    let expected =
        [row("dreams", "a", 2), row("dreams", "b", 3), row("dreams", "c", 4), row("dreams", "d", 6)];
    assert_eq!(told(&counts), expected);
    drop(tallies);
    cell.count();
    assert_eq!(told(&counts), [row("dreams", "d", 1)], "a handle still counts");
    drop(cell);
    assert_eq!(told(&counts), []);
    assert!(counts.registered.lock().unwrap().is_empty());
}

#[test]
fn reports_while_threads_count_add_up() {
    let counts = Counts::default();
    let (dreams, on, _) = flag("dreams");
    let sum = std::thread::scope(|scope| {
        let counting = scope.spawn(|| {
            let mut tallies = Tallies::default();
            (0..200_000).for_each(|_| tallies.count(&counts, &dreams, &on));
        });
        let mut sum = 0;
        while !counting.is_finished() {
            sum += counts.take().values().sum::<u64>();
        }
        sum + counts.take().values().sum::<u64>()
    });
    assert_eq!(sum, 200_000);
}

#[test]
fn what_a_thread_cannot_count_is_counted_aside_within_bounds() {
    let counts = Counts::default();
    let (dreams, on, _) = flag("dreams");
    counts.count_aside("dreams", Some((&dreams, &on)));
    counts.fall_back("dreams");
    counts.fall_back("dreams");
    counts.fall_back("no name");
    assert_eq!(told(&counts), [row("dreams", "-", 2), row("dreams", "on", 1)]);
    for number in 0..FALLBACK_FLAGS_MAX + 3 {
        counts.fall_back(&format!("flag-{number}"));
    }
    assert_eq!(
        (told(&counts).len(), counts.take_dropped(), counts.take_dropped()),
        (FALLBACK_FLAGS_MAX, 3, 0)
    );
}
