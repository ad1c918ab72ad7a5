//! Deterministic names of children, within what Kubernetes allows.

use crd_types::hash::fnv1a;

/// Longest name of an object of ours: it also serves as a label value.
const MAX: usize = 63;

/// `<deployment>-<hash>`; a long Deployment name is cut and told apart by a hash of the whole.
pub fn replica_set(deployment: &str, template_hash: &str) -> String {
    join(deployment, template_hash, MAX - 7)
}

/// `<replicaset>-<ordinal>`.
pub fn workload(replica_set: &str, ordinal: u32) -> String {
    join(replica_set, &ordinal.to_string(), MAX)
}

/// The ordinal in a name made by [`workload`]. Names of other makers have none.
pub fn ordinal(replica_set: &str, workload: &str) -> Option<u32> {
    let suffix = workload.rsplit('-').next()?;
    let ordinal = suffix.parse().ok()?;
    (self::workload(replica_set, ordinal) == workload).then_some(ordinal)
}

/// Name of a Service's EndpointSlice, as the reference gives it: so our operator takes over its slices. Further
/// slices of one Service have a suffix.
pub fn endpoint_slice(service: &str, suffix: &str) -> String {
    let head: String = service.chars().take(54).collect();
    let name = format!("{head}-{:08x}", fnv1a(service.as_bytes()));
    if suffix.is_empty() {
        name
    } else {
        format!("{name}-{suffix}")
    }
}

/// A name as the value of a label: ReplicaSets of the reference have names of up to 74 characters.
pub fn label_value(name: &str) -> String {
    if name.len() <= MAX {
        return name.to_owned();
    }
    let tail = format!("{:08x}", fnv1a(name.as_bytes()));
    cut(name, &tail, MAX)
}

fn join(stem: &str, suffix: &str, max: usize) -> String {
    if stem.len() + 1 + suffix.len() <= max {
        return format!("{stem}-{suffix}");
    }
    let tail = format!("{:08x}-{suffix}", fnv1a(stem.as_bytes()));
    cut(stem, &tail, max)
}

/// As much of the stem as fits before the tail.
fn cut(stem: &str, tail: &str, max: usize) -> String {
    let mut end = max.saturating_sub(tail.len() + 1);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{tail}", stem[..end].trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_enough_and_readable() {
        assert_eq!(replica_set("hello", "577b85c5b7"), "hello-577b85c5b7");
        assert_eq!(workload("hello-577b85c5b7", 2), "hello-577b85c5b7-2");
        let long = "x".repeat(63);
        let set = replica_set(&long, "577b85c5b7");
        assert!(set.len() <= 56, "{set}");
        assert!(workload(&set, 99_999).len() <= 63);
        assert_ne!(set, replica_set(&"x".repeat(62), "577b85c5b7"));
    }

    #[test]
    fn long_names_make_label_values_that_differ() {
        assert_eq!(label_value("hello-577b85c5b7"), "hello-577b85c5b7");
        let long = |end: &str| label_value(&format!("{}-{end}", "x".repeat(63)));
        let value = long("577b85c5b7");
        assert!(
            value.len() <= 63 && value.ends_with(char::is_alphanumeric),
            "{value}"
        );
        assert_ne!(value, long("577b85c5b8"));
    }

    #[test]
    fn ordinals_read_back() {
        assert_eq!(ordinal("hello-abc", "hello-abc-12"), Some(12));
        assert_eq!(ordinal("hello-abc", "hello-abc-5fb8b68b45"), None);
        assert_eq!(ordinal("hello-abc", "hello-abc-012"), None);
        assert_eq!(ordinal("hello-abc", "other-12"), None);
    }

    #[test]
    fn slices_are_named_as_the_reference_names_them() {
        let name = endpoint_slice("hello-svc", "");
        assert!(name.starts_with("hello-svc-") && name.len() == "hello-svc-".len() + 8);
        assert!(endpoint_slice(&"s".repeat(63), "").len() == 63);
    }
}
