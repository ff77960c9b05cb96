//! API tokens: issued, rolled with and without a grace window, and ended.

use super::*;

fn tokens(answer: &Value) -> Vec<String> {
    each(&answer["project"]["apiTokens"], "name")
}

async fn works(api: &Api, text: &str) -> bool {
    let token = Token::parse(text).expect("a token");
    let credentials = api.core.authenticator().credentials;
    credentials.api_grant(token.id().into(), &token.secret_sha256(), (api.core.clock)()).is_some()
}

#[tokio::test]
async fn an_api_token_has_a_name_scopes_and_an_end_and_is_shown_once() {
    let (api, project) = Api::with_web().await;
    let issue = format!(
        r#"mutation {{ issueApiToken(project: "{project}", name: "ci", scopes: [READ], expiresAt: "2999-01-01T00:00:00Z") {{ id apiToken webhookSecret project {{ apiTokens {{ id name scopes expiresAt graceUntil isOfCiJob }} }} }} }}"#
    );
    let issued = api.ask(&issue).await["issueApiToken"].take();
    let newest = json!({
        "id": issued["id"], "name": "ci", "scopes": ["READ"], "expiresAt": "2999-01-01T00:00:00+00:00", "graceUntil": null, "isOfCiJob": false
    });
    assert_eq!(issued["project"]["apiTokens"][0], newest, "{issued}");
    assert_eq!(issued["webhookSecret"], Value::Null, "GitHub does not trigger the project");
    assert_eq!(tokens(&issued), ["ci", "default"]);
    assert!(works(&api, &text(&issued["apiToken"])).await);
    api.never_tells(&text(&issued["apiToken"])).await;
    let other = |from: &str, to: &str| issue.replace(from, to);
    api.refuses(&[
        (&issue, "refused", "an API token called \"ci\" exists already"),
        (&other("\"ci\"", "\"\""), "invalid", ""),
        (&other("[READ]", "[]"), "invalid", "not valid scopes of an API token"),
        (&other("\"ci\"", "\"old\"").replace("2999", "1999"), "refused", "the expiry is not valid"),
        (&other(&project, "web"), "invalid", "\"web\" is not an id"),
        (&other(&project, "01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e"), "refused", "there is no such project"),
    ])
    .await;
}

#[tokio::test]
async fn without_a_window_the_old_token_is_dead_when_the_roll_answers() {
    let (api, project) = Api::with_web().await;
    let roll = format!(
        r#"mutation {{ rollApiToken(project: "{project}") {{ id apiToken project {{ apiTokens {{ name }} }} }} }}"#
    );
    let first = text(&api.ask(&roll).await["rollApiToken"]["apiToken"]);
    let rolled = api.ask(&roll).await["rollApiToken"].take();
    assert_eq!(tokens(&rolled), ["default"]);
    let second = text(&rolled["apiToken"]);
    assert!(!works(&api, &first).await && works(&api, &second).await);
    api.never_tells(&second).await;
}

#[tokio::test]
async fn in_a_window_old_and_new_token_work_until_it_is_closed() {
    let (api, project) = Api::with_web().await;
    let roll = |arguments: &str| {
        format!(
            r#"mutation {{ rollApiToken(project: "{project}"{arguments}) {{ id apiToken project {{ apiTokens {{ id name graceUntil }} }} }} }}"#
        )
    };
    let old = api.ask(&roll("")).await["rollApiToken"].take();
    let (old_id, old_text) = (text(&old["id"]), text(&old["apiToken"]));
    let rolled = api.ask(&roll(&format!(r#", token: "{old_id}", graceSeconds: 3600"#))).await["rollApiToken"].take();
    assert_eq!(tokens(&rolled).len(), 2, "{rolled}");
    assert!(works(&api, &old_text).await && works(&api, &text(&rolled["apiToken"])).await);

    let close = format!(
        r#"mutation {{ closeApiTokenGrace(project: "{project}", token: "{old_id}") {{ apiTokens {{ id }} }} }}"#
    );
    assert_eq!(each(&api.ask(&close).await["closeApiTokenGrace"]["apiTokens"], "id"), [text(&rolled["id"])]);
    assert!(!works(&api, &old_text).await && works(&api, &text(&rolled["apiToken"])).await);
    api.refuses(&[
        (&close, "refused", "the project has no such API token, or it has ended"),
        (&close.replace(&old_id, "it"), "invalid", "token: expected the id of a token"),
        (&roll(", graceSeconds: 4000000000"), "refused", "the end of the grace window is not valid"),
        (&roll(", token: \"it\""), "invalid", "token: expected the id of a token"),
        (&roll(&format!(", token: \"{old_id}\"")), "refused", "the project has no such API token, or it has ended"),
    ])
    .await;
}

#[tokio::test]
async fn a_roll_says_which_token_if_there_are_several_and_none_is_called_default() {
    let (api, project) = Api::with_web().await;
    let default = api.ask(r#"{ project(organisation: "acme", name: "web") { apiTokens { id } } }"#).await;
    let default = text(&default["project"]["apiTokens"][0]["id"]);
    for name in ["ci", "people"] {
        api.ask(&format!(r#"mutation {{ issueApiToken(project: "{project}", name: "{name}") {{ id }} }}"#)).await;
    }
    let revoke = format!(
        r#"mutation {{ revokeApiToken(project: "{project}", token: "{default}") {{ apiTokens {{ name }} }} }}"#
    );
    assert_eq!(each(&api.ask(&revoke).await["revokeApiToken"]["apiTokens"], "name"), ["people", "ci"]);
    let roll = format!(r#"mutation {{ rollApiToken(project: "{project}") {{ id }} }}"#);
    api.refuses(&[
        (&roll, "refused", "the project has several API tokens: give the id"),
        (&revoke, "refused", "the project has no such API token, or it has ended"),
        (&revoke.replace(&default, "it"), "invalid", "token: expected the id of a token"),
    ])
    .await;
}
