//! `GET /audit/export`: events that fit, as the canonical lines of the log, or as an auditor sees them.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use commands::causes::Causes;
use domain::{canonical, recorded::Position};
use futures::stream;
use projections::history::{Page, Wanted};
use serde::Deserialize;

use super::{AuditError, Auditor, Question};
use crate::{app::App, auth::Operator, http::problem::Problem};

/// Events that are read at a time.
const EXPORTED_AT_ONCE: usize = 1_000;

/// The filters, as they stand in an address; lists have commas.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportQuery {
    about: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    kind: String,
    organisation: Option<String>,
    actor: Option<String>,
    from: Option<String>,
    until: Option<String>,
    after: Option<u64>,
    /// Not the lines of the log, in which names and addresses are sealed, but what can be read of them.
    #[serde(default)]
    opened: bool,
}

/// What a line of an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The line whose hash is in the transparency log.
    Canonical,
    /// An [`Entry`], with names and addresses of persons.
    Opened,
}

/// `GET /audit/export?…`. It streams, and has no time-out.
pub fn routes() -> Router<App> {
    Router::new().route("/audit/export", get(export))
}

async fn export(
    State(app): State<App>,
    _operator: Operator,
    query: Result<Query<ExportQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::BadRequest(error.body_text()))?;
    let list = |text: &str| text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let question = Question {
        about: query.about,
        names: list(&query.name),
        kinds: list(&query.kind),
        organisation: query.organisation,
        actor: query.actor,
        from: query.from,
        until: query.until,
    };
    let refused = |error| match error {
        AuditError::Invalid(error) => Problem::BadRequest(error.to_string()),
        AuditError::Unknown(_) => Problem::NotFound(error.to_string()),
        error => Problem::internal("read the event log")(error.into()),
    };
    let auditor = app.auditor_now().await.map_err(refused)?;
    let wanted = auditor.wanted(&question).await.map_err(refused)?;
    let form = if query.opened { Form::Opened } else { Form::Canonical };
    let lines = auditor.clone().lines(wanted, query.after.map(Position), form);
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    Ok(([(header::CONTENT_TYPE, ndjson)], Body::from_stream(lines)).into_response())
}

impl Auditor {
    /// The lines of what fits, oldest first, some at a time. An error ends them early.
    pub(crate) fn lines(
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
                    tracing::error!(error = %Causes(error), "an export of events breaks off");
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
