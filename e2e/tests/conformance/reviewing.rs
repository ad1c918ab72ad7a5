//! Questions about callers: tokens, who they speak for, what they may do.

use http::Method;
use serde_json::{Value, json};

use crate::answer::causes;
use crate::space::{JSON, Space};

crate::tests![
    a_token_speaks_for_its_account,
    audiences_of_tokens,
    tokens_bound_to_objects,
    token_requests_that_are_refused,
    a_token_is_a_caller,
    access_reviews,
    a_role_cannot_grant_nothing,
    nobody_grants_what_he_does_not_have,
];

const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// Creates an account and returns the path of its tokens.
async fn account(on: &Space) -> String {
    let body = json!({"metadata": {"name": "bot"}});
    on.create(&on.core("serviceaccounts"), &body).await;
    format!("{}/bot/token", on.core("serviceaccounts"))
}

async fn token(on: &Space, path: &str, spec: Value) -> String {
    let answer = on.create(path, &json!({"spec": spec})).await;
    answer["status"]["token"].as_str().unwrap().to_owned()
}

/// The status of a TokenReview.
async fn review(on: &Space, token: &str, audiences: &Value) -> Value {
    let body = json!({"spec": {"token": token, "audiences": audiences}});
    on.create(REVIEWS, &body).await["status"].clone()
}

async fn a_token_speaks_for_its_account(on: Space) {
    let path = account(&on).await;
    let answer = on.create(&path, &json!({})).await;
    assert_eq!(
        (&answer["kind"], &answer["apiVersion"]),
        (&json!("TokenRequest"), &json!("authentication.k8s.io/v1"))
    );
    assert_eq!(answer["metadata"]["name"], "bot");
    assert_eq!(answer["spec"]["expirationSeconds"], 3600);
    assert_eq!(
        answer["spec"]["audiences"].as_array().map(Vec::len),
        Some(1)
    );
    assert!(answer["status"]["expirationTimestamp"].is_string());
    let token = answer["status"]["token"].as_str().unwrap();
    assert_eq!(token.split('.').count(), 3);
    let status = review(&on, token, &Value::Null).await;
    assert_eq!(status["authenticated"], true, "{status:#}");
    assert_eq!(status["audiences"], answer["spec"]["audiences"]);
    let user = &status["user"];
    assert_eq!(
        user["username"],
        format!("system:serviceaccount:{}:bot", on.namespace)
    );
    let group = format!("system:serviceaccounts:{}", on.namespace);
    assert_eq!(
        user["groups"],
        json!(["system:serviceaccounts", group, "system:authenticated"])
    );
    let account = on
        .get(&format!("{}/bot", on.core("serviceaccounts")))
        .await
        .expect(200);
    assert_eq!(user["uid"], account["metadata"]["uid"]);
    let id = user["extra"]["authentication.kubernetes.io/credential-id"][0]
        .as_str()
        .unwrap();
    assert!(id.starts_with("JTI="), "{id}");
    let status = review(&on, "garbage", &Value::Null).await;
    assert_ne!(status["authenticated"], true);
    assert!(status["error"].is_string());
    on.post(REVIEWS, &json!({"spec": {}}))
        .await
        .fails(400, "BadRequest");
}

async fn audiences_of_tokens(on: Space) {
    let path = account(&on).await;
    let token = token(
        &on,
        &path,
        json!({"audiences": ["a", "b"], "expirationSeconds": 600}),
    )
    .await;
    let status = review(&on, &token, &json!(["b", "c"])).await;
    assert_eq!(
        (&status["authenticated"], &status["audiences"]),
        (&json!(true), &json!(["b"]))
    );
    for others in [json!(["c"]), Value::Null] {
        let status = review(&on, &token, &others).await;
        assert_ne!(status["authenticated"], true, "{others}");
    }
}

