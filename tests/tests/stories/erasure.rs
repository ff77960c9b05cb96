//! A person is erased from a log that does not change.

use std::{fs, path::Path, process::Command};

use reqwest::{Method, StatusCode};
use serde_json::json;
use stories::{Answer, Server, Team, program, text};
use tempfile::TempDir;

const NAME: &str = "Wilhelmina Zyxwvut";
const EMAIL: &str = "wilhelmina.zyxwvut@mail.example";

pub(crate) fn said(arguments: &[&str], data: &Path) -> String {
    let ran = program(arguments, data);
    let errors = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{arguments:?}: {errors}");
    String::from_utf8_lossy(&ran.stdout).into_owned() + &errors
}

/// The files below `place` that hold one of the texts.
pub(crate) fn holders(texts: &[&str], place: &Path) -> String {
    let patterns = texts.iter().flat_map(|text| ["-e", text]);
    let found = Command::new("grep").arg("-rlaiF").args(patterns).arg(place).env("LC_ALL", "C").output();
    String::from_utf8_lossy(&found.expect("grep runs").stdout).into_owned()
}

async fn operators(team: &Team) -> String {
    team.graphql("{ operators { id name email standing } }").await.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_erasure_nothing_holds_the_name_and_the_log_is_the_same() {
    let mut server = Server::start();
    let team = server.operator();
    let add = format!(r#"mutation {{ addOperator(name: "{NAME}", email: "{EMAIL}") {{ operator {{ id }} token }} }}"#);
    let added = team.graphql(&add).await;
    let (id, token) = (text(&added, "/addOperator/operator/id"), text(&added, "/addOperator/token"));
    let ann = server.team(&token);
    ann.create_organisation("acme").await;
    assert!(operators(&ann).await.contains(NAME) && operators(&ann).await.contains(EMAIL));
    assert!(said(&["operator", "list"], &server.data()).contains(NAME));

    let place = TempDir::with_prefix("pkgdeploy-erasure-").expect("a temporary folder");
    let before = said(&["export"], &server.data());
    let key = server.data().join("secrets").join(&id);
    let sealed = fs::read(&key).expect("the person's key");
    let erased = team.graphql(&format!(r#"mutation {{ eraseOperator(id: "{id}") {{ name email standing }} }}"#)).await;
    let short = format!("erased person {}", &id[id.len() - 8..]);
    assert_eq!(text(&erased, "/eraseOperator/name"), short);
    assert!(!key.exists(), "the key is destroyed when the erasure is answered");

    // The person is out, and nothing shows or holds the name.
    let request = team.request(Method::POST, "/graphql").bearer_auth(&token);
    let answer = Answer::to(request.json(&json!({ "query": "{ operators { id } }" }))).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let shown = operators(&team).await + &said(&["operator", "list", "--json"], &server.data());
    assert!(shown.contains(&short) && !shown.contains(NAME) && !shown.contains(EMAIL), "{shown}");
    let texts = [NAME, EMAIL, "zyxwvut"];
    assert_eq!(holders(&texts, &server.data()), "");
    fs::write(place.path().join("log"), server.log()).expect("it is written");
    assert_eq!(holders(&texts, place.path()), "");

    // What was recorded before is what it was: its lines, and so its Merkle root and every proof.
    let lines = before.lines().filter(|line| line.starts_with('{')).count();
    let until = said(&["export", "--until", &lines.to_string()], &server.data());
    assert_eq!(until, before);

    // A process that ended between the event and the key, or a backup, leaves a key: the next start destroys it.
    server.kill();
    fs::write(&key, sealed).expect("the key is put back");
    server.restart();
    assert!(!key.exists(), "the key of an erased person does not come back");
    said(&["verify"], &server.data());
    let as_projected = operators(&team).await;

    // Read models are the same when they are rebuilt.
    server.kill();
    for entry in fs::read_dir(server.data()).expect("the data folder is readable") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("read_models.sqlite")) {
            fs::remove_file(&path).expect("a read model can be deleted");
        }
    }
    server.restart();
    assert_eq!(operators(&team).await, as_projected);
    said(&["verify"], &server.data());
    server.kill();
    said(&["operator", "erase", &id], &server.data());
    let refused = program(&["operator", "renew-token", &id], &server.data());
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("was removed"));
}
