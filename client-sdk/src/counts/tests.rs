//! Threads count, and reports add up.

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::flag::{EffectiveFlag, Serve, Split, Variant, WeightedVariant};
use mycelia_flags_core::value::{FlagType, Value};

use super::*;

/// A flag of these variants, which serves the one or the other half of them to somebody.
fn flag_of<const N: usize>(key: &str, names: [&str; N]) -> CompiledFlag {
    let names = names.map(VariantName::new);
    let variants = names.clone().map(|name| Variant { name, value: Value::Boolean(true) });
    let first = names.first().unwrap();
    let weights = names.iter().map(|name| WeightedVariant { variant: name.clone(), weight: 1 });
    let flag = EffectiveFlag {
        default_serve: Serve::Split(Split { weights: weights.collect(), bucket_by: None }),
        ..EffectiveFlag::constant(FlagKey::new(key), FlagType::Boolean, Arc::from(variants), first)
    };
    CompiledFlag::compile(&flag, Generation::V3).unwrap()
}

fn flag(key: &str) -> CompiledFlag {
    flag_of(key, ["on", "off"])
}

const ON: u32 = 0;
const OFF: u32 = 1;

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
    let (dreams, again, chat) = (flag("dreams"), flag("dreams"), flag("oracle.chat"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut tallies = Tallies::of_this_thread(&counts);
                for number in 0..10_000 {
                    tallies.count(&counts, &dreams, if number % 4 == 0 { ON } else { OFF });
                    tallies.count(&counts, &chat, ON);
                    tallies.count(&counts, &again, ON);
                }
            });
        }
    });
    let expected =
        [row("dreams", "off", 30_000), row("dreams", "on", 50_000), row("oracle.chat", "on", 40_000)];
    assert_eq!(told(&counts), expected);
    assert_eq!(told(&counts), [], "and what was told is told once");
    assert_eq!(counts.threads.lock().unwrap().len(), 0, "threads that are gone leave nothing behind");
    assert_eq!(dreams.place(), again.place(), "a flag that has changed keeps its place");
    assert_ne!(dreams.place(), chat.place());
}

#[test]
fn a_flag_with_other_variants_is_counted_for_these() {
    let counts = Counts::default();
    let mut tallies = Tallies::of_this_thread(&counts);
    let before = flag_of("dreams", ["a", "b", "c", "d"]);
    for ordinal in 0..4 {
        (0..=ordinal).for_each(|_| tallies.count(&counts, &before, ordinal));
    }
    // Two have changed places, and one is gone.
    let after = flag_of("dreams", ["a", "c", "b"]);
    (0..3).for_each(|ordinal| tallies.count(&counts, &after, ordinal));
    // A handle's counters are the thread's.
    let tally = tallies.tally(&counts, &after).unwrap();
    tally.count(2);
    let expected =
        [row("dreams", "a", 2), row("dreams", "b", 4), row("dreams", "c", 4), row("dreams", "d", 4)];
    assert_eq!(told(&counts), expected);
    drop(tallies);
    tally.count(0);
    assert_eq!(told(&counts), [row("dreams", "a", 1)], "a handle still counts");
    drop(tally);
    assert_eq!(told(&counts), []);
    assert!(counts.threads.lock().unwrap().is_empty());
}

#[test]
fn the_counters_of_a_flag_lie_in_one_piece() {
    let counts = Counts::default();
    let mut tallies = Tallies::of_this_thread(&counts);
    let flags: Vec<_> = (0..200).map(|number| flag_of(&format!("flag-{number}"), ["a", "b", "c"])).collect();
    for flag in &flags {
        (0..3).for_each(|ordinal| tallies.count(&counts, flag, ordinal));
        let place = usize::try_from(flag.place()).unwrap();
        assert_eq!(place / PER_CHUNK, (place + 2) / PER_CHUNK);
    }
    let told = told(&counts);
    assert_eq!((told.len(), told.iter().all(|(_, _, count)| *count == 1)), (600, true));
}

