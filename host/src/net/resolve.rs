//! Names to addresses, behind a trait so that what is done with a hostile answer can be tested.

use std::{io, net::IpAddr};

use futures::{FutureExt, future::BoxFuture};

/// Resolves names.
pub trait Resolver: Send + Sync {
    /// All addresses of `name`, best first. An empty list is no error but no address either.
    fn resolve(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver (`/etc/hosts`, `resolv.conf`, …).
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        async move {
            Ok(tokio::net::lookup_host((name, 0))
                .await?
                .map(|address| address.ip())
                .collect())
        }
        .boxed()
    }
}
