//! Commands to hosts and what is heard from them.

use crate::bus::CallError;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use protocol::subject::Command;
use service::metrics::SubRegistry;
use std::time::Duration;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Sent {
    command: &'static str,
    result: &'static str,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    command: &'static str,
}

/// Commands to hosts. Clones share the numbers.
#[derive(Clone, Debug)]
pub struct BusCalls {
    sent: Family<Sent, Counter>,
    durations: Family<Answered, Histogram, fn() -> Histogram>,
}

impl Default for BusCalls {
    /// Counts for nobody to see.
    fn default() -> Self {
        Self {
            sent: Family::default(),
            durations: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.001, 4.0, 9))
            }),
        }
    }
}

impl BusCalls {
    pub(super) fn register(registry: &SubRegistry) -> Self {
        let all = Self::default();
        Self {
            sent: registry.register(
                "bus_requests",
                "Commands to hosts by command and result",
                all.sent,
            ),
            durations: registry.register(
                "bus_request_duration_seconds",
                "Time until a host answered a command",
                all.durations,
            ),
        }
    }

    /// A command was answered or was not.
    pub fn ended<T>(&self, command: Command, result: &Result<T, CallError>, took: Duration) {
        let command = command.as_str();
        let result = match result {
            Ok(_) => {
                self.durations
                    .get_or_create(&Answered { command })
                    .observe(took.as_secs_f64());
                "answered"
            }
            Err(CallError::NoResponders) => "no-responders",
            Err(CallError::Timeout(_)) => "timeout",
            Err(CallError::TooLarge { .. }) => "too-large",
            Err(CallError::Answer(_)) => "unreadable",
            Err(CallError::Id(_) | CallError::Bus(_)) => "bus",
        };
        self.sent.get_or_create(&Sent { command, result }).inc();
    }
}

/// Heartbeats, each one atomic addition.
#[derive(Clone, Debug, Default)]
pub struct Heartbeats {
    /// Believed.
    pub received: Counter,
    /// Not believed, or not readable. Other messages of hosts count here as well.
    pub rejected: Counter,
}

impl Heartbeats {
    pub(super) fn register(registry: &SubRegistry) -> Self {
        Self {
            received: registry.register(
                "heartbeats_received",
                "Heartbeats of hosts",
                Counter::default(),
            ),
            rejected: registry.register(
                "heartbeats_rejected",
                "Heartbeats and other messages of hosts that could not be believed or read",
                Counter::default(),
            ),
        }
    }
}