#[test]
fn a_flag_of_more_variants_than_there_is_room_for_is_not_counted_and_said_so() {
    let counts = Counts::default();
    let mut tallies = Tallies::of_this_thread(&counts);
    let names: Vec<String> = (0..=PER_CHUNK).map(|number| format!("v{number}")).collect();
    let names: [&str; PER_CHUNK + 1] = std::array::from_fn(|at| names[at].as_str());
    let large = flag_of("large", names);
    tallies.count(&counts, &large, 7);
    tallies.count(&counts, &large, 128);
    tallies.count(&counts, &flag("dreams"), ON);
    assert_eq!((told(&counts), counts.take_dropped()), (vec![row("dreams", "on", 1)], 2));
}

#[test]
fn reports_while_threads_count_add_up() {
    let counts = Counts::default();
    let dreams = flag("dreams");
    let sum = std::thread::scope(|scope| {
        let counting = scope.spawn(|| {
            let mut tallies = Tallies::of_this_thread(&counts);
            (0..200_000).for_each(|_| tallies.count(&counts, &dreams, ON));
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
fn what_waits_is_told_before_its_thread_has_counters_for_it() {
    let counts = Counts::default();
    let flags: Vec<_> = (0..200).map(|number| flag(&format!("flag-{number}"))).collect();
    let mut placing = Tallies::of_this_thread(&counts);
    flags.iter().for_each(|flag| placing.count(&counts, flag, ON));
    assert_eq!(told(&counts).len(), 200);
    let mut late = Tallies::of_this_thread(&counts);
    let last = &flags[199];
    (0..70).for_each(|_| late.count(&counts, last, OFF));
    late.count(&counts, &flags[0], OFF);
    let expected = [row("flag-0", "off", 1), row("flag-199", "off", 70)];
    assert_eq!(told(&counts), expected);
    (0..64).for_each(|_| late.count(&counts, &flags[0], OFF));
    assert_eq!(told(&counts), [row("flag-0", "off", 64)], "the counters are those that were told from");
    drop((placing, late));
    assert_eq!((told(&counts), counts.threads.lock().unwrap().len()), (Vec::new(), 0));
}

#[test]
fn threads_that_nobody_can_listen_to_say_how_much_they_drop() {
    let counts = Counts::default();
    let dreams = flag("dreams");
    let mut heard: Vec<Tallies> = (0..COUNTER_CHUNKS_MAX).map(|_| Tallies::of_this_thread(&counts)).collect();
    let mut late = Tallies::of_this_thread(&counts);
    heard[7].count(&counts, &dreams, ON);
    (0..200).for_each(|_| late.count(&counts, &dreams, ON));
    assert_eq!((told(&counts), counts.take_dropped()), (vec![row("dreams", "on", 1)], 200));
    drop(heard);
    assert_eq!((told(&counts), counts.threads.lock().unwrap().len()), (Vec::new(), 0));
}

#[test]
fn a_thread_that_rests_is_told_to_the_last_and_told_once() {
    let counts = Counts::default();
    let flags: Vec<_> = (0..150).map(|number| flag(&format!("flag-{number}"))).collect();
    let mut tallies = Tallies::of_this_thread(&counts);
    let handle = tallies.tally(&counts, &flags[0]).unwrap();
    let mut told = 0;
    for evaluations in [1, 62, 63, 64, 65, 127, 128, 1_000] {
        for number in 0..evaluations {
            tallies.count(&counts, &flags[number % flags.len()], ON);
        }
        handle.count(OFF);
        told += counts.take().values().sum::<u64>();
        assert_eq!(u64::try_from(evaluations).unwrap() + 1, std::mem::take(&mut told));
    }
    assert_eq!(counts.take().len(), 0);
}

#[test]
fn what_a_thread_cannot_count_is_counted_aside_within_bounds() {
    let counts = Counts::default();
    let dreams = flag("dreams");
    counts.count_aside("dreams", Some((&dreams, ON)));
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
