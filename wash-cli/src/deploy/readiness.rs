//! Whether an object is what its manifest asks for, as a function of the object.

use serde_json::Value;

/// What an object's status says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As asked for. Kinds without conditions are ready as soon as they exist.
    Ready,
    /// Not yet, and why as far as is known.
    Waiting {
        /// CamelCase word, empty when nothing is reported yet.
        reason: String,
        /// Sentence.
        message: String,
    },
}

/// Judges an object by its `Ready` condition, which counts only when it was made for this generation.
///
/// A kind of wasmCloud's group without a status yet is waiting; any other object without conditions is ready.
pub fn judge(object: &Value) -> Verdict {
    let ours = object
        .get("apiVersion")
        .and_then(Value::as_str)
        .is_some_and(|v| v.split('/').next() == Some(crd_types::GROUP));
    let conditions = object
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|c| c.get("type").and_then(Value::as_str) == Some("Ready"));
    let Some(ready) = ready else {
        return if ours {
            waiting("", "nothing is reported yet")
        } else {
            Verdict::Ready
        };
    };
    let text = |key| ready.get(key).and_then(Value::as_str).unwrap_or_default();
    let generation = object
        .pointer("/metadata/generation")
        .and_then(Value::as_i64);
    let observed = ready.get("observedGeneration").and_then(Value::as_i64);
    if let (Some(generation), Some(observed)) = (generation, observed)
        && observed < generation
    {
        return waiting("", "the latest change is not observed yet");
    }
    if text("status") == "True" {
        Verdict::Ready
    } else {
        waiting(text("reason"), text("message"))
    }
}

fn waiting(reason: &str, message: &str) -> Verdict {
    Verdict::Waiting {
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(generation: i64, condition: &Value) -> Value {
        json!({
            "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "WorkloadDeployment",
            "metadata": {"name": "a", "generation": generation},
            "status": {"conditions": [condition]},
        })
    }

    #[test]
    fn ready_of_this_generation() {
        let ready = json!({"type": "Ready", "status": "True", "observedGeneration": 2});
        assert_eq!(judge(&deployment(2, &ready)), Verdict::Ready);
        assert!(matches!(
            judge(&deployment(3, &ready)),
            Verdict::Waiting { .. }
        ));
    }

    #[test]
    fn the_reason_is_carried() {
        let broken = json!({"type": "Ready", "status": "False", "reason": "ImageNotFound", "message": "no such tag"});
        assert_eq!(
            judge(&deployment(1, &broken)),
            waiting("ImageNotFound", "no such tag")
        );
    }

    #[test]
    fn kinds_without_conditions() {
        assert_eq!(
            judge(&json!({"apiVersion": "v1", "kind": "ConfigMap"})),
            Verdict::Ready
        );
        let fresh = json!({"apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "Workload"});
        assert!(matches!(judge(&fresh), Verdict::Waiting { .. }));
    }
}
