//! Contenders for the same work, in turns: a disturbance hits all of them, and the ratio of neighbours hardly notices.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::median::median;

/// One way to do the work.
pub struct Contender<'a> {
    /// For the table.
    pub name: &'static str,
    /// Does one batch and answers something that depends on every result of it.
    pub run: Box<dyn FnMut() -> u64 + 'a>,
}

impl<'a> Contender<'a> {
    /// Names a way.
    pub fn new(name: &'static str, run: impl FnMut() -> u64 + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// What a contender needed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The contender.
    pub name: &'static str,
    /// Nanoseconds for one operation, the median of all rounds.
    pub nanoseconds: f64,
    /// To the floor of the same round, the median of all rounds.
    pub ratio: f64,
}

/// Runs all contenders in turns, each round beginning with another one. `floor` is the place of the floor.
///
/// # Errors
/// When two contenders give different answers: they did not do the same work.
pub fn interleave(
    contenders: &mut [Contender<'_>],
    floor: usize,
    operations: usize,
    rounds: usize,
    clock: fn() -> Duration,
) -> Result<Vec<Outcome>> {
    // Once for the caches, and to see that all agree.
    let answers: Vec<u64> = contenders.iter_mut().map(|contender| (contender.run)()).collect();
    ensure!(answers.windows(2).all(|pair| pair.first() == pair.last()), "contenders differ: {answers:?}");
    let operations = f64::from(u32::try_from(operations)?);
    let mut times = vec![vec![0.0; rounds]; contenders.len()];
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let place = (round + turn) % contenders.len();
            let (Some(contender), Some(times)) = (contenders.get_mut(place), times.get_mut(place)) else {
                continue;
            };
            let before = clock();
            std::hint::black_box((contender.run)());
            let spent = clock().saturating_sub(before);
            if let Some(time) = times.get_mut(round) {
                *time = spent.as_secs_f64() * 1e9 / operations;
            }
        }
    }
    let floor = times.get(floor).cloned().unwrap_or_default();
    let outcomes = contenders.iter().zip(&times).map(|(contender, times)| {
        let ratios: Vec<f64> = times.iter().zip(&floor).map(|(time, floor)| time / floor).collect();
        Outcome { name: contender.name, nanoseconds: median(times), ratio: median(&ratios) }
    });
    Ok(outcomes.collect())
}
