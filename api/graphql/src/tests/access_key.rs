//! Access keys: issued, revoked, and rolled with and without a grace window.

use super::*;

async fn works(api: &Api, secret: &Value) -> bool {
    let token = Token::parse(&text(secret)).expect("a token");
    let debs = RepositoryId::named(&"acme".parse().expect("a name"), &"debs".parse().expect("a name"));
    let credentials = &api.core.projected.credentials;
    credentials.pass(debs, token.id().into(), &token.secret_sha256(), (api.core.clock)()).is_some()
}

#[tokio::test]
async fn a_shared_key_never_ends_by_itself_and_an_enrolment_key_has_an_end_and_a_number() {
    let (api, _) = Api::with_debs().await;
    let issue = |name: &str, more: &str| {
        format!(
            r#"mutation {{ issueAccessKey(organisation: "acme", repository: "debs", name: "{name}"{more}) {{ accessKey {{ id secret }} installCommand }} }}"#
        )
    };
    let shared = api.ask(&issue("people", "")).await["issueAccessKey"].take();
    api.ask(&issue("images", ", kind: ENROLMENT")).await;
    assert!(text(&shared["installCommand"]).contains(&text(&shared["accessKey"]["secret"])));
    api.never_tells(&text(&shared["accessKey"]["secret"])).await;
    let keys = api.ask(r#"{ repository(organisation: "acme", name: "debs") { accessKeys { name kind generation isOlder expiresAt enrolsMax enrolled lastSeen } keyring { generation rolledAt grace { isOpen } keys(first: 2) { name } } } }"#).await["repository"].take();
    assert_eq!(each(&keys["accessKeys"], "name"), ["images", "people", "default"]);
    let people = json!({
        "name": "people", "kind": "SHARED", "generation": 1, "isOlder": false, "expiresAt": null, "enrolsMax": null, "enrolled": 0, "lastSeen": null
    });
    assert_eq!(keys["accessKeys"][1], people);
    let images = &keys["accessKeys"][0];
    assert_eq!((&images["kind"], &images["enrolsMax"]), (&json!("ENROLMENT"), &json!(100)));
    assert!(images["expiresAt"].is_string(), "{images}");
    assert_eq!(
        keys["keyring"],
        json!({ "generation": 1, "rolledAt": null, "grace": null, "keys": [{ "name": "images" }, { "name": "people" }] })
    );
    api.refuses(&[
        (&issue("people", ""), "refused", "an access key called \"people\" exists already"),
        (&issue("", ""), "invalid", ""),
        (
            &issue("old", r#", expiresAt: "1999-01-01T00:00:00Z""#),
            "refused",
            "the access key would have expired already",
        ),
        (&issue("many", ", enrolsMax: 5"), "invalid", "enrolsMax: expected none unless kind is ENROLMENT"),
        (
            &issue("none", ", kind: ENROLMENT, enrolsMax: 0"),
            "refused",
            "the number of machines that may enrol with the key is not valid: expected 1 to",
        ),
        (&issue("mine", ", kind: MACHINE"), "invalid", "kind: expected SHARED or ENROLMENT"),
        (&issue("x", "").replace("debs", "other"), "not_found", "there is no such repository"),
        (&issue("x", "").replace("debs", "D!"), "invalid", "not a repository name"),
    ])
    .await;
}

#[tokio::test]
async fn a_revoked_key_is_dead_when_this_answers() {
    let (api, _) = Api::with_debs().await;
    let issue = r#"mutation { issueAccessKey(organisation: "acme", repository: "debs", name: "people") { accessKey { id secret } } }"#;
    let key = api.ask(issue).await["issueAccessKey"]["accessKey"].take();
    assert!(works(&api, &key["secret"]).await);
    let id = text(&key["id"]);
    let revoke = format!(
        r#"mutation {{ revokeAccessKey(organisation: "acme", repository: "debs", key: "{id}") {{ accessKeys {{ name }} }} }}"#
    );
    assert_eq!(each(&api.ask(&revoke).await["revokeAccessKey"]["accessKeys"], "name"), ["default"]);
    assert!(!works(&api, &key["secret"]).await);
    api.refuses(&[
        (&revoke, "refused", "there is no such access key"),
        (&revoke.replace(&id, "it"), "not_found", "there is no such access key"),
        (&revoke.replace("debs", "other"), "not_found", "there is no such repository"),
    ])
    .await;
}

#[tokio::test]
async fn a_roll_without_a_window_ends_every_older_key_and_shows_the_new_ones_once() {
    let (api, _) = Api::with_debs().await;
    let issue = r#"mutation { issueAccessKey(organisation: "acme", repository: "debs", name: "people") { accessKey { secret } } }"#;
    let old = api.ask(issue).await["issueAccessKey"]["accessKey"]["secret"].take();
    let roll = r#"mutation { rollAccessKeys(organisation: "acme", repository: "debs", ifGeneration: 1) { generation graceUntil installCommand accessKeys { name kind accessKey { id secret } installCommand } repository { keyring { generation grace { isOpen } } } } }"#;
    let rolled = api.ask(roll).await["rollAccessKeys"].take();
    assert_eq!((&rolled["generation"], &rolled["graceUntil"]), (&json!(2), &Value::Null));
    assert_eq!(rolled["repository"]["keyring"], json!({ "generation": 2, "grace": null }));
    let mut names = each(&rolled["accessKeys"], "name");
    names.sort();
    assert_eq!(names, ["default", "people"]);
    let new = &rolled["accessKeys"][0]["accessKey"]["secret"];
    assert!(!works(&api, &old).await && works(&api, new).await);
    assert!(text(&rolled["installCommand"]).contains("/install/acme/debs"));
    api.never_tells(&text(new)).await;
    api.refuses(&[
        (roll, "rolled_already", "already of generation 2, not of 1"),
        (&roll.replace("ifGeneration: 1", "ifGeneration: 9"), "invalid", "ifGeneration: "),
        (
            &roll.replace("ifGeneration: 1", "graceSeconds: 4000000000"),
            "refused",
            "the end of the grace window is not valid",
        ),
        (&roll.replace("debs", "other"), "not_found", "there is no such repository"),
    ])
    .await;
}

#[tokio::test]
async fn in_a_grace_window_both_keys_work_until_it_is_closed() {
    let (api, _) = Api::with_debs().await;
    let issue = r#"mutation { issueAccessKey(organisation: "acme", repository: "debs", name: "people") { accessKey { secret } } }"#;
    let old = api.ask(issue).await["issueAccessKey"]["accessKey"]["secret"].take();
    let roll = r#"mutation { rollAccessKeys(organisation: "acme", repository: "debs", graceSeconds: 3600) { generation graceUntil accessKeys { accessKey { secret } } repository { keyring { grace { isOpen until closedAt closedBecause machines moved silent { name } } keys(first: 4) { isOlder } } } } }"#;
    let rolled = api.ask(roll).await["rollAccessKeys"].take();
    let new = &rolled["accessKeys"][0]["accessKey"]["secret"];
    assert!(works(&api, &old).await && works(&api, new).await);
    let grace = &rolled["repository"]["keyring"]["grace"];
    let open = json!({
        "isOpen": true, "until": rolled["graceUntil"], "closedAt": null, "closedBecause": null, "machines": 0, "moved": 0, "silent": []
    });
    assert_eq!(*grace, open);
    api.never_tells(&text(new)).await;
    api.refuses(&[(roll, "refused", "a grace window, in which older access keys still work, is open until")]).await;

    let close = r#"mutation { closeGrace(organisation: "acme", repository: "debs") { keyring { grace { isOpen until closedBecause } } } }"#;
    let closed = api.ask(close).await["closeGrace"]["keyring"]["grace"].take();
    assert_eq!(closed, json!({ "isOpen": false, "until": null, "closedBecause": "cut" }));
    assert!(!works(&api, &old).await && works(&api, new).await);
    api.refuses(&[
        (close, "refused", "no grace window is open"),
        (&close.replace("debs", "other"), "not_found", "there is no such repository"),
    ])
    .await;
}
