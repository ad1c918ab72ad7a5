//! Server-side apply and strategic merge patches.

use http::{Method, StatusCode};
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Error, ResourceExt};
use serde_json::{Value, json};

use crate::server::*;

fn managers(object: &Value) -> Vec<(String, String)> {
    object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| {
            (
                entry["manager"].as_str().unwrap_or("").to_owned(),
                entry["operation"].as_str().unwrap_or("").to_owned(),
            )
        })
        .collect()
}

#[tokio::test]
async fn two_managers_share_an_object_and_conflict_on_a_field() {
    within(async {
        let server = TestServer::start().await;
        let api: Api<ConfigMap> = Api::default_namespaced(server.client());
        let apply = async |manager: &str, force: bool, data: Value| {
            let mut params = PatchParams::apply(manager);
            params.force = force;
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"}, "data": data});
            api.patch("shared", &params, &Patch::Apply(&object)).await
        };
        let created = apply("one", false, json!({"a": "1", "b": "1"})).await.unwrap();
        assert!(created.uid().is_some());
        let same = apply("one", false, json!({"a": "1", "b": "1"})).await.unwrap();
        assert_eq!(same.resource_version(), created.resource_version(), "applied twice is applied once");
        apply("two", false, json!({"c": "1"})).await.unwrap();
        let Err(Error::Api(refused)) = apply("two", false, json!({"a": "2", "c": "1"})).await else {
            panic!("the field has another owner");
        };
        assert_eq!((refused.code, refused.reason.as_str()), (409, "Conflict"));
        let causes = refused.details.unwrap().causes;
        assert_eq!((causes[0].reason.as_str(), causes[0].field.as_str()), ("FieldManagerConflict", ".data.a"));
        let forced = apply("two", true, json!({"a": "2", "c": "1"})).await.unwrap();
        assert_eq!(forced.data.unwrap()["a"], "2");
        let left = apply("one", false, json!({})).await.unwrap().data.unwrap();
        assert_eq!(left.into_keys().collect::<Vec<_>>(), ["a", "c"], "b had no other owner");
    })
    .await;
}

#[tokio::test]
async fn a_controller_applies_status_and_spec_apart() {
    within(async {
        let server = TestServer::start().await;
        server.create(CRDS, &widgets()).await;
        let resource =
            ApiResource::from_gvk(&GroupVersionKind::gvk("test.example.com", "v1", "Widget"));
        let api: Api<DynamicObject> = Api::default_namespaced_with(server.client(), &resource);
        let spec = json!({
            "apiVersion": "test.example.com/v1", "kind": "Widget", "metadata": {"name": "w"},
            "spec": {"color": "blue", "ports": [{"name": "http", "port": 80}]},
        });
        api.patch("w", &PatchParams::apply("user"), &Patch::Apply(&spec))
            .await
            .unwrap();
        let status = |kind: &str| {
            json!({
                "apiVersion": "test.example.com/v1", "kind": "Widget", "metadata": {"name": "w"},
                "status": {"replicas": 1, "conditions": [{"type": kind, "status": "True"}]},
            })
        };
        api.patch_status(
            "w",
            &PatchParams::apply("controller").force(),
            &Patch::Apply(&status("Ready")),
        )
        .await
        .unwrap();
        api.patch_status(
            "w",
            &PatchParams::apply("other").force(),
            &Patch::Apply(&status("Other")),
        )
        .await
        .unwrap();
        let (_, now) = server.get(&format!("{WIDGETS}/w")).await;
        assert_eq!(now["spec"]["color"], "blue");
        assert_eq!(now["metadata"]["generation"], 1);
        let types: Vec<_> = now["status"]["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["type"].clone())
            .collect();
        assert_eq!(types, ["Ready", "Other"], "conditions are a map by type");
        assert_eq!(
            managers(&now),
            [
                ("controller".to_owned(), "Apply".to_owned()),
                ("other".to_owned(), "Apply".to_owned()),
                ("user".to_owned(), "Apply".to_owned()),
            ]
        );
        let missing = api
            .patch_status(
                "nobody",
                &PatchParams::apply("controller"),
                &Patch::Apply(
                    &json!({"apiVersion": "test.example.com/v1", "kind": "Widget", "status": {}}),
                ),
            )
            .await;
        assert!(matches!(missing, Err(Error::Api(status)) if status.code == 404));
        let ports = json!({
            "apiVersion": "test.example.com/v1", "kind": "Widget", "metadata": {"name": "w"},
            "spec": {"ports": [{"name": "https", "port": 443}]},
        });
        api.patch("w", &PatchParams::apply("second"), &Patch::Apply(&ports))
            .await
            .unwrap();
        let (_, now) = server.get(&format!("{WIDGETS}/w")).await;
        assert_eq!(
            now["spec"]["ports"].as_array().map(Vec::len),
            Some(2),
            "ports are a map by name"
        );
        assert_eq!(now["metadata"]["generation"], 2);
    })
    .await;
}

#[tokio::test]
async fn an_update_takes_what_it_changes() {
    within(async {
        let server = TestServer::start().await;
        let api: Api<ConfigMap> = Api::default_namespaced(server.client());
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "1"}});
        api.patch("m", &PatchParams::apply("applier"), &Patch::Apply(&object)).await.unwrap();
        let params = PatchParams { field_manager: Some("updater".into()), ..PatchParams::default() };
        api.patch("m", &params, &Patch::Merge(json!({"data": {"a": "2"}}))).await.unwrap();
        let (_, now) = server.get(&format!("{CONFIG_MAPS}/m")).await;
        assert!(managers(&now).contains(&("updater".to_owned(), "Update".to_owned())));
        let refused = api.patch("m", &PatchParams::apply("applier"), &Patch::Apply(&object)).await;
        assert!(matches!(refused, Err(Error::Api(status)) if status.code == 409));
    })
    .await;
}

