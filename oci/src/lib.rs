//! Images of components: what they are called, who may fetch them, where they are kept, and how they travel.
//!
//! - [`Reference`], [`Digest`], [`Credentials`]: names and keys, no IO.
//! - [`artifact`]: a component as an OCI artifact of the CNCF Wasm working group; [`inspect`]: what is in a component.
//! - [`LocalStore`]: a standard OCI image layout that several processes share.
//! - [`Images`]: pulls into the store and pushes out of it.
//!
//! The host and `wash` use the same store, so what was built is there to run without a registry.

pub mod artifact;
mod credentials;
mod digest;
pub mod docker_config;
mod error;
mod images;
pub mod inspect;
mod policy;
mod reference;
mod store;

pub use credentials::Credentials;
pub use digest::{Digest, DigestError};
pub use error::{ErrorKind, ImageError, PullError};
pub use images::{CaFileError, DockerConfig, Images, ImagesOptions, PulledImage, Resolver};
pub use policy::PullPolicy;
pub use reference::{Reference, ReferenceError};
pub use store::{GcReport, ImageEntry, Lease, LocalStore, StoreError, StoredImage};
