//! Which values may cross from one component to another, and how resources do.
//!
//! Plain values are copied. A resource of the called component stays there; the caller holds a number for
//! it. In transit a resource is that number: [`Val::U32`] at the place where the type says `own` or
//! `borrow`.

use wasmtime::{
    Engine,
    component::{
        ResourceType, Val,
        types::{Component, ComponentFunc, ComponentItem, Type},
    },
};

/// The resources an exported interface defines, in the order of their names.
#[derive(Clone, Debug, Default)]
pub(super) struct Resources(Vec<(String, ResourceType)>);

impl Resources {
    pub(super) fn push(&mut self, name: &str, ty: ResourceType) {
        self.0.push((name.to_owned(), ty));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn index(&self, ty: &ResourceType) -> Option<usize> {
        self.0.iter().position(|(_, own)| own == ty)
    }
}

/// Whether every value of a function may cross; the error names the type that may not.
pub(super) fn check(
    engine: &Engine,
    callee: &Component,
    own: &Resources,
    func: &ComponentFunc,
) -> Result<(), String> {
    let foreign = |ty: &ResourceType| match own.index(ty) {
        Some(_) => None,
        None => Some(format!(
            "resource {}",
            resource_name(engine, callee, ty).unwrap_or_else(|| "of another interface".to_owned())
        )),
    };
    for (name, ty) in func.params() {
        if let Some(what) = uncrossable(&ty, &foreign) {
            return Err(format!("parameter `{name}` is or holds a {what}"));
        }
    }
    for ty in func.results() {
        if let Some(what) = uncrossable(&ty, &foreign) {
            return Err(format!("its result is or holds a {what}"));
        }
    }
    Ok(())
}

fn uncrossable(ty: &Type, foreign: &impl Fn(&ResourceType) -> Option<String>) -> Option<String> {
    match ty {
        Type::Own(ty) | Type::Borrow(ty) => foreign(ty),
        Type::Future(_) => Some("future".to_owned()),
        Type::Stream(_) => Some("stream".to_owned()),
        Type::ErrorContext => Some("error-context".to_owned()),
        other => children(other)
            .iter()
            .find_map(|child| uncrossable(child, foreign)),
    }
}

/// Whether a value of the type can hold a resource.
pub(super) fn holds_resource(ty: &Type) -> bool {
    matches!(ty, Type::Own(_) | Type::Borrow(_)) || children(ty).iter().any(holds_resource)
}

fn children(ty: &Type) -> Vec<Type> {
    match ty {
        Type::List(list) => vec![list.ty()],
        Type::FixedLengthList(list) => vec![list.ty()],
        Type::Map(map) => vec![map.key(), map.value()],
        Type::Record(record) => record.fields().map(|field| field.ty).collect(),
        Type::Tuple(tuple) => tuple.types().collect(),
        Type::Variant(variant) => variant.cases().filter_map(|case| case.ty).collect(),
        Type::Option(option) => vec![option.ty()],
        Type::Result(result) => result.ok().into_iter().chain(result.err()).collect(),
        _ => Vec::new(),
    }
}

/// `wasi:io/streams@0.2.6 output-stream`, searched among what the component imports.
fn resource_name(engine: &Engine, component: &Component, wanted: &ResourceType) -> Option<String> {
    component
        .imports(engine)
        .find_map(|(instance, item)| match item.ty {
            ComponentItem::ComponentInstance(exports) => {
                exports.exports(engine).find_map(|(name, item)| {
                    matches!(&item.ty, ComponentItem::Resource(ty) if ty == wanted)
                        .then(|| format!("`{instance} {name}`"))
                })
            }
            _ => None,
        })
}

/// A resource at some place of a value.
pub(super) struct Place<'a> {
    pub value: &'a mut Val,
    pub ty: ResourceType,
    pub owned: bool,
}

/// Visits every resource in a value of the given type.
pub(super) fn each_resource<E>(
    value: &mut Val,
    ty: &Type,
    visit: &mut impl FnMut(Place<'_>) -> Result<(), E>,
) -> Result<(), E> {
    match (value, ty) {
        (value, Type::Own(ty)) => visit(Place {
            value,
            ty: *ty,
            owned: true,
        }),
        (value, Type::Borrow(ty)) => visit(Place {
            value,
            ty: *ty,
            owned: false,
        }),
        (Val::List(values), Type::List(list)) => {
            let ty = list.ty();
            if !holds_resource(&ty) {
                return Ok(());
            }
            values
                .iter_mut()
                .try_for_each(|value| each_resource(value, &ty, visit))
        }
        (Val::FixedLengthList(values), Type::FixedLengthList(list)) => {
            let ty = list.ty();
            values
                .iter_mut()
                .try_for_each(|value| each_resource(value, &ty, visit))
        }
        (Val::Map(pairs), Type::Map(map)) => pairs.iter_mut().try_for_each(|(key, value)| {
            each_resource(key, &map.key(), visit)?;
            each_resource(value, &map.value(), visit)
        }),
        (Val::Record(fields), Type::Record(record)) => fields
            .iter_mut()
            .zip(record.fields())
            .try_for_each(|((_, value), field)| each_resource(value, &field.ty, visit)),
        (Val::Tuple(values), Type::Tuple(tuple)) => values
            .iter_mut()
            .zip(tuple.types())
            .try_for_each(|(value, ty)| each_resource(value, &ty, visit)),
        (Val::Variant(case, Some(value)), Type::Variant(variant)) => {
            match variant
                .cases()
                .find(|known| known.name == case)
                .and_then(|known| known.ty)
            {
                Some(ty) => each_resource(value, &ty, visit),
                None => Ok(()),
            }
        }
        (Val::Option(Some(value)), Type::Option(option)) => {
            each_resource(value, &option.ty(), visit)
        }
        (Val::Result(Ok(Some(value))), Type::Result(result)) => match result.ok() {
            Some(ty) => each_resource(value, &ty, visit),
            None => Ok(()),
        },
        (Val::Result(Err(Some(value))), Type::Result(result)) => match result.err() {
            Some(ty) => each_resource(value, &ty, visit),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}
