//! The API as a tower service, in memory: no socket, no TLS, an administrator's identity.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::Request;
use tower::Service;

use crate::rest::{Api, Body, Caller};

/// Answers requests of this process; `kube::Client::new(service, "default")` makes a client of it.
#[derive(Clone)]
pub struct ApiService {
    pub(crate) api: Arc<Api>,
    pub(crate) caller: Caller,
}

impl<B> Service<Request<B>> for ApiService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (api, caller) = (Arc::clone(&self.api), self.caller.clone());
        Box::pin(async move { Ok(api.handle(request, caller).await) })
    }
}
