//! Outgoing HTTP of a component: from `wasi:http` (0.2 and 0.3) to the workload's [`Egress`].

use super::output::Output;
use crate::{
    http::{BodyError, HttpBody},
    net::{Egress, EgressError, EgressOptions, EgressPolicy},
};
use http::{Request, Response, uri::Scheme};
use http_body_util::BodyExt as _;
use std::sync::Arc;
use tokio::runtime::Handle;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// How one component's requests leave. Cheap to clone; each instance has one.
#[derive(Clone)]
pub struct Outgoing {
    /// The component's `allowedHosts`.
    pub policy: Arc<EgressPolicy>,
    /// The workload's connections.
    pub egress: Arc<dyn Egress>,
    /// The runtime whose IO is not delayed by busy guests.
    pub front: Handle,
    /// Where a refusal is told to the component's owner.
    pub output: Arc<Output>,
}

type Done = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(Response<WasiBody>, Done), Error>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _response_consumed: Done,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let this = self.clone();
        Box::new(async move {
            let options = egress_options(request.uri().scheme(), options);
            let request =
                request.map(|body| body.map_err(|e| Box::new(e) as BodyError).boxed_unsync());
            let Outgoing {
                policy,
                egress,
                front,
                output,
            } = this;
            let sending = front.spawn(async move { egress.send(&policy, request, options).await });
            // A guest that stops waiting, or is stopped, does not leave its request behind.
            let sending = tokio_util::task::AbortOnDropHandle::new(sending);
            match sending.await {
                Ok(Ok(response)) => {
                    let response = response.map(incoming);
                    Ok((response, Box::new(async { Ok(()) }) as Done))
                }
                Ok(Err(error)) => {
                    if matches!(
                        error,
                        EgressError::HostDenied { .. } | EgressError::AddressDenied { .. }
                    ) {
                        output.notice(&format!("outgoing request refused: {error}"));
                    }
                    Err(wasi_error(&error))
                }
                Err(_) => Err(Error::InternalError(None)),
            }
        })
    }
}

fn egress_options(scheme: Option<&Scheme>, options: Option<RequestOptions>) -> EgressOptions {
    let default = EgressOptions::default();
    let options = options.unwrap_or_default();
    EgressOptions {
        use_tls: scheme != Some(&Scheme::HTTP),
        connect_timeout: options.connect_timeout.unwrap_or(default.connect_timeout),
        first_byte_timeout: options
            .first_byte_timeout
            .unwrap_or(default.first_byte_timeout),
        between_bytes_timeout: options
            .between_bytes_timeout
            .unwrap_or(default.between_bytes_timeout),
    }
}

fn incoming(body: HttpBody) -> WasiBody {
    body.map_err(|error| match error.downcast_ref::<EgressError>() {
        Some(error) => wasi_error(error),
        None => Error::HttpProtocolError,
    })
    .boxed_unsync()
}

/// The code a guest sees. It tells what to change, and nothing of the host's network beyond that.
fn wasi_error(error: &EgressError) -> Error {
    match error {
        EgressError::HostDenied { .. } => Error::HttpRequestDenied,
        EgressError::AddressDenied { .. } => Error::DestinationIpProhibited,
        EgressError::Dns { .. } => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        EgressError::ConnectionRefused { .. } => Error::ConnectionRefused,
        EgressError::Tls { .. } => Error::TlsProtocolError,
        EgressError::ConnectTimeout { .. } => Error::ConnectionTimeout,
        EgressError::FirstByteTimeout { .. } => Error::HttpResponseTimeout,
        EgressError::BetweenBytesTimeout => Error::ConnectionReadTimeout,
        EgressError::ConnectionLimit { .. } => Error::ConnectionLimitReached,
        EgressError::InvalidRequest(_) => Error::HttpRequestUriInvalid,
        EgressError::Protocol { .. } => Error::HttpProtocolError,
    }
}