async fn tokens_bound_to_objects(on: Space) {
    let path = account(&on).await;
    on.create(&on.core("secrets"), &json!({"metadata": {"name": "s"}}))
        .await;
    let pod = json!({
        "metadata": {"name": "p"},
        "spec": {"serviceAccountName": "bot", "containers": [{"name": "c", "image": "i"}]},
    });
    let pod = on.create(&on.core("pods"), &pod).await;
    let reference = |kind: &str, name: &str| json!({"boundObjectRef": {"apiVersion": "v1", "kind": kind, "name": name}});
    let bound = token(&on, &path, reference("Pod", "p")).await;
    let status = review(&on, &bound, &Value::Null).await;
    assert_eq!(status["authenticated"], true, "{status:#}");
    let extra = &status["user"]["extra"];
    assert_eq!(extra["authentication.kubernetes.io/pod-name"], json!(["p"]));
    assert_eq!(
        extra["authentication.kubernetes.io/pod-uid"],
        json!([pod["metadata"]["uid"]])
    );
    let bound = token(&on, &path, reference("Secret", "s")).await;
    assert_eq!(
        review(&on, &bound, &Value::Null).await["authenticated"],
        true
    );

    let ask = |spec: Value| json!({"spec": spec});
    let status = on
        .post(&path, &ask(reference("Pod", "none")))
        .await
        .fails(404, "NotFound");
    assert_eq!(status["message"], "pods \"none\" not found");
    on.post(&path, &ask(reference("ConfigMap", "s")))
        .await
        .fails(400, "BadRequest");
    let mut other = reference("Secret", "s");
    other["boundObjectRef"]["uid"] = json!("other");
    let status = on.post(&path, &ask(other)).await.fails(409, "Conflict");
    assert_eq!(status["details"], json!({"name": "s", "kind": "Secret"}));
}

async fn token_requests_that_are_refused(on: Space) {
    let path = account(&on).await;
    let short = json!({"spec": {"expirationSeconds": 10}});
    let status = on.post(&path, &short).await.fails(422, "Invalid");
    assert_eq!(status["details"]["kind"], "TokenRequest");
    let expected = (
        "spec.expirationSeconds".to_owned(),
        "FieldValueInvalid".to_owned(),
    );
    assert_eq!(causes(&status), [expected]);
    let other = json!({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1"});
    on.post(&path, &other).await.fails(400, "BadRequest");
    on.get(&path).await.fails(405, "MethodNotAllowed");
    let none = format!("{}/none/token", on.core("serviceaccounts"));
    let status = on.post(&none, &json!({})).await.fails(404, "NotFound");
    assert_eq!(status["message"], "serviceaccounts \"none\" not found");
}

async fn a_token_is_a_caller(on: Space) {
    let path = account(&on).await;
    let token = token(&on, &path, json!({})).await;
    let anonymous = on.stranger().await;
    let maps = on.core("configmaps");
    let request = |token: &str| {
        let mut request = Space::request(Method::GET, &maps, JSON, "");
        let header = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", header);
        request
    };
    let status = anonymous
        .send(request("garbage"))
        .await
        .fails(401, "Unauthorized");
    assert_eq!(status["message"], "Unauthorized");
    let status = anonymous
        .send(request(&token))
        .await
        .fails(403, "Forbidden");
    let user = format!("system:serviceaccount:{}:bot", on.namespace);
    let message = format!(
        "configmaps is forbidden: User \"{user}\" cannot list resource \"configmaps\" in API group \"\" in the namespace \"{}\"",
        on.namespace
    );
    assert_eq!(status["message"], message);
    let rbac = format!(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}",
        on.namespace
    );
    let role = json!({
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}],
    });
    on.create(&format!("{rbac}/roles"), &role).await;
    let binding = json!({
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "bot", "namespace": on.namespace}],
    });
    on.create(&format!("{rbac}/rolebindings"), &binding).await;
    // The real server learns of roles by watching them.
    testbed::wait::until(crate::space::SOON, "the role to count", || async {
        let answer = anonymous.send(request(&token)).await;
        anyhow::ensure!(answer.code == 200, "{:#}", answer.body);
        Ok(())
    })
    .await
    .unwrap();
    let mut post = Space::request(Method::POST, &maps, JSON, "{}");
    let header = format!("Bearer {token}").parse().unwrap();
    post.headers_mut().insert("authorization", header);
    anonymous.send(post).await.fails(403, "Forbidden");
}

