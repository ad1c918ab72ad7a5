//! Who serves what each component imports: WASI itself, another component of the workload, or a plugin
//! under one of the declared host interfaces. Pure: names in, a plan or an error out.

use super::spec::HostInterface;
use host_api::{InterfaceName, Plugin, compatible};
use std::sync::Arc;

/// What a component imports and exports, by name.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Name of the component within the workload.
    pub component: String,
    /// Instances it imports that hold functions or resources.
    pub imports: Vec<Import>,
    /// Interfaces it exports.
    pub exports: Vec<InterfaceName>,
}

/// One import of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The instance's name in the component: the interface's, or a label for one of several backends.
    pub instance: String,
    /// The interface.
    pub interface: InterfaceName,
}

impl Import {
    fn label(&self) -> Option<&str> {
        (self.instance != self.interface.to_string()).then_some(self.instance.as_str())
    }
}

/// Who serves an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The host's own WASI.
    Wasi,
    /// The component with this index, by its export with this index.
    Component {
        /// Index of the component.
        component: usize,
        /// Index of its export.
        export: usize,
    },
    /// The plugin with this index, configured by the declaration with this index.
    Plugin {
        /// Index of the plugin.
        plugin: usize,
        /// Index of the declared host interface.
        declaration: usize,
    },
}

/// The components of a workload cannot be connected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Nobody serves an import.
    #[error("component `{component}` imports `{interface}`, {problem}")]
    Missing {
        /// Who imports it.
        component: String,
        /// What.
        interface: String,
        /// Why nobody serves it, and what to do.
        problem: String,
    },
    /// A declared host interface is not offered by this host.
    #[error("the workload asks for host interface `{0}`, which this host does not offer")]
    NotOffered(String),
    /// Two components export what a third imports.
    #[error(
        "component `{component}` imports `{interface}`, which both `{first}` and `{second}` export: remove \
         one of them"
    )]
    Ambiguous {
        /// Who imports it.
        component: String,
        /// What.
        interface: String,
        /// One exporter.
        first: String,
        /// Another.
        second: String,
    },
    /// Components call each other in a circle.
    #[error(
        "components `{first}` and `{second}` import from each other (directly or through others)"
    )]
    Cycle {
        /// One of them.
        first: String,
        /// Another.
        second: String,
    },
}

/// Per component and import, who serves it; and an order in which every component comes after those it
/// imports from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Indexed like the components and their imports.
    pub sources: Vec<Vec<Source>>,
    /// Indices of the components, callees first.
    pub order: Vec<usize>,
}

/// Makes the plan.
pub fn resolve(
    shapes: &[Shape],
    declared: &[HostInterface],
    plugins: &[Arc<dyn Plugin>],
) -> Result<Plan, ResolveError> {
    for declaration in declared {
        offered(declaration, shapes, plugins)?;
    }
    let sources = shapes
        .iter()
        .enumerate()
        .map(|(index, shape)| {
            shape
                .imports
                .iter()
                .map(|import| source(index, import, shapes, declared, plugins))
                .collect()
        })
        .collect::<Result<Vec<Vec<_>>, _>>()?;
    let order = order(shapes, &sources)?;
    Ok(Plan { sources, order })
}

/// WASI that every component has without asking. What it may do with it is decided by its allow-lists.
fn is_wasi(interface: &InterfaceName) -> bool {
    interface.namespace == "wasi"
        && match interface.package.as_str() {
            "cli" | "clocks" | "filesystem" | "io" | "random" | "sockets" => true,
            "http" => matches!(
                interface.interface.as_str(),
                "types" | "outgoing-handler" | "client"
            ),
            _ => false,
        }
}

