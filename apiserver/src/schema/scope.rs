//! What can be told about an expression without running it: names nobody declared, fields the schema does
//! not have, results that are no truth value.

use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedExpr};

use super::bind::escaped;
use super::node::{Additional, Node, Type};
use super::types::TYPE_NAMES;

/// Namespaces of functions, which stand where a variable stands.
const NAMESPACES: [&str; 11] = [
    "optional",
    "math",
    "sets",
    "lists",
    "strings",
    "format",
    "base64",
    "ip",
    "cidr",
    "jsonpatch",
    "google",
];

/// Every function and method by the last part of its name. What the evaluator cannot run is refused when a
/// CRD is created and not when an object is.
const FUNCTIONS: &str = "contains size max min startsWith endsWith string bytes double int uint none of \
    ofNonZeroValue value hasValue or orValue matches duration timestamp getFullYear getMonth getDayOfYear \
    getDayOfMonth getDate getDayOfWeek getHours getMinutes getSeconds getMilliseconds type dyn indexOf lastIndexOf \
    isGreaterThan isLessThan compareTo ip reverse decode encode format isIP isCanonical family isLoopback \
    isUnspecified isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast isIPv4 isIPv6 cidr isCIDR containsIP \
    containsCIDR prefixLength masked isCIDRv4 isCIDRv6 escapeKey isSorted sum slice sort flatten distinct first \
    last range ceil floor round trunc abs sign isInf isNaN isFinite bitAnd bitOr bitXor bitNot bitShiftLeft \
    bitShiftRight sqrt least greatest dns1123Label dns1123Subdomain dns1035Label dns1035LabelPrefix \
    dns1123LabelPrefix dns1123SubdomainPrefix qualifiedName labelValue uri uuid byte date datetime named validate \
    quantity isQuantity isInteger asInteger asApproximateFloat add sub find findAll semver isSemver major minor \
    patch equivalent intersects charAt lowerAscii upperAscii replace split substring trim join quote url isURL \
    getScheme getHost getHostname getPort getEscapedPath getQuery";

/// Whether a call can be run; operators are always there.
fn is_function(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_operator = !last.starts_with(|first: char| first.is_ascii_alphabetic());
    is_operator || FUNCTIONS.split_whitespace().any(|known| known == last)
}

/// Every mistake, in the words of the API server.
pub(super) fn mistakes(
    program: &IdedExpr,
    node: &Node,
    is_root: bool,
    optional_old_self: bool,
) -> Vec<String> {
    let mut check = Check {
        node,
        is_root,
        optional_old_self,
        bound: Vec::new(),
        found: Vec::new(),
    };
    check.visit(program);
    check.found
}

struct Check<'e> {
    node: &'e Node,
    is_root: bool,
    optional_old_self: bool,
    bound: Vec<&'e str>,
    found: Vec<String>,
}

impl<'e> Check<'e> {
    fn visit(&mut self, expression: &'e IdedExpr) {
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => {
                self.visit(&select.operand);
                if let Some(schema) = self.schema_of(&select.operand)
                    && !has_field(
                        schema,
                        &select.field,
                        self.is_root && std::ptr::eq(schema, self.node),
                    )
                {
                    self.found
                        .push(format!("undefined field '{}'", select.field));
                }
            }
            Expr::Call(call) => {
                if !is_function(&call.func_name) {
                    self.found.push(format!(
                        "undeclared reference to '{}' (in container '')",
                        call.func_name
                    ));
                }
                if let Some(target) = &call.target {
                    self.visit(target);
                }
                call.args.iter().for_each(|arg| self.visit(arg));
            }
            Expr::List(list) => list.elements.iter().for_each(|element| self.visit(element)),
            Expr::Map(map) => self.entries(&map.entries),
            Expr::Struct(object) => self.entries(&object.entries),
            Expr::Comprehension(comprehension) => {
                self.visit(&comprehension.iter_range);
                self.visit(&comprehension.accu_init);
                let depth = self.bound.len();
                self.bound.push(&comprehension.iter_var);
                self.bound.extend(comprehension.iter_var2.as_deref());
                self.bound.push(&comprehension.accu_var);
                self.visit(&comprehension.loop_cond);
                self.visit(&comprehension.loop_step);
                self.visit(&comprehension.result);
                self.bound.truncate(depth);
            }
        }
    }

    fn entries(&mut self, entries: &'e [kube_cel::cel::common::ast::IdedEntryExpr]) {
        for entry in entries {
            match &entry.expr {
                EntryExpr::StructField(field) => self.visit(&field.value),
                EntryExpr::MapEntry(entry) => {
                    self.visit(&entry.key);
                    self.visit(&entry.value);
                }
            }
        }
    }

    fn name(&mut self, name: &'e str) {
        let known = matches!(name, "self" | "oldSelf")
            || name.starts_with('@')
            || self.bound.contains(&name)
            || NAMESPACES.contains(&name)
            || TYPE_NAMES.contains(&name);
        if !known {
            self.found.push(format!(
                "undeclared reference to '{name}' (in container '')"
            ));
        }
    }

    /// The schema of a chain of fields that starts at the value itself.
    fn schema_of(&self, expression: &IdedExpr) -> Option<&'e Node> {
        match &expression.expr {
            Expr::Ident(name) if self.bound.contains(&name.as_str()) => None,
            Expr::Ident(name) if name == "self" => Some(self.node),
            Expr::Ident(name) if name == "oldSelf" && !self.optional_old_self => Some(self.node),
            Expr::Select(select) if !select.test => {
                let schema = self.schema_of(&select.operand)?;
                let declared = schema
                    .properties
                    .iter()
                    .find(|(name, _)| *escaped(name) == *select.field);
                declared.map(|(_, child)| child)
            }
            _ => None,
        }
    }
}

/// Whether a value of this schema can have the field; only structs are certain not to.
fn has_field(node: &Node, field: &str, is_root: bool) -> bool {
    let is_struct = node.types == Some(Type::Object)
        && matches!(node.additional, Additional::None)
        && !node.int_or_string;
    let implicit =
        (is_root || node.embedded) && matches!(field, "apiVersion" | "kind" | "metadata");
    !is_struct || implicit || node.properties.keys().any(|name| *escaped(name) == *field)
}
