//! Repositories: created with their first access key, and what is in them.

use super::*;

#[tokio::test]
async fn a_repository_is_created_with_a_key_that_is_shown_once_and_installs() {
    let api = Api::with_acme().await;
    let create = r#"mutation { createRepository(organisation: "acme", name: "debs", format: DEB) {
        accessKey { id secret } installCommand repository { id organisation name format codename url yankPolicy packageCount packages { name } publications { point } snapshots { name } accessKeys { id name kind } } } }"#;
    let created = api.ask(create).await["createRepository"].take();
    let (repository, key) = (&created["repository"], &created["accessKey"]);
    assert_eq!((&repository["format"], &repository["codename"]), (&json!("DEB"), &json!("stable")));
    assert_eq!(repository["url"], "http://127.0.0.1:8080/apt/acme/debs/");
    assert_eq!((&repository["yankPolicy"], &repository["packageCount"]), (&json!("HIDE"), &json!(0)));
    assert_eq!(repository["accessKeys"], json!([{ "id": key["id"], "name": "default", "kind": "SHARED" }]));
    let secret = text(&key["secret"]);
    let install = text(&created["installCommand"]);
    assert!(install.contains(&secret) && install.contains("http://127.0.0.1:8080/install/acme/debs"), "{install}");
    api.never_tells(&secret).await;
    api.refuses(&[
        (create, "refused", "the organisation already has a repository with that name"),
        (&create.replace("\"debs\"", "\"D!\""), "invalid", "not a repository name"),
        (&create.replace("\"acme\"", "\"A!\""), "invalid", "not an organisation name"),
        (&create.replace("\"acme\"", "\"other\""), "not_found", "there is no organisation other"),
    ])
    .await;
}

#[tokio::test]
async fn a_repository_is_found_by_its_names_and_listed_in_its_organisation() {
    let (api, _) = Api::with_debs().await;
    api.ask(r#"mutation { createRepository(organisation: "acme", name: "rpms", format: RPM) { repository { id } } }"#)
        .await;
    let found = api.ask(r#"{ repository(organisation: "acme", name: "rpms") { name format url } }"#).await;
    assert_eq!(found["repository"]["url"], "http://127.0.0.1:8080/yum/acme/rpms/");
    let listed = api.ask(r#"{ organisation(name: "acme") { repositories { name } } }"#).await;
    assert_eq!(each(&listed["organisation"]["repositories"], "name"), ["rpms", "debs"], "newest first");
    let second = api.ask(r#"{ organisation(name: "acme") { repositories(first: 1, offset: 1) { name } } }"#).await;
    assert_eq!(each(&second["organisation"]["repositories"], "name"), ["debs"]);
    api.refuses(&[
        (r#"{ repository(organisation: "acme", name: "other") { id } }"#, "not_found", "there is no such repository"),
        (r#"{ repository(organisation: "acme", name: "D!") { id } }"#, "invalid", "not a repository name"),
        (r#"{ repository(organisation: "A!", name: "debs") { id } }"#, "invalid", "not an organisation name"),
    ])
    .await;
}

#[tokio::test]
async fn packages_are_listed_newest_first_with_what_their_files_are() {
    let (api, id) = Api::with_debs().await;
    let older = api.core.add_deb(id, "1.0").await;
    api.core.add_deb(id, "1.1").await;
    let packages = r#"{ repository(organisation: "acme", name: "debs") { packageCount packages(first: 1, offset: 1) { fileName name version architecture sha256 sizeBytes release yankReason isHidden } } }"#;
    let found = api.ask(packages).await["repository"].take();
    assert_eq!(found["packageCount"], 2);
    let package = json!({
        "fileName": "hello_1.0_amd64.deb", "name": "hello", "version": "1.0", "architecture": "amd64", "sha256": older.to_string(),
        "sizeBytes": 5, "release": null, "yankReason": null, "isHidden": false
    });
    assert_eq!(found["packages"], json!([package]));
}
