//! An open data folder, for tests of the features that stand on it. No worker runs but the projections.

mod publishing;

use std::{ops::Deref, sync::Arc};

use api_http::{auth::Authenticator, client_address::TrustedProxies, tokens};
use chrono::Utc;
use commands::signing_keys::Making;
use domain::{
    account::{self, Account},
    ids::{AccountId, OrganisationId, ReleaseId, TokenId},
    names::OrganisationName,
    organisation::{self, Organisation},
    recorded::{Actor, Position},
    token::{Token, TokenKind},
};
use event_log::{
    event_store::sqlite::SqliteEventStore,
    execute::{Clock, Context, Recordable},
};
use signing::Algorithm;
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::CoreSettings;

/// A release that tests tell of.
pub const RELEASE: ReleaseId = ReleaseId(Uuid::from_u128(5));

/// An open data folder.
pub struct Core {
    core: crate::Core,
    _runner: AbortOnDropHandle<()>,
    pub folder: TempDir,
}

impl Deref for Core {
    type Target = crate::Core;

    fn deref(&self) -> &crate::Core {
        &self.core
    }
}

impl Core {
    pub async fn open() -> Self {
        Self::open_at(Utc::now).await
    }

    /// With that clock.
    pub async fn open_at(clock: Clock) -> Self {
        let folder = TempDir::new().expect("a folder");
        let store = SqliteEventStore::open(&folder.path().join("log.sqlite")).await.expect("a log");
        let making = Making { algorithm: Algorithm::Ed25519Legacy, user_id: "pages".into(), valid_for: None };
        let settings = CoreSettings::below(folder.path(), making, "pages.example");
        let (core, runner) = crate::Core::open(Arc::new(store), clock, settings).await.expect("a core");
        let runner = AbortOnDropHandle::new(tokio::spawn(async move { drop(runner.run().await) }));
        Self { core, _runner: runner, folder }
    }

    /// Trusts no proxy.
    pub fn authenticator(&self) -> Authenticator {
        self.core.authenticator(TrustedProxies::default())
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
