//! Projects: connected, listed, and how their releases are asked for.

use super::*;

#[tokio::test]
async fn a_project_is_created_with_the_token_that_releases_it_which_is_shown_once() {
    let api = Api::with_acme().await;
    let create = r#"mutation { createProject(organisation: "acme", name: "web", source: "https://example.org/web.git") {
        apiToken project { id organisation name source trigger triggerUrl webhookUrl tagPattern apiTokens { name scopes } } } }"#;
    let created = api.ask(create).await["createProject"].take();
    let (project, id) = (&created["project"], text(&created["project"]["id"]));
    assert_eq!((&project["organisation"], &project["name"]), (&json!("acme"), &json!("web")));
    assert_eq!(
        (&project["source"], &project["trigger"]),
        (&json!("https://example.org/web.git"), &json!("API_ENDPOINT"))
    );
    assert_eq!(project["triggerUrl"], format!("http://127.0.0.1:8080/api/v1/projects/{id}/releases"));
    assert_eq!(project["webhookUrl"], format!("http://127.0.0.1:8080/webhooks/github/{id}"));
    assert_eq!(project["apiTokens"], json!([{ "name": "default", "scopes": ["RELEASE", "READ"] }]));
    api.never_tells(&text(&created["apiToken"])).await;
    api.refuses(&[(create, "refused", "a project of that name exists already")]).await;

    let found = api.ask(r#"{ project(organisation: "acme", name: "web") { id github { fullName } githubActions { ownerId } deliveries { guid } refusedTriggers { count } } }"#).await;
    let nothing = json!([]);
    let alone =
        json!({ "id": id, "github": null, "githubActions": null, "deliveries": nothing, "refusedTriggers": nothing });
    assert_eq!(found["project"], alone);
    let listed = api.ask(r#"{ organisation(name: "acme") { projects { name } } }"#).await;
    assert_eq!(each(&listed["organisation"]["projects"], "name"), ["web"]);
}

#[tokio::test]
async fn a_project_needs_an_organisation_a_name_and_a_source_without_credentials() {
    let api = Api::with_acme().await;
    let create = |organisation: &str, name: &str, source: &str| {
        format!(
            r#"mutation {{ createProject(organisation: "{organisation}", name: "{name}", source: "{source}") {{ apiToken }} }}"#
        )
    };
    let good = "https://example.org/web.git";
    api.refuses(&[
        (&create("other", "web", good), "not_found", "there is no organisation other"),
        (&create("A!", "web", good), "invalid", "not an organisation name"),
        (&create("acme", "W!", good), "invalid", "not a project name"),
        (&create("acme", "web", "git://example.org/web.git"), "invalid", "expected https or ssh"),
        (
            &create("acme", "web", "https://user:password@example.org/web.git"),
            "invalid",
            "must not contain a password or token",
        ),
        (r#"{ project(organisation: "acme", name: "web") { id } }"#, "not_found", "there is no project"),
        (r#"{ project(organisation: "acme", name: "W!") { id } }"#, "invalid", "not a project name"),
        (r#"{ project(organisation: "A!", name: "web") { id } }"#, "invalid", "not an organisation name"),
    ])
    .await;
}

#[tokio::test]
async fn a_projects_trigger_and_tag_pattern_are_chosen() {
    let (api, id) = Api::with_web().await;
    let choose = format!(r#"mutation {{ chooseTrigger(project: "{id}", trigger: GITHUB_WEBHOOK) {{ trigger }} }}"#);
    assert_eq!(api.ask(&choose).await["chooseTrigger"]["trigger"], "GITHUB_WEBHOOK");
    let set = format!(r#"mutation {{ setTagPattern(project: "{id}", pattern: "v*") {{ tagPattern }} }}"#);
    assert_eq!(api.ask(&set).await["setTagPattern"]["tagPattern"], "v*");
    let unknown = "01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e";
    api.refuses(&[
        (&set.replace("v*", "v *"), "invalid", "not a tag pattern"),
        (&set.replace(&id, "web"), "invalid", "\"web\" is not an id"),
        (&set.replace(&id, unknown), "refused", "there is no such project"),
        (&choose.replace(&id, "web"), "invalid", "\"web\" is not an id"),
        (&choose.replace(&id, unknown), "refused", "there is no such project"),
    ])
    .await;
}

#[tokio::test]
async fn jobs_at_github_actions_are_trusted_by_number_and_only_for_refs() {
    let (api, id) = Api::with_web().await;
    let trust = format!(
        r#"mutation {{ trustGithubActions(project: "{id}", repositoryId: "1296269", ownerId: "1") {{ githubActions {{ repositoryId ownerId refPattern audience }} }} }}"#
    );
    let trusted = json!({ "repositoryId": "1296269", "ownerId": "1", "refPattern": "refs/tags/*", "audience": null });
    assert_eq!(api.ask(&trust).await["trustGithubActions"]["githubActions"], trusted);
    let with = |argument: &str| trust.replace("ownerId:", &format!("{argument}, ownerId:"));
    api.refuses(&[
        (&trust.replace("1296269", "acme/web"), "invalid", "expected digits"),
        (&trust.replace("\"1\"", "\"acme\""), "invalid", "expected digits"),
        (&with(r#"refPattern: "v*""#), "refused", "is not a pattern of Git refs"),
        (&with(r#"refPattern: "refs/ *""#), "invalid", "not a tag pattern"),
        (&with(r#"audience: "a b""#), "refused", "the audience is not valid"),
        (&trust.replace(&id, "web"), "invalid", "\"web\" is not an id"),
    ])
    .await;

    let distrust =
        format!(r#"mutation {{ distrustGithubActions(project: "{id}") {{ githubActions {{ ownerId }} }} }}"#);
    assert_eq!(api.ask(&distrust).await["distrustGithubActions"]["githubActions"], Value::Null);
}
