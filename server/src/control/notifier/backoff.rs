//! How long to wait before the next attempt.

use std::time::Duration;

/// Exponential, with full jitter: a random time up to a ceiling that doubles. Targets that went down together are then
/// not asked together.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The first ceiling.
    pub base: Duration,
    /// The last one.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_secs(1), cap: Duration::from_secs(5 * 60) }
    }
}

impl Backoff {
    /// The longest wait after so many failed attempts, at least one.
    #[must_use]
    pub fn ceiling(&self, failed: u32) -> Duration {
        let factor = 1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// The wait; `chance` is from 0 to 1. What the target has asked for is the least, up to the cap.
    #[must_use]
    pub fn wait(&self, failed: u32, chance: f64, asked: Option<Duration>) -> Duration {
        let drawn = self.ceiling(failed).mul_f64(chance.clamp(0.0, 1.0));
        asked.map_or(drawn, |asked| drawn.max(asked.min(self.cap)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_up_to_the_cap() {
        let backoff = Backoff::default();
        let ceilings: Vec<u64> = (1..=10).map(|failed| backoff.ceiling(failed).as_secs()).collect();
        assert_eq!(ceilings, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(backoff.ceiling(u32::MAX).as_secs(), 300);
    }

    #[test]
    fn a_wait_is_anywhere_below_its_ceiling_unless_the_target_asks_for_more() {
        let backoff = Backoff::default();
        assert_eq!(backoff.wait(4, 0.0, None), Duration::ZERO);
        assert_eq!(backoff.wait(4, 0.5, None), Duration::from_secs(4));
        assert_eq!(backoff.wait(4, 1.0, None), Duration::from_secs(8));
        assert_eq!(backoff.wait(1, 0.5, Some(Duration::from_secs(30))), Duration::from_secs(30));
        assert_eq!(backoff.wait(1, 0.5, Some(Duration::from_secs(9_999))), Duration::from_secs(300));
    }
}
