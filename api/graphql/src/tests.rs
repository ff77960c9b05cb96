//! The GraphQL API over a real log and real read models, asked as clients ask: by `POST /graphql`. One file for each noun.

mod access_key;
mod access_to_the_api;
mod api_token;
mod audit;
mod every_field;
mod feed_token;
mod fetch;
mod github;
mod limits;
mod operator;
mod organisation;
mod project;
mod release;
mod repository;
mod schema_file;
mod signing_key;
mod snapshot;
mod unavailable;
mod yank;

use std::{fs, path::Path, sync::Arc, time::Duration};

use ::audit::{Auditor, operators::Operators};
use api_http::{replicas_last_seen::ReplicasLastSeen, tokens};
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use building::source::Git;
use commands::{
    github::{Access, Github, HttpSettings},
    installers::PublishedInstallers,
    rolls::Rolls,
};
use composition::testing::Core;
use domain::{ids::RepositoryId, token::Token};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use stores::key_usage::KeyUsage;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use super::{GraphqlParts, routes};

/// What the schema is built over, on top of `core`.
pub(super) async fn parts(core: &Core) -> GraphqlParts {
    let key_usage = KeyUsage::open(core.folder.path().join("uses.sqlite"), core.clock).await.expect("a file of uses").0;
    parts_with(core, key_usage)
}

fn parts_with(core: &Core, key_usage: KeyUsage) -> GraphqlParts {
    let (executor, secrets, persons) = (core.executor.clone(), core.secrets.clone(), core.persons.clone());
    let github = Github::new(&HttpSettings { timeout: HttpSettings::TIMEOUT, proxy: None }).expect("a client");
    // Repositories on this machine stand in for those of code hosts.
    let git = Git { allow_local: true, ..Git::default() };
    GraphqlParts {
        commands: core.commands(),
        dashboard: core.projected.dashboard.clone(),
        credentials: core.projected.credentials.clone(),
        repositories: core.projected.repositories.clone(),
        transparency: core.projected.transparency.clone(),
        auditor: Auditor::new(
            core.store.clone(),
            &core.projected.readers,
            Some(key_usage.clone()),
            Some(persons.clone()),
        ),
        key_usage,
        replicas: ReplicasLastSeen::default(),
        operators: Operators { executor: executor.clone(), persons: persons.clone() },
        persons,
        rolls: Rolls { executor: executor.clone(), secrets: secrets.clone(), issue: tokens::issue },
        signing_keys: core.signing_keys.clone(),
        installers: PublishedInstallers::default(),
        // No worker publishes any here.
        installable_within: Duration::ZERO,
        github: Arc::new(Access { executor: executor.clone(), secrets: secrets.clone(), github, git: git.clone() }),
        secrets,
        executor,
        git,
        tag_questions: Arc::new(Semaphore::new(1)),
        public_url: "http://127.0.0.1:8080".parse().expect("a URL"),
    }
}

/// A server of the GraphQL API, and an operator who asks it.
struct Api {
    core: Core,
    key_usage: KeyUsage,
    tag_questions: Arc<Semaphore>,
    token: Token,
    router: Router,
}

impl Api {
    async fn open() -> Self {
        let core = Core::open().await;
        let token = core.operator_token().await;
        let path = core.folder.path().join("uses.sqlite");
        let (key_usage, counting) = KeyUsage::open(path, core.clock).await.expect("a file of uses");
        let parts = parts_with(&core, key_usage.clone());
        let tag_questions = parts.tag_questions.clone();
        let router = routes(parts, core.authenticator());
        tokio::spawn(counting);
        Self { core, key_usage, tag_questions, token, router }
    }

