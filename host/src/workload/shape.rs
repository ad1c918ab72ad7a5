//! What a compiled component imports and exports, read from its type.

use super::resolve::{Import, Shape};
use host_api::InterfaceName;
use wasmtime::{
    Engine,
    component::{Component, types::ComponentItem},
};

/// The component's shape, or the import that no host can serve.
pub(super) fn of(engine: &Engine, name: &str, component: &Component) -> Result<Shape, String> {
    let ty = component.component_type();
    let mut shape = Shape {
        component: name.to_owned(),
        ..Shape::default()
    };
    for (instance, item) in ty.imports(engine) {
        let ComponentItem::ComponentInstance(exports) = &item.ty else {
            return Err(format!(
                "component `{name}` imports `{instance}`, which is not an interface; hosts serve \
                 interfaces only"
            ));
        };
        // An interface of types alone needs nobody to serve it.
        let needs_serving = exports.exports(engine).any(|(_, export)| {
            matches!(
                export.ty,
                ComponentItem::ComponentFunc(_) | ComponentItem::Resource(_)
            )
        });
        if !needs_serving {
            continue;
        }
        let interface: InterfaceName = item
            .implements
            .unwrap_or(instance)
            .parse()
            .map_err(|error| format!("component `{name}`: {error}"))?;
        shape.imports.push(Import {
            instance: instance.to_owned(),
            interface,
        });
    }
    for (export, item) in ty.exports(engine) {
        if matches!(item.ty, ComponentItem::ComponentInstance(_))
            && let Ok(interface) = export.parse()
        {
            shape.exports.push(interface);
        }
    }
    Ok(shape)
}
