//! A server with two organisations, whose feeds are asked for in the process or over the network.

use std::{future::IntoFuture as _, sync::Arc};

use api_http::{public_url::PublicUrl, replicas_last_seen::ReplicasLastSeen, tokens};
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{StatusCode, header},
    middleware,
};
use bytes::Bytes;
use composition::testing::Core;
use domain::{
    digest::Sha256,
    event::{Event, encode},
    ids::{CommandId, EventId, OrganisationId, RepositoryId, TokenId},
    names::OrganisationName,
    organisation::{self, Organisation},
    package::{DebFacts, Facts, Format, Package},
    recorded::{Actor, Metadata, RawEvent, StreamId},
    repository::{self, Repository},
    token::{Token, TokenKind},
};
use event_log::event_store::{APPEND_EVENTS_MAX, Expected, NewEvent};
use http_body_util::BodyExt as _;
use projections::transparency::TRANSPARENCY;
use serving::repositories::{CACHE_MAX_BYTES, FileBytes};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::{FeedBlobs, FeedLimits, FeedLogs, FeedState, routes};

/// Changes a response in transit, given its path and bytes.
pub(crate) type Lie = Arc<dyn Fn(&str, Bytes) -> Bytes + Send + Sync>;

pub(crate) struct World {
    pub(crate) core: Core,
    pub(super) state: FeedState,
    router: Router,
}

/// A server that listens until this is dropped.
pub(crate) struct Listening {
    pub(crate) url: PublicUrl,
    _serving: AbortOnDropHandle<()>,
}

pub(crate) fn name(text: &str) -> OrganisationName {
    text.parse().expect("a name")
}

fn repository(organisation: &str) -> RepositoryId {
    RepositoryId::named(&name(organisation), &"debs".parse().expect("a name"))
}

impl World {
    /// `acme` and `rival`, each with a repository `debs`.
    pub(crate) async fn new() -> Self {
        let core = Core::open().await;
        for text in ["acme", "rival"] {
            let organisation = name(text);
            let create = organisation::Command::Create { name: organisation.clone() };
            core.execute::<Organisation>(OrganisationId::named(&organisation).0, create).await;
            let debs = "debs".parse().expect("a name");
            let create = repository::Command::Create { organisation, name: debs, format: Format::Deb };
            core.execute::<Repository>(repository(text).0, create).await;
        }
        let state = FeedState {
            authenticator: core.authenticator(),
            logs: FeedLogs {
                store: core.store.clone(),
                transparency: core.projected.transparency.clone(),
                signer: core.log_signer.clone(),
                signing_keys: core.signing_keys.clone(),
            },
            blobs: FeedBlobs { blobs: core.blobs.clone(), files: FileBytes::new(core.blobs.clone(), CACHE_MAX_BYTES) },
            limits: FeedLimits::default(),
            last_seen: ReplicasLastSeen::default(),
            clock: core.clock,
            stopping: CancellationToken::new(),
        };
        Self { router: routes(state.clone()), state, core }
    }

    /// A feed token of that organisation.
    pub(crate) async fn token(&self, organisation: &str) -> Token {
        let token = tokens::issue(TokenKind::Feed);
        let issue = organisation::Command::IssueFeedToken {
            token: TokenId(token.id()),
            secret_sha256: token.secret_sha256(),
            name: format!("replica-{}", Uuid::new_v4().simple()).parse().expect("a name"),
        };
        self.core.execute::<Organisation>(OrganisationId::named(&name(organisation)).0, issue).await;
        token
    }

    pub(crate) async fn revoke(&self, organisation: &str, token: &Token) {
        let revoke = organisation::Command::RevokeFeedToken { token: TokenId(token.id()) };
        self.core.execute::<Organisation>(OrganisationId::named(&name(organisation)).0, revoke).await;
    }

