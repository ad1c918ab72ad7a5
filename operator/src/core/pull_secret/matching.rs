//! Whether an entry's key covers an image: the registry's name with wildcards for its labels, the port, the path.

/// How well a key covers an image; the greater, the more specific: path, labels without a wildcard.
pub(super) type Rank = (usize, usize);

/// Registry and repository path of an image reference, with Docker Hub's defaults.
pub(super) fn split(image: &str) -> (&str, String) {
    let without_digest = image.split('@').next().unwrap_or(image);
    let last = without_digest.rfind('/').map_or(0, |slash| slash + 1);
    let end = without_digest[last..]
        .find(':')
        .map_or(without_digest.len(), |colon| last + colon);
    let name = &without_digest[..end];
    match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
            (first, rest.to_owned())
        }
        Some(_) => ("docker.io", name.to_owned()),
        None => ("docker.io", format!("library/{name}")),
    }
}

/// How well the key covers the image, if it does.
pub(super) fn rank(key: &str, registry: &str, path: &str) -> Option<Rank> {
    let key = key
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    let (host, key_path) = key.split_once('/').unwrap_or((key, ""));
    let key_path = key_path.trim_end_matches('/');
    let hub = |host: &str| {
        matches!(
            host,
            "index.docker.io" | "docker.io" | "registry-1.docker.io"
        )
    };
    // Docker writes the address of the registry's API.
    let key_path = match key_path {
        "v1" | "v2" => "",
        other => other,
    };
    let same_host = (hub(host) && hub(registry)) || host_matches(host, registry);
    let below = key_path.is_empty()
        || path == key_path
        || path
            .strip_prefix(key_path)
            .is_some_and(|rest| rest.starts_with('/'));
    let literal = host.split('.').filter(|label| !label.contains('*')).count();
    (same_host && below).then_some((key_path.len(), literal))
}

fn host_matches(pattern: &str, host: &str) -> bool {
    let port = |text: &str| text.rsplit_once(':').map(|(_, port)| port.to_owned());
    let name = |text: &str| text.split(':').next().unwrap_or(text).to_ascii_lowercase();
    if port(pattern) != port(host) {
        return false;
    }
    let (pattern, host) = (name(pattern), name(host));
    let (pattern, host): (Vec<&str>, Vec<&str>) =
        (pattern.split('.').collect(), host.split('.').collect());
    pattern.len() == host.len() && pattern.iter().zip(&host).all(|(p, h)| label_matches(p, h))
}

/// A label of a host name against a pattern with `*` for any run of characters.
fn label_matches(pattern: &str, label: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == label,
        Some((head, tail)) => label.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && label_matches(tail, &rest[at..]))
        }),
    }
}