fn source(
    importer: usize,
    import: &Import,
    shapes: &[Shape],
    declared: &[HostInterface],
    plugins: &[Arc<dyn Plugin>],
) -> Result<Source, ResolveError> {
    if is_wasi(&import.interface) {
        return Ok(Source::Wasi);
    }
    let mut exporters = shapes
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != importer)
        .filter_map(|(component, shape)| {
            let export = shape
                .exports
                .iter()
                .position(|export| import.interface.accepts(export))?;
            Some((component, export))
        });
    if import.label().is_none()
        && let Some((component, export)) = exporters.next()
    {
        return match exporters.next() {
            None => Ok(Source::Component { component, export }),
            Some((second, _)) => Err(ResolveError::Ambiguous {
                component: shapes[importer].component.clone(),
                interface: import.instance.clone(),
                first: shapes[component].component.clone(),
                second: shapes[second].component.clone(),
            }),
        };
    }
    let missing = |problem: String| ResolveError::Missing {
        component: shapes[importer].component.clone(),
        interface: import.instance.clone(),
        problem,
    };
    let Some(declaration) = declaration(import, declared, plugins) else {
        let offers = plugins
            .iter()
            .any(|plugin| serves(plugin, &import.interface));
        return Err(missing(match import.label() {
            _ if !offers => {
                "which neither this host nor a component of the workload offers".to_owned()
            }
            Some(label) => format!("but no host interface with `name: {label}` is declared"),
            None => "which the workload does not declare: add it to its hostInterfaces".to_owned(),
        }));
    };
    let pinned = declared[declaration].name.as_deref();
    let plugin = plugins
        .iter()
        .position(|plugin| pinned == Some(plugin.id()) && serves(plugin, &import.interface))
        .or_else(|| {
            plugins
                .iter()
                .position(|plugin| serves(plugin, &import.interface))
        })
        .ok_or_else(|| missing("which this host does not offer in that version".to_owned()))?;
    Ok(Source::Plugin {
        plugin,
        declaration,
    })
}

/// The declaration that covers an import: for a label the one with that name, else one without a name or
/// one that pins a plugin.
fn declaration(
    import: &Import,
    declared: &[HostInterface],
    plugins: &[Arc<dyn Plugin>],
) -> Option<usize> {
    let covers = |declaration: &HostInterface| {
        let name = &import.interface;
        declaration.is_package(&name.namespace, &name.package)
            && declaration.interfaces.contains(&name.interface)
            && compatible(declaration.version.as_ref(), name.version.as_ref())
    };
    let find = |named: &dyn Fn(Option<&str>) -> bool| {
        declared
            .iter()
            .position(|entry| covers(entry) && named(entry.name.as_deref()))
    };
    match import.label() {
        Some(label) => find(&|name| name == Some(label)),
        None => find(&|name| name.is_none())
            .or_else(|| find(&|name| plugins.iter().any(|plugin| name == Some(plugin.id())))),
    }
}

fn serves(plugin: &Arc<dyn Plugin>, interface: &InterfaceName) -> bool {
    plugin
        .serves()
        .iter()
        .any(|served| served.matches(interface))
}

/// A declaration must be served by somebody, whether or not a component imports it.
fn offered(
    declaration: &HostInterface,
    shapes: &[Shape],
    plugins: &[Arc<dyn Plugin>],
) -> Result<(), ResolveError> {
    for interface in &declaration.interfaces {
        let name = InterfaceName {
            namespace: declaration.namespace.clone(),
            package: declaration.package.clone(),
            interface: interface.clone(),
            version: declaration.version.clone(),
        };
        let called_by_host = name.namespace == "wasi"
            && name.package == "http"
            && matches!(interface.as_str(), "incoming-handler" | "handler");
        let known = called_by_host
            || is_wasi(&name)
            || plugins.iter().any(|plugin| serves(plugin, &name))
            || shapes
                .iter()
                .any(|shape| shape.exports.iter().any(|export| name.accepts(export)));
        if !known {
            return Err(ResolveError::NotOffered(name.to_string()));
        }
    }
    Ok(())
}

