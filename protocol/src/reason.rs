//! The one list of failure reasons. The condition reason in a status, the Event, the metric label, the HTTP error body and
//! the log field all come from here. A reason travels as a field of the extension's messages; it is never parsed out of a
//! message for people.

use std::fmt;
use std::str::FromStr;

macro_rules! reasons {
    ($($(#[doc = $what:literal])+ $name:ident => $remedy:literal),+ $(,)?) => {
        /// Why something is not as asked for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[doc = $what])+ $name,)+
        }

        impl Reason {
            /// Every reason, in the order of this page.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word in statuses, Events, labels and bodies.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// What it means, in one sentence or two.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($what),+).trim_ascii(),)+ }
            }

            /// What to do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }
        }
    };
}

reasons! {
    /// No host takes the workload; the message counts the hosts by what each lacks.
    NoHostFits => "Read the message. Compare hostSelector and environment with the labels and environments of the hosts (`kubectl get hosts --all-namespaces --show-labels`), or add a host that has what is lacking.",
    /// The workload asks for an environment that this operator does not share.
    CrossEnvironmentSchedulingDenied => "Use the workload's own namespace as environment, or run the operator with shared hosts.",
    /// A host's message contradicts what is known of the host, and is ignored.
    HeartbeatRejected => "Read the message; look who sends under the host's name, and at the host's labels and environment.",
    /// The host stopped answering or has left; its workloads are placed elsewhere.
    HostLost => "Look at the host's process and its connection to the bus.",
    /// The host could not be reached over the bus in time.
    HostUnreachable => "Nothing, if it passes: the operator tries again. Else look at the host and the bus.",
    /// The host is about to stop and takes nothing new.
    HostDraining => "Nothing: the workload is placed elsewhere.",
    /// A ConfigMap or Secret that the workload refers to does not exist.
    ConfigNotFound => "Create the object the message names, or mark the reference optional.",
    /// A ConfigMap, Secret or pull secret is there but cannot be used.
    ConfigInvalid => "Correct the object the message names.",
    /// The workload with its configuration is larger than a bus message may be.
    ConfigTooLarge => "Move large values out of the configuration, for example into a volume.",
    /// An Artifact that the Deployment refers to does not exist or has no image yet.
    ArtifactNotReady => "Create the Artifact the message names, or look at its status.",
    /// The manifest asks for something that cannot be; the message names the field.
    InvalidSpec => "Correct the field the message names.",
    /// An image could not be fetched.
    ImagePullFailed => "Read the message; the host tries again.",
    /// The registry has no such image, tag or digest.
    ImageNotFound => "Check the image reference, and that it was pushed.",
    /// The image is not in the host's store and its pull policy forbids to fetch it.
    ImageNotPresent => "Put the image into the host's store, or use another imagePullPolicy.",
    /// The registry refused the credentials, or asks for some.
    UnauthorizedRegistry => "Name an imagePullSecret with an entry for this registry, or add one to the imagePullSecrets of the namespace's ServiceAccount `default`.",
    /// The registry did not answer: name look-up, connection or time.
    RegistryUnreachable => "Check the registry's name and the host's way to it; the host tries again.",
    /// The image is not a WebAssembly component, or one that this host cannot run.
    InvalidComponent => "Build a component (wasm32-wasip2, or a core module with an adapter) and push it again.",
    /// A component imports an interface that neither the host nor a component of the workload serves.
    MissingInterface => "Declare the interface under hostInterfaces on a host that offers it, or add a component that exports it.",
    /// Two components of the workload export the same interface and a third imports it.
    AmbiguousExport => "Leave one exporter, or split the workload.",
    /// Components of the workload import from each other in a circle.
    LinkCycle => "Break the circle the message names.",
    /// A value that cannot cross from one component to another, by the type the message names.
    UnsupportedLink => "Pass plain values over this interface, or merge the components.",
    /// An entry of allowedHosts, allowedIpNameLookups or allowedHostLoopbackPorts is malformed.
    InvalidAllowList => "Correct the entries the message lists.",
    /// A volume or a mount cannot be made; the message names it.
    VolumeUnavailable => "Check the volume's name and path, and the host's allowed host paths.",
    /// A hostname belongs to a Service or an older workload of another namespace.
    HostnameTaken => "Choose another hostname; only workloads of one namespace can share one.",
    /// The port the workload asks for is used by somebody else on the host.
    PortTaken => "Choose another port, or another host.",
    /// The host does not let workloads open this address or port.
    PortNotAllowed => "Choose an address the host allows (--workload-ports).",
    /// A plugin refused the workload's configuration or could not reach its backend.
    PluginFailed => "Read the message; it names the interface and the key.",
    /// The host could not start the workload and gave no reason in a word: it speaks the base protocol.
    StartFailed => "Read the message and the host's log; the operator tries again.",
    /// The host does not have a workload any more that it has run; it is started again.
    WorkloadGone => "Nothing, if it passes. Else read the host's log: the process may have restarted.",
    /// The workload ended again and again.
    CrashLoop => "Read the last words in the message or the host's log.",
    /// The workload's service ended and is not restarted.
    Completed => "Nothing, if that is what it is for.",
    /// The component trapped.
    Trap => "Read the host's log for the component's backtrace.",
    /// An instance asked for more memory than its limit.
    OutOfMemory => "Raise resources.limits.memory, or use less.",
    /// The component did not answer in time.
    RequestTimeout => "Raise timeouts.request, or answer faster.",
    /// The component ended without a response, or with an error in place of one.
    NoResponse => "Read the host's log for the request's id.",
    /// The body of the request is larger than the host allows.
    RequestTooLarge => "Send less, or raise the host's `--http-max-body`.",
    /// The workload has as many requests in flight as it may.
    TooManyRequests => "Raise maxInFlight, or add replicas.",
    /// The host has no instance permits left.
    HostOverloaded => "Add hosts, or lower the load.",
    /// The workload is stopping.
    Draining => "Try again: the request reaches another replica.",
    /// No workload on the host has the requested hostname.
    UnknownHost => "Check the Host header against the workload's host and aliases.",
    /// The request's Host header is missing or malformed.
    InvalidHost => "Send a valid Host header.",
    /// Several namespaces on the host use this single-label name.
    AliasAmbiguous => "Use one of the longer names the answer lists.",
    /// The Service has a selector, so Kubernetes writes its endpoints and Workloads cannot be behind it.
    ServiceHasSelector => "Remove the selector, or give the Workloads a Service of their own.",
    /// A host's address cannot be an endpoint of the Service: loopback, link-local, or of another family.
    AddressNotRoutable => "Start the host with an address that the cluster routes to, as --host-name or in its Pod.",
    /// None of the Service's ports means a port of the hosts.
    ServicePortUnknown => "Call one port http, or give it appProtocol http or the hosts' port as targetPort.",
    /// The rollout made no progress for progressDeadlineSeconds.
    ProgressDeadlineExceeded => "Read the ReplicaSet's reason; correct the template or go back.",
    /// The API server refused a write of the operator.
    ReconcileFailed => "Read the message: a quota, an admission policy or the operator's rights; the operator tries again.",
    /// The installed CRDs are older than this operator.
    CRDsOutdated => "Run `runtime-operator install-crds`.",
    /// A message on the bus could not be read.
    InvalidMessage => "Check the versions of operator and host.",
    /// The id belongs to a workload that is already there.
    AlreadyExists => "Stop the workload first.",
    /// Something failed that should not; the message says what.
    Internal => "Please report it with the log.",
}

/// A word that is no reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown reason {0:?}")]
pub struct UnknownReason(pub String);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == word)
            .ok_or_else(|| UnknownReason(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_read_back() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
            assert!(reason.as_str().starts_with(char::is_uppercase));
            assert!(
                reason.meaning().ends_with('.'),
                "{reason}: {}",
                reason.meaning()
            );
            assert!(
                reason.remedy().ends_with('.') || reason.remedy().ends_with(')'),
                "{reason}"
            );
        }
        assert!("nonsense".parse::<Reason>().is_err());
    }
}
