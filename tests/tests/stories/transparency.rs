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
        (format!("{log}/proof/event/{event}?size=99999999"), 404),
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

/// Entries in a full tile (C2SP tlog-tiles).
const BUNDLE: u64 = 256;
const ASKED_AT_ONCE: usize = 8;
/// Entries of a log that is not small.
const MANY: u64 = 10_000;

/// Our verifier's command for proofs of inclusion; two files follow.
const INCLUSION: [&str; 6] = ["inclusion", "--key", "key", "--checkpoint", "checkpoint", "--proof"];

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
        let mut lines = String::new();
        for bundle in 0..size.div_ceil(BUNDLE) {
            let width = BUNDLE.min(size - bundle * BUNDLE);
            let part = if width == BUNDLE { String::new() } else { format!(".p/{width}") };
            lines += &ask(format!("tile/entries/{bundle:03}{part}")).await;
        }
        put("lines", &lines);
        put("proofs", &proofs(sample, &lines, size).await);
        Self { folder, size }
    }

    /// One of the lines, and its proof, in files of their own.
    fn pick(&self, entry: u64) {
        for (all, one) in [("lines", "entry"), ("proofs", "proof")] {
            let text = std::fs::read_to_string(self.folder.path().join(all)).expect("it is there");
            let line = text.lines().nth(usize::try_from(entry).expect("small")).expect("so many lines");
            std::fs::write(self.folder.path().join(one), line).expect("written");
        }
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

/// The server's proof of each line's event, a line each.
async fn proofs(sample: &Sample, lines: &str, size: u64) -> String {
    let ids: Vec<String> = lines
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).expect("JSON");
            event["event_id"].as_str().expect("an id").to_owned()
        })
        .collect();
    let asking = ids.chunks(ids.len().div_ceil(ASKED_AT_ONCE)).map(|ids| {
        let log = format!("{}/log/{ORGANISATION}/proof/event", sample.server.url());
        let addresses: Vec<String> = ids.iter().map(|id| format!("{log}/{id}?size={size}")).collect();
        let (id, key) = (sample.apt.key_id.clone(), sample.apt.key_secret.clone());
        tokio::spawn(async move {
            let client = reqwest::Client::new();
            let mut proofs = String::new();
            for address in addresses {
                let answer = client.get(&address).basic_auth(&id, Some(&key)).send().await.expect("an answer");
                assert_eq!(answer.status().as_u16(), 200, "{address}");
                proofs += &(answer.text().await.expect("a text") + "\n");
            }
            proofs
        })
    });
    let mut proofs = String::new();
    for asked in asking.collect::<Vec<_>>() {
        proofs += &asked.await.expect("all were answered");
    }
    proofs
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
    is(&kept.verify(&[&INCLUSION[..], &["proofs", "lines"]].concat()), true);
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
    // The server's own key, and an older state.
    let refused = cosign(&["--proof", "consistency.json", "older"]);
    is(&refused, false);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("fewer than"));

    kept.pick(kept.size / 2);
    is(&kept.verify(&[&INCLUSION[..], &["proof", "entry"]].concat()), true);
    is(&kept.verify(&[&INCLUSION[..], &["proofs", "entry"]].concat()), false);
    is(&kept.verify(&[&INCLUSION[..], &["proof", "lines"]].concat()), false);
    kept.change("entry", "\"revision\":", "\"revision\":9");
    kept.change("lines", "organisation.created", "organisation.Created");
    is(&kept.verify(&[&INCLUSION[..], &["proof", "entry"]].concat()), false);
    is(&kept.verify(&[&INCLUSION[..], &["proofs", "lines"]].concat()), false);
    is(&kept.verify(&["log", "--key", "key", "--checkpoint", "checkpoint", "lines"]), false);
    is(&kept.go(), false);
    kept.change("checkpoint", &format!("\n{}\n", kept.size), &format!("\n{}\n", kept.size + 1));
    is(&kept.verify(&["checkpoint", "--key", "key", "checkpoint"]), false);
    is(&kept.verify(&consistency), false);
}

