//! From the functions of `wasi:config/store` to a [`View`].

use super::store::View;
use host_api::{Ctx, InterfaceName};
use std::sync::Arc;
use wasmtime::{StoreContextMut, component::Linker};

wasmtime::component::bindgen!({ path: "../wit/wasi-config", world: "imports" });

use wasi::config::store::Error;

/// Defines the interface under the name the component imports it by.
pub(super) fn define(
    linker: &mut Linker<Ctx>,
    import: &InterfaceName,
    view: Arc<View>,
) -> wasmtime::Result<()> {
    let mut instance = linker.instance(&import.to_string())?;
    let all = view.clone();
    instance.func_wrap(
        "get",
        move |_: StoreContextMut<'_, Ctx>, (key,): (String,)| {
            Ok((Ok::<_, Error>(view.get(&key).map(str::to_owned)),))
        },
    )?;
    instance.func_wrap("get-all", move |_: StoreContextMut<'_, Ctx>, (): ()| {
        Ok((Ok::<_, Error>(all.all()),))
    })
}
