//! Which environment a Workload may run in: whose hosts it may use.

/// The Workload asks for an environment that is not its own, and hosts are not shared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("workload targets Environment {wanted:?} but operator has allowSharedHosts=false")]
pub struct Denied {
    /// What it asks for.
    pub wanted: String,
}

/// The environment that a host must belong to; `None` when any will do. `own` is the Workload's namespace.
///
/// | hosts are shared | `spec.environment` | hosts of |
/// |---|---|---|
/// | yes | absent | any environment |
/// | yes | given | that environment |
/// | no | absent, or the Workload's namespace | the Workload's namespace |
/// | no | another | denied |
pub fn required<'a>(
    shared: bool,
    own: &'a str,
    wanted: Option<&'a str>,
) -> Result<Option<&'a str>, Denied> {
    let wanted = wanted.filter(|wanted| !wanted.is_empty());
    match (shared, wanted) {
        (true, wanted) => Ok(wanted),
        (false, None) => Ok(Some(own)),
        (false, Some(wanted)) if wanted == own => Ok(Some(own)),
        (false, Some(wanted)) => Err(Denied {
            wanted: wanted.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Denied, required};

    #[test]
    fn the_matrix() {
        assert_eq!(required(true, "mine", None), Ok(None));
        assert_eq!(required(true, "mine", Some("")), Ok(None));
        assert_eq!(required(true, "mine", Some("mine")), Ok(Some("mine")));
        assert_eq!(required(true, "mine", Some("other")), Ok(Some("other")));
        assert_eq!(required(false, "mine", None), Ok(Some("mine")));
        assert_eq!(required(false, "mine", Some("mine")), Ok(Some("mine")));
        let denied = Denied {
            wanted: "other".into(),
        };
        assert_eq!(
            denied.to_string(),
            "workload targets Environment \"other\" but operator has allowSharedHosts=false"
        );
        assert_eq!(required(false, "mine", Some("other")), Err(denied));
    }
}
