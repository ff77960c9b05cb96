//! The transparency logs: what any client can check, and what none can see.

use std::process::{Command, Output};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use stories::{Format, crawl, verifier};
use tempfile::TempDir;

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

/// What a server answered about a log, in files: what an auditor has.
struct Kept {
    folder: TempDir,
    size: u64,
}

impl Kept {
    async fn of(sample: &Sample, older: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let machine = Some((sample.apt.key_id.as_str(), sample.apt.key_secret.as_str()));
        let log = format!("/log/{ORGANISATION}");
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        let ask = async |path: String| {
            let (status, text) = sample.log(&format!("{log}/{path}"), machine).await;
            assert_eq!(status, 200, "{path}: {text}");
            text
        };
        let size_of = |note: &str| note.lines().nth(1).and_then(|size| size.parse::<u64>().ok()).expect("a size");
        let note = ask("checkpoint".to_owned()).await;
        let size = size_of(&note);
        put("key", &ask("key".to_owned()).await);
        put("checkpoint", &note);
        put("older", older);
        put("consistency.json", &ask(format!("proof/consistency?from={}&to={size}", size_of(older))).await);
        let lines = ask(format!("tile/entries/000.p/{size}")).await;
        put("lines", &lines);
        let mut proofs = String::new();
        for (entry, line) in lines.lines().enumerate() {
            put(&format!("entry-{entry}"), line);
            let event: Value = serde_json::from_str(line).expect("JSON");
            let event = event["event_id"].as_str().expect("an id");
            let proof = ask(format!("proof/event/{event}?size={size}")).await;
            put(&format!("proof-{entry}"), &proof);
            proofs += &(proof + "\n");
        }
        put("proofs", &proofs);
        Self { folder, size }
    }

    fn go(&self) -> Output {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/oracles/sumdb/main.go");
        let mut go = Command::new("go");
        go.args(["run", program]).arg(self.folder.path());
        // Debian's packages of Go code are a GOPATH.
        let cache = self.folder.path().join("go-cache");
        go.env("GOPATH", "/usr/share/gocode").env("GO111MODULE", "off").env("GOCACHE", cache);
        go.output().expect("go runs")
    }

    /// Runs the separate verifier in the folder.
    fn verify(&self, arguments: &[&str]) -> Output {
        Command::new(verifier()).args(arguments).current_dir(self.folder.path()).output().expect("it runs")
    }

    fn change(&self, name: &str, from: &str, to: &str) {
        let file = self.folder.path().join(name);
        let text = std::fs::read_to_string(&file).expect("it is there");
        assert!(text.contains(from), "{name} has no {from}: {text}");
        std::fs::write(file, text.replacen(from, to, 1)).expect("written");
    }
}

#[track_caller]
fn is(output: &Output, good: bool) {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(output.status.success(), good, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gos_verifier_and_ours_accept_the_log_with_every_proof_and_refuse_what_was_changed() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let machine = Some((sample.apt.key_id.as_str(), sample.apt.key_secret.as_str()));
    let (_, older) = sample.log(&format!("/log/{ORGANISATION}/checkpoint"), machine).await;
    sample.released("v1.1.0").await;
    let kept = Kept::of(&sample, &older).await;

    is(&kept.go(), true);
    is(&kept.verify(&["checkpoint", "--key", "key", "checkpoint"]), true);
    is(&kept.verify(&["log", "--key", "key", "--checkpoint", "checkpoint", "lines"]), true);
    let consistency = ["consistency", "--key", "key", "--proof", "consistency.json", "older", "checkpoint"];
    is(&kept.verify(&consistency), true);
    for entry in 0..kept.size {
        let (proof, event) = (format!("proof-{entry}"), format!("entry-{entry}"));
        is(&kept.verify(&["inclusion", "--key", "key", "--checkpoint", "checkpoint", "--proof", &proof, &event]), true);
    }
    // What a machine has in its lists.
    let served = crawl(Format::Deb, &sample.apt).await;
    let release = served.iter().find(|(address, _)| address.ends_with("/InRelease")).expect("it is served");
    std::fs::write(kept.folder.path().join("InRelease"), &release.1.body).expect("written");
    let evidence = kept.verify(&["evidence", "InRelease"]);
    is(&evidence, true);
    std::fs::write(kept.folder.path().join("evidence"), &evidence.stdout).expect("written");
    is(&kept.verify(&["checkpoint", "--key", "key", "evidence"]), true);

    // A witness cosigns what continues, and nothing else.
    std::fs::write(kept.folder.path().join("witness.key"), [7; 32]).expect("written");
    let witness =
        ["witness", "--key", "key", "--witness-key", "witness.key", "--name", "witness.example", "--state", "seen"];
    let cosign = |more: &[&str]| kept.verify(&[&witness[..], more].concat());
    is(&cosign(&["older"]), true);
    is(&cosign(&["checkpoint"]), false);
    let cosigned = cosign(&["--proof", "consistency.json", "checkpoint"]);
    is(&cosigned, true);
    assert!(String::from_utf8_lossy(&cosigned.stdout).contains("— witness.example "));
    // The server's own key, and an older state: a fork as far as the witness can tell.
    is(&cosign(&["--proof", "consistency.json", "older"]), false);

    let middle = format!("entry-{}", kept.size / 2);
    kept.change(&middle, "\"revision\":", "\"revision\":9");
    kept.change("lines", "organisation.created", "organisation.Created");
    let proof = format!("proof-{}", kept.size / 2);
    is(&kept.verify(&["inclusion", "--key", "key", "--checkpoint", "checkpoint", "--proof", &proof, &middle]), false);
    is(&kept.verify(&["log", "--key", "key", "--checkpoint", "checkpoint", "lines"]), false);
    is(&kept.go(), false);
    kept.change("checkpoint", &format!("\n{}\n", kept.size), &format!("\n{}\n", kept.size + 1));
    is(&kept.verify(&["checkpoint", "--key", "key", "checkpoint"]), false);
    is(&kept.verify(&consistency), false);
}
