//! Whether the parts of an expression go together: `self + 1` on a text is refused with the CRD, not with
//! the first object.
//!
//! Only what is certain is a mistake. A function this does not know, and everything that comes of it, is of
//! any type; then the rule fails on the object.

use kube_cel::cel::common::ast::{
    ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue,
};

use super::bind::escaped;
use super::cel_types::Ty;
use super::node::Node;

/// The type of a rule's outcome, and every mistake in the words of the API server.
pub(super) fn check<'e>(
    program: &'e IdedExpr,
    node: &'e Node,
    optional_old_self: bool,
) -> (Ty<'e>, Vec<String>) {
    let mut checker = Checker {
        node,
        optional_old_self,
        bound: Vec::new(),
        found: Vec::new(),
    };
    let outcome = checker.of(program);
    (outcome, checker.found)
}

struct Checker<'e> {
    node: &'e Node,
    optional_old_self: bool,
    bound: Vec<(&'e str, Ty<'e>)>,
    found: Vec<String>,
}

impl<'e> Checker<'e> {
    fn of(&mut self, expression: &'e IdedExpr) -> Ty<'e> {
        match &expression.expr {
            Expr::Unspecified | Expr::Struct(_) => Ty::Dyn,
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Ty::Bool,
                LiteralValue::Bytes(_) => Ty::Bytes,
                LiteralValue::Double(_) => Ty::Double,
                LiteralValue::Int(_) => Ty::Int,
                LiteralValue::Null => Ty::Null,
                LiteralValue::String(_) => Ty::Text,
                LiteralValue::UInt(_) => Ty::Uint,
            },
            Expr::Ident(name) => self.named(name),
            Expr::Select(select) => {
                let operand = self.of(&select.operand);
                if select.test {
                    return Ty::Bool;
                }
                self.field(&operand, &select.field)
            }
            Expr::List(list) => {
                let mut of: Option<Ty<'e>> = None;
                for element in &list.elements {
                    let next = self.of(element);
                    of = Some(match of {
                        None => next,
                        Some(first) if first.fits(&next) => first.or(next),
                        Some(first) => {
                            self.expected(&first, &next);
                            first
                        }
                    });
                }
                Ty::list(of.unwrap_or(Ty::Dyn))
            }
            Expr::Map(map) => self.entries(&map.entries),
            Expr::Call(call) => {
                let target = call.target.as_ref().map(|target| self.of(target));
                let arguments: Vec<Ty<'e>> = call.args.iter().map(|each| self.of(each)).collect();
                match target {
                    Some(target) => self.method(&call.func_name, &target, &arguments),
                    None => self.function(&call.func_name, &arguments),
                }
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
        }
    }

    fn named(&self, name: &str) -> Ty<'e> {
        if let Some((_, bound)) = self.bound.iter().rev().find(|(bound, _)| *bound == name) {
            return bound.clone();
        }
        match name {
            "self" => Ty::of(self.node),
            "oldSelf" if !self.optional_old_self => Ty::of(self.node),
            _ => Ty::Dyn,
        }
    }

