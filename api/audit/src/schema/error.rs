//! What a refused command looks like in GraphQL: the rule's own words, and a code that programs compare.

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

/// A name or id that breaks its grammar.
#[must_use]
pub fn invalid(error: impl std::error::Error) -> Error {
    with_code("invalid", error)
}

/// There is no such thing.
#[must_use]
pub fn not_found(what: impl std::fmt::Display) -> Error {
    with_code("not_found", format!("there is no {what}"))
}

/// The rules said no, or the log is away.
#[must_use]
pub fn refused<R: std::error::Error + 'static>(error: ExecuteError<R>) -> Error {
    match error {
        ExecuteError::Refused(refusal) => with_code("refused", refusal),
        ExecuteError::Log(error) => log_failed(error),
    }
}

/// The log did not do its part: `unavailable` if it does not answer, as over HTTP, where that is no fault of ours either.
#[must_use]
pub fn log_failed(error: impl Into<Problem>) -> Error {
    match error.into() {
        Problem::Internal { source, .. } => internal(source.as_ref()),
        problem => with_code(problem.code(), &problem),
    }
}

/// A fault of the server: logged in full, answered in short.
#[must_use]
pub fn internal(error: &(dyn std::error::Error + 'static)) -> Error {
    tracing::error!(error = %ErrorChain(error), "cannot answer a GraphQL request");
    with_code("internal", "the server could not do that; its log says why")
}

/// Why an auditor's question has no answer.
#[must_use]
pub fn unanswered(error: AuditError) -> Error {
    match error {
        AuditError::Unknown(what) => not_found(what),
        AuditError::Invalid(error) => invalid(error),
        AuditError::Log(error) => log_failed(error),
        AuditError::Rows(_) | AuditError::NotProjected(_) => internal(&error),
    }
}
