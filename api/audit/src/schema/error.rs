//! Errors in GraphQL: a message for people, and a stable code for programs.

use api_http::problem::Problem;
use async_graphql::{Error, ErrorExtensions as _};
use domain::error_chain::ErrorChain;
use event_log::execute::ExecuteError;

use crate::AuditError;

/// An error with a stable `code` in its extensions.
#[must_use]
pub fn with_code(code: &'static str, message: impl std::fmt::Display) -> Error {
    Error::new(message.to_string()).extend_with(|_, extensions| extensions.set("code", code))
}

/// A name or id that is not valid.
#[must_use]
pub fn invalid(error: impl std::error::Error) -> Error {
    with_code("invalid", error)
}

/// The subject does not exist.
#[must_use]
pub fn not_found(what: impl std::fmt::Display) -> Error {
    with_code("not_found", format!("there is no {what}"))
}

/// The command was refused, or the event log failed.
#[must_use]
pub fn refused<R: std::error::Error + 'static>(error: ExecuteError<R>) -> Error {
    match error {
        ExecuteError::Refused(refusal) => with_code("refused", refusal),
        ExecuteError::Log(error) => log_failed(error),
    }
}

/// The event log failed. The code is `unavailable` if the log does not answer, as over HTTP.
#[must_use]
pub fn log_failed(error: impl Into<Problem>) -> Error {
    match error.into() {
        Problem::Internal { source, .. } => internal(source.as_ref()),
        problem => with_code(problem.code(), &problem),
    }
}

/// An internal error: logged in full, and reported to the client without details.
#[must_use]
pub fn internal(error: &(dyn std::error::Error + 'static)) -> Error {
    tracing::error!(error = %ErrorChain(error), "cannot answer a GraphQL request");
    with_code("internal", "the server failed to answer this request: its log says why")
}

/// Why an auditor's question cannot be answered.
#[must_use]
pub fn unanswered(error: AuditError) -> Error {
    match error {
        AuditError::Unknown(what) => not_found(what),
        AuditError::Invalid(error) => invalid(error),
        AuditError::Log(error) => log_failed(error),
        AuditError::Rows(_) | AuditError::NotProjected(_) => internal(&error),
    }
}
