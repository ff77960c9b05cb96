//! `pkgdeploy operator-token`.

use api_http::tokens;
use archive::data_folder::DataFolder;
use chrono::Utc;
use domain::{
    account::{Account, Command},
    ids::{AccountId, TokenId},
    recorded::Actor,
    token::TokenKind,
};
use event_log::{
    event_store,
    execute::{Context, Executor},
};

use super::Outcome;
use crate::settings::Settings;

pub(super) async fn run(settings: &Settings) -> Outcome {
    let data = DataFolder::existing(&settings.locations())?;
    // Opening it for writing would create a missing log, in which a token is useless.
    event_store::open_read_only(data.log()).await?.close().await;
    let store = event_store::open(data.log()).await?;
    let executor = Executor::new(store.clone(), Utc::now);
    let token = tokens::issue(TokenKind::Operator);
    let renew = Command::RenewToken { token: TokenId(token.id()), secret_sha256: token.secret_sha256() };
    executor.execute::<Account>(AccountId::operator().0, renew, &Context::of(Actor::CommandLine)).await?;
    say(&token.text());
    store.close().await;
    Ok(())
}

/// The token is shown on standard output, once; it is never logged.
#[expect(clippy::print_stdout, reason = "this is the command's answer")]
pub(super) fn say(token: &str) {
    println!("operator token: {token}");
}
