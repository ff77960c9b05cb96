//! Operators: persons who are added, get a new token, are removed and are erased.

use super::*;

/// The status of a query with this token.
async fn status(api: &Api, token: &str) -> StatusCode {
    api.post(Some(token), "{ organisations { name } }").await.0
}

/// The operator Ann: an id and a token.
async fn ann(api: &Api) -> (String, String) {
    let add = r#"mutation { addOperator(name: "Ann Example", email: "ann@example.org") { token operator { id name email standing } } }"#;
    let added = api.ask(add).await["addOperator"].take();
    let id = text(&added["operator"]["id"]);
    let active = json!({ "id": id, "name": "Ann Example", "email": "ann@example.org", "standing": "active" });
    assert_eq!(added["operator"], active);
    (id, text(&added["token"]))
}

#[tokio::test]
async fn an_operator_is_added_with_a_token_that_works_and_is_shown_once() {
    let api = Api::open().await;
    let (id, token) = ann(&api).await;
    assert_eq!(status(&api, &token).await, StatusCode::OK);
    api.never_tells(&token).await;
    let listed = json!([{ "id": id, "name": "Ann Example", "email": "ann@example.org", "standing": "active" }]);
    assert_eq!(api.ask("{ operators { id name email standing } }").await["operators"], listed);
    let add = |name: &str, email: &str| {
        format!(r#"mutation {{ addOperator(name: "{name}", email: "{email}") {{ token }} }}"#)
    };
    api.refuses(&[
        (&add("", "ann@example.org"), "invalid", "the person's name is not valid"),
        (&add(&"a".repeat(1_000), "ann@example.org"), "invalid", "the person's name is not valid"),
        (&add("Ann", "example.org"), "invalid", "the person's e-mail address is not valid"),
    ])
    .await;
}

#[tokio::test]
async fn a_new_token_ends_the_older_one() {
    let api = Api::open().await;
    let (id, old) = ann(&api).await;
    let renew = format!(r#"mutation {{ renewOperatorToken(id: "{id}") {{ token operator {{ id }} }} }}"#);
    let renewed = api.ask(&renew).await["renewOperatorToken"].take();
    let new = text(&renewed["token"]);
    assert_eq!((status(&api, &old).await, status(&api, &new).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
    api.never_tells(&new).await;
}

#[tokio::test]
async fn a_removed_operator_is_out_and_keeps_the_name_and_an_erased_one_has_none() {
    let api = Api::open().await;
    let (id, token) = ann(&api).await;
    let change = |mutation: &str| format!(r#"mutation {{ {mutation}(id: "{id}") {{ name email standing }} }}"#);
    let removed = json!({ "name": "Ann Example", "email": "ann@example.org", "standing": "removed" });
    assert_eq!(api.ask(&change("removeOperator")).await["removeOperator"], removed);
    assert_eq!(status(&api, &token).await, StatusCode::UNAUTHORIZED);
    let renew = format!(r#"mutation {{ renewOperatorToken(id: "{id}") {{ token }} }}"#);
    api.refuses(&[(&renew, "refused", "the operator was removed")]).await;

    let erased = api.ask(&change("eraseOperator")).await["eraseOperator"].take();
    assert_eq!((&erased["standing"], &erased["email"]), (&json!("erased"), &Value::Null));
    assert_eq!(erased["name"], format!("erased person {}", &id[id.len() - 8..]));
    assert!(!api.ask(EVERYTHING).await.to_string().contains("Ann Example"), "a query still tells the name");
}

#[tokio::test]
async fn a_person_who_never_was_an_operator_cannot_be_changed() {
    let api = Api::open().await;
    let unknown = "01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e";
    for (mutation, fields) in [("renewOperatorToken", "token"), ("removeOperator", "name"), ("eraseOperator", "name")] {
        let change = |id: &str| format!(r#"mutation {{ {mutation}(id: "{id}") {{ {fields} }} }}"#);
        api.refuses(&[
            (&change(unknown), "refused", "there is no operator with this id"),
            (&change("ann"), "invalid", "\"ann\" is not an id"),
        ])
        .await;
    }
}
