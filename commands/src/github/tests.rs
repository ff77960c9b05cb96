//! The client against the double: what each call does, and what each fault is called.

#[path = "../../../tests/src/github_double.rs"]
#[expect(unreachable_pub, reason = "the stories use all of it")]
pub(super) mod github_double;

use std::time::Duration;

use domain::project::{CommitState, GithubName};
use zeroize::Zeroizing;

use self::github_double::{Fault, GithubCall, GithubDouble};
use super::*;
use crate::github::{client::PER_PAGE, hooks::HOOK_EVENTS, statuses::DESCRIPTION_MAX_CHARS};

const URL: &str = "https://packages.acme.test/webhooks/github/1?hook=2";
const SECRET: &str = "a-webhook-secret";

struct Open {
    double: GithubDouble,
    session: Session,
    shop: GithubName,
}

impl Open {
    async fn new() -> Self {
        let double = GithubDouble::start().await;
        let token = double.known().token.clone();
        let session = session(&double, &token, HttpSettings::default());
        Self { double, session, shop: "acme/shop".parse().expect("a name") }
    }

    /// Makes the call in question, whichever it is.
    async fn make(&self, call: GithubCall) -> Result<(), GithubError> {
        let (session, shop) = (&self.session, &self.shop);
        match call {
            GithubCall::Repository => session.repository(shop).await.map(drop),
            GithubCall::ListHooks => session.hooks(shop).await.map(drop),
            GithubCall::CreateHook => session.create_hook(shop, URL, SECRET).await.map(drop),
            GithubCall::DeleteHook => session.delete_hook(shop, 7).await,
            GithubCall::ListKeys => session.deploy_keys(shop).await.map(drop),
            GithubCall::CreateKey => session.create_deploy_key(shop, "pkgdeploy", "ssh-ed25519 AAAA").await.map(drop),
            GithubCall::DeleteKey => session.delete_deploy_key(shop, 7).await,
            GithubCall::ListTags => session.tags(shop).await.map(drop),
            GithubCall::CreateStatus => session.create_status(shop, &commit(), &status()).await,
        }
    }
}

const CALLS: [GithubCall; 9] = [
    GithubCall::Repository,
    GithubCall::ListHooks,
    GithubCall::CreateHook,
    GithubCall::DeleteHook,
    GithubCall::ListKeys,
    GithubCall::CreateKey,
    GithubCall::DeleteKey,
    GithubCall::ListTags,
    GithubCall::CreateStatus,
];

fn session(double: &GithubDouble, token: &str, settings: HttpSettings) -> Session {
    let github = Github::new(&settings).expect("a client");
    let api = double.api_url().parse().expect("an address");
    github.session(&api, Zeroizing::new(token.to_owned())).expect("a session")
}

fn commit() -> domain::project::CommitId {
    "c0ffee0000c0ffee0000c0ffee0000c0ffee0000".parse().expect("a commit")
}

fn status() -> CommitStatus {
    CommitStatus {
        state: CommitState::Pending,
        description: "x".repeat(2 * DESCRIPTION_MAX_CHARS),
        target_url: "https://packages.acme.test/releases/1".into(),
    }
}

#[tokio::test]
async fn every_call_does_what_it_says() {
    let open = Open::new().await;
    let Open { double, session, shop } = &open;
    assert_eq!(session.repository(shop).await.expect("it is there").id, 42);
    let hook = session.create_hook(shop, URL, SECRET).await.expect("it is made");
    assert_eq!(session.hooks(shop).await.expect("a list"), std::slice::from_ref(&hook));
    assert_eq!(hook.url.as_deref(), Some(URL));
    {
        let known = double.known();
        assert_eq!(
            (known.hooks[0].secret.as_str(), &known.hooks[0].events[..]),
            (SECRET, &HOOK_EVENTS.map(str::to_owned)[..])
        );
    }
    session.delete_hook(shop, hook.id).await.expect("it is removed");
    let key = session.create_deploy_key(shop, "pkgdeploy", "ssh-ed25519 AAAA").await.expect("it is made");
    assert_eq!(session.deploy_keys(shop).await.expect("a list"), std::slice::from_ref(&key));
    assert!(double.known().keys[0].read_only);
    session.delete_deploy_key(shop, key.id).await.expect("it is removed");
    session.create_status(shop, &commit(), &status()).await.expect("it is set");
    let known = double.known();
    assert_eq!((known.statuses[0].state.as_str(), known.statuses[0].context.as_str()), ("pending", "pkgdeploy"));
    assert_eq!(known.statuses[0].description.len(), DESCRIPTION_MAX_CHARS);
    assert!(known.hooks.is_empty() && known.keys.is_empty());
}

