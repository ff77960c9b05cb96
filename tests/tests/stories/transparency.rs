//! The transparency logs: what any client can check, and what none can see.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use stories::{Format, crawl};

use crate::sample::{ORGANISATION, Sample};

impl Sample {
    async fn log(&self, path: &str, login: Option<(&str, &str)>) -> (u16, String) {
        let request = reqwest::Client::new().get(format!("{}{path}", self.server.url()));
        let request = match login {
            Some(("", token)) => request.bearer_auth(token),
            Some((id, key)) => request.basic_auth(id, Some(key)),
            None => request,
        };
        let answer = request.send().await.expect("the server answers");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_hold_evidence_in_their_indexes_and_tenants_see_only_their_own_log() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let (id, key) = (sample.apt.key_id.as_str(), sample.apt.key_secret.as_str());
    let machine = Some((id, key));
    let log = format!("/log/{ORGANISATION}");

    // What a machine has in its lists is a checkpoint that the log still stands by.
    let (status, newest) = sample.log(&format!("{log}/checkpoint"), machine).await;
    assert_eq!(status, 200, "{newest}");
    let size_of = |note: &str| note.lines().nth(1).and_then(|size| size.parse::<u64>().ok()).expect("a size");
    let served = crawl(Format::Deb, &sample.apt).await;
    let release = served.iter().find(|(address, _)| address.ends_with("/InRelease")).expect("it is served");
    let release = String::from_utf8_lossy(&release.1.body).into_owned();
    let (_, field) = release.split_once("Log-Checkpoint:\n").expect("InRelease has evidence");
    let note: Vec<&str> = field.lines().map_while(|line| line.strip_prefix(' ')).collect();
    let held = size_of(&note.join("\n"));
    assert!(held > 0 && held <= size_of(&newest), "{note:?}");
    assert!(release.contains(&format!("Snapshots: {}/apt/{ORGANISATION}/", sample.server.url())), "{release}");
    let served = crawl(Format::Rpm, &sample.yum).await;
    let repomd = served.iter().find(|(address, _)| address.ends_with("/repomd.xml")).expect("it is served");
    let repomd = String::from_utf8_lossy(&repomd.1.body).into_owned();
    let (_, comment) = repomd.split_once("<!-- log-checkpoint ").expect("repomd.xml has evidence");
    let note = BASE64_STANDARD.decode(comment.split(' ').next().expect("a word")).expect("base64");
    assert!(size_of(&String::from_utf8_lossy(&note)) > 0);

    let (status, proof) =
        sample.log(&format!("{log}/proof/consistency?from={held}&to={}", size_of(&newest)), machine).await;
    assert_eq!(status, 200, "{proof}");
    // Its entries are lines of the log, and each has a proof.
    let (status, entries) = sample.log(&format!("{log}/tile/entries/000.p/{held}"), machine).await;
    assert_eq!((status, entries.lines().count() as u64), (200, held));
    let first: Value = serde_json::from_str(entries.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first["name"], "organisation.created");
    let event = first["event_id"].as_str().expect("an id");
    let (status, proof) = sample.log(&format!("{log}/proof/event/{event}"), machine).await;
    assert_eq!((status, serde_json::from_str::<Value>(&proof).expect("JSON")["entry"].clone()), (200, 0.into()));

    // Another tenant, a stranger, and a machine that asks for the whole server's log.
    sample.team.create_organisation("other").await;
    let token = Some(("", sample.project.api_token.as_str()));
    for (path, login) in [
        ("/log/other/checkpoint".to_owned(), machine),
        ("/log/other/tile/entries/000.p/1".to_owned(), token),
        ("/log/nobody/checkpoint".to_owned(), machine),
        (format!("{log}/checkpoint"), None),
        (format!("{log}/checkpoint"), Some((id, "pkd_ak_wrong"))),
        ("/log/checkpoint".to_owned(), machine),
        ("/log/proof/consistency?from=1&to=2".to_owned(), token),
    ] {
        let (status, body) = sample.log(&path, login).await;
        assert_eq!(status, 401, "{path}: {body}");
    }
    for (path, expected) in [
        (format!("{log}/tile/0/1"), 400),
        (format!("{log}/tile/0/x001/000"), 404),
        (format!("{log}/proof/event/nothing"), 400),
        (format!("{log}/proof/event/00000000-0000-0000-0000-000000000000"), 404),
        (format!("{log}/proof/event/{event}?size=0"), 404),
        (format!("{log}/proof/event/{event}?sizes=1"), 400),
        (format!("{log}/proof/consistency?from=9&to=3"), 404),
        (format!("{log}/proof/consistency?from=9"), 400),
    ] {
        let (status, body) = sample.log(&path, machine).await;
        assert_eq!(status, expected, "{path}: {body}");
    }
    let (status, key) = sample.log(&format!("{log}/key"), token).await;
    assert!(status == 200 && key.contains(&format!("{log}+")), "{key}");
}
