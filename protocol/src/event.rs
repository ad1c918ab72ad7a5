//! The one list of what Events tell that is no failure: the word in an Event's `reason`. Failures are told with a
//! [`Reason`](crate::Reason).

use std::fmt;

macro_rules! events {
    ($($(#[doc = $what:literal])+ $name:ident),+ $(,)?) => {
        /// What has happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Happened {
            $($(#[doc = $what])+ $name,)+
        }

        impl Happened {
            /// Everything, in the order of this page.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word in Events.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// What it means, in one sentence or two.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($what),+).trim_ascii(),)+ }
            }
        }
    };
}

events! {
    /// Workload: a host was chosen.
    Scheduled,
    /// Workload: its host reports that it runs.
    Started,
    /// Workload: its host has confirmed the stop, is lost, or did not confirm it in time.
    Stopped,
    /// Deployment: a ReplicaSet was created or resized. ReplicaSet: Workloads were created or deleted.
    ScalingReplicaSet,
    /// Deployment: as many replicas as wanted are available.
    Available,
    /// Artifact: Deployments use this image from now on.
    Resolved,
    /// Host: it reports and takes workloads.
    HostJoined,
    /// Host: it said that it is about to stop, or has done so.
    HostLeft,
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_a_failure_too() {
        for happened in Happened::ALL {
            assert!(happened.as_str().parse::<crate::Reason>().is_err());
            assert!(happened.meaning().ends_with('.'), "{happened}");
        }
    }
}
