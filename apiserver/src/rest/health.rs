//! Liveness, readiness and version.

use http::StatusCode;
use serde_json::json;

use super::answer::{self, Response};
use super::options::Query;

/// The Kubernetes version whose API this server speaks.
pub const GIT_VERSION: &str = "v1.36.3+wasmcloud";

/// A request that reaches this point proves what the checks ask: the store is loaded and requests
/// are answered.
pub fn check(path: &str, query: &Query) -> Response {
    let verbose = query.get("verbose").is_some();
    let text = if verbose {
        format!("[+]ping ok\n[+]store ok\n{path} check passed\n")
    } else {
        "ok".into()
    };
    answer::raw(StatusCode::OK, "text/plain; charset=utf-8", text)
}

pub fn version() -> Response {
    answer::json(
        StatusCode::OK,
        &json!({
            "major": "1",
            "minor": "36",
            "gitVersion": GIT_VERSION,
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": "rustc",
            "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
        }),
    )
}
