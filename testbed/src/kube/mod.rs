//! A real Kubernetes control plane: etcd, kube-apiserver and the part of kube-controller-manager
//! that our objects rely on. No kubelet, no scheduler: no pods run.
//!
//! - [`ControlPlane`]: the three processes.
//! - [`ExternalMetrics`]: a metrics API for autoscalers, behind the API server.
//! - [`write_account`]: a kubeconfig of a ServiceAccount, on any API server.
//! - [`Kubectl`]: a real kubectl against any kubeconfig.

mod account;
mod control_plane;
mod external_metrics;
mod kubeconfig;
mod kubectl;

pub use account::write_account;
pub use control_plane::ControlPlane;
pub use external_metrics::ExternalMetrics;
pub use kubeconfig::{Kubeconfig, client};
pub use kubectl::{Kubectl, Run};
