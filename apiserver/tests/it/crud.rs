//! Create, read, update, patch and delete.

use http::{Method, StatusCode};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Status;
use kube::{Error, ResourceExt};
use serde_json::json;

use crate::server::*;

fn status(error: Error) -> Box<Status> {
    match error {
        Error::Api(status) => status,
        other => panic!("not an API error: {other}"),
    }
}

#[tokio::test]
async fn a_config_map_lives_its_life_through_kube_rs() {
    within(async {
        let server = TestServer::start().await;
        let api: Api<ConfigMap> = Api::default_namespaced(server.client());
        let new: ConfigMap = serde_json::from_value(config_map("one")).unwrap();
        let created = api.create(&PostParams::default(), &new).await.unwrap();
        assert!(created.uid().is_some());
        assert!(created.creation_timestamp().is_some());
        let again = status(api.create(&PostParams::default(), &new).await.unwrap_err());
        assert_eq!((again.code, again.reason.as_str()), (409, "AlreadyExists"));

        let mut changed = created.clone();
        changed
            .data
            .get_or_insert_default()
            .insert("b".into(), "2".into());
        let replaced = api
            .replace("one", &PostParams::default(), &changed)
            .await
            .unwrap();
        assert_ne!(replaced.resource_version(), created.resource_version());
        let stale = status(
            api.replace("one", &PostParams::default(), &changed)
                .await
                .unwrap_err(),
        );
        assert_eq!((stale.code, stale.reason.as_str()), (409, "Conflict"));
        let same = api
            .replace("one", &PostParams::default(), &replaced)
            .await
            .unwrap();
        assert_eq!(
            same.resource_version(),
            replaced.resource_version(),
            "nothing changed, nothing written"
        );

        let patch = Patch::Merge(json!({"data": {"a": null}}));
        let patched = api
            .patch("one", &PatchParams::default(), &patch)
            .await
            .unwrap();
        assert_eq!(patched.data.unwrap().into_keys().collect::<Vec<_>>(), ["b"]);

        let wrong = Preconditions {
            uid: Some("other".into()),
            resource_version: None,
        };
        let wrong = DeleteParams {
            preconditions: Some(wrong),
            ..Default::default()
        };
        assert_eq!(
            status(api.delete("one", &wrong).await.unwrap_err()).code,
            409
        );
        assert!(
            api.delete("one", &DeleteParams::default())
                .await
                .unwrap()
                .is_right()
        );
        assert!(api.get_opt("one").await.unwrap().is_none());
        assert_eq!(
            status(
                api.delete("one", &DeleteParams::default())
                    .await
                    .unwrap_err()
            )
            .reason,
            "NotFound"
        );
    })
    .await;
}

#[tokio::test]
async fn objects_need_a_namespace_that_is_there() {
    within(async {
        let server = TestServer::start().await;
        let (code, answer) = server
            .post("/api/v1/namespaces/missing/configmaps", &config_map("a"))
            .await;
        assert_eq!(
            (code, &answer["reason"]),
            (StatusCode::NOT_FOUND, &json!("NotFound"))
        );
        assert_eq!(answer["details"]["kind"], "namespaces");
        let names: Vec<String> = Api::<Namespace>::all(server.client())
            .list(&ListParams::default())
            .await
            .unwrap()
            .into_iter()
            .map(|namespace| namespace.name_any())
            .collect();
        assert_eq!(names, ["default", "kube-public", "kube-system"]);
    })
    .await;
}

#[tokio::test]
async fn generated_names_and_dry_runs() {
    within(async {
        let server = TestServer::start().await;
        let unnamed =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "gen-"}});
        let first = server.create(CONFIG_MAPS, &unnamed).await;
        let second = server.create(CONFIG_MAPS, &unnamed).await;
        assert!(
            first["metadata"]["name"]
                .as_str()
                .unwrap()
                .starts_with("gen-")
        );
        assert_ne!(first["metadata"]["name"], second["metadata"]["name"]);

        let path = format!("{CONFIG_MAPS}?dryRun=All");
        let (code, dry) = server.post(&path, &config_map("dry")).await;
        assert_eq!(code, StatusCode::CREATED);
        assert!(dry["metadata"]["uid"].is_string());
        assert_eq!(
            server.get(&format!("{CONFIG_MAPS}/dry")).await.0,
            StatusCode::NOT_FOUND
        );
        server.create(CONFIG_MAPS, &config_map("kept")).await;
        let path = format!("{CONFIG_MAPS}/kept?dryRun=All");
        let (code, _) = server
            .send(Method::DELETE, &path, "application/json", &json!({}))
            .await;
        assert_eq!(code, StatusCode::OK);
        assert_eq!(
            server.get(&format!("{CONFIG_MAPS}/kept")).await.0,
            StatusCode::OK
        );
    })
    .await;
}

