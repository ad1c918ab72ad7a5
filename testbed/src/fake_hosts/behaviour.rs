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

/// What the network does to a host's answers and state changes, and, where asked to, to the rest.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Faults {
    /// Share of messages that are lost, 0 to 1.
    pub lost: f64,
    /// Share of messages that arrive twice, 0 to 1.
    pub doubled: f64,
    /// Messages take up to this time: later ones overtake earlier ones.
    pub delay: Duration,
    /// Heartbeats and announcements meet the same.
    pub beats: bool,
    /// Commands to the host meet the same.
    pub commands: bool,
    /// Start of the series of random numbers.
    pub seed: u64,
}

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Answers and state changes.
    Answer,
    /// Heartbeats and announcements.
    Beat,
    /// Commands to the host.
    Command,
}

/// Throws the dice for each message. Each way has a series of its own: what becomes of answers does not depend on how
/// many heartbeats there were.
#[derive(Debug)]
pub(super) struct Network(Mutex<(Faults, [StdRng; 3])>);

impl Network {
    pub(super) fn new(faults: Faults) -> Self {
        Self(Mutex::new((faults, series(faults))))
    }

    pub(super) fn set(&self, faults: Faults) {
        *self.0.lock() = (faults, series(faults));
    }

    /// When the copies of the next message arrive; none when it is lost.
    pub(super) fn copies(&self, way: Way) -> Vec<Duration> {
        let (faults, series) = &mut *self.0.lock();
        let [answers, beats, commands] = series;
        let (random, concerned) = match way {
            Way::Answer => (answers, true),
            Way::Beat => (beats, faults.beats),
            Way::Command => (commands, faults.commands),
        };
        if !concerned {
            return vec![Duration::ZERO];
        }
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

fn series(faults: Faults) -> [StdRng; 3] {
    // Far enough from the seeds of other hosts.
    [0, 1 << 32, 2 << 32].map(|way| StdRng::seed_from_u64(faults.seed.wrapping_add(way)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_network_delivers_each_message_once_and_at_once() {
        let network = Network::new(Faults::default());
        assert!((0..100).all(|_| network.copies(Way::Answer) == [Duration::ZERO]));
    }

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        let faults = Faults {
            lost: 0.3,
            doubled: 0.3,
            delay: Duration::from_millis(5),
            seed: 7,
            ..Faults::default()
        };
        let run = || {
            let network = Network::new(faults);
            (0..200)
                .map(|_| network.copies(Way::Answer))
                .collect::<Vec<_>>()
        };
        let seen = run();
        assert_eq!(seen, run());
        for copies in 0..=2 {
            assert!(seen.iter().any(|s| s.len() == copies), "{copies} copies");
        }
    }

    #[test]
    fn heartbeats_and_commands_arrive_unless_asked_otherwise() {
        let all_is_lost = Faults {
            lost: 1.0,
            ..Faults::default()
        };
        let network = Network::new(all_is_lost);
        assert!(network.copies(Way::Answer).is_empty());
        for way in [Way::Beat, Way::Command] {
            assert_eq!(network.copies(way), [Duration::ZERO]);
        }
        network.set(Faults {
            beats: true,
            ..all_is_lost
        });
        assert!(network.copies(Way::Beat).is_empty());
        assert_eq!(network.copies(Way::Command), [Duration::ZERO]);
    }
}
