//! HTTP: what each path and verb of the Kubernetes API means here.
//!
//! One request goes path → caller → permission → verb → answer; whatever fails on the way becomes
//! a `Status` object at one place, [`Api::handle`].

mod admission;
mod answer;
mod create;
mod delete;
mod discovery;
mod duplicates;
mod health;
mod list;
mod media;
mod metadata;
mod names;
mod openapi;
mod openapi_v2;
mod options;
mod patch;
mod path;
mod protobuf;
mod read;
mod reviews;
mod scale;
mod selector;
mod token;
mod update;
mod view;
mod watch;

pub use answer::{Body, Response};
pub use health::GIT_VERSION;
pub use options::Propagation;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio_util::sync::CancellationToken;

use crate::auth::{self, Access, Auth, Identity};
use crate::registry::{Registry, Resource, Served};
use crate::status::ApiError;
use crate::store::Store;
use options::Query;
use path::{Route, Target};

/// The largest request body, as on a cluster (etcd's limit with room for the envelope).
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// Everything that answers requests.
pub struct Api {
    pub store: Store,
    pub registry: Registry,
    pub auth: Auth,
}

/// Who asks, over which connection.
#[derive(Clone)]
pub struct Caller {
    /// `None`: find out from the request's credentials.
    pub identity: Option<Arc<Identity>>,
    /// Ends long requests (watches) when their connection or the server ends.
    pub closing: CancellationToken,
}

/// One request, taken apart.
pub(crate) struct Call {
    pub method: Method,
    pub headers: HeaderMap,
    pub query: Query,
    pub body: Bytes,
    pub identity: Arc<Identity>,
    pub closing: CancellationToken,
    pub served: Arc<Served>,
}

impl Call {
    pub fn header(&self, name: http::header::HeaderName) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The field manager when the client names none: the first word of its user agent.
    pub fn default_manager(&self) -> String {
        let agent = self.header(http::header::USER_AGENT);
        let name = agent.split(['/', ' ']).next().unwrap_or_default();
        if name.is_empty() {
            "unknown".into()
        } else {
            name.chars().take(128).collect()
        }
    }
}

/// A call about one resource.
pub(crate) struct On {
    pub resource: Arc<Resource>,
    /// Empty for cluster-scoped resources, and for a list across namespaces.
    pub namespace: String,
    pub name: Option<String>,
    pub subresource: Option<String>,
}

