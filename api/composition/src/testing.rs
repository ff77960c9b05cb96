//! The parts of a server that every test of a feature stands on: a log, what is projected from it, and what signs it. No worker
//! runs but the projections.

mod publishing;

use std::sync::Arc;

use api_http::{auth::Authenticator, client_address::TrustedProxies, run_command::CommandRunner, tokens};
use chrono::Utc;
use commands::signing_keys::{Making, SigningKeys};
use domain::{
    account::{self, Account},
    ids::{AccountId, OrganisationId, ReleaseId, TokenId},
    names::OrganisationName,
    organisation::{self, Organisation},
    recorded::{Actor, Position},
    token::{Token, TokenKind},
};
use event_log::{
    event_store::{EventStore, sqlite::SqliteEventStore},
    execute::{Clock, Context, Executor, Recordable},
};
use index::{REPOSITORIES, Repositories, repositories};
use projections::{
    audit_index::AuditIndexProjector,
    credentials::{Credentials, credentials},
    dashboard::{DASHBOARD, Dashboard, dashboard},
    read_models::ReadModels,
    runner::{Progress, Runner},
    transparency::{Transparency, transparency},
};
use signing::{Algorithm, log_signer::LogSigner};
use sqlx::SqlitePool;
use stores::{blobs::Blobs, personal::Persons, secrets::Secrets};
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

/// A release that tests tell of.
pub const RELEASE: ReleaseId = ReleaseId(Uuid::from_u128(5));

/// An open data folder.
pub struct Core {
    pub store: Arc<dyn EventStore>,
    pub executor: Arc<Executor>,
    pub blobs: Blobs,
    pub readers: SqlitePool,
    pub credentials: Credentials,
    pub dashboard: Dashboard,
    pub transparency: Transparency,
    pub repositories: Repositories,
    pub progress: Progress,
    pub secrets: Arc<Secrets>,
    pub persons: Persons,
    pub signing_keys: SigningKeys,
    pub log_signer: LogSigner,
    pub clock: Clock,
    _runner: AbortOnDropHandle<()>,
    pub folder: TempDir,
}

impl Core {
    pub async fn open() -> Self {
        Self::open_at(Utc::now).await
    }

    /// With that clock.
    pub async fn open_at(clock: Clock) -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let store: Arc<dyn EventStore> = Arc::new(SqliteEventStore::open(&path("log.sqlite")).await.expect("a log"));
        let blobs = Blobs::local(path("blobs")).expect("blobs");
        let ReadModels { writer, readers } = ReadModels::open(path("read_models.sqlite")).await.expect("read models");
        let (credentials, credentials_projector) = credentials(readers.clone());
        let (dashboard, dashboard_projector) = dashboard(readers.clone());
        let (transparency, transparency_projector) = transparency(readers.clone());
        let (repositories, projector) = repositories(readers.clone(), Arc::new(blobs.clone()));
        let (runner, progress) = Runner::open(
            writer,
            store.clone(),
            vec![
                Box::new(credentials_projector),
                Box::new(dashboard_projector),
                Box::new(projector),
                Box::new(transparency_projector),
                Box::new(AuditIndexProjector::default()),
            ],
        )
        .await
        .expect("a runner");
        let executor = Arc::new(Executor::new(store.clone(), clock));
        let secrets = Arc::new(Secrets::open(&path("secrets"), &path("master.key")).expect("a secret store"));
        let making = Making { algorithm: Algorithm::Ed25519Legacy, user_id: "pages".into(), valid_for: None };
        let signing_keys = SigningKeys::open(executor.clone(), secrets.clone(), making).await.expect("signing keys");
        let trees = Arc::new(transparency.clone());
        let log_signer = LogSigner::open(&executor, &secrets, "pages.example", trees, path("signed_logs"));
        Self {
            log_signer: log_signer.await.expect("a signer"),
            persons: Persons::new(secrets.clone()),
            store,
            executor,
            blobs,
            readers,
            credentials,
            dashboard,
            transparency,
            repositories,
            progress,
            secrets,
            signing_keys,
            clock,
            _runner: AbortOnDropHandle::new(tokio::spawn(async move { drop(runner.run().await) })),
            folder,
        }
    }

    pub fn authenticator(&self) -> Authenticator {
        Authenticator {
            credentials: self.credentials.clone(),
            persons: self.persons.clone(),
            trusted_proxies: TrustedProxies::default(),
            clock: self.clock,
        }
    }

    pub fn commands(&self) -> CommandRunner {
        CommandRunner {
            executor: self.executor.clone(),
            progress: self.progress.clone(),
            dashboards: &[DASHBOARD, REPOSITORIES],
        }
    }

    /// Runs a command and waits until every read model shows what it did.
    pub async fn execute<A: Recordable>(&self, id: Uuid, command: A::Command) {
        let executed = self.executor.execute::<A>(id, command, &Context::of(Actor::CommandLine)).await;
        let Ok(executed) = executed else { panic!("the command was refused") };
        self.progress.wait_for(executed.position.expect("something happened")).await.expect("projected");
    }

    /// Makes organisations, one after the other, and waits for nothing. The newest event's position.
    pub async fn make_organisations(&self, count: u32) -> Position {
        let mut newest = None;
        for number in 0..count {
            let name: OrganisationName = format!("acme-{number}").parse().expect("a name");
            let (id, create) = (OrganisationId::named(&name), organisation::Command::Create { name });
            let context = Context::of(Actor::CommandLine);
            let made = self.executor.execute::<Organisation>(id.0, create, &context).await;
            newest = made.expect("it is made").position;
        }
        newest.expect("something happened")
    }

    /// A token of the operator's, the only one that works from now on.
    pub async fn operator_token(&self) -> Token {
        let token = tokens::issue(TokenKind::Operator);
        self.renew(&token).await;
        token
    }

    /// Makes `token` the operator's only one.
    pub async fn renew(&self, token: &Token) {
        let renew = account::Command::RenewToken { token: TokenId(token.id()), secret_sha256: token.secret_sha256() };
        self.execute::<Account>(AccountId::operator().0, renew).await;
    }
}
