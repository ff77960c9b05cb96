//! What a project has at GitHub: connected, with and without a token, its webhook's secret, and its tags.

use std::process::Command;

use super::*;

fn connect(project: &str, more: &str) -> String {
    format!(
        r#"mutation {{ connectGithub(project: "{project}", fullName: "acme/web"{more}) {{ webhookUrl webhookSecret project {{ github {{ repositoryId fullName apiUrl hasToken webhookIds isRegistered deployKeyId failing {{ step }} }} }} }} }}"#
    )
}

#[tokio::test]
async fn without_a_token_the_webhooks_secret_is_shown_once_to_be_registered_by_hand() {
    let (api, project) = Api::with_web().await;
    let connected = api.ask(&connect(&project, r#", repositoryId: "1296269""#)).await["connectGithub"].take();
    let github = json!({
        "repositoryId": "1296269", "fullName": "acme/web", "apiUrl": "https://api.github.com", "hasToken": false, "webhookIds": [],
        "isRegistered": false, "deployKeyId": null, "failing": []
    });
    assert_eq!(connected["project"]["github"], github);
    assert_eq!(connected["webhookUrl"], format!("http://127.0.0.1:8080/webhooks/github/{project}"));
    let first = text(&connected["webhookSecret"]);
    api.never_tells(&first).await;

    let roll = format!(r#"mutation {{ rollWebhookSecret(project: "{project}") {{ webhookUrl webhookSecret }} }}"#);
    let second = text(&api.ask(&roll).await["rollWebhookSecret"]["webhookSecret"]);
    assert_ne!(first, second);
    api.never_tells(&second).await;

    let disconnect = format!(r#"mutation {{ disconnectGithub(project: "{project}") {{ github {{ fullName }} }} }}"#);
    assert_eq!(api.ask(&disconnect).await["disconnectGithub"]["github"], Value::Null);
    api.refuses(&[(&roll, "refused", "the project is not connected to a GitHub repository")]).await;
}

#[tokio::test]
async fn with_a_token_nothing_is_shown_and_the_token_is_sealed() {
    let (api, project) = Api::with_web().await;
    let token = "github_pat_0123456789abcdefghij";
    let more = format!(r#", repositoryId: "1296269", token: "{token}""#);
    let connected = api.ask(&connect(&project, &more)).await["connectGithub"].take();
    assert_eq!(
        (&connected["project"]["github"]["hasToken"], &connected["webhookSecret"]),
        (&json!(true), &Value::Null)
    );
    api.never_tells(token).await;
    let roll = format!(r#"mutation {{ rollWebhookSecret(project: "{project}") {{ webhookSecret }} }}"#);
    assert_eq!(api.ask(&roll).await["rollWebhookSecret"]["webhookSecret"], Value::Null);
}

#[tokio::test]
async fn a_connection_needs_a_name_a_number_and_an_address_of_the_api() {
    let (api, project) = Api::with_web().await;
    let good = connect(&project, r#", repositoryId: "1296269""#);
    let away = r#", token: "t", apiUrl: "http://127.0.0.1:1""#;
    api.refuses(&[
        (&connect(&project, ""), "invalid", "repositoryId: missing: expected the numeric id"),
        (&good.replace("1296269", "web"), "invalid", "expected digits"),
        (&good.replace("acme/web", "web"), "invalid", "expected owner/name"),
        (&connect(&project, r#", repositoryId: "1", apiUrl: "ftp://x""#), "invalid", "not the URL of GitHub's API"),
        (&connect(&project, r#", repositoryId: "1", token: "a b""#), "invalid", "token: not a valid GitHub token"),
        (&connect(&project, away), "github", ""),
        (&good.replace(&project, "web"), "invalid", "\"web\" is not an id"),
        (&good.replace(&project, "01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e"), "refused", "there is no such project"),
    ])
    .await;
    api.ask(&good).await;
    api.refuses(&[(&good.replace("1296269", "7"), "refused", "disconnect it first")]).await;
}

#[tokio::test]
async fn rolling_the_api_token_of_a_project_that_github_triggers_rolls_the_webhooks_secret_too() {
    let (api, project) = Api::with_web().await;
    let connected = api.ask(&connect(&project, r#", repositoryId: "1296269""#)).await["connectGithub"].take();
    api.ask(&format!(r#"mutation {{ chooseTrigger(project: "{project}", trigger: GITHUB_WEBHOOK) {{ id }} }}"#)).await;
    let roll = format!(r#"mutation {{ rollApiToken(project: "{project}") {{ webhookSecret }} }}"#);
    let secret = text(&api.ask(&roll).await["rollApiToken"]["webhookSecret"]);
    assert_ne!(secret, text(&connected["webhookSecret"]));
    api.never_tells(&secret).await;
}

fn git(folder: &Path, arguments: &[&str]) {
    let ann = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"];
    let done = Command::new("git").arg("-C").arg(folder).args(ann).args(arguments).output().expect("git runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test]
async fn reconciling_releases_each_tag_that_no_delivery_reported_once() {
    let api = Api::with_acme().await;
    let source = api.core.folder.path().join("web");
    fs::create_dir(&source).expect("a folder");
    for arguments in
        [&["init", "--quiet"][..], &["commit", "--quiet", "--allow-empty", "-m", "first"], &["tag", "v1.0.0"]]
    {
        git(&source, arguments);
    }
    let create = r#"mutation { createProject(organisation: "acme", name: "web", source: "SOURCE", trigger: GITHUB_WEBHOOK) { project { id } } }"#;
    let create = create.replace("SOURCE", source.to_str().expect("text"));
    let project = text(&api.ask(&create).await["createProject"]["project"]["id"]);
    api.ask(&connect(&project, r#", repositoryId: "1296269""#)).await;

    let reconcile = format!(r#"mutation {{ reconcileTags(project: "{project}") {{ tag release }} }}"#);
    assert_eq!(api.ask(&reconcile).await["reconcileTags"], json!([]), "what was there before is left alone");
    git(&source, &["tag", "v1.1.0"]);
    let busy = api.tag_questions.acquire().await.expect("a permit");
    api.refuses(&[(&reconcile, "busy", "try again in a few seconds")]).await;
    drop(busy);
    assert_eq!(each(&api.ask(&reconcile).await["reconcileTags"], "tag"), ["v1.1.0"]);
    assert_eq!(api.ask(&reconcile).await["reconcileTags"], json!([]), "it has a release");
    fs::remove_dir_all(&source).expect("removed");
    api.refuses(&[(&reconcile, "clone_failed", "cannot fetch from")]).await;
}

#[tokio::test]
async fn tags_are_reconciled_only_where_github_triggers_releases() {
    let (api, project) = Api::with_web().await;
    let reconcile = format!(r#"mutation {{ reconcileTags(project: "{project}") {{ tag }} }}"#);
    api.refuses(&[
        (&reconcile, "refused", "this project's releases are triggered by its API endpoint"),
        (&reconcile.replace(&project, "01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e"), "refused", "there is no such project"),
        (&reconcile.replace(&project, "web"), "invalid", "\"web\" is not an id"),
    ])
    .await;
}