/// An older copy of everything is put back, with the server's memory of what it signed, and the server goes on: it cannot know,
/// and signs another future with its own key.
#[tokio::test(flavor = "multi_thread")]
async fn a_longer_fork_that_the_servers_own_key_signed_is_refused_by_the_witness_and_by_go() {
    let mut sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let machine = Some((sample.apt.key_id.as_str(), sample.apt.key_secret.as_str()));
    let log = format!("/log/{ORGANISATION}");
    let (_, older) = sample.log(&format!("{log}/checkpoint"), machine).await;
    sample.server.kill();
    let (data, aside) = (sample.server.data(), sample.server.data().with_extension("aside"));
    copy_folder(&data, &aside);
    sample.server.restart();
    sample.released("v1.1.0").await;
    let kept = Kept::of(&sample, &older).await;
    std::fs::write(kept.folder.path().join("witness.key"), [7; 32]).expect("written");
    let cosign = |folder: &Kept, more: &[&str]| {
        let seen = kept.folder.path().join("seen");
        let key = kept.folder.path().join("witness.key");
        let (seen, key) = (seen.to_str().expect("a plain path"), key.to_str().expect("a plain path"));
        let witness = ["witness", "--key", "key", "--witness-key", key, "--name", "witness.example", "--state", seen];
        folder.verify(&[&witness[..], more].concat())
    };
    is(&cosign(&kept, &["checkpoint"]), true);

    sample.server.kill();
    std::fs::remove_dir_all(&data).expect("the data goes");
    copy_folder(&aside, &data);
    sample.server.restart();
    sample.team.create_repository(ORGANISATION, "another", Format::Deb).await;
    sample.released("v1.1.0").await;
    let cosigned = std::fs::read_to_string(kept.folder.path().join("checkpoint")).expect("a note");
    let fork = Kept::of(&sample, &cosigned).await;
    assert!(fork.size > kept.size, "the fork is longer: {} and {}", fork.size, kept.size);
    is(&fork.verify(&["checkpoint", "--key", "key", "checkpoint"]), true);
    let refused = cosign(&fork, &["--proof", "consistency.json", "checkpoint"]);
    is(&refused, false);
    let says = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(says.contains("is a fork"), "{says}");
    is(&fork.verify(&["consistency", "--key", "key", "--proof", "consistency.json", "older", "checkpoint"]), false);
    is(&fork.go(), false);
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(copied.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_proof_of_a_log_of_ten_thousand_entries_is_accepted_by_go_and_by_ours() {
    let mut sample = Sample::set_up().await;
    let machine = Some((sample.apt.key_id.as_str(), sample.apt.key_secret.as_str()));
    let (_, older) = sample.log(&format!("/log/{ORGANISATION}/checkpoint"), machine).await;
    let exported = sample.server.command(&["export"]);
    assert!(exported.status.success());
    let mut lines = String::from_utf8(exported.stdout).expect("text");
    lines += &notes(&lines);
    sample.server.kill();
    import(&sample, &lines);
    sample.server.restart();

    let kept = Kept::of(&sample, &older).await;
    assert!(kept.size >= MANY, "{}", kept.size);
    is(&kept.go(), true);
    is(&kept.verify(&["log", "--key", "key", "--checkpoint", "checkpoint", "lines"]), true);
    is(&kept.verify(&["consistency", "--key", "key", "--proof", "consistency.json", "older", "checkpoint"]), true);
    is(&kept.verify(&[&INCLUSION[..], &["proofs", "lines"]].concat()), true);
}

/// Events of a newer version, whose name is unknown here, in the organisation's stream: each line after those of `log`.
fn notes(log: &str) -> String {
    let last = log.lines().rfind(|line| line.contains("\"stream\":\"organisation-")).expect("an organisation");
    let event: Value = serde_json::from_str(last).expect("JSON");
    let (stream, revision) =
        (event["stream"].as_str().expect("a stream"), event["revision"].as_u64().expect("a number"));
    let (_, metadata) = last.split_once("\"metadata\":").expect("metadata");
    let (metadata, _) = metadata.split_once(",\"payload\":").expect("a payload");
    let line = |n: u64| {
        format!(
            "{{\"stream\":\"{stream}\",\"revision\":{},\"event_id\":\"00000000-0000-4000-8000-{n:012}\",\
             \"name\":\"organisation.noted\",\"schema_version\":1,\"metadata\":{metadata},\"payload\":{{\"n\":{n}}}}}\n",
            revision + n
        )
    };
    (1..=MANY).map(line).collect()
}

fn import(sample: &Sample, lines: &str) {
    let mut command = sample.server.program();
    command.arg("import").stdin(std::process::Stdio::piped());
    let mut import = command.spawn().expect("it runs");
    std::io::Write::write_all(&mut import.stdin.take().expect("piped"), lines.as_bytes()).expect("it reads");
    assert!(import.wait().expect("it ends").success());
}
