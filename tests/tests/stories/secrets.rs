//! No secret is stored or printed anywhere in clear.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use reqwest::{Method, StatusCode, header::CONTENT_TYPE};
use serde_json::json;
use stories::{Answer, Server, Team, run_host, text};
use tempfile::TempDir;

use crate::sample::{APT, ORGANISATION, Sample, YUM};

/// How many secrets of each sort are issued: with the first ones, more than a thousand.
const ACCESS_KEYS: usize = 300;
const ENROLMENT_KEYS: usize = 100;
const MACHINES: usize = 200;
const API_TOKENS: usize = 300;
const WEBHOOK_SECRETS: usize = 150;
/// Mutations in one document: a request has a time limit.
const PER_DOCUMENT: usize = 25;

#[tokio::test(flavor = "multi_thread")]
async fn none_of_a_thousand_issued_secrets_stands_anywhere_in_clear() {
    let sample = Sample::set_up().await;
    let team = &sample.team;
    let mut tokens = vec![
        team.token().to_owned(),
        sample.project.api_token.clone(),
        sample.apt.key_secret.clone(),
        sample.yum.key_secret.clone(),
    ];
    tokens.extend(access_keys(team).await);
    tokens.extend(machine_keys(team).await);
    tokens.extend(api_tokens(team).await);
    tokens.extend(rolled_keys(team).await);
    tokens.extend(feed_tokens(team).await);
    sample.released("v1.0.0").await;
    // Requests with and without success, so that whatever is logged about them is.
    sample.apt.get(&format!("dists/{}/InRelease", sample.apt.codename)).await;
    sample.yum.get("nothing").await;
    // A token's text is `pkd_<kind>_<id>_<secret>`: its last part alone must not stand anywhere either.
    let mut secrets: Vec<String> =
        tokens.iter().map(|token| token.rsplit('_').next().unwrap_or(token).to_owned()).collect();
    secrets.extend(webhook_secrets(team).await);
    assert!(secrets.iter().all(|secret| secret.len() >= 27), "160 random bits take 27 characters of base62");
    secrets.sort();
    secrets.dedup();
    assert!(secrets.len() >= 1_000, "only {} secrets were issued", secrets.len());

    let place = TempDir::with_prefix("pkgdeploy-secrets-").expect("a temporary folder");
    let errors = place.path().join("errors");
    fs::write(&errors, error_answers(team, &tokens).await).expect("it is written");
    let log = place.path().join("server.log");
    fs::write(&log, sample.server.log()).expect("it is written");
    let patterns = place.path().join("patterns");
    fs::write(&patterns, secrets.join("\n")).expect("it is written");
    let copy = place.path().join("copy");
    copy_data(&sample.server, &copy);
    let backup = place.path().join("backup");
    let backed_up = sample.server.command(&["backup", backup.to_str().expect("a plain name")]);
    assert!(backed_up.status.success(), "{}", String::from_utf8_lossy(&backed_up.stderr));
    let unpacked = unpack(&sample.server, place.path());
    fs::write(place.path().join("script"), "PKGDEPLOY_CERTIFICATE").expect("it is written");
    assert_ne!(holders(&place.path().join("script"), &unpacked), "", "the repositories' installers are unpacked");

    for searched in [sample.server.data(), log, errors, copy, backup, unpacked] {
        assert_eq!(holders(&patterns, &searched), "", "a secret stands in clear below {}", searched.display());
    }
    assert_ne!(holders(&patterns, &patterns), "", "grep finds what is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_owner_can_read_the_data_folder() {
    use std::os::unix::fs::PermissionsExt as _;
    let sample = Sample::set_up().await;
    for path in [sample.server.data(), sample.server.data().join("secrets")] {
        let mode = fs::metadata(&path).expect("it exists").permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
}

/// The texts at `pointer` of many mutations, each made of its number.
async fn issue_many(team: &Team, count: usize, pointer: &str, mutation: impl Fn(usize) -> String) -> Vec<String> {
    let mut issued = Vec::new();
    let numbers: Vec<usize> = (0..count).collect();
    for some in numbers.chunks(PER_DOCUMENT) {
        let mut document = "mutation {".to_owned();
        for n in some {
            write!(document, " m{n}: {}", mutation(*n)).expect("a String takes everything");
        }
        let answer = team.graphql(&(document + " }")).await;
        issued.extend(some.iter().map(|n| text(&answer, &format!("/m{n}{pointer}"))));
    }
    issued
}

fn issue(repository: &str, name: &str, kind: &str) -> String {
    format!(
        "issueAccessKey(organisation: \"{ORGANISATION}\", repository: \"{repository}\", name: \"{name}\", kind: {kind}) \
         {{ accessKey {{ id secret }} }}"
    )
}

async fn access_keys(team: &Team) -> Vec<String> {
    let shared = |n| issue(if n % 2 == 0 { APT } else { YUM }, &format!("key-{n}"), "SHARED");
    let mut keys = issue_many(team, ACCESS_KEYS, "/accessKey/secret", shared).await;
    let enrolment = |n| issue(YUM, &format!("fleet-{n}"), "ENROLMENT");
    keys.extend(issue_many(team, ENROLMENT_KEYS, "/accessKey/secret", enrolment).await);
    keys
}

/// Machines that enrol, a hundred with each key.
async fn machine_keys(team: &Team) -> Vec<String> {
    let mut keys = Vec::new();
    for batch in 0..MACHINES / 100 {
        let made =
            team.graphql(&format!("mutation {{ m: {} }}", issue(APT, &format!("rack-{batch}"), "ENROLMENT"))).await;
        let (id, secret) = (text(&made, "/m/accessKey/id"), text(&made, "/m/accessKey/secret"));
        for n in 0..100 {
            let path = format!("/install/{ORGANISATION}/{APT}/credentials?machine=host-{batch}-{n}");
            let answer = Answer::to(team.request(Method::POST, &path).basic_auth(&id, Some(&secret))).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            let password = answer.text().lines().find_map(|line| line.strip_prefix("password ").map(str::to_owned));
            keys.push(password.expect("the machine's key"));
        }
        keys.push(secret);
    }
    keys
}

async fn api_tokens(team: &Team) -> Vec<String> {
    let project = team.create_project(ORGANISATION, "rolled", "https://example.org/rolled.git").await;
    let roll = |_| format!("rollApiToken(project: {}) {{ apiToken }}", json!(project.id));
    let mut tokens = issue_many(team, API_TOKENS, "/apiToken", roll).await;
    tokens.push(project.api_token);
    tokens
}

/// Tokens of replicas: one that came, and one that ended.
async fn feed_tokens(team: &Team) -> Vec<String> {
    let issue = |n| format!("issueFeedToken(organisation: \"{ORGANISATION}\", name: \"edge-{n}\") {{ id feedToken }}");
    let made = team.graphql(&format!("mutation {{ came: {} ended: {} }}", issue(0), issue(1))).await;
    let tokens = [text(&made, "/came/feedToken"), text(&made, "/ended/feedToken")];
    let ended = text(&made, "/ended/id");
    let revoke = format!(
        "mutation {{ revokeFeedToken(organisation: \"{ORGANISATION}\", token: \"{ended}\") {{ __typename }} }}"
    );
    team.graphql(&revoke).await;
    for (token, status) in tokens.iter().zip([StatusCode::OK, StatusCode::UNAUTHORIZED]) {
        let path = format!("/feed/{ORGANISATION}/log");
        let answer = Answer::to(team.request(Method::GET, &path).bearer_auth(token)).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    tokens.into()
}

/// A grace window, in which successors are kept sealed to be handed over.
async fn rolled_keys(team: &Team) -> Vec<String> {
    let roll = format!(
        "mutation {{ rollAccessKeys(organisation: \"{ORGANISATION}\", repository: \"{APT}\", graceSeconds: 3600) \
         {{ accessKeys {{ accessKey {{ secret }} }} }} }}"
    );
    let rolled = team.graphql(&roll).await;
    let keys = rolled["rollAccessKeys"]["accessKeys"].as_array().cloned().unwrap_or_default();
    assert!(!keys.is_empty(), "the roll made keys");
    keys.iter().map(|key| text(key, "/accessKey/secret")).collect()
}

async fn webhook_secrets(team: &Team) -> Vec<String> {
    let project = team.create_project(ORGANISATION, "hooked", "https://github.com/acme/hooked.git").await;
    let id = json!(project.id);
    let connect = format!(
        "mutation {{ chooseTrigger(project: {id}, trigger: GITHUB_WEBHOOK) {{ id }} \
         connectGithub(project: {id}, fullName: \"acme/hooked\", repositoryId: \"7\") {{ webhookSecret }} }}"
    );
    let mut secrets = vec![text(&team.graphql(&connect).await, "/connectGithub/webhookSecret")];
    let roll = |_| format!("rollWebhookSecret(project: {id}) {{ webhookSecret }}");
    secrets.extend(issue_many(team, WEBHOOK_SECRETS, "/webhookSecret", roll).await);
    secrets
}

/// What the server answers to a secret at the wrong address, in the wrong form, or where none is expected.
async fn error_answers(team: &Team, tokens: &[String]) -> String {
    let mut said = String::new();
    for token in tokens.iter().step_by(29).chain(tokens.last()) {
        let requests = [
            team.request(Method::GET, "/apt/acme/nothing/dists/stable/InRelease").basic_auth(token, Some(token)),
            team.request(Method::GET, "/feed/nobody/log").bearer_auth(token),
            team.request(Method::GET, &format!("/audit/export?{token}")).bearer_auth(team.token()),
            team.request(Method::GET, &format!("/feed/{ORGANISATION}/log?from={token}")).bearer_auth(token),
            team.request(Method::POST, "/graphql").bearer_auth(token).json(&json!({ "query": "{ nonsense }" })),
            team.request(Method::POST, "/api/v1/projects/x/releases").bearer_auth(token).json(&json!({ "tag": "v1" })),
            team.request(Method::POST, "/api/v1/oidc/exchange").json(&json!({ "project": "x", "token": token })),
            team.request(Method::POST, "/webhooks/github/x").header("x-hub-signature-256", token).body("{}"),
            team.request(Method::POST, "/login")
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(format!("token={token}x")),
        ];
        for request in requests {
            let answer = Answer::to(request).await;
            write!(said, "{:?}\n{}\n", answer.headers, answer.text()).expect("a String takes everything");
        }
    }
    said
}

/// What a nightly job would copy: the whole folder, as it lies there.
fn copy_data(server: &Server, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(server.data()).arg(to).env("LC_ALL", "C").output().expect("cp runs");
    // The server works on: what git asks in, for one, comes and goes meanwhile.
    let said = String::from_utf8_lossy(&copied.stderr);
    let is_gone = |line: &str| line.ends_with("No such file or directory");
    assert!(copied.status.success() || said.lines().all(is_gone), "the data folder is copied: {said}");
    assert!(to.join("log.sqlite").exists(), "the log is in the copy");
}

/// Everything that lies in the blob store compressed: a secret in a package would not be found by its text.
fn unpack(server: &Server, place: &Path) -> PathBuf {
    let to = place.join("unpacked");
    let ran = run_host(&format!(
        "mkdir {to}; n=0
         for blob in $(find {blobs} -type f); do
             n=$((n + 1)); mkdir {to}/$n
             if dpkg-deb --raw-extract $blob {to}/$n 2>/dev/null; then continue; fi
             if rpm2cpio $blob >{to}/$n/payload 2>/dev/null; then rpm -qp --nosignature --scripts $blob >{to}/$n/scripts; fi
             gzip -dc <$blob >{to}/$n/gz 2>/dev/null || zstd -qdc <$blob >{to}/$n/zst 2>/dev/null || true
         done",
        to = to.display(),
        blobs = server.data().join("blobs").display(),
    ));
    assert!(ran.ok, "{}", ran.text);
    to
}

/// The files below `place` that hold one of the patterns.
fn holders(patterns: &Path, place: &Path) -> String {
    let found = Command::new("grep").args(["-rlaF", "-f"]).arg(patterns).arg(place).env("LC_ALL", "C").output();
    String::from_utf8_lossy(&found.expect("grep runs").stdout).into_owned()
}