async fn access_reviews(on: Space) {
    let at = "/apis/authorization.k8s.io/v1";
    let ask = json!({"verb": "get", "resource": "pods", "namespace": on.namespace});
    let mine = json!({"spec": {"resourceAttributes": ask}});
    let answer = on
        .create(&format!("{at}/selfsubjectaccessreviews"), &mine)
        .await;
    assert_eq!(
        (&answer["kind"], &answer["status"]["allowed"]),
        (&json!("SelfSubjectAccessReview"), &json!(true))
    );
    let path = json!({"spec": {"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}});
    let answer = on
        .create(&format!("{at}/selfsubjectaccessreviews"), &path)
        .await;
    assert_eq!(answer["status"]["allowed"], true);
    let theirs = json!({"spec": {"user": "nobody", "resourceAttributes": ask}});
    let answer = on
        .create(&format!("{at}/subjectaccessreviews"), &theirs)
        .await;
    assert_eq!(answer["status"]["allowed"], false);
    let local = format!("{at}/namespaces/{}/localsubjectaccessreviews", on.namespace);
    let answer = on.create(&local, &theirs).await;
    assert_eq!(answer["status"]["allowed"], false);
    for (path, field) in [
        ("selfsubjectaccessreviews", "spec.resourceAttributes"),
        ("subjectaccessreviews", "spec.user"),
    ] {
        let body = if path == "subjectaccessreviews" {
            json!({"spec": {"resourceAttributes": ask}})
        } else {
            json!({"spec": {}})
        };
        let status = on
            .post(&format!("{at}/{path}"), &body)
            .await
            .fails(422, "Invalid");
        assert!(
            causes(&status).iter().any(|(found, _)| found == field),
            "{status:#}"
        );
    }
    let me = on
        .create(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            &json!({}),
        )
        .await;
    let groups = me["status"]["userInfo"]["groups"].as_array().unwrap();
    assert!(
        groups.contains(&json!("system:masters"))
            && groups.contains(&json!("system:authenticated"))
    );
    let rules = json!({"spec": {"namespace": on.namespace}});
    let answer = on
        .create(&format!("{at}/selfsubjectrulesreviews"), &rules)
        .await;
    let all = json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]});
    assert!(
        answer["status"]["resourceRules"]
            .as_array()
            .unwrap()
            .contains(&all),
        "{answer:#}"
    );
}

async fn a_role_cannot_grant_nothing(on: Space) {
    let roles = format!(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
        on.namespace
    );
    let body = json!({"metadata": {"name": "r"}, "rules": [{"verbs": [], "resources": ["pods"]}]});
    let status = on.post(&roles, &body).await.fails(422, "Invalid");
    let required = |field: &str| (field.to_owned(), "FieldValueRequired".to_owned());
    assert_eq!(
        causes(&status),
        [required("rules[0].apiGroups"), required("rules[0].verbs")]
    );
}

async fn nobody_grants_what_he_does_not_have(on: Space) {
    let path = account(&on).await;
    let token = token(&on, &path, json!({})).await;
    let anonymous = on.stranger().await;
    let rbac = format!(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}",
        on.namespace
    );
    let (roles, bindings) = (format!("{rbac}/roles"), format!("{rbac}/rolebindings"));
    let role = |name: &str, rules: &Value| json!({"metadata": {"name": name}, "rules": rules});
    let binding = |name: &str, role: &str| {
        json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": "bot", "namespace": on.namespace}],
        })
    };
    let maps = json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]});
    let writes = json!({
        "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"],
        "verbs": ["create", "update", "patch", "get"],
    });
    let secrets = json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]);
    on.create(&roles, &role("granter", &json!([maps, writes])))
        .await;
    on.create(&roles, &role("secrets", &secrets)).await;
    on.create(&bindings, &binding("granter", "granter")).await;
    let as_bot = |method: Method, path: &str, media: &str, body: &Value| {
        let mut request = Space::request(method, path, media, body.to_string());
        let header = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", header);
        let client = &anonymous;
        async move { client.send(request).await }
    };
    let few = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]);
    // The authorizer learns of bindings a moment later.
    testbed::wait::until(testbed::wait::TEST, "the right to be known", || async {
        let answer = as_bot(Method::POST, &roles, JSON, &role("few", &few)).await;
        anyhow::ensure!(answer.code == 201, "{answer:?}");
        anyhow::Ok(())
    })
    .await
    .unwrap();

    let refused = |answer: crate::answer::Answer| {
        let status = answer.fails(403, "Forbidden");
        let message = status["message"].as_str().unwrap_or_default().to_owned();
        let asked = "is attempting to grant RBAC permissions not currently held:\n\
            {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}";
        assert!(message.ends_with(asked), "{message}");
    };
    refused(as_bot(Method::POST, &roles, JSON, &role("more", &secrets)).await);
    let merge = "application/merge-patch+json";
    let more = json!({"rules": secrets});
    refused(as_bot(Method::PATCH, &format!("{roles}/few"), merge, &more).await);
    refused(as_bot(Method::POST, &bindings, JSON, &binding("more", "secrets")).await);
    // Whatever is changed of it: who writes a role answers for all of it, but for what the collector does.
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    refused(as_bot(Method::PATCH, &format!("{roles}/secrets"), merge, &label).await);
    let finalizers = json!({"metadata": {"finalizers": ["example.com/held"]}});
    let held = as_bot(
        Method::PATCH,
        &format!("{roles}/secrets"),
        merge,
        &finalizers,
    )
    .await;
    assert_eq!(held.code, 200, "{held:?}");
    let free = json!({"metadata": {"finalizers": null}});
    on.patch(&format!("{roles}/secrets"), merge, &free).await;
    let answer = as_bot(Method::POST, &bindings, JSON, &binding("few", "few")).await;
    assert_eq!(answer.code, 201, "{answer:?}");
}