    /// With the organisation `acme`.
    async fn with_acme() -> Self {
        let api = Self::open().await;
        api.ask(r#"mutation { createOrganisation(name: "acme") { name } }"#).await;
        api
    }

    /// With the organisation `acme` and its APT repository `debs`.
    async fn with_debs() -> (Self, RepositoryId) {
        let api = Self::with_acme().await;
        api.ask(
            r#"mutation { createRepository(organisation: "acme", name: "debs", format: DEB) { repository { id } } }"#,
        )
        .await;
        (api, RepositoryId::named(&"acme".parse().expect("a name"), &"debs".parse().expect("a name")))
    }

    /// With the organisation `acme` and its project `web`, whose id is the second.
    async fn with_web() -> (Self, String) {
        let api = Self::with_acme().await;
        let create = r#"mutation { createProject(organisation: "acme", name: "web", source: "https://example.org/web.git") { project { id } } }"#;
        let project = text(&api.ask(create).await["createProject"]["project"]["id"]);
        (api, project)
    }

    /// The answer to `query` of the holder of `token`, if there is one: a status and a JSON document.
    async fn post(&self, token: Option<&str>, query: &str) -> (StatusCode, Value) {
        let request = Request::post("/graphql").header(header::CONTENT_TYPE, "application/json");
        let request = match token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        };
        let request = request.body(Body::from(json!({ "query": query }).to_string())).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body in memory").to_bytes();
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    /// The operator's answer to `query`, with its errors.
    async fn answer(&self, query: &str) -> Value {
        self.post(Some(&self.token.text()), query).await.1
    }

    /// What `query` answers. There is no error.
    async fn ask(&self, query: &str) -> Value {
        let mut answer = self.answer(query).await;
        assert!(answer.get("errors").is_none(), "{query}: {answer}");
        answer["data"].take()
    }

    /// Each of these is refused with this code, and a message with these words; and nothing is recorded.
    async fn refuses(&self, refused: &[(&str, &str, &str)]) {
        let before = self.core.store.head().await.expect("a log");
        for (query, code, says) in refused {
            let answer = self.answer(query).await;
            let error = &answer["errors"][0];
            assert_eq!(error["extensions"]["code"], *code, "{query}: {answer}");
            assert!(text(&error["message"]).contains(says), "{query}: {answer}");
        }
        assert_eq!(self.core.store.head().await.expect("a log"), before, "a refused mutation recorded something");
    }

    /// No query answers with this secret, and no file of the data folder holds it.
    async fn never_tells(&self, secret: &str) {
        assert!(secret.len() >= 20, "{secret} is no secret");
        let answer = self.ask(EVERYTHING).await;
        assert!(!answer.to_string().contains(secret), "a query answers with {secret}");
        holds_none(self.core.folder.path(), secret);
    }
}

/// Everything that dashboards show of organisations, operators and signing keys, and the events.
const EVERYTHING: &str = "{
    organisations(first: 2) {
        name buildSlots feedTokens { id name issuedAt seenAt behind }
        projects(first: 2) {
            id organisation name source trigger triggerUrl webhookUrl tagPattern
            apiTokens { id name scopes issuedAt expiresAt graceUntil isOfCiJob }
            github { repositoryId fullName apiUrl hasToken webhookIds isRegistered deployKeyId failing { step code message } }
            githubActions { repositoryId ownerId refPattern audience }
            deliveries(first: 2) { guid hookEvent outcome tag releaseId receivedAt }
            refusedTriggers { reason count firstAt lastAt }
        }
        repositories(first: 2) {
            id organisation name format codename url yankPolicy packageCount
            accessKeys { id name kind generation isOlder issuedAt expiresAt enrolsMax enrolled lastSeen }
            keyring {
                generation rolledAt keys(first: 9) { id name kind }
                grace { isOpen until closedAt closedBecause machines moved silent(first: 9) { name key hasRenewed lastSeen } }
            }
        }
    }
    operators { id name email registeredAt standing }
    signingKeys { epoch fingerprint state createdAt expiresAt destroyed certificate }
    events(first: 500) { events { position id at name stream revision actor by person origin command because subjects payload } }
}";

fn holds_none(folder: &Path, secret: &str) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            holds_none(&path, secret);
        } else {
            let bytes = fs::read(&path).unwrap_or_default();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds {secret}", path.display());
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// One field of each item of a list.
fn each(list: &Value, field: &str) -> Vec<String> {
    list.as_array().unwrap_or_else(|| panic!("{list} is no list")).iter().map(|item| text(&item[field])).collect()
}