#[tokio::test]
async fn every_fault_of_every_call_has_its_word() {
    let open = Open::new().await;
    for call in CALLS {
        let by_status = [GithubCall::DeleteHook, GithubCall::DeleteKey, GithubCall::CreateStatus];
        for (fault, code) in [
            (Fault::Status(500), "server_error"),
            (Fault::Status(502), "server_error"),
            (Fault::Status(401), "token_refused"),
            (Fault::Status(403), "forbidden"),
            (Fault::Status(404), "not_found"),
            (Fault::Status(422), "refused"),
            (Fault::RateLimited(7), "rate_limited"),
            (Fault::LimitUsedUp(3000), "rate_limited"),
            (Fault::Status(429), "rate_limited"),
            (Fault::Refuse, "unreachable"),
            (Fault::AnswerLost, "unreachable"),
            (Fault::Redirect("http://127.0.0.1:1/api/v3".into()), "moved"),
            (Fault::Endless, "too_long"),
        ] {
            open.double.fails(call, &fault, 1);
            let error = open.make(call).await.expect_err("it fails");
            assert_eq!(error.code(), code, "{call:?} {fault:?}: {error}");
        }
        if !by_status.contains(&call) {
            open.double.fails(call, &Fault::Garbage, 1);
            let error = open.make(call).await.expect_err("it fails");
            assert_eq!(error.code(), "not_understood", "{call:?}: {error}");
        }
    }
    assert_eq!(open.double.faults_left(), 0);
}

#[tokio::test]
async fn a_github_that_does_not_answer_is_given_up() {
    let mut open = Open::new().await;
    let token = open.double.known().token.clone();
    let impatient = HttpSettings { timeout: Duration::from_millis(500), ..HttpSettings::default() };
    open.session = session(&open.double, &token, impatient);
    open.double.fails(GithubCall::CreateHook, &Fault::Hang, 1);
    assert_eq!(open.make(GithubCall::CreateHook).await.expect_err("it hangs").code(), "timeout");
    let nowhere: domain::project::ApiUrl = "http://127.0.0.1:1".parse().expect("an address");
    let github = Github::new(&HttpSettings::default()).expect("a client");
    let session = github.session(&nowhere, Zeroizing::new("x".into())).expect("a session");
    assert_eq!(session.tags(&open.shop).await.expect_err("the port is closed").code(), "unreachable");
}

#[tokio::test]
async fn a_wait_is_as_long_as_github_asks_for_and_has_a_limit() {
    let open = Open::new().await;
    for (fault, least, most) in [
        (Fault::RateLimited(7), 7, 7),
        (Fault::RateLimited(1_000_000), 3600, 3600),
        (Fault::LimitUsedUp(600), 590, 600),
        (Fault::Status(429), 60, 60),
    ] {
        open.double.fails(GithubCall::Repository, &fault, 1);
        let error = open.make(GithubCall::Repository).await.expect_err("it is limited");
        let wait = error.retry_after().expect("a time to wait").as_secs();
        assert!((least..=most).contains(&wait), "{fault:?}: {wait}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_repeated_nowhere() {
    let open = Open::new().await;
    let session = session(&open.double, "ghp_wrong", HttpSettings::default());
    let error = session.repository(&open.shop).await.expect_err("it is wrong");
    assert_eq!(error.code(), "token_refused");
    assert!(!format!("{session:?} {error:?} {error}").contains("ghp_"));
    let github = Github::new(&HttpSettings::default()).expect("a client");
    let api = open.double.api_url().parse().expect("an address");
    assert!(github.session(&api, Zeroizing::new("two\nlines".into())).is_err());
}

#[tokio::test]
async fn no_error_repeats_a_secret_that_github_repeats() {
    let open = Open::new().await;
    let url = format!("{URL}{SECRET}");
    open.double.known().former_name = None;
    let complaint = serde_json::json!({ "message": format!("bad secret {SECRET}") }).to_string();
    let call = client::Call {
        what: "x",
        method: reqwest::Method::POST,
        url: url.parse().expect("a URL"),
        body: None,
        hidden: Some(SECRET),
    };
    let text = open.session.message(&call, complaint.as_bytes());
    assert_eq!(text, "bad secret [hidden]");
}

#[tokio::test]
async fn a_list_is_whole_or_an_error() {
    let open = Open::new().await;
    open.double.known().tags = (0..PER_PAGE * 2 + 1).map(|number| format!("v0.0.{number}")).collect();
    assert_eq!(open.session.tags(&open.shop).await.expect("three pages").len(), PER_PAGE * 2 + 1);
    open.double.known().tags = (0..PER_PAGE * PAGES_MAX).map(|number| format!("v0.0.{number}")).collect();
    assert_eq!(open.session.tags(&open.shop).await.expect_err("too many").code(), "too_long");
    // What cannot be a tag of ours is not one.
    open.double.known().tags = vec!["v1".into(), "a..b".into()];
    assert_eq!(open.session.tags(&open.shop).await.expect("a list").len(), 1);
}

#[tokio::test]
async fn a_renamed_repository_is_found_and_changes_are_not_sent_after_it() {
    let open = Open::new().await;
    {
        let mut known = open.double.known();
        known.former_name = Some("acme/shop".into());
        known.full_name = "acme/store".into();
    }
    let facts = open.session.repository(&open.shop).await.expect("it is found");
    assert_eq!((facts.id, facts.full_name.as_str()), (42, "acme/store"));
    assert_eq!(open.make(GithubCall::CreateHook).await.expect_err("not followed").code(), "moved");
}
