//! Names of the pull secrets of a namespace's default ServiceAccount, which count for every image without a pull secret
//! of its own, as they do for Pods.

use crate::controllers::Context;
use crate::error::{Attempt, ReconcileError, code};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// For this long what was read counts: many Workloads start at one time.
const FRESH: Duration = Duration::from_secs(2);

/// What was read lately, by namespace.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashMap<String, (Instant, Vec<String>)>>);

/// The default account of a namespace.
pub(super) struct DefaultSecrets<'a> {
    memory: &'a Memory,
    namespace: String,
    api: Api<ServiceAccount>,
}

impl<'a> DefaultSecrets<'a> {
    pub(super) fn of(context: &'a Context, namespace: &str) -> Self {
        Self {
            memory: &context.pull_defaults,
            namespace: namespace.to_owned(),
            api: Api::namespaced(context.client(), namespace),
        }
    }

    /// The names, in order. None where there is no such account or it may not be read.
    pub(super) async fn names(&self) -> Result<Vec<String>, ReconcileError> {
        if let Some((at, held)) = self.memory.0.lock().get(&self.namespace)
            && at.elapsed() < FRESH
        {
            return Ok(held.clone());
        }
        let names = match self.api.get_opt("default").await {
            Ok(account) => account
                .and_then(|a| a.image_pull_secrets)
                .unwrap_or_default()
                .into_iter()
                .map(|secret| secret.name)
                .filter(|name| !name.is_empty())
                .collect(),
            // With the reference's role the operator may not: images without a pull secret are pulled without.
            Err(error) if code(&error) == Some(403) => Vec::new(),
            Err(error) => return Err(error).attempt("reading the default ServiceAccount"),
        };
        let mut memory = self.memory.0.lock();
        memory.retain(|_, (at, _)| at.elapsed() < FRESH);
        memory.insert(self.namespace.clone(), (Instant::now(), Vec::clone(&names)));
        Ok(names)
    }
}