    fn field(&mut self, operand: &Ty<'e>, field: &str) -> Ty<'e> {
        match operand {
            // Whether the field is there is looked at elsewhere.
            Ty::Object(node) => node
                .properties
                .iter()
                .find(|(name, _)| *escaped(name) == *field)
                .map_or(Ty::Dyn, |(_, child)| Ty::of(child)),
            Ty::Map(_, values) => (**values).clone(),
            Ty::Dyn | Ty::Null => Ty::Dyn,
            other => {
                self.found
                    .push(format!("type '{other}' does not support field selection"));
                Ty::Dyn
            }
        }
    }

    fn entries(&mut self, entries: &'e [IdedEntryExpr]) -> Ty<'e> {
        let mut of: Option<(Ty<'e>, Ty<'e>)> = None;
        for entry in entries {
            if let EntryExpr::MapEntry(entry) = &entry.expr {
                let (key, value) = (self.of(&entry.key), self.of(&entry.value));
                of = Some(match of {
                    None => (key, value),
                    Some((keys, values)) => (keys.or(key), values.or(value)),
                });
            }
        }
        let (keys, values) = of.unwrap_or((Ty::Dyn, Ty::Dyn));
        Ty::map(keys, values)
    }

    fn comprehension(&mut self, of: &'e ComprehensionExpr) -> Ty<'e> {
        let range = self.of(&of.iter_range);
        let (first, second) = match (&range, &of.iter_var2) {
            (Ty::List(element), None) => ((**element).clone(), Ty::Dyn),
            (Ty::List(element), Some(_)) => (Ty::Int, (**element).clone()),
            (Ty::Map(key, value), _) => ((**key).clone(), (**value).clone()),
            (Ty::Object(_), _) => (Ty::Text, Ty::Dyn),
            (Ty::Dyn | Ty::Null, _) => (Ty::Dyn, Ty::Dyn),
            (other, _) => {
                self.found.push(format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                ));
                (Ty::Dyn, Ty::Dyn)
            }
        };
        let start = self.of(&of.accu_init);
        let depth = self.bound.len();
        self.bound.push((&of.iter_var, first));
        if let Some(name) = &of.iter_var2 {
            self.bound.push((name, second));
        }
        self.bound.push((&of.accu_var, start.clone()));
        let step = self.of(&of.loop_step);
        self.bound.truncate(depth);
        self.bound.push((&of.accu_var, start.or(step)));
        let result = self.of(&of.result);
        self.bound.truncate(depth);
        result
    }

    fn function(&mut self, name: &str, arguments: &[Ty<'e>]) -> Ty<'e> {
        match (name, arguments) {
            ("_&&_" | "_||_", sides) => {
                for side in sides.iter().filter(|side| !side.may_be_bool()) {
                    self.expected(&Ty::Bool, side);
                }
                Ty::Bool
            }
            ("!_", [of]) if of.may_be_bool() => Ty::Bool,
            ("-_", [of]) if of.is_dyn() || matches!(of, Ty::Int | Ty::Double) => of.clone(),
            ("_?:_" | "_?_:_", [condition, a, b]) if condition.may_be_bool() && a.fits(b) => {
                a.clone().or(b.clone())
            }
            ("_==_" | "_!=_", [a, b]) if a.fits(b) || a.is_number() && b.is_number() => Ty::Bool,
            ("_<_" | "_<=_" | "_>_" | "_>=_", [a, b]) if are_ordered(a, b) => Ty::Bool,
            ("_+_" | "_-_" | "_*_" | "_/_" | "_%_", [a, b]) => match arithmetic(name, a, b) {
                Some(outcome) => outcome,
                None => self.mismatch(name, arguments),
            },
            ("@in", [of, Ty::List(among) | Ty::Map(among, _)]) if of.fits(among) => Ty::Bool,
            ("@in", [_, Ty::Dyn | Ty::Null]) | ("@not_strictly_false", [_]) => Ty::Bool,
            ("_[_]", [Ty::List(of), Ty::Int | Ty::Uint | Ty::Double | Ty::Dyn]) => (**of).clone(),
            ("_[_]", [Ty::Map(keys, of), key]) if key.fits(keys) => (**of).clone(),
            ("_[_]", [Ty::Dyn | Ty::Null | Ty::Object(_), _]) => Ty::Dyn,
            ("size", [of]) if has_size(of) => Ty::Int,
            (
                "!_" | "-_" | "_?:_" | "_?_:_" | "_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_"
                | "@in" | "_[_]" | "size",
                _,
            ) => self.mismatch(name, arguments),
            ("string", [_]) => Ty::Text,
            ("int", [_]) => Ty::Int,
            ("uint", [_]) => Ty::Uint,
            ("double", [_]) => Ty::Double,
            ("bytes", [_]) => Ty::Bytes,
            ("timestamp", [_]) => Ty::Timestamp,
            ("duration", [_]) => Ty::Duration,
            _ => Ty::Dyn,
        }
    }

    fn method(&mut self, name: &str, target: &Ty<'e>, arguments: &[Ty<'e>]) -> Ty<'e> {
        let all =
            |wanted: fn(&Ty<'e>) -> bool| arguments.iter().all(|of| of.is_dyn() || wanted(of));
        let text = |of: &Ty<'e>| matches!(of, Ty::Text);
        match (name, target) {
            ("size", of) if arguments.is_empty() && has_size(of) => Ty::Int,
            ("size", of) if arguments.is_empty() => self.misfit(name, of, arguments),
            ("startsWith" | "endsWith" | "contains" | "matches", Ty::Text) if all(text) => Ty::Bool,
            ("startsWith" | "endsWith" | "matches", Ty::Dyn) => Ty::Bool,
            ("startsWith" | "endsWith" | "matches", of) => self.misfit(name, of, arguments),
            ("contains", Ty::Text) => self.misfit(name, target, arguments),
            (
                "lowerAscii" | "upperAscii" | "trim" | "replace" | "substring" | "charAt"
                | "reverse",
                Ty::Text,
            )
            | ("join", Ty::List(_)) => Ty::Text,
            ("indexOf" | "lastIndexOf", Ty::Text | Ty::List(_)) => Ty::Int,
            ("split", Ty::Text) => Ty::list(Ty::Text),
            _ => Ty::Dyn,
        }
    }

    fn expected(&mut self, wanted: &Ty<'e>, found: &Ty<'e>) {
        self.found
            .push(format!("expected type '{wanted}' but found '{found}'"));
    }

    fn mismatch(&mut self, name: &str, arguments: &[Ty<'e>]) -> Ty<'e> {
        self.found.push(format!(
            "found no matching overload for '{name}' applied to '({})'",
            listed(arguments)
        ));
        Ty::Dyn
    }

    fn misfit(&mut self, name: &str, target: &Ty<'e>, arguments: &[Ty<'e>]) -> Ty<'e> {
        self.found.push(format!(
            "found no matching overload for '{name}' applied to '{target}.({})'",
            listed(arguments)
        ));
        Ty::Dyn
    }
}

fn listed(arguments: &[Ty<'_>]) -> String {
    let parts: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    parts.join(", ")
}

fn has_size(of: &Ty<'_>) -> bool {
    matches!(
        of,
        Ty::Dyn | Ty::Null | Ty::Text | Ty::Bytes | Ty::List(_) | Ty::Map(..)
    )
}

fn are_ordered(a: &Ty<'_>, b: &Ty<'_>) -> bool {
    let one = |of: &Ty<'_>| !matches!(of, Ty::List(_) | Ty::Map(..) | Ty::Object(_) | Ty::Null);
    one(a) && one(b) && (a.fits(b) || a.is_number() && b.is_number())
}

/// The type of a sum, difference, product, quotient or remainder; `None` when there is none.
fn arithmetic<'e>(operator: &str, a: &Ty<'e>, b: &Ty<'e>) -> Option<Ty<'e>> {
    match (operator, a, b) {
        (_, Ty::Dyn, _) | (_, _, Ty::Dyn) => Some(Ty::Dyn),
        (_, Ty::Int, Ty::Int) => Some(Ty::Int),
        (_, Ty::Uint, Ty::Uint) => Some(Ty::Uint),
        ("_+_" | "_-_" | "_*_" | "_/_", Ty::Double, Ty::Double) => Some(Ty::Double),
        ("_+_", Ty::Text, Ty::Text) => Some(Ty::Text),
        ("_+_", Ty::Bytes, Ty::Bytes) => Some(Ty::Bytes),
        ("_+_", Ty::List(_), Ty::List(_)) if a.fits(b) => Some(a.clone().or(b.clone())),
        ("_+_" | "_-_", Ty::Duration, Ty::Duration) | ("_-_", Ty::Timestamp, Ty::Timestamp) => {
            Some(Ty::Duration)
        }
        ("_+_" | "_-_", Ty::Timestamp, Ty::Duration) | ("_+_", Ty::Duration, Ty::Timestamp) => {
            Some(Ty::Timestamp)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use kube_cel::cel::parser::Parser;
    use serde_json::json;

    use super::super::compile;
    use super::*;

    fn mistakes(rule: &str) -> Vec<String> {
        let text = json!({"type": "string"});
        let schema = json!({"type": "object", "properties": {
            "s": text, "i": {"type": "integer"}, "b": {"type": "boolean"}, "n": {"type": "number"},
            "l": {"type": "array", "items": text},
            "m": {"type": "object", "additionalProperties": text},
            "t": {"type": "string", "format": "date-time"},
            "p": {"x-kubernetes-int-or-string": true},
            "o": {"type": "object", "properties": {"x": {"type": "integer"}}},
        }});
        let node = compile::compile(&schema).unwrap();
        let program = Parser::default()
            .enable_optional_syntax(true)
            .parse(rule)
            .unwrap();
        let (outcome, mut found) = check(&program, &node, false);
        if !outcome.may_be_bool() {
            found.push(format!("the outcome is {outcome}"));
        }
        found
    }

    /// Held against a real API server by the conformance suite too.
    #[test]
    fn what_does_not_go_together_is_a_mistake() {
        for wrong in [
            "self.s + 1 == 2",
            "self.s == 1",
            "self.i",
            "size(self.s)",
            "self.s.startsWith(1)",
            "has(self.i) && self.i",
            "self.b ? true : 1",
            "self.s in ['x', 1]",
            "self.t > '2020'",
            "self.m['a'] == 1",
            "-self.s == 1",
            "!self.s",
            "self.s[0] == 'x'",
            "self.l.map(x, x + 1).size() > 0",
            "self.l.filter(x, x).size() > 0",
            "self.l.all(x, x > 1)",
            "self.l.exists(x, x)",
            "self.l == self.i",
            "self.s.x == 1",
            "'text'",
        ] {
            assert!(!mistakes(wrong).is_empty(), "{wrong}");
        }
    }

    #[test]
    fn what_may_be_right_is_no_mistake() {
        for right in [
            "self.i + 1 == 2",
            "self.i > 1.5 || self.n > 1",
            "self.s == dyn(1)",
            "self.s + 'x' == 'yx' && self.b",
            "self.t > timestamp('2020-01-01T00:00:00Z')",
            "self.p == 1 || self.p == 'a'",
            "self.m.a == 'x' || 'b' in self.m",
            "self.l.map(x, x.size()).all(n, n > 0)",
            "self.l.exists_one(x, x.matches('^a$'))",
            "self.l.filter(x, x != '').size() < 3",
            "self.m.all(k, self.m[k] != '')",
            "(self.b ? 1 : 2) == self.i",
            "self.i == oldSelf.i",
            "self == oldSelf",
            "string(self.i) == self.s && int(self.s) == self.i",
            "self.l[0].upperAscii() == 'A'",
            "size(self.m) + self.l.size() < 3",
            "duration('1h') > duration('1m')",
            "type(self.s) == string",
            "!has(self.o.x) || self.o.x in [1, 2]",
            "quantity(self.s).isGreaterThan(quantity('1'))",
            "self.o.?x.orValue(1) == 1",
        ] {
            assert_eq!(mistakes(right), Vec::<String>::new(), "{right}");
        }
    }

    #[test]
    fn a_mismatch_is_said_as_the_api_server_says_it() {
        assert_eq!(
            mistakes("self.s + 1 == 2"),
            ["found no matching overload for '_+_' applied to '(string, int)'"]
        );
        assert_eq!(
            mistakes("has(self.i) && self.i"),
            ["expected type 'bool' but found 'int'"]
        );
    }
}
