//! GitHub reports tags, in every way it can and some it cannot: each tag is one release.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use stories::{Answer, Project, Server, Team, Webhook, text};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// Refusals are recorded beside the answers.
const RECORDED_WITHIN: Duration = Duration::from_secs(60);
/// Releases fail quickly here, for no repository takes them; but the machine may be busy.
const RELEASES_WITHIN: Duration = Duration::from_secs(120);

/// How a delivery is signed.
#[derive(Debug, Clone, Copy)]
enum Signed {
    Well,
    NotAtAll,
    WithAnotherSecret,
    OverAnotherBody,
    /// `X-Hub-Signature` with SHA-1 alone.
    TheOldWay,
    Twice,
}

/// A delivery, and what it is answered with: the status, and the outcome or the problem's code.
struct Case {
    why: &'static str,
    event: &'static str,
    guid: &'static str,
    content_type: &'static str,
    body: String,
    signed: Signed,
    expected: (u16, &'static str),
}

fn case(
    why: &'static str,
    event: &'static str,
    guid: &'static str,
    payload: &Value,
    expected: (u16, &'static str),
) -> Case {
    Case { why, event, guid, content_type: JSON, body: payload.to_string(), signed: Signed::Well, expected }
}

fn badly_signed(why: &'static str, hook: &Webhook, signed: Signed) -> Case {
    Case { signed, ..case(why, "create", "unsigned", &hook.created("v6.6.6"), (401, "needs_signature")) }
}

fn raw(why: &'static str, content_type: &'static str, body: &str, expected: (u16, &'static str)) -> Case {
    Case { content_type, body: body.to_owned(), ..case(why, "create", "raw", &Value::Null, expected) }
}

/// The table. The good tags in it are v1.0.0, v1.1.0 and v2.0.0-rc1.
fn cases(hook: &Webhook) -> Vec<Case> {
    let fork = Webhook { repository_id: 8, ..hook.clone() };
    let form = format!("payload={}", percent(&hook.created("v1.0.0").to_string()));
    let branch = |name: &str| hook.payload(&json!({ "ref": name, "ref_type": "branch" }));
    vec![
        case("a tag as create", "create", "a-1", &hook.created("v1.0.0"), (202, "tag")),
        case("the same tag as push", "push", "a-2", &hook.pushed("refs/tags/v1.0.0", false), (202, "tag")),
        case("the same tag as release", "release", "a-3", &hook.release("published", "v1.0.0"), (202, "tag")),
        Case { guid: "a-4", ..raw("the same tag as a form", FORM, &form, (202, "tag")) },
        case("the same delivery again", "create", "a-1", &hook.created("v1.0.0"), (200, "tag")),
        case("another tag under its name", "create", "A-1", &hook.created("v9.9.9"), (200, "tag")),
        case("another tag as push alone", "push", "b-1", &hook.pushed("refs/tags/v1.1.0", false), (202, "tag")),
        case("another tag as release alone", "release", "c-1", &hook.release("published", "v2.0.0-rc1"), (202, "tag")),
        case("a ping", "ping", "d-1", &hook.payload(&json!({ "zen": "Keep it logically awesome." })), (200, "ping")),
        case("a ping of an organisation", "ping", "d-2", &json!({ "hook_id": 1 }), (200, "ping")),
        case("a branch as create", "create", "e-1", &branch("v5.0.0"), (200, "branch")),
        case("a branch as push", "push", "e-2", &hook.pushed("refs/heads/v5.0.0", false), (200, "branch")),
        case("a deleted branch as push", "push", "e-3", &hook.pushed("refs/heads/old", true), (200, "branch")),
        case("a deleted branch", "delete", "e-4", &branch("old"), (200, "branch")),
        case("a note", "push", "e-5", &hook.pushed("refs/notes/commits", false), (200, "unknown_event")),
        case("a draft", "release", "f-1", &hook.release("created", "v5.0.0"), (200, "unpublished_release")),
        case("an edited release", "release", "f-2", &hook.release("edited", "v1.0.0"), (200, "unpublished_release")),
        case("a removed release", "release", "f-3", &hook.release("deleted", "v1.0.0"), (200, "unpublished_release")),
        case("an unknown tag", "push", "g-1", &hook.pushed("refs/tags/v7.0.0", true), (200, "tag_deleted")),
        case("a fork's tag", "create", "h-1", &fork.created("v5.0.0"), (200, "other_repository")),
        case("a fork's push", "push", "h-2", &fork.pushed("refs/tags/v5.0.0", false), (200, "other_repository")),
        case("a tag beside the pattern", "create", "i-1", &hook.created("1.0.0"), (200, "pattern_mismatch")),
        case("a tag that is no version", "create", "i-2", &hook.created("v-next"), (200, "no_version")),
        case("a tag that is an option", "create", "i-3", &hook.created("--upload-pack=id"), (200, "invalid_tag")),
        case("a tag out of its folder", "push", "i-4", &hook.pushed("refs/tags/v1/../x", false), (200, "invalid_tag")),
        case("an issue", "issues", "j-1", &hook.payload(&json!({ "action": "opened" })), (200, "unknown_event")),
        case(
            "a fork that was made",
            "fork",
            "j-2",
            &hook.payload(&json!({ "forkee": { "id": 8 } })),
            (200, "unknown_event"),
        ),
        case("no ref", "push", "k-1", &hook.payload(&json!({})), (400, "bad_request")),
        case("no repository", "create", "k-2", &json!({ "ref": "v5.0.0", "ref_type": "tag" }), (400, "bad_request")),
        case("an id that is no number", "create", "k-3", &json!({ "repository": { "id": "7" } }), (400, "bad_request")),
        case("no name", "create", "", &hook.created("v5.0.0"), (400, "bad_request")),
        case("an odd name", "create", "../../etc", &hook.created("v5.0.0"), (400, "bad_request")),
        case("an odd event", "Create It", "k-4", &hook.created("v5.0.0"), (400, "bad_request")),
        raw("no JSON", JSON, "Hello, World!", (400, "bad_request")),
        raw("an empty body", JSON, "", (400, "bad_request")),
        raw("JSON without end", JSON, &"[".repeat(100_000), (400, "bad_request")),
        raw("a form without payload", FORM, "a=b", (400, "bad_request")),
        raw("another kind of body", "text/plain", "{}", (400, "bad_request")),
        raw("a body as long as none is", JSON, &" ".repeat(5 * 1024 * 1024 + 1), (413, "too_large")),
        badly_signed("no signature", hook, Signed::NotAtAll),
        badly_signed("another secret's signature", hook, Signed::WithAnotherSecret),
        badly_signed("another body's signature", hook, Signed::OverAnotherBody),
        badly_signed("only the old signature", hook, Signed::TheOldWay),
        badly_signed("two signatures", hook, Signed::Twice),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_delivery_gets_its_answer_and_each_good_tag_one_release() {
    let code = Project::small("web").tag("v1.0.0").tag("v1.1.0").tag("v2.0.0-rc1");
    let mut server = Server::start();
    let team = server.operator();
    team.create_organisation("acme").await;
    let made = team.create_project("acme", "web", &code.source()).await;
    let hook = Webhook::connect(&team, &made.id, 7).await;
    let early = hook.deliver("create", "early", &hook.created("v1.0.0")).await;
    assert_eq!((early.status, early.code()), (StatusCode::CONFLICT, "other_trigger".to_owned()));
    change(&team, &made.id, "chooseTrigger", "trigger: GITHUB_WEBHOOK").await;
    change(&team, &made.id, "setTagPattern", "pattern: \"v*\"").await;
    let other = team.trigger(&made, r#"{"tag": "v1.0.0"}"#, 0).await;
    assert_eq!((other.status, other.code()), (StatusCode::CONFLICT, "other_trigger".to_owned()));

    let cases = cases(&hook);
    assert!(cases.len() >= 30);
    for case in &cases {
        let answer = send(&hook, case).await;
        assert_eq!(
            (answer.status.as_u16(), said(&answer)),
            (case.expected.0, case.expected.1.to_owned()),
            "{}",
            case.why
        );
    }
    let stranger = Webhook { project: "01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e".into(), ..hook.clone() };
    let unknown = stranger.deliver("create", "x-1", &hook.created("v1.0.0")).await;
    let unsigned = send(&hook, &badly_signed("", &hook, Signed::NotAtAll)).await;
    assert_eq!(
        (unknown.status, unknown.body),
        (unsigned.status, unsigned.body),
        "the answer does not say which projects exist"
    );

    one_release_each(&team, &["v1.0.0", "v1.1.0", "v2.0.0-rc1"]).await;
    shown_to_people(&team, &cases).await;
    one_delivery_a_hundred_times(&mut server, &hook).await;
    echoes_of_a_failure(&team, &hook).await;
    a_rolled_secret(&team, &made.api_token, &hook).await;
}

/// The same delivery 100 times at once, and again after a power cut.
async fn one_delivery_a_hundred_times(server: &mut Server, hook: &Webhook) {
    let payload = hook.created("v4.0.0");
    let answers = join_all((0..100).map(|_| hook.deliver("create", "same-1", &payload))).await;
    let accepted = answers.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count();
    let repeated = answers.iter().filter(|answer| answer.json()["repeated"] == true).count();
    assert_eq!((accepted, repeated), (1, 99), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    server.restart();
    let again = hook.deliver("create", "same-1", &payload).await;
    assert_eq!((again.status, &again.json()["repeated"]), (StatusCode::OK, &json!(true)));
    one_release_each(&server.operator(), &["v1.0.0", "v1.1.0", "v2.0.0-rc1", "v4.0.0"]).await;
}

/// Every release here has failed. GitHub's echoes repeat none of them, until the tag was deleted and is pushed again.
async fn echoes_of_a_failure(team: &Team, hook: &Webhook) {
    for (guid, event, payload) in [
        ("echo-1", "push", hook.pushed("refs/tags/v1.0.0", false)),
        ("echo-2", "release", hook.release("published", "v1.0.0")),
    ] {
        assert_eq!(hook.deliver(event, guid, &payload).await.status, StatusCode::ACCEPTED);
    }
    let gone = hook.deliver("push", "gone", &hook.pushed("refs/tags/v1.1.0", true)).await;
    assert_eq!(said(&gone), "tag_deleted");
    assert_eq!(hook.deliver("create", "back", &hook.created("v1.1.0")).await.status, StatusCode::ACCEPTED);
    one_release_each(team, &["v1.0.0", "v1.1.0", "v1.1.0", "v2.0.0-rc1", "v4.0.0"]).await;
}

/// Rolling the token rolls the secret: from the answer on, GitHub has to sign with the new one.
async fn a_rolled_secret(team: &Team, old_token: &str, hook: &Webhook) {
    let document = format!("mutation {{ rollApiToken(project: {:?}) {{ apiToken webhookSecret }} }}", hook.project);
    let rolled = team.graphql(&document).await;
    let new = Webhook { secret: text(&rolled, "/rollApiToken/webhookSecret"), ..hook.clone() };
    assert_ne!(text(&rolled, "/rollApiToken/apiToken"), old_token);
    let ping = hook.payload(&json!({ "zen": "Approachable is better than simple." }));
    assert_eq!(hook.deliver("ping", "old", &ping).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(new.deliver("ping", "new", &ping).await.status, StatusCode::OK);
    change(team, &hook.project, "disconnectGithub", "").await;
    assert_eq!(new.deliver("ping", "late", &ping).await.status, StatusCode::UNAUTHORIZED);
}

async fn send(hook: &Webhook, case: &Case) -> Answer {
    let request = hook.request(case.event, case.guid, case.content_type, &case.body);
    let good = hook.signature(&case.body);
    let stranger = Webhook { secret: "another".into(), ..hook.clone() };
    Answer::to(match case.signed {
        Signed::Well => request.header("X-Hub-Signature-256", good),
        Signed::NotAtAll => request,
        Signed::WithAnotherSecret => request.header("X-Hub-Signature-256", stranger.signature(&case.body)),
        Signed::OverAnotherBody => request.header("X-Hub-Signature-256", hook.signature("Hello, World!")),
        Signed::TheOldWay => request.header("X-Hub-Signature", "sha1=2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"),
        Signed::Twice => request.header("X-Hub-Signature-256", &good).header("X-Hub-Signature-256", &good),
    })
    .await
}

/// The outcome, or the problem's code.
fn said(answer: &Answer) -> String {
    let json = answer.json();
    json["outcome"].as_str().or(json["code"].as_str()).unwrap_or_default().to_owned()
}

/// Waits until there are releases of exactly these tags and all have ended.
async fn one_release_each(team: &Team, tags: &[&str]) {
    let deadline = Instant::now() + RELEASES_WITHIN;
    loop {
        let found = team.graphql("{ releases(organisation: \"acme\", first: 100) { tag state } }").await;
        let releases = found["releases"].as_array().cloned().unwrap_or_default();
        let mut released: Vec<String> = releases.iter().map(|release| text(release, "/tag")).collect();
        released.sort();
        assert!(released.len() <= tags.len(), "{released:?}");
        if released == tags && releases.iter().all(|release| release["state"] == "FAILED") {
            return;
        }
        assert!(Instant::now() < deadline, "{found:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What the dashboard tells: the deliveries with their outcomes, and how many were refused.
async fn shown_to_people(team: &Team, cases: &[Case]) {
    let document = "{ project(organisation: \"acme\", name: \"web\") { trigger tagPattern \
         github { fullName repositoryId isRegistered } deliveries(first: 100) { guid outcome tag releaseId } \
         refusedTriggers { reason count } } }";
    let project = team.graphql(document).await["project"].clone();
    assert_eq!((&project["trigger"], &project["tagPattern"]), (&json!("GITHUB_WEBHOOK"), &json!("v*")));
    assert_eq!(project["github"], json!({ "fullName": "acme/web", "repositoryId": "7", "isRegistered": false }));
    let shown: BTreeMap<String, String> = project["deliveries"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|delivery| (text(delivery, "/guid"), text(delivery, "/outcome")))
        .collect();
    for case in cases.iter().filter(|case| matches!(case.expected.0, 200 | 202)) {
        assert_eq!(shown.get(&case.guid.to_lowercase()).map(String::as_str), Some(case.expected.1), "{}", case.why);
    }
    let recorded = cases.iter().filter(|case| matches!(case.expected.0, 200 | 202));
    let recorded: BTreeSet<String> = recorded.map(|case| case.guid.to_lowercase()).collect();
    assert_eq!(shown.len(), recorded.len() + 1, "what is refused is not recorded; beside the table came `early`");
    let deadline = Instant::now() + RECORDED_WITHIN;
    let is_wrong = |one: &Value| one["reason"] == "wrong_signature";
    let mut refused = project["refusedTriggers"].clone();
    while !refused.as_array().is_some_and(|reasons| reasons.iter().any(is_wrong)) {
        assert!(Instant::now() < deadline, "{refused}");
        tokio::time::sleep(Duration::from_millis(100)).await;
        refused = team.graphql(document).await["project"]["refusedTriggers"].clone();
    }
}

async fn change(team: &Team, project: &str, mutation: &str, arguments: &str) {
    team.graphql(&format!("mutation {{ {mutation}(project: {project:?}, {arguments}) {{ id }} }}")).await;
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
