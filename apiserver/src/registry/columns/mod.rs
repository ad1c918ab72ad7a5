//! The columns of `kubectl get`: those of built-in resources, and what CRDs name.

pub mod builtin;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::JsonPath;
use super::duration::age;

/// A column of a built-in resource.
#[derive(Debug)]
pub struct BuiltinColumn {
    name: &'static str,
    format: &'static str,
    /// 0: always; 1: with `-o wide`.
    priority: u8,
    cell: fn(&Value, Timestamp) -> Value,
}

/// A column of a CRD (`additionalPrinterColumns`).
#[derive(Debug)]
pub struct CustomColumn {
    pub name: String,
    pub kind: String,
    pub format: String,
    pub description: String,
    pub priority: i64,
    pub path: JsonPath,
}

#[derive(Debug)]
pub enum Columns {
    Builtin(&'static [BuiltinColumn]),
    Custom(Vec<CustomColumn>),
}

impl Columns {
    /// `columnDefinitions` of a Table.
    pub fn definitions(&self) -> Vec<Value> {
        match self {
            Self::Builtin(columns) => {
                let definition = |column: &BuiltinColumn| {
                    json!({
                        "name": column.name, "type": "string", "format": column.format,
                        "description": "", "priority": column.priority,
                    })
                };
                columns.iter().map(definition).collect()
            }
            Self::Custom(columns) => {
                let name = json!({
                    "name": "Name", "type": "string", "format": "name", "description": "", "priority": 0,
                });
                let definition = |column: &CustomColumn| {
                    json!({
                        "name": column.name, "type": column.kind, "format": column.format,
                        "description": column.description, "priority": column.priority,
                    })
                };
                std::iter::once(name)
                    .chain(columns.iter().map(definition))
                    .collect()
            }
        }
    }

    /// `cells` of one row.
    pub fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        match self {
            Self::Builtin(columns) => columns
                .iter()
                .map(|column| (column.cell)(object, now))
                .collect(),
            Self::Custom(columns) => {
                let name = object["metadata"]["name"].clone();
                let cell = |column: &CustomColumn| custom_cell(column, object, now);
                std::iter::once(name)
                    .chain(columns.iter().map(cell))
                    .collect()
            }
        }
    }
}

fn custom_cell(column: &CustomColumn, object: &Value, now: Timestamp) -> Value {
    let found = column.path.find(object);
    let [first, rest @ ..] = found.as_slice() else {
        return Value::Null;
    };
    match column.kind.as_str() {
        "date" if first.is_null() => Value::Null,
        "date" => json!(age(first, now)),
        "integer" => first.as_i64().map_or(Value::Null, Value::from),
        "number" => first.as_f64().map_or(Value::Null, Value::from),
        "boolean" => first.as_bool().map_or(Value::Null, Value::from),
        _ if rest.is_empty() => match first {
            Value::Null => Value::Null,
            Value::String(text) => json!(text),
            other => json!(other.to_string()),
        },
        // kubectl joins the results of a wildcard with commas.
        _ => json!(
            found
                .iter()
                .map(|value| plain(value))
                .collect::<Vec<_>>()
                .join(",")
        ),
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_field_is_an_empty_cell_and_numbers_stay_numbers() {
        let columns = Columns::Custom(vec![
            CustomColumn {
                name: "Replicas".into(),
                kind: "integer".into(),
                format: String::new(),
                description: String::new(),
                priority: 0,
                path: JsonPath::parse(".spec.replicas").unwrap(),
            },
            CustomColumn {
                name: "Age".into(),
                kind: "date".into(),
                format: String::new(),
                description: String::new(),
                priority: 0,
                path: JsonPath::parse(".metadata.creationTimestamp").unwrap(),
            },
        ]);
        let now = Timestamp::from_second(1_000_000).unwrap();
        let object =
            json!({"metadata": {"name": "x", "creationTimestamp": "1970-01-12T13:46:00Z"}});
        assert_eq!(
            columns.cells(&object, now),
            [json!("x"), Value::Null, json!("40s")]
        );
        let object = json!({"metadata": {"name": "x"}, "spec": {"replicas": 3}});
        assert_eq!(
            columns.cells(&object, now),
            [json!("x"), json!(3), Value::Null]
        );
    }
}
