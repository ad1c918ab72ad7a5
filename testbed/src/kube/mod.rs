//! A real Kubernetes control plane: etcd, kube-apiserver and the part of kube-controller-manager
//! that our objects rely on. No kubelet, no scheduler: no pods run.
//!
//! - [`ControlPlane`]: the three processes.
//! - [`Kubectl`]: a real kubectl against any kubeconfig.

mod control_plane;
mod kubeconfig;
mod kubectl;

pub use control_plane::ControlPlane;
pub use kubeconfig::{Kubeconfig, client};
pub use kubectl::{Kubectl, Run};
