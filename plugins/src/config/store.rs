//! The values one component sees.

use std::collections::BTreeMap;

/// Interface configuration overlaid with the component's own.
pub struct View(BTreeMap<String, String>);

impl View {
    /// `component` wins over `interface`.
    pub fn new(interface: &BTreeMap<String, String>, component: &BTreeMap<String, String>) -> Self {
        let mut values = interface.clone();
        values.extend(
            component
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        Self(values)
    }

    /// The value of one key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Every key and value, by key.
    pub fn all(&self) -> Vec<(String, String)> {
        self.0
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_components_own_values_win() {
        let map = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        let view = View::new(
            &map(&[("a", "1"), ("b", "1")]),
            &map(&[("b", "2"), ("c", "2")]),
        );
        assert_eq!(view.get("a"), Some("1"));
        assert_eq!(view.get("b"), Some("2"));
        assert_eq!(view.get("d"), None);
        let expected = [("a", "1"), ("b", "2"), ("c", "2")];
        assert_eq!(
            view.all(),
            expected.map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
    }
}