impl Api {
    /// Answers one request; every failure is a `Status`.
    pub async fn handle<B>(self: Arc<Self>, request: Request<B>, caller: Caller) -> Response
    where
        B: http_body::Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match self.answer(request, caller).await {
            Ok(response) => response,
            Err(error) => {
                if error.code == StatusCode::INTERNAL_SERVER_ERROR {
                    tracing::error!(error = %error.message, "request failed");
                }
                answer::failure(&error)
            }
        }
    }

    async fn answer<B>(
        self: Arc<Self>,
        request: Request<B>,
        caller: Caller,
    ) -> Result<Response, ApiError>
    where
        B: http_body::Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let identity = match caller.identity {
            Some(identity) => identity,
            None => self.auth.authenticate(&self.store, &parts.headers)?,
        };
        let identity = auth::impersonate(&self.store, identity, &parts.headers)?;
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let route = path::parse(parts.uri.path())?;
        let verb = verb(&parts.method, &route, &query)?;
        if verb != "watch" && matches!(route, Route::Resource(_)) {
            query.check_timeout()?;
        }
        auth::authorize(
            &self.store,
            &identity,
            &access(&route, verb, parts.uri.path()),
        )?;
        let body = collect(body).await?;
        let call = Call {
            method: parts.method,
            headers: parts.headers,
            query,
            body,
            identity,
            closing: caller.closing,
            served: self.registry.served(),
        };
        match route {
            Route::Resource(target) => self.resource(call, target, verb).await,
            other if call.method == Method::GET || call.method == Method::HEAD => {
                document(&call, &other)
            }
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    async fn resource(
        self: Arc<Self>,
        call: Call,
        target: Target,
        verb: &str,
    ) -> Result<Response, ApiError> {
        if let Some(review) = reviews::find(&target) {
            return self.review(&call, review, &target);
        }
        let Some(resource) = call
            .served
            .find(&target.group, &target.version, &target.plural)
        else {
            return Err(if call.served.is_builtin(&target.group, &target.version) {
                ApiError::unknown_path()
            } else {
                ApiError::unknown_page()
            });
        };
        let resource = Arc::clone(resource);
        if target.namespace.is_some() && !resource.namespaced {
            return Err(ApiError::unknown_path());
        }
        let on = On {
            namespace: target.namespace.unwrap_or_default(),
            name: target.name,
            subresource: target.subresource,
            resource,
        };
        if on.resource.namespaced && on.namespace.is_empty() && on.name.is_some() {
            return Err(ApiError::unknown_path());
        }
        match on.subresource.as_deref() {
            None => {}
            Some("status") if on.resource.status => {}
            Some("scale") if on.resource.scale.is_some() => return self.scale(&call, &on).await,
            Some("finalize") if on.resource.model == crate::registry::Model::Namespace => {}
            Some("token")
                if on.resource.plural == "serviceaccounts" && on.resource.group.is_empty() =>
            {
                return self.token(&call, &on);
            }
            Some(_) => return Err(ApiError::unknown_path()),
        }
        match verb {
            "get" => self.get(&call, &on),
            "list" => self.list(&call, &on),
            "watch" => self.watch(&call, &on),
            "create" if on.subresource.is_none() => self.create(&call, &on).await,
            "update" => self.update(&call, &on).await,
            "patch" => self.patch(&call, &on).await,
            "delete" if on.subresource.is_none() => self.delete(&call, &on).await,
            "deletecollection" if on.resource.deletecollection => {
                self.delete_collection(&call, &on).await
            }
            _ => Err(ApiError::method_not_allowed()),
        }
    }
}

/// Everything that is not about a resource.
fn document(call: &Call, route: &Route) -> Result<Response, ApiError> {
    match route {
        Route::Health(check) => Ok(health::check(check, &call.query)),
        Route::Version => Ok(health::version()),
        Route::Root => Ok(discovery::root(call)),
        Route::Api => discovery::api(call),
        Route::Apis => discovery::apis(call),
        Route::Group(group) => discovery::group(call, group),
        Route::GroupVersion(group, version) => discovery::group_version(call, group, version),
        Route::OpenApi(path) => openapi::answer(call, path),
        Route::Resource(_) => Err(ApiError::unknown_path()),
    }
}

/// The API verb of a request (what RBAC is about).
fn verb(method: &Method, route: &Route, query: &Query) -> Result<&'static str, ApiError> {
    let Route::Resource(target) = route else {
        return Ok(match *method {
            Method::GET | Method::HEAD => "get",
            Method::POST => "post",
            Method::PUT => "put",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => return Err(ApiError::method_not_allowed()),
        });
    };
    let named = target.name.is_some();
    Ok(match *method {
        // One object is only got: watching it takes a field selector on its collection.
        Method::GET if named => "get",
        Method::GET if query.flag("watch") => "watch",
        Method::GET => "list",
        Method::POST if !named || target.subresource.is_some() => "create",
        Method::PUT if named => "update",
        Method::PATCH if named => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ => return Err(ApiError::method_not_allowed()),
    })
}

fn access<'a>(route: &'a Route, verb: &'a str, path: &'a str) -> Access<'a> {
    match route {
        Route::Resource(target) => Access::Resource {
            verb,
            group: &target.group,
            resource: &target.plural,
            subresource: target.subresource.as_deref().unwrap_or_default(),
            namespace: target.scope(),
            name: target.name.as_deref().unwrap_or_default(),
        },
        _ => Access::Path { verb, path },
    }
}

async fn collect<B>(body: B) -> Result<Bytes, ApiError>
where
    B: http_body::Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::too_large(BODY_LIMIT)),
        Err(error) => Err(ApiError::bad_request(format!(
            "the request's body could not be read: {error}"
        ))),
    }
}