    /// Adds a package with these bytes to the organisation's repository.
    pub(crate) async fn add_package(&self, organisation: &str, bytes: &'static str) -> Sha256 {
        let sha256 = self.put(bytes).await;
        let version = format!("1.{}", bytes.len());
        let package = Package {
            file_name: format!("hello_{version}_amd64.deb"),
            sha256,
            size_bytes: bytes.len() as u64,
            facts: Facts::Deb(DebFacts {
                package: "hello".into(),
                architecture: "amd64".into(),
                control: format!("Package: hello\nVersion: {version}\nArchitecture: amd64"),
                version,
            }),
        };
        let add = repository::Command::AddPackage { package: Box::new(package), release: None, key_fingerprint: None };
        self.core.execute::<Repository>(repository(organisation).0, add).await;
        sha256
    }

    pub(crate) async fn put(&self, bytes: &'static str) -> Sha256 {
        self.core.blobs.put_bytes(Bytes::from_static(bytes.as_bytes())).await.expect("stored")
    }

    /// Records an event of the organisation's repository, whatever the rules say, and waits until the log shows it.
    pub(crate) async fn record(&self, organisation: &str, event: impl Into<Event>) {
        self.record_raw("repository", repository(organisation).0, vec![encode(&event.into())], 1).await;
    }

    /// Records events that only a newer version knows.
    pub(crate) async fn record_unknown(&self, organisation: &str, payloads: Vec<String>) {
        let event = |payload| RawEvent { name: "repository.teleported".to_owned(), schema_version: 1, payload };
        self.record_raw("repository", repository(organisation).0, payloads.into_iter().map(event).collect(), 1).await;
    }

    /// Changes the organisation so many times.
    pub(crate) async fn change(&self, organisation: &str, times: usize) {
        let event = |slots| encode(&organisation::Event::BuildSlotsSet { slots }.into());
        let events = (1..=u16::try_from(times).expect("not so many")).map(event).collect();
        self.record_raw("organisation", OrganisationId::named(&name(organisation)).0, events, APPEND_EVENTS_MAX).await;
    }

    async fn record_raw(&self, kind: &'static str, id: Uuid, events: Vec<RawEvent>, at_once: usize) {
        let metadata = || Metadata {
            recorded_at: self.core.executor.now(),
            actor: Actor::CommandLine,
            command_id: CommandId(Uuid::new_v4()),
            causation: None,
            origin: None,
        };
        let (store, stream) = (&self.core.store, StreamId::new(kind.parse().expect("a kind of stream"), id));
        let new = |event| NewEvent { event_id: EventId(Uuid::now_v7()), event, metadata: metadata() };
        let mut events = events.into_iter().map(new).peekable();
        while events.peek().is_some() {
            let some = events.by_ref().take(at_once).collect();
            store.append(&stream, Expected::Any, some).await.expect("recorded");
        }
        self.shows().await;
    }

    /// Waits until the logs show everything.
    pub(crate) async fn shows(&self) {
        let head = self.core.store.head().await.expect("a log");
        self.core.progress.wait_for_projector(TRANSPARENCY, head).await.expect("projected");
    }

    /// Asks in the process, with that token's text.
    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> (StatusCode, String) {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).expect("a request");
        let (parts, body) = self.router.clone().oneshot(request).await.expect("infallible").into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        (parts.status, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Listens on the network.
    pub(crate) async fn listen(&self) -> Listening {
        self.listen_lying(Arc::new(|_, bytes| bytes)).await
    }

    /// Listens, and changes what it says on its way.
    pub(crate) async fn listen_lying(&self, lie: Lie) -> Listening {
        let lying = move |request: Request, next: middleware::Next| {
            let lie = lie.clone();
            async move {
                let path = request.uri().path().to_owned();
                let (mut parts, body) = next.run(request).await.into_parts();
                let bytes = lie(&path, body.collect().await.expect("a body").to_bytes());
                parts.headers.remove(header::CONTENT_LENGTH);
                axum::response::Response::from_parts(parts, Body::from(bytes))
            }
        };
        let router = self.router.clone().layer(middleware::from_fn(lying));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let serving = axum::serve(listener, router).into_future();
        let serving = tokio::spawn(async move { serving.await.expect("it serves") });
        Listening { url: url.parse().expect("a URL"), _serving: AbortOnDropHandle::new(serving) }
    }
}
