//! What fake hosts are told to do with commands, and what the network does with their answers.

use std::time::Duration;

use parking_lot::Mutex;
use protocol::Reason;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// What becomes of a start.
#[derive(Debug, Clone, Default)]
pub enum OnStart {
    /// It runs at once.
    #[default]
    Runs,
    /// It runs after this time; until then it is starting.
    RunsAfter(Duration),
    /// It is accepted and fails.
    Fails(Reason, String),
    /// It is not accepted.
    Refused(Reason, String),
    /// It is accepted and stays starting until [`super::FakeHost::finish`].
    Hangs,
    /// Nothing happens and nothing is answered.
    Silent,
}

/// What becomes of a stop.
#[derive(Debug, Clone, Copy, Default)]
pub enum OnStop {
    /// It is gone at once.
    #[default]
    Stops,
    /// It is gone after this time; until then it is stopping.
    StopsAfter(Duration),
    /// Nothing happens and nothing is answered.
    Silent,
}

/// What the network does to a host's answers and state changes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Faults {
    /// Share of messages that are lost, 0 to 1.
    pub lost: f64,
    /// Share of messages that arrive twice, 0 to 1.
    pub doubled: f64,
    /// Messages take up to this time: later ones overtake earlier ones.
    pub delay: Duration,
    /// Start of the series of random numbers.
    pub seed: u64,
}

/// Throws the dice for each message.
#[derive(Debug)]
pub(super) struct Network(Mutex<(Faults, StdRng)>);

impl Network {
    pub(super) fn new(faults: Faults) -> Self {
        Self(Mutex::new((faults, StdRng::seed_from_u64(faults.seed))))
    }

    pub(super) fn set(&self, faults: Faults) {
        *self.0.lock() = (faults, StdRng::seed_from_u64(faults.seed));
    }

    /// When the copies of the next message arrive; none when it is lost.
    pub(super) fn copies(&self) -> Vec<Duration> {
        let (faults, random) = &mut *self.0.lock();
        if faults.lost > 0.0 && random.random_bool(faults.lost.min(1.0)) {
            return Vec::new();
        }
        let twice = faults.doubled > 0.0 && random.random_bool(faults.doubled.min(1.0));
        let mut delay = || {
            if faults.delay.is_zero() {
                Duration::ZERO
            } else {
                faults.delay.mul_f64(random.random::<f64>())
            }
        };
        let first = delay();
        if twice {
            vec![first, delay()]
        } else {
            vec![first]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_network_delivers_each_message_once_and_at_once() {
        let network = Network::new(Faults::default());
        assert!((0..100).all(|_| network.copies() == [Duration::ZERO]));
    }

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        let faults = Faults {
            lost: 0.3,
            doubled: 0.3,
            delay: Duration::from_millis(5),
            seed: 7,
        };
        let run = || {
            let network = Network::new(faults);
            (0..200).map(|_| network.copies()).collect::<Vec<_>>()
        };
        let seen = run();
        assert_eq!(seen, run());
        for copies in 0..=2 {
            assert!(seen.iter().any(|s| s.len() == copies), "{copies} copies");
        }
    }
}
