//! `/install/{organisation}/{repository}/credentials`: returns the credentials that the holder of a key must use from now on.
//!
//! GET is supported as well as POST, although it may issue a key: a minimal Debian has only apt's own downloader, which reads the
//! credentials from `auth.conf` and cannot send POST. See decision 0016.

#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use api_http::problem::Problem;
use axum::{
    body::Body,
    http::{HeaderValue, Method, Response, header, request::Parts},
    response::IntoResponse as _,
};
use commands::rolls::{HandedOver, HandoverError, Rolls};
use domain::{
    ids::{AccessKeyId, RepositoryId},
    keyring::Refusal,
    names::MachineName,
    recorded::Actor,
    token::{Token, id_text},
};
use event_log::execute::Context;
use futures::future::BoxFuture;
use moka::sync::Cache;
use projections::{credentials::CREDENTIALS, runner::Progress};
use url::form_urlencoded;
use uuid::Uuid;

use crate::repositories::{Authorized, Authorizer};

/// How many requests one key may send in [`RATE_WINDOW`]. A fleet of this size enrols in a minute; a machine asks once a day.
pub(crate) const HAND_OVERS_MAX: u32 = 600;
/// See [`HAND_OVERS_MAX`].
const RATE_WINDOW: Duration = Duration::from_secs(60);
/// How many keys are counted. Beyond that, the least active are forgotten.
const RATED_KEYS_MAX: u64 = 100_000;
/// The maximum length of a query: `machine=` and a name with every character escaped.
const QUERY_MAX_BYTES: usize = 256;

/// Hands over credentials.
pub trait HandsOver: Send + Sync {
    /// The key that the holder of the valid key `key` must use from now on.
    fn next<'a>(
        &'a self,
        repository: RepositoryId,
        key: &'a Token,
        machine: Option<MachineName>,
    ) -> BoxFuture<'a, Result<Token, Problem>>;
}

/// Delivers the new keys of rolls once they are valid.
pub struct RolledCredentials {
    /// Issues and decrypts keys.
    pub rolls: Rolls,
    /// The progress of the read models, from which keys are accepted.
    pub progress: Progress,
}

impl HandsOver for RolledCredentials {
    fn next<'a>(
        &'a self,
        repository: RepositoryId,
        key: &'a Token,
        machine: Option<MachineName>,
    ) -> BoxFuture<'a, Result<Token, Problem>> {
        Box::pin(async move {
            let id = AccessKeyId(key.id());
            let context = Context::of(Actor::AccessKey { key: id });
            match self.rolls.hand_over(repository, id, machine, &context).await.map_err(problem)? {
                HandedOver::Same => Ok(key.clone()),
                HandedOver::Other(token, position) => {
                    if let Some(position) = position {
                        let shown = self.progress.wait_for_projector(CREDENTIALS, position).await;
                        shown.map_err(|error| {
                            Problem::internal("make the new access key work, which is recorded")(error.into())
                        })?;
                    }
                    Ok(token)
                }
            }
        })
    }
}

fn problem(error: HandoverError) -> Problem {
    match error {
        HandoverError::Ended => Problem::NeedsAccessKey,
        HandoverError::NoMachine => Problem::Unprocessable { code: "machine_missing", detail: error.to_string() },
        HandoverError::Refused(refusal) => refused(&refusal),
        HandoverError::Log(error) => error.into(),
        HandoverError::Secrets(_) => Problem::internal("hand over the access key")(error.into()),
    }
}

fn refused(refusal: &Refusal) -> Problem {
    let code = match refusal {
        Refusal::MachineNameTaken(_) => "machine_name_taken",
        Refusal::UsedUp => "enrolment_used_up",
        Refusal::TooMany => "too_many_keys",
        Refusal::Unknown | Refusal::NotEnrolling | Refusal::NotRenewable => return Problem::NeedsAccessKey,
        Refusal::NameTaken(_)
        | Refusal::TooManyNamed
        | Refusal::AlreadyExpired
        | Refusal::EnrolsOutOfRange
        | Refusal::KeysChanged
        | Refusal::WindowOpen(_)
        | Refusal::NoWindow
        | Refusal::WindowOutOfRange
        | Refusal::InstallerSuperseded => "refused",
    };
    Problem::Conflict { code, detail: refusal.to_string() }
}

/// The handler. Cheap to clone.
#[derive(Clone)]
pub struct CredentialsAddress {
    authorizer: Authorizer,
    hands_over: Arc<dyn HandsOver>,
    asked: Cache<Uuid, Arc<AtomicU32>>,
}

impl CredentialsAddress {
    /// Responds with the keys of `hands_over`.
    #[must_use]
    pub fn new(authorizer: Authorizer, hands_over: Arc<dyn HandsOver>) -> Self {
        let asked = Cache::builder().max_capacity(RATED_KEYS_MAX).time_to_live(RATE_WINDOW).build();
        Self { authorizer, hands_over, asked }
    }

    /// Responds to a request for this repository's credentials. The request's body is not read.
    ///
    /// # Errors
    /// `NeedsAccessKey` without a valid key; 405, 409, 422 and 429 as `docs/reference/http.md` says.
    pub async fn answer(
        &self,
        organisation: &str,
        repository: &str,
        request: &Parts,
    ) -> Result<Response<Body>, Problem> {
        if !matches!(request.method, Method::GET | Method::POST) {
            return Err(Problem::MethodNotAllowed);
        }
        let Authorized { repository, key, .. } =
            self.authorizer.authorize(organisation, repository, &request.headers)?;
        self.count(key.id())?;
        let machine = machine(request.uri.query().unwrap_or_default())?;
        let next = self.hands_over.next(repository.id, &key, machine).await?;
        let text = format!("login {}\npassword {}\n", id_text(next.id()), next.text());
        let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        let never_kept = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(([content_type, never_kept], text).into_response())
    }

    fn count(&self, key: Uuid) -> Result<(), Problem> {
        let asked = self.asked.get_with(key, Arc::default);
        if asked.fetch_add(1, Ordering::Relaxed) < HAND_OVERS_MAX {
            return Ok(());
        }
        Err(Problem::TooManyRequests { retry_after_seconds: u32::try_from(RATE_WINDOW.as_secs()).unwrap_or(u32::MAX) })
    }
}

/// Parses `machine=<name>`, given at most once. Other parameters are ignored.
fn machine(query: &str) -> Result<Option<MachineName>, Problem> {
    if query.len() > QUERY_MAX_BYTES {
        return Err(Problem::BadRequest(format!("the URL's query is longer than {QUERY_MAX_BYTES} bytes")));
    }
    let mut names = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "machine");
    let Some((_, name)) = names.next() else { return Ok(None) };
    if names.next().is_some() {
        return Err(Problem::BadRequest("the parameter machine is given twice: expected it once".to_owned()));
    }
    let name = name.parse::<MachineName>();
    name.map(Some).map_err(|error| Problem::Unprocessable { code: "machine_invalid", detail: error.to_string() })
}
