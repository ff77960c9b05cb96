//! What auditors ask: events, chains, stories, and who could enter.

use composition::testing::RELEASE;
use domain::{
    ids::ProjectId,
    release::{self, Origin, Release},
};

use super::*;

#[tokio::test]
async fn events_are_filtered_by_what_they_are_about_and_who_wanted_them() {
    let (api, project) = Api::with_web().await;
    let names = async |filter: &str| {
        let found =
            api.ask(&format!("{{ events(filter: {{{filter}}}, oldestFirst: true) {{ events {{ name }} }} }}")).await;
        each(&found["events"]["events"], "name")
    };
    let of_project = ["project.added", "project.api_token_issued"];
    assert_eq!(names(&format!(r#"about: "project:{project}""#)).await, of_project);
    assert_eq!(names(r#"kinds: ["project"]"#).await, of_project);
    assert_eq!(names(r#"names: ["project.added"], organisation: "acme""#).await, ["project.added"]);
    let by_operator = names(&format!(r#"actor: "operator:{}""#, api.token.id())).await;
    assert_eq!(by_operator, ["organisation.created", of_project[0], of_project[1]]);
    assert_eq!(names(r#"from: "2999-01-01""#).await, Vec::<String>::new());
    let ask = |filter: &str| format!("{{ events(filter: {{{filter}}}) {{ next }} }}");
    api.refuses(&[
        (&ask(r#"about: "thing:1""#), "invalid", "about: "),
        (&ask(r#"names: ["project.sung"]"#), "invalid", "name: there is no event"),
        (&ask(r#"kinds: ["song"]"#), "invalid", "kind: there is no kind"),
        (&ask(r#"organisation: "other""#), "not_found", "there is no organisation other"),
        (&ask(r#"organisation: "A!""#), "invalid", "organisation: "),
        (&ask(r#"actor: "me""#), "invalid", "actor: "),
        (&ask(r#"actor: "person:01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e""#), "not_found", "operator with the id"),
        (&ask(r#"from: "yesterday""#), "invalid", "from: not a valid time"),
        (&ask(r#"from: "2026-11-02", until: "2026-11-01""#), "invalid", "until: expected a time after from"),
    ])
    .await;
}

#[tokio::test]
async fn events_are_paged_by_next() {
    let (api, _) = Api::with_web().await;
    let all = api.ask("{ events { events { position } next } }").await["events"].take();
    assert_eq!(all["next"], Value::Null);
    let first = api.ask("{ events(first: 2) { events { position } next } }").await["events"].take();
    let rest = api.ask(&format!("{{ events(after: {}) {{ events {{ position }} }} }}", first["next"])).await;
    let mut paged = first["events"].as_array().expect("a list").clone();
    paged.extend(rest["events"]["events"].as_array().expect("a list").clone());
    assert_eq!(json!(paged), all["events"]);
}

#[tokio::test]
async fn a_chain_ends_with_the_event_that_was_asked_for() {
    let api = Api::with_acme().await;
    let event = text(&api.ask("{ events(first: 1) { events { id } } }").await["events"]["events"][0]["id"]);
    let chain = api
        .ask(&format!(r#"{{ chain(event: "{event}") {{ id name payload chain {{ id }} followed {{ id }} }} }}"#))
        .await;
    let [created] = chain["chain"].as_array().expect("a list").as_slice() else { panic!("{chain}") };
    assert_eq!((&created["id"], &created["name"]), (&json!(event), &json!("organisation.created")));
    assert_eq!((&created["payload"], &created["followed"]), (&json!(r#"{"name":"acme"}"#), &json!([])));
    api.refuses(&[
        (r#"{ chain(event: "it") { id } }"#, "invalid", "\"it\" is not an id"),
        (r#"{ chain(event: "01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e") { id } }"#, "not_found", "there is no event"),
    ])
    .await;
}

#[tokio::test]
async fn the_story_of_a_token_tells_who_made_it_and_what_ended_it() {
    let (api, project) = Api::with_web().await;
    let issue = format!(r#"mutation {{ issueApiToken(project: "{project}", name: "ci") {{ id }} }}"#);
    let id = text(&api.ask(&issue).await["issueApiToken"]["id"]);
    api.ask(&format!(r#"mutation {{ revokeApiToken(project: "{project}", token: "{id}") {{ id }} }}"#)).await;
    let ask = format!(
        r#"{{ tokenStory(id: "{id}") {{ token kind project name endsBecause events {{ name }} used {{ events }} }} }}"#
    );
    let story = json!({
        "token": id, "kind": "api", "project": "acme/web", "name": "ci", "endsBecause": "revoked",
        "events": [{ "name": "project.api_token_issued" }, { "name": "project.api_token_revoked" }], "used": { "events": 0 }
    });
    assert_eq!(api.ask(&ask).await["tokenStory"], story);
    api.refuses(&[
        (r#"{ tokenStory(id: "it") { kind } }"#, "invalid", "expected the id of an access key or a token"),
        (r#"{ tokenStory(id: "01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e") { kind } }"#, "not_found", "there is no token"),
    ])
    .await;
}

#[tokio::test]
async fn the_story_of_a_key_tells_what_it_opened_and_who_could_enter_names_it() {
    let (api, _) = Api::with_debs().await;
    let issue =
        r#"mutation { issueAccessKey(organisation: "acme", repository: "debs", name: "people") { accessKey { id } } }"#;
    let id = text(&api.ask(issue).await["issueAccessKey"]["accessKey"]["id"]);
    let story = api.ask(&format!(r#"{{ keyStory(id: "{id}") {{ key name kind repository generation endsBecause used {{ events }} fetched {{ times }} }} }}"#)).await;
    let expected = json!({
        "key": id, "name": "people", "kind": "shared", "repository": "acme/debs", "generation": 1, "endsBecause": null, "used": null,
        "fetched": []
    });
    assert_eq!(story["keyStory"], expected);

    let access = |more: &str| {
        format!(
            r#"{{ access(organisation: "acme", repository: "debs"{more}) {{ repository keys next entrants {{ key name }} }} }}"#
        )
    };
    let now = api.ask(&access("")).await["access"].take();
    assert_eq!((&now["repository"], &now["keys"]), (&json!("acme/debs"), &json!(2)));
    assert_eq!(each(&now["entrants"], "name"), ["default", "people"]);
    let first = api.ask(&access(", first: 1")).await["access"].take();
    let rest = api.ask(&access(&format!(r#", after: "{}""#, text(&first["next"])))).await["access"].take();
    assert_eq!(
        (each(&first["entrants"], "name"), each(&rest["entrants"], "name")),
        (vec!["default".into()], vec!["people".into()])
    );
    assert_eq!(
        api.ask(&access(r#", at: "2020-01-01T00:00:00Z""#)).await["access"]["keys"],
        0,
        "before there were keys"
    );
    api.refuses(&[
        (r#"{ keyStory(id: "it") { name } }"#, "invalid", "expected the id of an access key or a token"),
        (r#"{ keyStory(id: "01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e") { name } }"#, "not_found", "there is no"),
        (&access(r#", after: "it""#), "invalid", "expected the id of an access key or a token"),
        (&access("").replace("debs", "other"), "not_found", "there is no such repository"),
        (&access("").replace("debs", "D!"), "invalid", "not a repository name"),
        (&access("").replace("acme", "A!"), "invalid", "not an organisation name"),
    ])
    .await;
}

#[tokio::test]
async fn the_story_of_a_release_begins_with_what_asked_for_it() {
    let (api, _) = Api::with_web().await;
    let (organisation, project) = ("acme".parse().expect("a name"), "web".parse().expect("a name"));
    let project = ProjectId::named(&organisation, &project);
    let (tag, version) = ("v1.0.0".parse().expect("a tag"), "1.0.0".parse().expect("a version"));
    let receive = release::Command::Receive(Origin { organisation, project, tag, version });
    api.core.execute::<Release>(RELEASE.0, receive).await;
    let ask = format!(
        r#"{{ releaseStory(id: "{RELEASE}") {{ release project tag version chain {{ name }} events {{ name }} published {{ name }} }} }}"#
    );
    let story = json!({
        "release": RELEASE.to_string(), "project": "acme/web", "tag": "v1.0.0", "version": "1.0.0",
        "chain": [{ "name": "release.received" }], "events": [{ "name": "release.received" }], "published": []
    });
    assert_eq!(api.ask(&ask).await["releaseStory"], story);
    api.refuses(&[
        (r#"{ releaseStory(id: "v1") { tag } }"#, "invalid", "\"v1\" is not an id"),
        (r#"{ releaseStory(id: "01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e") { tag } }"#, "not_found", "there is no release"),
    ])
    .await;
}

#[tokio::test]
async fn the_story_of_a_package_tells_where_it_is_and_who_fetched_it() {
    let (api, id) = Api::with_debs().await;
    let sha256 = api.core.add_deb(id, "1.0").await.to_string();
    let ask = |more: &str| {
        format!(
            r#"{{ packageStory(sha256: "{sha256}"{more}) {{ repositories {{ repository fileName isNewest keys machines }} fetched {{ key }} next events {{ name }} }} }}"#
        )
    };
    let story = api.ask(&ask("")).await["packageStory"].take();
    let holding = json!([{ "repository": "acme/debs", "fileName": "hello_1.0_amd64.deb", "isNewest": true, "keys": 1, "machines": 0 }]);
    assert_eq!((&story["repositories"], &story["fetched"]), (&holding, &json!([])), "{story}");
    assert_eq!(each(&story["events"], "name"), ["repository.package_added"]);
    let unknown = "0".repeat(64);
    api.refuses(&[
        (&ask("").replace(&sha256, "12"), "invalid", "not a SHA-256 digest"),
        (&ask("").replace(&sha256, &unknown), "not_found", "there is no package"),
        (&ask(r#", after: "it""#), "invalid", "expected the id of an access key or a token"),
    ])
    .await;
}
