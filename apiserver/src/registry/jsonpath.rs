//! The part of kubectl's JSONPath that CRDs may use: fields, quoted fields, indexes, wildcards and
//! equality filters (`.status.conditions[?(@.type=="Ready")].status`).

use serde_json::Value;

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(i64),
    All,
    /// Elements whose field at the path equals (or differs from) the value.
    Filter {
        path: Vec<String>,
        equal: bool,
        value: Value,
    },
}

impl JsonPath {
    /// The path, or what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let text = text
            .strip_prefix('{')
            .and_then(|t| t.strip_suffix('}'))
            .unwrap_or(text);
        let mut rest = text.strip_prefix('$').unwrap_or(text);
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('[') {
                let end = closing(after).ok_or_else(|| format!("unclosed [ in {text}"))?;
                steps.push(bracket(&after[..end], text)?);
                rest = &after[end + 1..];
            } else {
                let after = rest.strip_prefix('.').unwrap_or(rest);
                let (field, left) = field(after);
                if field.is_empty() && !left.starts_with('[') {
                    return Err(format!("empty field name in {text}"));
                }
                match field.as_str() {
                    "" => {}
                    "*" => steps.push(Step::All),
                    _ => steps.push(Step::Field(field)),
                }
                rest = left;
            }
        }
        if steps.is_empty() {
            Err(format!("{text} names no field"))
        } else {
            Ok(Self(steps))
        }
    }

    /// Everything the path leads to.
    pub fn find<'a>(&self, root: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![root];
        for step in &self.0 {
            found = found
                .into_iter()
                .flat_map(|value| apply(step, value))
                .collect();
        }
        found
    }

    /// The first value the path leads to.
    pub fn first<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        self.find(root).into_iter().next()
    }

    /// Sets the value at a path of plain fields, creating the objects between.
    pub fn set(&self, root: &mut Value, new: Value) -> bool {
        let mut at = root;
        for step in &self.0 {
            let Step::Field(name) = step else {
                return false;
            };
            if at.is_null() {
                *at = Value::Object(serde_json::Map::new());
            }
            let Some(map) = at.as_object_mut() else {
                return false;
            };
            at = map.entry(name.clone()).or_insert(Value::Null);
        }
        *at = new;
        true
    }

    /// Whether it consists of plain fields only.
    pub fn is_plain(&self) -> bool {
        self.0.iter().all(|step| matches!(step, Step::Field(_)))
    }
}

fn apply<'a>(step: &Step, value: &'a Value) -> Vec<&'a Value> {
    match step {
        Step::Field(name) => value.get(name).into_iter().collect(),
        Step::Index(index) => {
            let Some(list) = value.as_array() else {
                return Vec::new();
            };
            let index = if *index < 0 {
                index + list.len() as i64
            } else {
                *index
            };
            usize::try_from(index)
                .ok()
                .and_then(|index| list.get(index))
                .into_iter()
                .collect()
        }
        Step::All => match value {
            Value::Array(list) => list.iter().collect(),
            Value::Object(map) => map.values().collect(),
            _ => Vec::new(),
        },
        Step::Filter {
            path,
            equal,
            value: wanted,
        } => {
            let Some(list) = value.as_array() else {
                return Vec::new();
            };
            list.iter()
                .filter(|item| {
                    let found = path.iter().try_fold(*item, |at, name| at.get(name));
                    found.is_some_and(|found| (found == wanted) == *equal)
                })
                .collect()
        }
    }
}

/// The position of the bracket that closes, quotes respected.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A field name up to the next separator; `\.` is a dot in the name.
fn field(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.extend(chars.next().map(|(_, escaped)| escaped)),
            '.' | '[' => return (name, &text[at..]),
            _ => name.push(c),
        }
    }
    (name, "")
}

fn bracket(inner: &str, text: &str) -> Result<Step, String> {
    let inner = inner.trim();
    if inner == "*" {
        return Ok(Step::All);
    }
    if let Some(name) = unquote(inner) {
        return Ok(Step::Field(name));
    }
    if let Ok(index) = inner.parse() {
        return Ok(Step::Index(index));
    }
    let condition = inner
        .strip_prefix("?(")
        .and_then(|inner| inner.strip_suffix(')'))
        .ok_or_else(|| format!("[{inner}] in {text} is not an index, a name or a filter"))?;
    let (left, equal, right) = match (condition.split_once("=="), condition.split_once("!=")) {
        (Some((left, right)), _) => (left, true, right),
        (None, Some((left, right))) => (left, false, right),
        (None, None) => return Err(format!("the filter {condition} in {text} compares nothing")),
    };
    let path = left
        .trim()
        .strip_prefix("@.")
        .ok_or_else(|| format!("the filter {condition} in {text} does not begin with @."))?;
    let mut fields = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (name, left) = field(rest.strip_prefix('.').unwrap_or(rest));
        if name.is_empty() {
            return Err(format!(
                "the filter {condition} in {text} has an empty field name"
            ));
        }
        fields.push(name);
        rest = left;
    }
    let right = right.trim();
    let value = match unquote(right) {
        Some(string) => Value::String(string),
        None => serde_json::from_str(right)
            .map_err(|_| format!("the filter {condition} in {text} compares with no value"))?,
    };
    Ok(Step::Filter {
        path: fields,
        equal,
        value,
    })
}

fn unquote(text: &str) -> Option<String> {
    ['"', '\''].into_iter().find_map(|quote| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(inner.replace("\\.", "."))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(path: &str, value: &Value) -> Vec<Value> {
        JsonPath::parse(path)
            .unwrap()
            .find(value)
            .into_iter()
            .cloned()
            .collect()
    }

    #[test]
    fn reaches_what_printer_columns_name() {
        let value = json!({
            "metadata": {"annotations": {"a.b/c": "x"}},
            "spec": {"list": [{"n": 1}, {"n": 2}]},
            "status": {"conditions": [{"type": "A", "status": "False"}, {"type": "Ready", "status": "True"}]}
        });
        assert_eq!(
            find(".status.conditions[?(@.type==\"Ready\")].status", &value),
            [json!("True")]
        );
        assert_eq!(
            find(".status.conditions[?(@.type!='Ready')].status", &value),
            [json!("False")]
        );
        assert_eq!(find(".spec.list[*].n", &value), [json!(1), json!(2)]);
        assert_eq!(find(".spec.list[-1].n", &value), [json!(2)]);
        assert_eq!(find(".metadata.annotations.a\\.b/c", &value), [json!("x")]);
        assert_eq!(find(".metadata.annotations['a.b/c']", &value), [json!("x")]);
        assert!(find(".spec.missing.deeper", &value).is_empty());
    }

    #[test]
    fn says_what_is_wrong() {
        for bad in [".a[", ".a[?(x)]", ".a..b", "", ".a[?(@.b==)]"] {
            assert!(JsonPath::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sets_plain_paths() {
        let mut value = json!({});
        assert!(
            JsonPath::parse(".spec.replicas")
                .unwrap()
                .set(&mut value, json!(3))
        );
        assert_eq!(value, json!({"spec": {"replicas": 3}}));
        assert!(!JsonPath::parse(".a[0]").unwrap().set(&mut value, json!(3)));
    }
}
