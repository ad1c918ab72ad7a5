//! The static table of built-in resources.

use super::columns::builtin as columns;
use super::columns::{BuiltinColumn, Columns};
use super::resource::{Defaulter, Model, NameRule, Resource, Rules, group_version};
use super::{crd, defaults, event_rules, role_rules, rules, typed};
use crate::store::Bucket;

/// A resource that is answered and not stored (`create` only).
pub struct Review {
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub singular: &'static str,
    pub kind: &'static str,
    pub namespaced: bool,
}

const fn review(
    group: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    namespaced: bool,
) -> Review {
    Review {
        group,
        version: "v1",
        plural,
        singular,
        kind,
        namespaced,
    }
}

const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";

pub const REVIEWS: &[Review] = &[
    review(
        AUTHENTICATION,
        "selfsubjectreviews",
        "selfsubjectreview",
        "SelfSubjectReview",
        false,
    ),
    review(
        AUTHENTICATION,
        "tokenreviews",
        "tokenreview",
        "TokenReview",
        false,
    ),
    review(
        AUTHORIZATION,
        "localsubjectaccessreviews",
        "localsubjectaccessreview",
        "LocalSubjectAccessReview",
        true,
    ),
    review(
        AUTHORIZATION,
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
        "SelfSubjectAccessReview",
        false,
    ),
    review(
        AUTHORIZATION,
        "selfsubjectrulesreviews",
        "selfsubjectrulesreview",
        "SelfSubjectRulesReview",
        false,
    ),
    review(
        AUTHORIZATION,
        "subjectaccessreviews",
        "subjectaccessreview",
        "SubjectAccessReview",
        false,
    ),
];

/// One line of the table, with what most lines share left at its usual value.
struct Row {
    group: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    namespaced: bool,
    short_names: &'static [&'static str],
    categories: &'static [&'static str],
    /// Where its objects are kept when not under its own name.
    kept_as: Option<(&'static str, &'static str)>,
    status: bool,
    generation: bool,
    deletecollection: bool,
    name_rule: NameRule,
    selectable: &'static [&'static str],
    model: Model,
    columns: &'static [BuiltinColumn],
    defaults: Option<Defaulter>,
    additions: Option<Defaulter>,
    rules: Option<Rules>,
}

