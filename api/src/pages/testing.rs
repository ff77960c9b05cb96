//! A whole server without its workers, asked as a browser asks.

use std::{cell::Cell, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use commands::{
    blobs::Blobs,
    event_store::sqlite::SqliteEventStore,
    execute::{Context, Executor, Recordable},
    installers::PublishedInstallers,
    log_signer::LogSigner,
    personal::Persons,
    refused_triggers::RefusedTriggers,
    rolls::Rolls,
    secrets::Secrets,
    signing::Algorithm,
    signing_keys::{Making, SigningKeys},
    source::Git,
};
use domain::{
    account::{self, Account},
    ids::{AccountId, OrganisationId, ProjectId, ReleaseId, RepositoryId, TokenId},
    names::OrganisationName,
    organisation::{self, Organisation},
    package::Format,
    project::{self, GitUrl, Project, Trigger},
    recorded::{Actor, Position},
    release::{self, Origin, Release, Step},
    repository::{self, Repository},
    token::{Token, TokenKind},
    version::ReleaseVersion,
};
use http_body_util::BodyExt as _;
use projections::{
    board::{BOARD, board},
    credentials::credentials,
    history::HistoryProjector,
    index::{self, REPOSITORIES},
    read_models::ReadModels,
    runner::Runner,
    transparency::transparency,
};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::{
    app::{App, Parts, TAG_QUESTIONS_MAX, UPLOADS_MAX},
    audit::Auditor,
    auth::Authenticator,
    feed::Feeds,
    http::client_address::TrustedProxies,
    mint,
    oidc::{CiIssuer, IssuerUrl},
    releases::RequestRates,
    run_command::CommandRunner,
    settings,
    uses::Uses,
    webhooks::{DeliveriesMemory, WebhookSecrets},
    wiring::{IndexBlobs, LogFeed, ProjectedTrees, ServedBlobs, github_access},
};

pub(super) const HOST: &str = "127.0.0.1:8080";
pub(super) const ORIGIN: &str = "http://127.0.0.1:8080";
pub(super) const SCRIPT: &str = "<script>alert(1)</script>";
pub(super) const ESCAPED: &str = "&#60;script&#62;alert(1)&#60;/script&#62;";
pub(crate) const RELEASE: ReleaseId = ReleaseId(Uuid::from_u128(5));

thread_local! {
    /// How far the test has turned the clock. A test runs on one thread.
    pub(super) static LATER: Cell<TimeDelta> = const { Cell::new(TimeDelta::zero()) };
}

fn clock() -> DateTime<Utc> {
    Utc::now() + LATER.get()
}

/// A server whose pages are asked for.
pub(crate) struct Site {
    pub(crate) app: App,
    router: Router,
    pub(crate) token: Token,
    _runner: AbortOnDropHandle<()>,
    pub(crate) folder: TempDir,
}

/// What a page answered.
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
    pub(crate) async fn open() -> Self {
        Self::open_at(ORIGIN).await
    }

    pub(super) async fn open_at(public_url: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let store = Arc::new(SqliteEventStore::open(&path("log.sqlite")).await.expect("a log"));
        let blobs = Blobs::local(path("blobs")).expect("blobs");
        let read_models = ReadModels::open(path("read_models.sqlite")).await.expect("read models");
        let (credentials, credentials_projector) = credentials(read_models.readers.clone());
        let (board, board_projector) = board(read_models.readers.clone());
        let (transparency, transparency_projector) = transparency(read_models.readers.clone());
        let (repositories, projector) =
            index::repositories(read_models.readers.clone(), Arc::new(IndexBlobs(blobs.clone())));
        let (runner, progress) = Runner::open(
            read_models.writer,
            Arc::new(LogFeed(store.clone())),
            vec![
                Box::new(credentials_projector),
                Box::new(board_projector),
                Box::new(projector),
                Box::new(transparency_projector),
                Box::new(HistoryProjector::default()),
            ],
        )
        .await
        .expect("a runner");
        let uses = Uses::open(path("uses.sqlite"), clock).await.expect("a file of uses").0;
        let executor = Arc::new(Executor::new(store.clone(), clock));
        let secrets = Arc::new(Secrets::open(&path("secrets"), &path("master.key")).expect("a secret store"));
        let persons = Persons::new(secrets.clone());
        let making = Making { algorithm: Algorithm::Ed25519Legacy, user_id: "pages".into(), valid_for: None };
        let signing_keys = SigningKeys::open(executor.clone(), secrets.clone(), making).await.expect("signing keys");
        let trees = Arc::new(ProjectedTrees(transparency.clone()));
        let log_signer = LogSigner::open(&executor, &secrets, "pages.example", trees, path("signed_logs"));
        let log_signer = log_signer.await.expect("a signer");
        let github = settings::Github::default();
        let authenticator = Authenticator {
            credentials: credentials.clone(),
            persons: persons.clone(),
            trusted_proxies: TrustedProxies::default(),
            clock,
        };
        let commands = CommandRunner {
            executor: executor.clone(),
            progress: progress.clone(),
            dashboards: &[BOARD, REPOSITORIES],
        };
        let app = App::new(Parts {
            authenticator,
            commands,
            github_access: github_access(&github, executor.clone(), secrets.clone(), Git::default()).expect("a client"),
            tag_questions: Arc::new(Semaphore::new(TAG_QUESTIONS_MAX)),
            uploads: Semaphore::new(UPLOADS_MAX),
            feeds: Feeds::new(Arc::new(ServedBlobs::new(blobs.clone()))),
            auditor: Auditor::new(store, &read_models.readers, Some(uses.clone()), Some(persons.clone())),
            uses,
            rolls: Rolls { executor: executor.clone(), secrets: secrets.clone(), mint: mint::token },
            executor,
            webhook_secrets: WebhookSecrets::new(secrets.clone()),
            deliveries_memory: DeliveriesMemory::default(),
            request_rates: RequestRates::new(),
            ci_issuer: CiIssuer::new(&IssuerUrl::default(), None).expect("a client"),
            refused_triggers: RefusedTriggers::default(),
            persons,
            secrets,
            credentials,
            board,
            repositories,
            transparency,
            log_signer,
            progress,
            blobs,
            git: Git::default(),
            signing_keys,
            public_url: public_url.parse().expect("a URL"),
            stopping: CancellationToken::new(),
            jobs: path("jobs"),
            installers: PublishedInstallers::default(),
            incoming: path("incoming"),
        });
        let site = Self {
            router: super::routes((&app).into()),
            app,
            token: mint::token(TokenKind::Operator),
            _runner: AbortOnDropHandle::new(tokio::spawn(async move { drop(runner.run().await) })),
            folder,
        };
        site.renew(&site.token).await;
        site
    }

    /// Runs a command and waits until pages show what it did.
    pub(crate) async fn execute<A: Recordable>(&self, id: Uuid, command: A::Command) {
        let executed = self.app.executor.execute::<A>(id, command, &Context::of(Actor::CommandLine)).await;
        let Ok(executed) = executed else { panic!("the command was refused") };
        self.app.progress.wait_for(executed.position.expect("something happened")).await.expect("projected");
    }

    /// Makes organisations, one after the other, and waits for nothing. The newest event's position.
    pub(crate) async fn make_organisations(&self, count: u32) -> Position {
        let mut newest = None;
        for number in 0..count {
            let name: OrganisationName = format!("acme-{number}").parse().expect("a name");
            let (id, create) = (OrganisationId::named(&name), organisation::Command::Create { name });
            let context = Context::of(Actor::CommandLine);
            let made = self.app.executor.execute::<Organisation>(id.0, create, &context).await;
            newest = made.expect("it is made").position;
        }
        newest.expect("something happened")
    }

    /// Makes `token` the operator's only one.
    pub(super) async fn renew(&self, token: &Token) {
        let renew = account::Command::RenewToken { token: TokenId(token.id()), secret_sha256: token.secret_sha256() };
        self.execute::<Account>(AccountId::operator().0, renew).await;
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

    /// A project whose texts are a script wherever a text may be, and its failed release.
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
        let log = self.app.blobs.put_bytes(Bytes::from(log.to_owned())).await.expect("stored");
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