#[tokio::test]
async fn bad_requests_get_a_status_that_names_what_is_wrong() {
    within(async {
        let server = TestServer::start().await;
        let mut bad = config_map("Bad_Name");
        bad["data"]["a b"] = json!("x");
        let (code, answer) = server.post(CONFIG_MAPS, &bad).await;
        assert_eq!(
            (code, &answer["reason"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("Invalid"))
        );
        let fields: Vec<_> = answer["details"]["causes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["field"].clone())
            .collect();
        assert_eq!(fields, ["metadata.name", "data[a b]"]);

        let cases = [
            ("/api/v1/nothing", StatusCode::NOT_FOUND),
            (
                "/api/v1/configmaps?fieldSelector=data.a%3Db",
                StatusCode::BAD_REQUEST,
            ),
            (
                "/api/v1/configmaps?labelSelector=a%20in%20b",
                StatusCode::BAD_REQUEST,
            ),
            (
                "/api/v1/configmaps?resourceVersion=x",
                StatusCode::BAD_REQUEST,
            ),
            ("/api/v1/configmaps?continue=x", StatusCode::BAD_REQUEST),
            (
                "/api/v1/configmaps?resourceVersion=999999&resourceVersionMatch=Exact",
                StatusCode::GATEWAY_TIMEOUT,
            ),
        ];
        for (path, expected) in cases {
            let (code, answer) = server.get(path).await;
            assert_eq!(code, expected, "{path}: {answer}");
            assert_eq!(answer["kind"], "Status", "{path}");
        }
        let other = [
            (
                Method::PUT,
                CONFIG_MAPS,
                "application/json",
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            (
                Method::POST,
                CONFIG_MAPS,
                "application/cbor",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
            (
                Method::POST,
                CONFIG_MAPS,
                "application/json",
                StatusCode::BAD_REQUEST,
            ),
        ];
        for (method, path, media, expected) in other {
            let (code, answer) = server.send(method, path, media, &json!("x")).await;
            assert_eq!(code, expected, "{path}: {answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn events_are_one_store_under_two_names() {
    within(async {
        let server = TestServer::start().await;
        let new = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"name": "e1", "namespace": "default"},
            "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "test",
            "reportingInstance": "test-1", "action": "Testing", "reason": "Tested", "type": "Normal",
            "regarding": {"kind": "Widget", "name": "w", "namespace": "default", "uid": "u1"},
            "note": "it works",
        });
        server.create("/apis/events.k8s.io/v1/namespaces/default/events", &new).await;
        let events: Api<Event> = Api::default_namespaced(server.client());
        let selector = "involvedObject.uid=u1,involvedObject.kind=Widget";
        let found = events.list(&ListParams::default().fields(selector)).await.unwrap();
        assert_eq!(found.items[0].message.as_deref(), Some("it works"));
        assert_eq!(found.items[0].reporting_component.as_deref(), Some("test"));
        let none = events.list(&ListParams::default().fields("involvedObject.uid=u2")).await.unwrap();
        assert!(none.items.is_empty());
        let path = "/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name%3Dw";
        let (_, list) = server.get(path).await;
        assert_eq!(list["items"][0]["note"], "it works");
        assert_eq!(list["items"][0]["apiVersion"], "events.k8s.io/v1");
        let (code, refused) = server.post("/apis/events.k8s.io/v1/namespaces/default/events", &json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e2"},
        })).await;
        assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    })
    .await;
}

#[tokio::test]
async fn custom_resources_have_status_scale_and_generation() {
    within(async {
        let server = TestServer::start().await;
        let crd = server.create(CRDS, &widgets()).await;
        let established = crd["status"]["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
        assert!(established);
        let mut new = widget("w", "green");
        new["status"] = json!({"replicas": 9});
        let created = server.create(WIDGETS, &new).await;
        assert!(created["status"].is_null(), "status is not set on create");
        assert_eq!(created["metadata"]["generation"], 1);

        let path = format!("{WIDGETS}/w");
        let merge = "application/merge-patch+json";
        let status =
            json!({"status": {"replicas": 2, "selector": "app=w"}, "spec": {"color": "blue"}});
        let (code, updated) = server
            .send(Method::PATCH, &format!("{path}/status"), merge, &status)
            .await;
        assert_eq!(code, StatusCode::OK, "{updated}");
        assert_eq!(
            (&updated["status"]["replicas"], &updated["spec"]["color"]),
            (&json!(2), &json!("green"))
        );
        assert_eq!(updated["metadata"]["generation"], 1);

        let (_, scale) = server.get(&format!("{path}/scale")).await;
        assert_eq!(
            (&scale["kind"], &scale["apiVersion"]),
            (&json!("Scale"), &json!("autoscaling/v1"))
        );
        assert_eq!(scale["status"], json!({"replicas": 2, "selector": "app=w"}));
        let (code, scaled) = server
            .send(
                Method::PATCH,
                &format!("{path}/scale"),
                merge,
                &json!({"spec": {"replicas": 5}}),
            )
            .await;
        assert_eq!(
            (code, &scaled["spec"]["replicas"]),
            (StatusCode::OK, &json!(5))
        );
        let (_, now) = server.get(&path).await;
        assert_eq!(
            (&now["spec"]["replicas"], &now["metadata"]["generation"]),
            (&json!(5), &json!(2))
        );

        let (code, refused) = server
            .send(Method::PUT, &path, "application/json", &widget("w", "blue"))
            .await;
        assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
        assert_eq!(
            refused["details"]["causes"][0]["field"],
            "metadata.resourceVersion"
        );
        let (_, list) = server
            .get(&format!("{WIDGETS}?fieldSelector=spec.color%3Dgreen"))
            .await;
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_finalizer_holds_a_deleted_object() {
    within(async {
        let server = TestServer::start().await;
        let mut held = config_map("held");
        held["metadata"]["finalizers"] = json!(["test.example.com/hold"]);
        server.create(CONFIG_MAPS, &held).await;
        let path = format!("{CONFIG_MAPS}/held");
        let json_type = "application/json";
        let (code, deleted) = server
            .send(Method::DELETE, &path, json_type, &json!({}))
            .await;
        assert_eq!(code, StatusCode::OK);
        assert!(deleted["metadata"]["deletionTimestamp"].is_string());
        let merge = "application/merge-patch+json";
        let more =
            json!({"metadata": {"finalizers": ["test.example.com/hold", "test.example.com/new"]}});
        assert_eq!(
            server.send(Method::PATCH, &path, merge, &more).await.0,
            StatusCode::UNPROCESSABLE_ENTITY
        );
        let none = json!({"metadata": {"finalizers": null}});
        assert_eq!(
            server.send(Method::PATCH, &path, merge, &none).await.0,
            StatusCode::OK
        );
        assert_eq!(server.get(&path).await.0, StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn lists_come_in_pages_of_one_moment() {
    within(async {
        let server = TestServer::start().await;
        for index in 0..5 {
            let mut object = config_map(&format!("c{index}"));
            object["metadata"]["labels"] = json!({"n": index.to_string()});
            server.create(CONFIG_MAPS, &object).await;
        }
        let api: Api<ConfigMap> = Api::default_namespaced(server.client());
        let page = api.list(&ListParams::default().limit(2)).await.unwrap();
        assert_eq!(page.metadata.remaining_item_count, Some(3));
        api.delete("c3", &DeleteParams::default()).await.unwrap();
        server.create(CONFIG_MAPS, &config_map("c9")).await;
        let token = page.metadata.continue_.clone().unwrap();
        let rest = api
            .list(&ListParams::default().continue_token(&token))
            .await
            .unwrap();
        let names: Vec<_> = rest.iter().map(ResourceExt::name_any).collect();
        assert_eq!(names, ["c2", "c3", "c4"], "the moment of the first page");
        assert_eq!(
            rest.metadata.resource_version,
            page.metadata.resource_version
        );
        let some = api
            .list(&ListParams::default().labels("n in (1,2)"))
            .await
            .unwrap();
        assert_eq!(some.items.len(), 2);
        let deleted = api
            .delete_collection(&DeleteParams::default(), &ListParams::default().labels("n"))
            .await;
        assert!(deleted.is_ok());
        let left = api.list(&ListParams::default()).await.unwrap();
        assert_eq!(
            left.iter().map(ResourceExt::name_any).collect::<Vec<_>>(),
            ["c9"]
        );
    })
    .await;
}