const fn row(
    group: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    columns: &'static [BuiltinColumn],
) -> Row {
    Row {
        group,
        plural,
        singular,
        kind,
        namespaced: true,
        short_names: &[],
        categories: &[],
        kept_as: None,
        status: false,
        generation: false,
        deletecollection: true,
        name_rule: NameRule::Subdomain,
        selectable: &[],
        model: Model::Plain,
        columns,
        defaults: None,
        additions: None,
        rules: None,
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";

const EVENT_FIELDS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
];

const REGARDING_FIELDS: &[&str] = &[
    "regarding.kind",
    "regarding.namespace",
    "regarding.name",
    "regarding.uid",
    "regarding.apiVersion",
    "regarding.resourceVersion",
    "regarding.fieldPath",
    "reason",
    "reportingController",
    "type",
];

static TABLE: &[Row] = &[
    Row {
        namespaced: false,
        short_names: &["ns"],
        status: true,
        deletecollection: false,
        name_rule: NameRule::Label,
        selectable: &["status.phase"],
        model: Model::Namespace,
        defaults: Some(defaults::namespace),
        additions: Some(defaults::namespace_additions),
        ..row(
            "",
            "namespaces",
            "namespace",
            "Namespace",
            columns::NAMESPACE,
        )
    },
    Row {
        short_names: &["cm"],
        rules: Some(rules::config_map),
        ..row(
            "",
            "configmaps",
            "configmap",
            "ConfigMap",
            columns::CONFIG_MAP,
        )
    },
    Row {
        selectable: &["type"],
        defaults: Some(defaults::secret),
        rules: Some(rules::secret),
        ..row("", "secrets", "secret", "Secret", columns::SECRET)
    },
    Row {
        short_names: &["svc"],
        categories: &["all"],
        status: true,
        name_rule: NameRule::Label,
        selectable: &["spec.clusterIP", "spec.type"],
        defaults: Some(defaults::service),
        additions: Some(defaults::service_additions),
        rules: Some(rules::service),
        ..row("", "services", "service", "Service", columns::SERVICE)
    },
    Row {
        short_names: &["sa"],
        ..row(
            "",
            "serviceaccounts",
            "serviceaccount",
            "ServiceAccount",
            columns::PLAIN,
        )
    },
    Row {
        short_names: &["ev"],
        selectable: EVENT_FIELDS,
        model: Model::CoreEvent,
        defaults: Some(defaults::event),
        additions: Some(defaults::event_additions),
        rules: Some(event_rules::core_event),
        ..row("", "events", "event", "Event", columns::EVENT)
    },
    Row {
        short_names: &["ep"],
        ..row(
            "",
            "endpoints",
            "endpoints",
            "Endpoints",
            columns::ENDPOINTS,
        )
    },
    Row {
        short_names: &["po"],
        categories: &["all"],
        status: true,
        generation: true,
        selectable: &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        defaults: Some(defaults::pod),
        additions: Some(defaults::pod_additions),
        ..row("", "pods", "pod", "Pod", columns::POD)
    },
    Row {
        namespaced: false,
        short_names: &["no"],
        status: true,
        selectable: &["spec.unschedulable"],
        ..row("", "nodes", "node", "Node", columns::NODE)
    },
    Row {
        generation: true,
        rules: Some(rules::endpoint_slice),
        defaults: Some(defaults::endpoint_slice),
        ..row(
            "discovery.k8s.io",
            "endpointslices",
            "endpointslice",
            "EndpointSlice",
            columns::ENDPOINT_SLICE,
        )
    },
    Row {
        rules: Some(rules::lease),
        ..row(
            "coordination.k8s.io",
            "leases",
            "lease",
            "Lease",
            columns::LEASE,
        )
    },
    Row {
        short_names: &["ev"],
        kept_as: Some(("", "events")),
        selectable: REGARDING_FIELDS,
        model: Model::Event,
        additions: Some(defaults::event_additions),
        rules: Some(event_rules::event),
        ..row("events.k8s.io", "events", "event", "Event", columns::EVENT)
    },
    Row {
        namespaced: false,
        short_names: &["crd", "crds"],
        categories: &["api-extensions"],
        status: true,
        generation: true,
        model: Model::Definition,
        defaults: Some(crd::default),
        rules: Some(crd::rules),
        ..row(
            "apiextensions.k8s.io",
            "customresourcedefinitions",
            "customresourcedefinition",
            "CustomResourceDefinition",
            columns::CREATED_AT,
        )
    },
    Row {
        name_rule: NameRule::Segment,
        rules: Some(role_rules::role),
        ..row(RBAC, "roles", "role", "Role", columns::CREATED_AT)
    },
    Row {
        name_rule: NameRule::Segment,
        rules: Some(rules::binding),
        defaults: Some(defaults::binding),
        ..row(
            RBAC,
            "rolebindings",
            "rolebinding",
            "RoleBinding",
            columns::BINDING,
        )
    },
    Row {
        namespaced: false,
        name_rule: NameRule::Segment,
        rules: Some(role_rules::role),
        ..row(
            RBAC,
            "clusterroles",
            "clusterrole",
            "ClusterRole",
            columns::CREATED_AT,
        )
    },
    Row {
        namespaced: false,
        name_rule: NameRule::Segment,
        rules: Some(rules::binding),
        defaults: Some(defaults::binding),
        ..row(
            RBAC,
            "clusterrolebindings",
            "clusterrolebinding",
            "ClusterRoleBinding",
            columns::BINDING,
        )
    },
];

/// The table as resources. Every built-in is served in `v1` only.
pub fn resources() -> Vec<Resource> {
    TABLE.iter().map(resource).collect()
}

fn resource(row: &'static Row) -> Resource {
    let (group, plural) = row.kept_as.unwrap_or((row.group, row.plural));
    let owned = |list: &[&str]| list.iter().map(|&item| item.to_owned()).collect();
    Resource {
        group: row.group.into(),
        version: "v1".into(),
        plural: row.plural.into(),
        singular: row.singular.into(),
        kind: row.kind.into(),
        list_kind: format!("{}List", row.kind),
        namespaced: row.namespaced,
        short_names: owned(row.short_names),
        categories: owned(row.categories),
        bucket: Bucket::new(group, plural),
        storage_api_version: group_version(group, "v1"),
        status: row.status,
        scale: None,
        generation: row.generation,
        deletecollection: row.deletecollection,
        unconditional_update: true,
        name_rule: row.name_rule,
        columns: Columns::Builtin(row.columns),
        selectable: owned(row.selectable),
        model: row.model,
        defaults: row.defaults,
        additions: row.additions,
        rules: row.rules,
        terminating: false,
        since: 0,
        // Events of either name are checked in their stored form.
        definition: typed::definition_of(group, "v1", row.kind),
        schema: None,
        openapi: None,
    }
}
