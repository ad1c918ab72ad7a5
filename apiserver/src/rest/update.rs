//! Replacing objects, and the loop every change of an existing object goes through.

use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use super::admission::{self, Admitted, Part};
use super::answer::Response;
use super::create::failed;
use super::options::{WriteOptions, Writing};
use super::read::{unstored, written};
use super::{Api, Call, On, media, view};
use crate::auth::{self, Granting};
use crate::object_meta;
use crate::registry::Model;
use crate::status::{ApiError, Cause};
use crate::store::{Expect, Object, Op, Write, WriteError};

/// How often a change without a resourceVersion is computed anew when others write meanwhile.
const ATTEMPTS: usize = 16;

impl Api {
    pub(super) async fn update(&self, call: &Call, on: &On) -> Result<Response, ApiError> {
        let options = WriteOptions::parse(&call.query, Writing::Update)?;
        media::view(call)?;
        let (body, duplicates) = media::object(call)?;
        let object = admission::decode(on, body)?;
        self.find(on)?;
        let version = object_meta::text(&object, "resourceVersion");
        if (version.is_empty() || version == "0") && !on.resource.unconditional_update {
            let cause = Cause::invalid(
                "metadata.resourceVersion",
                &0.into(),
                "must be specified for an update",
            );
            let name = on.name.as_deref().unwrap_or_default();
            return Err(ApiError::invalid(on.resource.about(name), vec![cause]));
        }
        let manager = options
            .manager
            .clone()
            .unwrap_or_else(|| call.default_manager());
        let change = |_: &Value| Ok(object.clone());
        self.change(
            call,
            on,
            &options,
            &duplicates,
            change,
            Tracking::Replace(&manager),
        )
        .await
    }

    /// Refuses roles and bindings by which the caller would give what he does not have.
    pub(super) fn may_grant(
        &self,
        call: &Call,
        on: &On,
        old: Option<&Value>,
        new: &Value,
    ) -> Result<(), ApiError> {
        let granting = Granting {
            group: &on.resource.group,
            resource: &on.resource.plural,
            namespace: &on.namespace,
            name: object_meta::name(new),
            old,
            new,
        };
        auth::may_grant(&self.store, &call.identity, &granting)
    }

    /// Computes the next state of an object from its current one and stores it, again when another
    /// writer was faster; a resourceVersion in the computed state makes that a conflict.
    pub(super) async fn change(
        &self,
        call: &Call,
        on: &On,
        options: &WriteOptions,
        duplicates: &[String],
        compute: impl Fn(&Value) -> Result<Value, ApiError>,
        tracking: Tracking<'_>,
    ) -> Result<Response, ApiError> {
        let granted = |old: &Value| {
            let new = compute(old)?;
            self.may_grant(call, on, Some(old), &new)?;
            Ok(new)
        };
        let changed = self
            .change_object(on, options, duplicates, granted, tracking)
            .await?;
        written(call, on, StatusCode::OK, &changed.object, &changed.warnings)
    }

    /// The same, for those who answer with something else than the object.
    pub(super) async fn change_object(
        &self,
        on: &On,
        options: &WriteOptions,
        duplicates: &[String],
        compute: impl Fn(&Value) -> Result<Value, ApiError>,
        tracking: Tracking<'_>,
    ) -> Result<Changed, ApiError> {
        let name = on.name.as_deref().unwrap_or_default();
        for _ in 0..ATTEMPTS {
            let current = self.find(on)?;
            let old = view::stored(&on.resource, &current);
            let mut new = compute(&old)?;
            let version = object_meta::text(&new, "resourceVersion");
            if !version.is_empty() && version != "0" && version != current.revision.to_string() {
                return Err(ApiError::modified(on.resource.about(name)));
            }
            let patch = !matches!(tracking, Tracking::Replace(_));
            admission::carry_over(on, &old, &mut new, patch)?;
            let Admitted {
                object: mut new,
                warnings,
            } = self.admit(on, new, Some(&old), options, duplicates)?;
            if on.resource.generation && admission::changes_generation(&on.resource, &old, &new) {
                let generation = old["metadata"]["generation"].as_i64().unwrap_or_default() + 1;
                object_meta::set(&mut new, "generation", generation.into());
            }
            if let Tracking::Replace(manager) | Tracking::Patch(manager) = tracking {
                let now = object_meta::time(Timestamp::now());
                let subresource = on.subresource.as_deref().unwrap_or_default();
                on.resource
                    .track(Some(&old), &mut new, manager, subresource, &now);
            }
            if let Some(additions) = on.resource.additions {
                additions(&mut new);
            }
            let finished = is_finished(on, &new);
            if admission::is_unchanged(&old, &new) && !finished {
                return Ok(Changed {
                    object: current,
                    warnings,
                });
            }
            if options.dry_run {
                let shown = unstored(on, current.revision, new)?;
                return Ok(Changed {
                    object: Arc::new(shown),
                    warnings,
                });
            }
            let op = if finished {
                Op::Remove(new)
            } else {
                Op::Put(new)
            };
            let expect = Expect::Revision(current.revision);
            let write = Write {
                key: current.key.clone(),
                expect,
                op,
                guard: None,
            };
            match self.store.write(write).await {
                Ok(object) => return Ok(Changed { object, warnings }),
                Err(WriteError::Conflict { .. } | WriteError::Missing) => {}
                Err(error) => return Err(failed(&error)),
            }
        }
        Err(ApiError::modified(on.resource.about(name)))
    }
}

/// The object as it is after a change, and what the client is told besides it.
pub struct Changed {
    pub object: Arc<Object>,
    pub warnings: Vec<String>,
}

/// Who records which fields a change set.
#[derive(Clone, Copy)]
pub enum Tracking<'a> {
    /// An update: the difference belongs to this manager.
    Replace(&'a str),
    /// The same for a patch.
    Patch(&'a str),
    /// The computed state already says.
    Done,
}

/// The last finalizer of a deleted object went: the object goes with it.
fn is_finished(on: &On, new: &Value) -> bool {
    let held = on.resource.model == Model::Namespace
        && new["spec"]["finalizers"]
            .as_array()
            .is_some_and(|list| !list.is_empty());
    object_meta::is_deleting(new)
        && object_meta::finalizers(new).is_empty()
        && !held
        && matches!(admission::part(on), Part::Main | Part::Finalize)
}
