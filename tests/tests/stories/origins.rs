//! Where an operator's commands came from: sealed in the log, shown to auditors, and gone with the person.

use std::{fs, path::Path, process::Command};

use reqwest::{
    Client, Method,
    header::{self, HeaderValue},
    redirect::Policy,
};
use serde_json::Value;
use stories::{Answer, Format, Server, StartOptions, Team, text};
use tempfile::TempDir;

use crate::erasure::{holders, said};

const NAME: &str = "Wilhelmina Zyxwvut";
const ADDRESS: &str = "203.0.113.77";
const FIRST_ADDRESS: &str = "203.0.113.78";

/// A server behind a proxy, which is on the same machine.
fn behind_a_proxy() -> Server {
    let keys = "trusted_proxies = [\"127.0.0.0/8\"]".to_owned();
    Server::start_with(&StartOptions { keys, ..StartOptions::default() })
}

/// A person who operates the server: id, and access to it from an address.
async fn add_operator(server: &Server, first: &Team, address: &str) -> (String, Team) {
    let add =
        format!(r#"mutation {{ addOperator(name: "{NAME}", email: "w@mail.example") {{ operator {{ id }} token }} }}"#);
    let added = first.graphql(&add).await;
    (text(&added, "/addOperator/operator/id"), server.team(&text(&added, "/addOperator/token")).from(address))
}

/// The cookie of a browser session.
async fn signed_in(server: &Server, token: &str) -> HeaderValue {
    let client = Client::builder().no_proxy().redirect(Policy::none()).build().expect("an HTTP client");
    let login = client.post(format!("{}/login", server.url())).header(header::ORIGIN, server.url());
    let login = login.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = Answer::to(login.body(format!("token={token}"))).await;
    answer.headers.get(header::SET_COOKIE).expect("a session").clone()
}

/// Everything that shows who did what: the command line, GraphQL, the page and the export.
async fn shown(server: &Server, team: &Team) -> Vec<String> {
    let question = "{ events(filter: {kinds: [\"organisation\"]}) { events { by person origin } } }";
    let login = signed_in(server, team.token()).await;
    let page = team.request(Method::GET, "/audit?q=organisation").header(header::COOKIE, login);
    let export = team.request(Method::GET, "/audit/export?kind=organisation&opened=true").bearer_auth(team.token());
    let data = &server.data();
    vec![
        said(&["audit", "events", "--kind", "organisation"], data),
        said(&["audit", "events", "--kind", "organisation", "--json"], data),
        team.graphql(question).await.to_string(),
        Answer::to(page).await.text(),
        Answer::to(export).await.text(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_sees_who_and_from_where_until_the_person_is_erased() {
    let mut server = behind_a_proxy();
    let first = server.operator().from(FIRST_ADDRESS);
    let (id, ann) = add_operator(&server, &first, ADDRESS).await;
    ann.create_organisation("acme").await;
    ann.create_repository("acme", "debs", Format::Deb).await;
    let place = TempDir::with_prefix("pkgdeploy-origins-").expect("a temporary folder");
    let path = |name: &str| place.path().join(name);

    for shown in shown(&server, &first).await {
        assert!(shown.contains(&format!("operator {NAME}")) && shown.contains(ADDRESS), "{shown}");
    }
    let renewed = first.graphql(&format!(r#"mutation {{ renewOperatorToken(id: "{id}") {{ token }} }}"#)).await;
    let renewed = server.team(&text(&renewed, "/renewOperatorToken/token"));
    renewed.create_organisation("globex").await;
    let actions = said(&["audit", "actor", &format!("person:{id}"), "--json"], &server.data());
    assert!(actions.contains("\"acme\"") && actions.contains("\"globex\""), "with either token: {actions}");
    let token = ann.token().split('_').nth(2).expect("an id");
    let whose = || said(&["audit", "token", token], &server.data());
    assert!(whose().contains(&format!("operator {NAME}")), "{}", whose());
    // The first token belongs to no person, so its address could not be erased.
    let registered = said(&["audit", "events", "--name", "account.registered", "--json"], &server.data());
    let registered: Value = serde_json::from_str(&registered).expect("one event");
    assert_eq!((&registered["origin"], &registered["person"]), (&Value::Null, &Value::Null));
    assert!(text(&registered, "/by").starts_with("the operator, token "));

    // On its way the log takes what is sealed along, as it is.
    let before = said(&["export"], &server.data());
    assert!(before.contains("\"origin\":{\"person\":"));
    let log = format!("sqlite:{}", server.data().join("log.sqlite").display());
    let copy = format!("sqlite:{}", path("copy.sqlite").display());
    said(&["log", "copy", "--from", &log, "--to", &copy], &server.data());
    let [backup, restored, bundle] = ["backup", "restored", "bundle"].map(path);
    let [backup, bundle] = [backup, bundle].map(|path| path.display().to_string());
    said(&["backup", &backup], &server.data());
    said(&["restore", &backup], &restored);
    said(&["bundle", "create", &bundle, "--organisation", "acme"], &server.data());
    let copied = said(&["--log", &copy, "export"], &server.data());
    assert_eq!(copied.lines().last(), before.lines().last(), "the Merkle root of a copy");
    assert_eq!(said(&["export"], &restored), before);

    // With the data but without the master key, questions are answered, and no person is shown.
    let robbed = path("robbed");
    let copied = Command::new("cp").arg("-a").arg(server.data()).arg(&robbed).status().expect("cp runs");
    assert!(copied.success(), "the data folder is copied");
    fs::remove_file(robbed.join("master.key")).expect("the key is there");
    let sealed = said(&["audit", "events", "--kind", "organisation", "--organisation", "acme", "--json"], &robbed);
    let sealed: Value = serde_json::from_str(&sealed).expect("one event");
    assert!(
        text(&sealed, "/by").starts_with("an operator, token ") && text(&sealed, "/origin") == "sealed",
        "{sealed}"
    );
    assert!(!robbed.join("master.key").exists(), "reading makes no key");

    let erase = format!(r#"mutation {{ eraseOperator(id: "{id}") {{ name }} }}"#);
    let short = text(&first.graphql(&erase).await, "/eraseOperator/name");
    for shown in shown(&server, &first).await {
        assert!(shown.contains(&short) && shown.contains("erased"), "{shown}");
        assert!(!shown.contains(NAME) && !shown.contains(ADDRESS), "{shown}");
    }
    assert!(whose().contains(&short) && !whose().contains(NAME), "{}", whose());
    let events =
        said(&["audit", "events", "--kind", "organisation", "--organisation", "acme", "--json"], &server.data());
    let event: Value = serde_json::from_str(&events).expect("one event");
    assert_eq!((text(&event, "/origin"), text(&event, "/by")), ("erased".to_owned(), short));

    // Nothing changed, and nowhere did the address ever stand.
    let lines = before.lines().filter(|line| line.starts_with('{')).count();
    assert_eq!(said(&["export", "--until", &lines.to_string()], &server.data()), before);
    said(&["verify"], &server.data());
    fs::write(path("server.log"), server.log()).expect("it is written");
    fs::write(path("export"), before).expect("it is written");
    for folder in [&server.data(), place.path()] {
        assert_eq!(holders(&[NAME, ADDRESS, FIRST_ADDRESS], folder), "");
    }
    server.replace_by_replica(Path::new(&bundle), &path("replica"));
    assert_eq!(holders(&[NAME, ADDRESS], &path("replica")), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_says_of_its_address_counts_only_behind_a_trusted_proxy() {
    let origin = async |server: &Server, address: &str| {
        let (_, ann) = add_operator(server, &server.operator(), address).await;
        ann.create_organisation("acme").await;
        let found = ann.graphql("{ events(filter: {kinds: [\"organisation\"]}) { events { origin } } }").await;
        found["events"]["events"][0]["origin"].clone()
    };
    let (alone, behind) = (Server::start(), behind_a_proxy());
    assert_eq!(origin(&alone, ADDRESS).await, "127.0.0.1");
    assert_eq!(origin(&behind, "nonsense").await, Value::Null, "and the request is answered");
}
