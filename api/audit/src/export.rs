//! `GET /audit/export`: matching events, as canonical lines of the log, or with names and addresses of persons.

#[cfg(test)]
mod tests;

use api_http::{
    auth::{Authenticator, Operator},
    problem::Problem,
    query::Parameters,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{FromRef, FromRequestParts, State},
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponse as _, Response},
    routing::get,
};
use domain::{canonical, error_chain::ErrorChain, recorded::Position};
use futures::stream;
use projections::audit_index::{Page, Wanted};

use super::{AuditError, Auditor, Question};

/// How many events are read at a time.
const EXPORTED_AT_ONCE: usize = 1_000;

/// The query parameters.
const PARAMETERS: [&str; 9] = ["about", "name", "kind", "organisation", "actor", "from", "until", "after", "opened"];

/// The filters in a query string. Lists are separated by commas.
struct ExportQuery {
    question: Question,
    after: Option<Position>,
    form: Form,
}

impl<S: Sync> FromRequestParts<S> for ExportQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let given = Parameters::of(parts.uri.query(), &PARAMETERS)?;
        let text = |name| given.text(name).map(str::to_owned);
        let words = |name| given.text(name).into_iter().flat_map(|text| text.split(','));
        let list = |name| words(name).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let question = Question {
            about: text("about"),
            names: list("name"),
            kinds: list("kind"),
            organisation: text("organisation"),
            actor: text("actor"),
            from: text("from"),
            until: text("until"),
        };
        let form = if given.truth("opened")? { Form::Opened } else { Form::Canonical };
        Ok(Self { question, after: given.number("after")?.map(Position), form })
    }
}

/// The format of an export's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The canonical line whose hash is in the transparency log.
    Canonical,
    /// An [`Entry`], with names and addresses of persons.
    Opened,
}

/// The state of the handler.
#[derive(Clone, FromRef)]
pub struct ExportState {
    /// Authenticates operators.
    pub authenticator: Authenticator,
    /// Finds the events.
    pub auditor: Auditor,
}

/// `GET /audit/export?…`. The response is streamed, without a time-out.
pub fn routes(state: ExportState) -> Router {
    Router::new().route("/audit/export", get(export)).with_state(state)
}

async fn export(
    State(auditor): State<Auditor>,
    _operator: Operator,
    ExportQuery { question, after, form }: ExportQuery,
) -> Result<Response, Problem> {
    let refused = |error| match error {
        AuditError::Invalid(error) => Problem::BadRequest(error.to_string()),
        AuditError::Unknown(_) => Problem::NotFound(error.to_string()),
        error => Problem::internal("read the event log")(error.into()),
    };
    let auditor = auditor.up_to_date().await.map_err(refused)?;
    let wanted = auditor.wanted(&question).await.map_err(refused)?;
    let lines = auditor.clone().lines(wanted, after, form);
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    Ok(([(header::CONTENT_TYPE, ndjson)], Body::from_stream(lines)).into_response())
}

impl Auditor {
    /// Streams the lines of matching events, oldest first. An error ends the stream early.
    fn lines(
        self,
        wanted: Wanted,
        after: Option<Position>,
        form: Form,
    ) -> impl futures::Stream<Item = Result<Bytes, AuditError>> + Send {
        stream::try_unfold(Some(after), move |state| {
            let (auditor, wanted) = (self.clone(), wanted.clone());
            async move {
                let Some(after) = state else { return Ok(None) };
                let page = Page { after, newest_first: false, limit: EXPORTED_AT_ONCE };
                let found = auditor.some(&wanted, page).await.inspect_err(|error| {
                    tracing::error!(error = %ErrorChain(error), "an export of events failed");
                })?;
                let Some(last) = found.last() else { return Ok(None) };
                let next = Some(last.position);
                let lines: String = match form {
                    Form::Canonical => found.iter().map(|recorded| canonical::line(recorded) + "\n").collect(),
                    Form::Opened => auditor.entries(&found).await?.iter().map(|entry| entry.line() + "\n").collect(),
                };
                Ok(Some((Bytes::from(lines), Some(next))))
            }
        })
    }
}
