//! A component as machine code in memory, and what an instance of it takes.

use super::{Digest, config::TABLES_PER_SLOT};
use crate::engine::compile::{Artifact, CompileError};
use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

/// A compiled component, ready to be linked. Shared by all workloads that use the same bytes.
pub struct LoadedComponent {
    component: Component,
    digest: Digest,
    weight: u32,
}

impl LoadedComponent {
    pub(super) fn new(
        engine: &wasmtime::Engine,
        artifact: &Artifact,
        digest: Digest,
    ) -> Result<Self, CompileError> {
        let component = artifact
            .deserialize(engine)
            .map_err(|error| CompileError::Unusable(format!("{error:#}")))?;
        let needs = component.resources_required().ok_or_else(|| {
            CompileError::Invalid(
                "it imports core modules, whose needs of memory cannot be known".to_owned(),
            )
        })?;
        // Images for copy-on-write are made now rather than during the first request.
        if let Err(error) = component.initialize_copy_on_write_image() {
            tracing::debug!(%error, "memory images are made at first use");
        }
        Ok(Self {
            component,
            digest,
            weight: needs
                .num_memories
                .max(needs.num_tables.div_ceil(TABLES_PER_SLOT))
                .max(1),
        })
    }

    /// The component.
    pub fn component(&self) -> &Component {
        &self.component
    }

    /// SHA-256 of the bytes it was compiled from.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Permits one instance takes, without what it is linked to.
    pub fn weight(&self) -> u32 {
        self.weight
    }
}

pub(super) fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}