#[tokio::test]
async fn a_strategic_merge_patch_merges_lists_by_key() {
    within(async {
        let server = TestServer::start().await;
        let api: Api<Service> = Api::default_namespaced(server.client());
        let service = serde_json::from_value(json!({
            "metadata": {"name": "web"},
            "spec": {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]},
        }))
        .unwrap();
        api.create(&PostParams::default(), &service).await.unwrap();
        let patch = Patch::Strategic(json!({"spec": {"ports": [{"port": 80, "$patch": "delete"}, {"name": "c", "port": 82}]}}));
        let patched = api.patch("web", &PatchParams::default(), &patch).await.unwrap();
        let mut names: Vec<_> = patched.spec.unwrap().ports.unwrap().into_iter().filter_map(|p| p.name).collect();
        names.sort();
        assert_eq!(names, ["b", "c"]);
        server.create(CRDS, &widgets()).await;
        server.create(WIDGETS, &widget("w", "red")).await;
        let media = "application/strategic-merge-patch+json";
        let (code, _) = server.send(Method::PATCH, &format!("{WIDGETS}/w"), media, &json!({})).await;
        assert_eq!(code, StatusCode::UNSUPPORTED_MEDIA_TYPE, "as for every custom resource");
    })
    .await;
}

#[tokio::test]
async fn an_apply_that_is_not_one_is_refused() {
    within(async {
        let server = TestServer::start().await;
        let path = format!("{CONFIG_MAPS}/x");
        let media = "application/apply-patch+yaml";
        let (code, _) = server
            .send(Method::PATCH, &path, media, &config_map("x"))
            .await;
        assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "no field manager");
        let path = format!("{path}?fieldManager=m");
        let (code, _) = server
            .send(Method::PATCH, &path, media, &json!({"data": {}}))
            .await;
        assert_eq!(code, StatusCode::BAD_REQUEST, "no apiVersion and kind");
        let forced = format!("{path}&force=true");
        let merge = "application/merge-patch+json";
        let (code, _) = server
            .send(Method::PATCH, &forced, merge, &json!({"data": {}}))
            .await;
        assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "force is for apply");
    })
    .await;
}
