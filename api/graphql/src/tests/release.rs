//! Releases: listed, followed step by step, and cancelled.

use composition::testing::RELEASE;
use domain::{
    ids::{ProjectId, ReleaseId},
    release::{self, Origin, Release, Step},
};
use uuid::Uuid;

use super::*;

/// The release `id` of `tag` of the project `web`.
async fn receive(api: &Api, id: ReleaseId, tag: &str) {
    let (organisation, project) = ("acme".parse().expect("a name"), "web".parse().expect("a name"));
    let project = ProjectId::named(&organisation, &project);
    let (tag, version) = (tag.parse().expect("a tag"), tag.trim_start_matches('v').parse().expect("a version"));
    api.core.execute::<Release>(id.0, release::Command::Receive(Origin { organisation, project, tag, version })).await;
}

const OTHER: ReleaseId = ReleaseId(Uuid::from_u128(6));

#[tokio::test]
async fn a_release_is_found_by_its_id_with_its_steps_and_why_it_failed() {
    let (api, project) = Api::with_web().await;
    receive(&api, RELEASE, "v1.0.0").await;
    let ask = format!(
        r#"{{ release(id: "{RELEASE}") {{ organisation project tag version commit state step endedAt logUrl steps {{ step endedAt detail }} failure {{ step code message logUrl }} packages {{ name }} }} }}"#
    );
    let running = api.ask(&ask).await["release"].take();
    let log_url = format!("http://127.0.0.1:8080/api/v1/releases/{RELEASE}/log");
    let steps = running["steps"].clone();
    let received = json!({
        "organisation": "acme", "project": project, "tag": "v1.0.0", "version": "1.0.0", "commit": null, "state": "RUNNING",
        "step": running["step"], "endedAt": null, "logUrl": log_url, "steps": steps, "failure": null, "packages": []
    });
    assert_eq!(running, received);
    assert_eq!(running["steps"][0]["step"], "RECEIVED");

    let (code, message) = ("command_failed".to_owned(), "make: error 2".to_owned());
    let fail = release::Command::Fail { step: Step::Building, code, message, log: None };
    api.core.execute::<Release>(RELEASE.0, fail).await;
    let failed = api.ask(&ask).await["release"].take();
    let why = json!({ "step": "BUILDING", "code": "command_failed", "message": "make: error 2", "logUrl": log_url });
    assert_eq!((&failed["state"], &failed["failure"]), (&json!("FAILED"), &why));
    assert!(failed["endedAt"].is_string(), "{failed}");
}

#[tokio::test]
async fn releases_are_listed_newest_first_of_all_of_an_organisation_or_of_a_project() {
    let (api, _) = Api::with_web().await;
    receive(&api, RELEASE, "v1.0.0").await;
    receive(&api, OTHER, "v1.1.0").await;
    for of in ["", r#"(organisation: "acme")"#, r#"(organisation: "acme", project: "web")"#] {
        let found = api.ask(&format!("{{ releases{of} {{ tag }} }}")).await;
        assert_eq!(each(&found["releases"], "tag"), ["v1.1.0", "v1.0.0"], "{of}");
    }
    for of in [r#"(organisation: "other")"#, r#"(organisation: "acme", project: "other")"#] {
        assert_eq!(api.ask(&format!("{{ releases{of} {{ tag }} }}")).await["releases"], json!([]), "{of}");
    }
    let first = api.ask("{ releases(first: 1) { tag cursor } }").await["releases"].take();
    let cursor = text(&first[0]["cursor"]);
    let next = api.ask(&format!(r#"{{ releases(first: 1, before: "{cursor}") {{ tag }} }}"#)).await;
    assert_eq!((each(&first, "tag"), each(&next["releases"], "tag")), (vec!["v1.1.0".into()], vec!["v1.0.0".into()]));
    api.refuses(&[
        (r#"{ releases(project: "web") { id } }"#, "invalid", "a project's name is given without its organisation"),
        (r#"{ releases(organisation: "A!") { id } }"#, "invalid", "not an organisation name"),
        (r#"{ releases(organisation: "acme", project: "W!") { id } }"#, "invalid", "not a project name"),
        (r#"{ releases(before: "yesterday") { id } }"#, "invalid", "before: not a cursor"),
    ])
    .await;
}

#[tokio::test]
async fn a_running_release_is_cancelled_and_an_ended_one_is_not() {
    let (api, _) = Api::with_web().await;
    receive(&api, RELEASE, "v1.0.0").await;
    let cancel = format!(r#"mutation {{ cancelRelease(id: "{RELEASE}") {{ state }} }}"#);
    assert_eq!(api.ask(&cancel).await["cancelRelease"]["state"], "CANCELLED");
    assert_eq!(api.ask(&cancel).await["cancelRelease"]["state"], "CANCELLED", "the same again changes nothing");
    receive(&api, OTHER, "v1.1.0").await;
    let (code, message) = ("command_failed".to_owned(), "make: error 2".to_owned());
    let fail = release::Command::Fail { step: Step::Building, code, message, log: None };
    api.core.execute::<Release>(OTHER.0, fail).await;
    let unknown = "01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e";
    api.refuses(&[
        (&cancel.replace(&RELEASE.to_string(), &OTHER.to_string()), "refused", "this release has already ended"),
        (&cancel.replace(&RELEASE.to_string(), unknown), "refused", "there is no such release"),
        (&cancel.replace(&RELEASE.to_string(), "v1.0.0"), "invalid", "\"v1.0.0\" is not an id"),
        (r#"{ release(id: "v1.0.0") { tag } }"#, "invalid", "\"v1.0.0\" is not an id"),
    ])
    .await;
    assert_eq!(api.ask(&format!(r#"{{ release(id: "{unknown}") {{ tag }} }}"#)).await["release"], Value::Null);
}
