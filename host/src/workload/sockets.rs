//! Raw sockets and name lookups of components: denied unless the component's allow-lists say otherwise.

use crate::net::{AddressPolicy, EgressPolicy, IpNameLookups};
use host_api::Ctx;
use std::sync::Arc;
use wasmtime::component::{Accessor, HasData, Linker, Resource};
use wasmtime_wasi::{
    WasiCtxBuilder,
    p2::{
        SocketError,
        bindings::sockets::{
            ip_name_lookup,
            network::{self, ErrorCode, IpAddress, Network},
        },
    },
    p3::bindings::sockets::{ip_name_lookup as async_lookup, types},
    sockets::{SocketAddrUse, WasiSockets, WasiSocketsCtxView, WasiSocketsView as _},
};

/// Lets a component connect to what `policy` lists by address and the host's `addresses` do not forbid. It
/// never listens.
pub(super) fn allow(
    wasi: &mut WasiCtxBuilder,
    policy: &Arc<EgressPolicy>,
    addresses: AddressPolicy,
) {
    if policy.denies_all() {
        return;
    }
    let policy = policy.clone();
    wasi.allow_tcp(true)
        .allow_udp(true)
        .allow_ip_name_lookup(true);
    wasi.socket_addr_check(move |address, usage| {
        let (ip, port) = (address.ip(), address.port());
        let allowed = match usage {
            SocketAddrUse::TcpConnect | SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => {
                policy.allows_socket(ip, port)
                    && addresses.check(ip, policy.lists_address(ip, port)).is_ok()
            }
            // An outgoing socket is bound to an address of the system's choice.
            SocketAddrUse::UdpBind => port == 0 && ip.is_unspecified(),
            SocketAddrUse::TcpBind | SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => false,
        };
        Box::pin(std::future::ready(allowed))
    });
}

/// Names the instance may look up; kept in its state.
pub(super) struct AllowedLookups(pub Arc<IpNameLookups>);

/// `wasi:sockets/ip-name-lookup` behind the component's list.
struct CheckedLookups<'a> {
    sockets: WasiSocketsCtxView<'a>,
    allowed: Option<Arc<IpNameLookups>>,
}

struct HasCheckedLookups;

impl HasData for HasCheckedLookups {
    type Data<'a> = CheckedLookups<'a>;
}

/// Puts the check in front of the lookups that are in `linker` already.
pub(super) fn check_lookups(linker: &mut Linker<Ctx>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    ip_name_lookup::add_to_linker::<Ctx, HasCheckedLookups>(linker, |ctx| {
        let allowed = ctx
            .states
            .get::<AllowedLookups>()
            .map(|allowed| allowed.0.clone());
        CheckedLookups {
            sockets: ctx.sockets(),
            allowed,
        }
    })?;
    async_lookup::add_to_linker::<Ctx, HasCheckedLookups>(linker, |ctx| {
        let allowed = ctx
            .states
            .get::<AllowedLookups>()
            .map(|allowed| allowed.0.clone());
        CheckedLookups {
            sockets: ctx.sockets(),
            allowed,
        }
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

impl CheckedLookups<'_> {
    fn allows(&self, name: &str) -> bool {
        self.allowed
            .as_ref()
            .is_some_and(|allowed| allowed.allows(name))
    }
}

impl network::Host for CheckedLookups<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        network::Host::convert_error_code(&mut self.sockets, error)
    }

    fn network_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        network::Host::network_error_code(&mut self.sockets, error)
    }
}

impl network::HostNetwork for CheckedLookups<'_> {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.sockets, network)
    }
}

impl async_lookup::Host for CheckedLookups<'_> {}

impl async_lookup::HostWithStore<Ctx> for HasCheckedLookups {
    async fn resolve_addresses(
        accessor: &Accessor<Ctx, Self>,
        name: String,
    ) -> wasmtime::Result<Result<Vec<types::IpAddress>, async_lookup::ErrorCode>> {
        if !accessor.with(|mut access| access.get().allows(&name)) {
            return Ok(Err(async_lookup::ErrorCode::PermanentResolverFailure));
        }
        let unchecked = accessor.with_getter::<WasiSockets>(|ctx: &mut Ctx| ctx.sockets());
        <WasiSockets as async_lookup::HostWithStore<Ctx>>::resolve_addresses(&unchecked, name).await
    }
}

impl ip_name_lookup::Host for CheckedLookups<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> Result<Resource<ip_name_lookup::ResolveAddressStream>, SocketError> {
        if self.allows(&name) {
            ip_name_lookup::Host::resolve_addresses(&mut self.sockets, network, name)
        } else {
            Err(ErrorCode::PermanentResolverFailure.into())
        }
    }
}

impl ip_name_lookup::HostResolveAddressStream for CheckedLookups<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> Result<Option<IpAddress>, SocketError> {
        ip_name_lookup::HostResolveAddressStream::resolve_next_address(&mut self.sockets, stream)
    }

    fn subscribe(
        &mut self,
        stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<wasmtime_wasi::p2::DynPollable>> {
        ip_name_lookup::HostResolveAddressStream::subscribe(&mut self.sockets, stream)
    }

    fn drop(
        &mut self,
        stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> wasmtime::Result<()> {
        ip_name_lookup::HostResolveAddressStream::drop(&mut self.sockets, stream)
    }
}
