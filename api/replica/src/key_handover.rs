//! Key handover on a replica, which cannot issue keys: clients keep their current key.

use api_http::problem::Problem;
use chrono::Utc;
use domain::{
    ids::{AccessKeyId, RepositoryId},
    keyring::KeyKind,
    names::MachineName,
    token::Token,
};
use futures::future::BoxFuture;
use projections::credentials::{Credentials, Standing};
use serving::installers::HandsOver;

/// Returns every key to its holder unchanged.
pub struct KeptCredentials(pub Credentials);

impl HandsOver for KeptCredentials {
    fn next<'a>(
        &'a self,
        repository: RepositoryId,
        key: &'a Token,
        _: Option<MachineName>,
    ) -> BoxFuture<'a, Result<Token, Problem>> {
        Box::pin(async move {
            let pass = self.0.pass(repository, AccessKeyId(key.id()), &key.secret_sha256(), Utc::now());
            let pass = pass.ok_or(Problem::NeedsAccessKey)?;
            match (pass.kind, pass.standing) {
                (KeyKind::Enrolment, _) | (_, Standing::Older) => Err(Problem::Conflict {
                    code: "read_only_replica",
                    detail: "this server is a replica and cannot issue keys: ask the server that it replicates"
                        .to_owned(),
                }),
                (KeyKind::Shared | KeyKind::Machine, Standing::Current | Standing::NeverUsed) => Ok(key.clone()),
            }
        })
    }
}
