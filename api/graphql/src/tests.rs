//! What GraphQL answers when something that it stands on is away.

use std::sync::Arc;

use api_http::{replicas_last_seen::ReplicasLastSeen, tokens};
use audit::{Auditor, operators::Operators};
use axum::{
    body::Body,
    http::{Request, header},
};
use building::source::Git;
use commands::{
    github::{Access, Github, HttpSettings},
    installers::PublishedInstallers,
    rolls::Rolls,
};
use composition::testing::Core;
use domain::token::Token;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use stores::key_usage::KeyUsage;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use super::{GraphqlParts, routes};

/// What the schema is built over, on top of `core`.
pub(super) async fn parts(core: &Core) -> GraphqlParts {
    let (executor, secrets, persons) = (core.executor.clone(), core.secrets.clone(), core.persons.clone());
    let key_usage = KeyUsage::open(core.folder.path().join("uses.sqlite"), core.clock).await.expect("a file of uses").0;
    let github = Github::new(&HttpSettings { timeout: HttpSettings::TIMEOUT, proxy: None }).expect("a client");
    GraphqlParts {
        commands: core.commands(),
        dashboard: core.dashboard.clone(),
        credentials: core.credentials.clone(),
        repositories: core.repositories.clone(),
        transparency: core.transparency.clone(),
        auditor: Auditor::new(core.store.clone(), &core.readers, Some(key_usage.clone()), Some(persons.clone())),
        key_usage,
        replicas: ReplicasLastSeen::default(),
        operators: Operators { executor: executor.clone(), persons: persons.clone() },
        persons,
        rolls: Rolls { executor: executor.clone(), secrets: secrets.clone(), issue: tokens::issue },
        signing_keys: core.signing_keys.clone(),
        installers: PublishedInstallers::default(),
        github: Arc::new(Access { executor: executor.clone(), secrets: secrets.clone(), github, git: Git::default() }),
        secrets,
        executor,
        git: Git::default(),
        tag_questions: Arc::new(Semaphore::new(1)),
        public_url: "http://127.0.0.1:8080".parse().expect("a URL"),
    }
}

async fn answer(core: &Core, token: &Token, query: &str) -> Value {
    let request = Request::post("/graphql")
        .header(header::AUTHORIZATION, format!("Bearer {}", token.text()))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(json!({ "query": query }).to_string()))
        .expect("a request");
    let router = routes(parts(core).await, core.authenticator());
    let response = router.oneshot(request).await.expect("an answer");
    let body = response.into_body().collect().await.expect("a body in memory").to_bytes();
    serde_json::from_slice(&body).expect("JSON")
}

#[tokio::test]
async fn a_log_that_does_not_answer_is_unavailable_and_no_fault_of_ours() {
    let core = Core::open().await;
    let token = core.operator_token().await;
    let found = answer(&core, &token, "{ events(first: 1) { events { id } } }").await;
    let event = found["data"]["events"]["events"][0]["id"].as_str().unwrap_or_else(|| panic!("{found}")).to_owned();

    core.store.close().await;
    for query in [
        "{ events { events { id } } }".to_owned(),
        format!("{{ chain(event: \"{event}\") {{ id }} }}"),
        "mutation { createOrganisation(name: \"late\") { name } }".to_owned(),
        "mutation { createProject(organisation: \"late\", name: \"web\", source: \"https://example.org/web.git\") { apiToken } }".to_owned(),
        "mutation { addOperator(name: \"Ann\", email: \"ann@example.org\") { token } }".to_owned(),
    ] {
        let refused = answer(&core, &token, &query).await;
        let error = &refused["errors"][0];
        assert_eq!(error["extensions"]["code"], "unavailable", "{query}: {refused}");
        assert_eq!(error["message"], "the event log does not answer", "{query}");
    }
}
