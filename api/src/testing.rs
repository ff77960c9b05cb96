//! The parts of a server that every test of a feature stands on: a log, what is projected from it, and what signs it. No worker
//! runs but the projections.

use std::sync::Arc;

use chrono::Utc;
use commands::{
    blobs::Blobs,
    event_store::{EventStore, sqlite::SqliteEventStore},
    execute::{Clock, Context, Executor, Recordable},
    log_signer::LogSigner,
    personal::Persons,
    secrets::Secrets,
    signing::Algorithm,
    signing_keys::{Making, SigningKeys},
};
use domain::{
    account::{self, Account},
    ids::{AccountId, OrganisationId, ReleaseId, TokenId},
    names::OrganisationName,
    organisation::{self, Organisation},
    recorded::{Actor, Position},
    token::{Token, TokenKind},
};
use projections::{
    board::{BOARD, Board, board},
    credentials::{Credentials, credentials},
    history::HistoryProjector,
    index::{REPOSITORIES, Repositories, repositories},
    read_models::ReadModels,
    runner::{Progress, Runner},
    transparency::{Transparency, transparency},
};
use sqlx::SqlitePool;
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::{
    auth::Authenticator,
    http::client_address::TrustedProxies,
    mint,
    run_command::CommandRunner,
    wiring::{IndexBlobs, LogFeed, ProjectedTrees},
};

/// A release that tests tell of.
pub(crate) const RELEASE: ReleaseId = ReleaseId(Uuid::from_u128(5));

/// An open data folder.
pub(crate) struct Core {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) executor: Arc<Executor>,
    pub(crate) blobs: Blobs,
    pub(crate) readers: SqlitePool,
    pub(crate) credentials: Credentials,
    pub(crate) board: Board,
    pub(crate) transparency: Transparency,
    pub(crate) repositories: Repositories,
    pub(crate) progress: Progress,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) persons: Persons,
    pub(crate) signing_keys: SigningKeys,
    pub(crate) log_signer: LogSigner,
    pub(crate) clock: Clock,
    _runner: AbortOnDropHandle<()>,
    pub(crate) folder: TempDir,
}

impl Core {
    pub(crate) async fn open() -> Self {
        Self::open_at(Utc::now).await
    }

    /// With that clock.
    pub(crate) async fn open_at(clock: Clock) -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let store: Arc<dyn EventStore> = Arc::new(SqliteEventStore::open(&path("log.sqlite")).await.expect("a log"));
        let blobs = Blobs::local(path("blobs")).expect("blobs");
        let ReadModels { writer, readers } = ReadModels::open(path("read_models.sqlite")).await.expect("read models");
        let (credentials, credentials_projector) = credentials(readers.clone());
        let (board, board_projector) = board(readers.clone());
        let (transparency, transparency_projector) = transparency(readers.clone());
        let (repositories, projector) = repositories(readers.clone(), Arc::new(IndexBlobs(blobs.clone())));
        let (runner, progress) = Runner::open(
            writer,
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
        let executor = Arc::new(Executor::new(store.clone(), clock));
        let secrets = Arc::new(Secrets::open(&path("secrets"), &path("master.key")).expect("a secret store"));
        let making = Making { algorithm: Algorithm::Ed25519Legacy, user_id: "pages".into(), valid_for: None };
        let signing_keys = SigningKeys::open(executor.clone(), secrets.clone(), making).await.expect("signing keys");
        let trees = Arc::new(ProjectedTrees(transparency.clone()));
        let log_signer = LogSigner::open(&executor, &secrets, "pages.example", trees, path("signed_logs"));
        Self {
            log_signer: log_signer.await.expect("a signer"),
            persons: Persons::new(secrets.clone()),
            store,
            executor,
            blobs,
            readers,
            credentials,
            board,
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

    pub(crate) fn authenticator(&self) -> Authenticator {
        Authenticator {
            credentials: self.credentials.clone(),
            persons: self.persons.clone(),
            trusted_proxies: TrustedProxies::default(),
            clock: self.clock,
        }
    }

    pub(crate) fn commands(&self) -> CommandRunner {
        CommandRunner {
            executor: self.executor.clone(),
            progress: self.progress.clone(),
            dashboards: &[BOARD, REPOSITORIES],
        }
    }

    /// Runs a command and waits until every read model shows what it did.
    pub(crate) async fn execute<A: Recordable>(&self, id: Uuid, command: A::Command) {
        let executed = self.executor.execute::<A>(id, command, &Context::of(Actor::CommandLine)).await;
        let Ok(executed) = executed else { panic!("the command was refused") };
        self.progress.wait_for(executed.position.expect("something happened")).await.expect("projected");
    }

    /// Makes organisations, one after the other, and waits for nothing. The newest event's position.
    pub(crate) async fn make_organisations(&self, count: u32) -> Position {
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
    pub(crate) async fn operator_token(&self) -> Token {
        let token = mint::token(TokenKind::Operator);
        self.renew(&token).await;
        token
    }

    /// Makes `token` the operator's only one.
    pub(crate) async fn renew(&self, token: &Token) {
        let renew = account::Command::RenewToken { token: TokenId(token.id()), secret_sha256: token.secret_sha256() };
        self.execute::<Account>(AccountId::operator().0, renew).await;
    }
}