/// Depth first; what is met again on the way is a circle.
fn order(shapes: &[Shape], sources: &[Vec<Source>]) -> Result<Vec<usize>, ResolveError> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    fn visit(
        at: usize,
        shapes: &[Shape],
        sources: &[Vec<Source>],
        marks: &mut [Mark],
        order: &mut Vec<usize>,
    ) -> Result<(), ResolveError> {
        marks[at] = Mark::Open;
        for source in &sources[at] {
            let Source::Component {
                component: callee, ..
            } = *source
            else {
                continue;
            };
            match marks[callee] {
                Mark::Done => {}
                Mark::New => visit(callee, shapes, sources, marks, order)?,
                Mark::Open => {
                    return Err(ResolveError::Cycle {
                        first: shapes[callee].component.clone(),
                        second: shapes[at].component.clone(),
                    });
                }
            }
        }
        marks[at] = Mark::Done;
        order.push(at);
        Ok(())
    }
    let mut marks = vec![Mark::New; shapes.len()];
    let mut order = Vec::with_capacity(shapes.len());
    for at in 0..shapes.len() {
        if marks[at] == Mark::New {
            visit(at, shapes, sources, &mut marks, &mut order)?;
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(component: &str, imports: &[&str], exports: &[&str]) -> Shape {
        let import = |text: &&str| match text.split_once('=') {
            Some((label, interface)) => Import {
                instance: label.to_owned(),
                interface: interface.parse().unwrap(),
            },
            None => Import {
                instance: (*text).to_owned(),
                interface: text.parse().unwrap(),
            },
        };
        Shape {
            component: component.to_owned(),
            imports: imports.iter().map(import).collect(),
            exports: exports.iter().map(|text| text.parse().unwrap()).collect(),
        }
    }

    fn declared(package: &str, interface: &str, name: Option<&str>) -> HostInterface {
        let (namespace, package) = package.split_once(':').unwrap();
        HostInterface {
            namespace: namespace.to_owned(),
            package: package.to_owned(),
            interfaces: vec![interface.to_owned()],
            version: None,
            config: std::collections::BTreeMap::default(),
            name: name.map(str::to_owned),
        }
    }

    fn plan(shapes: &[Shape], declared: &[HostInterface]) -> Result<Plan, String> {
        resolve(shapes, declared, &plugins::all()).map_err(|error| error.to_string())
    }

    #[test]
    fn wasi_is_always_there_and_plugins_by_declaration() {
        let shapes = [shape(
            "a",
            &["wasi:cli/environment@0.2.3", "wasi:config/store@0.2.0-rc.1"],
            &["wasi:http/incoming-handler@0.2.3"],
        )];
        let interfaces = [
            declared("wasi:http", "incoming-handler", None),
            declared("wasi:config", "store", None),
        ];
        let plan = plan(&shapes, &interfaces).unwrap();
        assert_eq!(plan.sources[0][0], Source::Wasi);
        assert!(matches!(
            plan.sources[0][1],
            Source::Plugin { declaration: 1, .. }
        ));
    }

    #[test]
    fn what_is_missing_is_named_with_what_to_do() {
        let import = |name| [shape("a", &[name], &[])];
        let error = plan(&import("wasi:config/store@0.2.0-rc.1"), &[]).unwrap_err();
        assert!(
            error.contains("wasi:config/store") && error.contains("hostInterfaces"),
            "{error}"
        );
        let error = plan(&import("x:y/z@1.0.0"), &[]).unwrap_err();
        assert!(
            error.contains("`a` imports `x:y/z@1.0.0`, which neither"),
            "{error}"
        );
        let error = plan(&[], &[declared("x:y", "z", None)]).unwrap_err();
        assert!(
            error.contains("`x:y/z`, which this host does not offer"),
            "{error}"
        );
    }

    #[test]
    fn a_label_is_served_by_the_declaration_of_that_name() {
        let shapes = [shape("a", &["team-a=wasi:config/store@0.2.0-rc.1"], &[])];
        let interfaces = [
            declared("wasi:config", "store", None),
            declared("wasi:config", "store", Some("team-a")),
        ];
        let plan_found = plan(&shapes, &interfaces).unwrap();
        assert!(matches!(
            plan_found.sources[0][0],
            Source::Plugin { declaration: 1, .. }
        ));
        let error = plan(&shapes, &interfaces[..1]).unwrap_err();
        assert!(error.contains("name: team-a"), "{error}");
    }

    #[test]
    fn components_link_by_compatible_versions_callees_first() {
        let shapes = [
            shape("a", &["x:y/z@1.0.0"], &[]),
            shape("b", &["x:y/w@0.1.0"], &["x:y/z@1.2.0"]),
            shape("c", &[], &["x:y/w@0.1.4", "x:y/z@2.0.0"]),
        ];
        let plan = plan(&shapes, &[]).unwrap();
        assert_eq!(
            plan.sources[0][0],
            Source::Component {
                component: 1,
                export: 0
            }
        );
        assert_eq!(plan.order, [2, 1, 0]);
    }

    #[test]
    fn circles_and_ambiguities_name_both_components() {
        let circle = [
            shape("a", &["x:y/one"], &["x:y/two"]),
            shape("b", &["x:y/two"], &["x:y/one"]),
        ];
        let error = plan(&circle, &[]).unwrap_err();
        assert!(error.contains("`a` and `b`"), "{error}");
        let ambiguous = [
            shape("a", &["x:y/one"], &[]),
            shape("b", &[], &["x:y/one"]),
            shape("c", &[], &["x:y/one"]),
        ];
        let error = plan(&ambiguous, &[]).unwrap_err();
        assert!(error.contains("both `b` and `c`"), "{error}");
    }
}
