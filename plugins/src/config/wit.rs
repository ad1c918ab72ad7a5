//! From the functions of `wasi:config/store` to a [`View`].

use super::store::View;
use host_api::Ctx;
use std::sync::Arc;
use wasmtime::{StoreContextMut, component::LinkerInstance};

wasmtime::component::bindgen!({ path: "../wit/wasi-config", world: "imports" });

use wasi::config::store::Error;

/// Defines the functions.
pub(super) fn define(
    instance: &mut LinkerInstance<'_, Ctx>,
    view: Arc<View>,
) -> wasmtime::Result<()> {
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
