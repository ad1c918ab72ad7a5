//! Creating objects.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use super::answer::Response;
use super::options::{WriteOptions, Writing};
use super::read::{unstored, written};
use super::{Api, Call, On, admission, media};
use crate::object_meta;
use crate::registry::{Model, crd};
use crate::status::ApiError;
use crate::store::{Expect, Op, Write, WriteError};

/// How often a generated name may be taken before the client has to try again.
const NAME_ATTEMPTS: usize = 8;

impl Api {
    pub(super) async fn create(&self, call: &Call, on: &On) -> Result<Response, ApiError> {
        let options = WriteOptions::parse(&call.query, Writing::Create)?;
        if on.resource.namespaced && on.namespace.is_empty() {
            return Err(ApiError::method_not_allowed());
        }
        media::view(call)?;
        let (body, duplicates) = media::object(call)?;
        let object = admission::decode(on, body)?;
        let manager = options
            .manager
            .clone()
            .unwrap_or_else(|| call.default_manager());
        let track =
            |object: &mut Value, now: &str| on.resource.track(None, object, &manager, "", now);
        self.insert(call, on, object, &options, &duplicates, track)
            .await
    }

    /// Stores a decoded object that does not exist yet. `track` records who set its fields.
    pub(super) async fn insert(
        &self,
        call: &Call,
        on: &On,
        object: Value,
        options: &WriteOptions,
        duplicates: &[String],
        track: impl Fn(&mut Value, &str),
    ) -> Result<Response, ApiError> {
        if on.resource.terminating {
            let why = "create not allowed while custom resource definition is terminating";
            return Err(ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                why,
            ));
        }
        let wanted = object_meta::name(&object).to_owned();
        let mut attempts = if wanted.is_empty() { NAME_ATTEMPTS } else { 1 };
        loop {
            attempts -= 1;
            let now = Timestamp::now();
            let mut object = object.clone();
            admission::begin(&on.resource, &mut object, now)?;
            let name = object_meta::name(&object).to_owned();
            self.may_grant(call, on, None, &object)?;
            let guard = self.guard(on, &name)?;
            if on.resource.model == Model::Definition {
                let mut finalizers: Vec<String> = object_meta::finalizers(&object)
                    .into_iter()
                    .map(str::to_owned)
                    .collect();
                if !finalizers
                    .iter()
                    .any(|finalizer| finalizer == crd::FINALIZER)
                {
                    finalizers.push(crd::FINALIZER.to_owned());
                }
                object_meta::set_finalizers(&mut object, &finalizers);
            }
            let mut admitted = self.admit(on, object, None, options, duplicates)?;
            track(&mut admitted.object, &object_meta::time(now));
            if let Some(additions) = on.resource.additions {
                additions(&mut admitted.object);
            }
            let key = on.resource.key(&on.namespace, &name);
            if options.dry_run {
                if self.store.get(&key).is_some() {
                    return Err(ApiError::already_exists(on.resource.about(&name)));
                }
                let shown = unstored(on, 0, admitted.object)?;
                return written(call, on, StatusCode::CREATED, &shown, &admitted.warnings);
            }
            let write = Write {
                key,
                expect: Expect::Absent,
                op: Op::Put(admitted.object),
                guard,
            };
            match self.store.write(write).await {
                Ok(stored) => {
                    return written(call, on, StatusCode::CREATED, &stored, &admitted.warnings);
                }
                Err(WriteError::Exists) if attempts > 0 => {}
                Err(WriteError::Exists) => {
                    return Err(ApiError::already_exists(on.resource.about(&name)));
                }
                // The namespace changed since it was looked at: look again.
                Err(WriteError::Guard) => attempts += 1,
                Err(error) => return Err(failed(&error)),
            }
        }
    }
}

/// A write that the store could not do.
pub(super) fn failed(error: &WriteError) -> ApiError {
    ApiError::internal(error.to_string())
}
