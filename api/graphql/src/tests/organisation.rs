//! Organisations: created, listed, and how much each may build.

use super::*;

#[tokio::test]
async fn an_organisation_is_created_once_and_seen_by_every_query_from_then_on() {
    let api = Api::open().await;
    let created = api.ask(r#"mutation { createOrganisation(name: "acme") { name buildSlots } }"#).await;
    assert_eq!(created["createOrganisation"], json!({ "name": "acme", "buildSlots": 2 }));
    assert_eq!(each(&api.ask("{ organisations { name } }").await["organisations"], "name"), ["acme"]);
    let empty = "{ organisation(name: \"acme\") { name projects { name } repositories { name } feedTokens { name } } }";
    let nothing = json!([]);
    let found = api.ask(empty).await["organisation"].take();
    assert_eq!(found, json!({ "name": "acme", "projects": nothing, "repositories": nothing, "feedTokens": nothing }));
    api.refuses(&[
        (r#"mutation { createOrganisation(name: "acme") { name } }"#, "refused", "acme"),
        (r#"mutation { createOrganisation(name: "Acme Inc.") { name } }"#, "invalid", "not an organisation name"),
        (r#"{ organisation(name: "Acme Inc.") { name } }"#, "invalid", "not an organisation name"),
        (r#"{ organisation(name: "other") { name } }"#, "not_found", "there is no organisation other"),
    ])
    .await;
}

#[tokio::test]
async fn organisations_are_listed_by_name_page_by_page() {
    let api = Api::open().await;
    for name in ["c", "a", "b"] {
        api.ask(&format!("mutation {{ createOrganisation(name: \"{name}\") {{ name }} }}")).await;
    }
    let first = api.ask("{ organisations(first: 2) { name } }").await;
    assert_eq!(each(&first["organisations"], "name"), ["a", "b"]);
    let next = api.ask("{ organisations(first: 2, after: \"b\") { name } }").await;
    assert_eq!(each(&next["organisations"], "name"), ["c"]);
}

#[tokio::test]
async fn an_organisation_builds_at_least_one_release_at_a_time_and_has_a_limit() {
    let api = Api::with_acme().await;
    let set = r#"mutation { setBuildSlots(organisation: "acme", slots: 3) { buildSlots } }"#;
    assert_eq!(api.ask(set).await["setBuildSlots"]["buildSlots"], 3);
    assert_eq!(api.ask(set).await["setBuildSlots"]["buildSlots"], 3, "the same again changes nothing");
    api.refuses(&[
        (r#"mutation { setBuildSlots(organisation: "acme", slots: 0) { name } }"#, "refused", "0"),
        (r#"mutation { setBuildSlots(organisation: "acme", slots: 65535) { name } }"#, "refused", "65535"),
        (r#"mutation { setBuildSlots(organisation: "other", slots: 1) { name } }"#, "refused", "no such organisation"),
        (r#"mutation { setBuildSlots(organisation: "A!", slots: 1) { name } }"#, "invalid", "not an organisation name"),
    ])
    .await;
}
