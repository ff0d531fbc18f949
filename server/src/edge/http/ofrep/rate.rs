//! How often one address may evaluate over OFREP. One that asks in a loop is told when to come again, and costs the others
//! nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::SharedClock;

/// What one address may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Requests in a second, in the long run.
    pub(crate) per_second: u32,
    /// Requests at once, by whoever has asked for nothing lately.
    pub(crate) burst: u32,
    /// Addresses that are told apart. Those beyond share one rate, so that memory is bounded whoever asks.
    pub(crate) peers_max: usize,
}

/// Counts requests by address.
///
/// Of each address one number is kept: when all that it has asked for would have been answered at the even rate. One whose
/// moment has passed has nothing on its account, and is forgotten.
#[derive(Debug)]
pub struct RateLimit {
    rate: Rate,
    clock: SharedClock,
    due: Mutex<BTreeMap<IpAddr, Duration>>,
}

/// Whoever is told apart from nobody.
const OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl RateLimit {
    pub(crate) fn new(rate: Rate, clock: SharedClock) -> Self {
        Self { rate, clock, due: Mutex::default() }
    }

    /// Takes a request in; an error is how long its sender has to wait.
    pub(crate) fn take(&self, peer: Option<IpAddr>) -> Result<(), Duration> {
        let now = self.clock.elapsed();
        let each = Duration::from_secs(1) / self.rate.per_second.max(1);
        let ahead = each * self.rate.burst.saturating_sub(1);
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let mut peer = peer.map_or(OTHERS, network);
        if due.len() >= self.rate.peers_max && !due.contains_key(&peer) {
            due.retain(|_, due| *due > now);
            if due.len() >= self.rate.peers_max {
                peer = OTHERS;
            }
        }
        let due = due.entry(peer).or_insert(now);
        let from = (*due).max(now);
        if from > now + ahead {
            return Err(from - now - ahead);
        }
        *due = from + each;
        Ok(())
    }
}

/// A host has one IPv4 address, and of IPv6 a whole network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;

    fn limit(peers_max: usize) -> (RateLimit, Arc<ManualClock>) {
        let clock = ManualClock::at(0);
        let rate = Rate { per_second: 10, burst: 5, peers_max };
        let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
        (RateLimit::new(rate, shared), clock)
    }

    fn peer(last: u8) -> Option<IpAddr> {
        Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)))
    }

    #[test]
    fn a_burst_is_answered_and_then_the_even_rate() {
        let (limit, clock) = limit(100);
        for _ in 0..5 {
            assert_eq!(limit.take(peer(1)), Ok(()));
        }
        assert_eq!(limit.take(peer(1)), Err(Duration::from_millis(100)));
        assert_eq!(limit.take(peer(1)), Err(Duration::from_millis(100)), "what is refused costs nothing");
        assert_eq!(limit.take(peer(2)), Ok(()), "others are not concerned");
        clock.advance(Duration::from_millis(100));
        assert_eq!(limit.take(peer(1)), Ok(()));
        assert_eq!(limit.take(peer(1)), Err(Duration::from_millis(100)));
        clock.advance(Duration::from_secs(60));
        for _ in 0..5 {
            assert_eq!(limit.take(peer(1)), Ok(()), "a quiet minute is worth a burst and no more");
        }
        assert!(limit.take(peer(1)).is_err());
    }

    #[test]
    fn addresses_beyond_the_bound_share_one_rate_until_others_are_quiet() {
        let (limit, clock) = limit(2);
        assert_eq!(limit.take(peer(1)), Ok(()));
        assert_eq!(limit.take(peer(2)), Ok(()));
        for last in 3..8 {
            assert_eq!(limit.take(peer(last)), Ok(()), "{last}");
        }
        assert!(limit.take(peer(8)).is_err(), "the sixth of those that share");
        assert!(limit.due.lock().unwrap().len() <= 3);
        assert_eq!(limit.take(peer(1)), Ok(()), "who is known keeps a rate of its own");
        clock.advance(Duration::from_secs(1));
        assert_eq!(limit.take(peer(8)), Ok(()));
        assert_eq!(limit.due.lock().unwrap().len(), 1, "whoever is quiet is forgotten");
    }

    #[test]
    fn a_network_of_ipv6_is_one_host() {
        let (limit, _clock) = limit(100);
        for last in 0..5 {
            assert_eq!(limit.take(format!("2001:db8::{last}").parse().ok()), Ok(()));
        }
        assert!(limit.take("2001:db8::ffff".parse().ok()).is_err());
        assert_eq!(limit.take("2001:db8:0:1::1".parse().ok()), Ok(()));
    }
}
