//! A whole server without its workers, for tests that send requests as a browser does.

use std::cell::Cell;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use commands::rolls::Rolls;
use domain::{
    ids::{OrganisationId, ProjectId, RepositoryId},
    organisation::{self, Organisation},
    package::Format,
    project::{self, GitUrl, Project, Trigger},
    release::{self, Origin, Release, Step},
    repository::{self, Repository},
    token::Token,
    version::ReleaseVersion,
};
use event_log::execute::Recordable;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use uuid::Uuid;

use super::{BuildLogs, PagesState};
use api_http::tokens;
use audit::Auditor;
use composition::testing::Core;
pub(super) use composition::testing::RELEASE;
use stores::key_usage::KeyUsage;

pub(super) const HOST: &str = "127.0.0.1:8080";
pub(super) const ORIGIN: &str = "http://127.0.0.1:8080";
pub(super) const SCRIPT: &str = "<script>alert(1)</script>";
pub(super) const ESCAPED: &str = "&#60;script&#62;alert(1)&#60;/script&#62;";

thread_local! {
    /// By how much the test has moved the clock. A test runs on one thread.
    pub(super) static LATER: Cell<TimeDelta> = const { Cell::new(TimeDelta::zero()) };
}

fn clock() -> DateTime<Utc> {
    Utc::now() + LATER.get()
}

/// The server under test.
pub(super) struct Site {
    pub(super) core: Core,
    pub(super) rolls: Rolls,
    router: Router,
    pub(super) token: Token,
}

/// A response.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// The cookie that it sets, as a browser sends it back.
    pub(super) fn cookie(&self) -> String {
        self.header(header::SET_COOKIE).split(';').next().expect("a pair").to_owned()
    }
}

impl Site {
    pub(super) async fn open() -> Self {
        Self::open_at(ORIGIN).await
    }

    pub(super) async fn open_at(public_url: &str) -> Self {
        let core = Core::open_at(clock).await;
        let path = |name: &str| core.folder.path().join(name);
        let key_usage = KeyUsage::open(path("uses.sqlite"), clock).await.expect("a file of uses").0;
        let auditor = Auditor::new(
            core.store.clone(),
            &core.projected.readers,
            Some(key_usage.clone()),
            Some(core.persons.clone()),
        );
        let state = PagesState {
            executor: core.executor.clone(),
            commands: core.commands(),
            authenticator: core.authenticator(),
            auditor,
            dashboard: core.projected.dashboard.clone(),
            credentials: core.projected.credentials.clone(),
            repositories: core.projected.repositories.clone(),
            key_usage,
            signing_keys: core.signing_keys.clone(),
            build_logs: BuildLogs {
                dashboard: core.projected.dashboard.clone(),
                blobs: core.blobs.clone(),
                jobs: path("jobs").into(),
            },
            public_url: public_url.parse().expect("a URL"),
        };
        let rolls = Rolls { executor: core.executor.clone(), secrets: core.secrets.clone(), issue: tokens::issue };
        let token = core.operator_token().await;
        Self { router: super::routes(state), core, rolls, token }
    }

    /// Runs a command and waits until pages show what it did.
    pub(super) async fn execute<A: Recordable>(&self, id: Uuid, command: A::Command) {
        self.core.execute::<A>(id, command).await;
    }

    /// Makes `token` the only operator token.
    pub(super) async fn renew(&self, token: &Token) {
        self.core.renew(token).await;
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.expect("infallible").into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub(super) async fn get(&self, address: &str, cookie: &str) -> Answer {
        let request = Request::get(address).header(header::COOKIE, cookie).header(header::ACCEPT, "text/html");
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    pub(super) async fn log_in(&self, token: &str, next: &str, origin: &str) -> Answer {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("next", next)
            .finish();
        let request = Request::post("/login")
            .header(header::HOST, HOST)
            .header(header::ORIGIN, origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form)).expect("a request")).await
    }

    /// The cookie of a fresh session.
    pub(super) async fn session(&self) -> String {
        self.log_in(&self.token.text(), "/", ORIGIN).await.cookie()
    }

    /// Adds a project and a failed release whose texts all contain a script.
    pub(super) async fn fill(&self, log: &str) -> ProjectId {
        let (acme, website) = ("acme".parse().expect("a name"), "website".parse().expect("a name"));
        let id = ProjectId::named(&acme, &website);
        let create = organisation::Command::Create { name: acme.clone() };
        self.execute::<Organisation>(OrganisationId::named(&acme).0, create).await;
        let source = GitUrl::parse(&format!("/srv/{SCRIPT}"), true).expect("a path");
        let add =
            project::Command::Add { organisation: acme.clone(), name: website, source, trigger: Trigger::ApiEndpoint };
        self.execute::<Project>(id.0, add).await;
        let debs = "debs".parse().expect("a name");
        let repository = RepositoryId::named(&acme, &debs);
        let create = repository::Command::Create { organisation: acme.clone(), name: debs, format: Format::Deb };
        self.execute::<Repository>(repository.0, create).await;
        let tag = "v1.0.0".parse().expect("a tag");
        let version = ReleaseVersion::from_tag(&tag).expect("a version");
        let origin = Origin { organisation: acme, project: id, tag, version };
        self.execute::<Release>(RELEASE.0, release::Command::Receive(origin)).await;
        let log = self.core.blobs.put_bytes(Bytes::from(log.to_owned())).await.expect("stored");
        let fail = release::Command::Fail {
            step: Step::Building,
            code: "command_failed".to_owned(),
            message: format!("it said {SCRIPT}"),
            log: Some(log),
        };
        self.execute::<Release>(RELEASE.0, fail).await;
        id
    }
}
