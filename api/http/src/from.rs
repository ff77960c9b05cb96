//! Maps errors of the log and the read models to problems. Every error is listed explicitly.

use event_log::{
    event_store::{AppendError, ReadError},
    execute::LogError,
};

use super::problem::Problem;

/// The time to retry when the log did not answer.
const LOG_RETRY_SECONDS: u32 = 5;

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Read(error) => error.into(),
            LogError::Append(error) => error.into(),
            LogError::Decode { .. } => Self::Internal { action: "read the event log", source: error.into() },
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable { .. } => log_unavailable(error),
            ReadError::Damaged { .. } => Self::Internal { action: "read the event log", source: error.into() },
        }
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Unavailable { .. } => log_unavailable(error),
            AppendError::Conflict { .. } => {
                Self::Unavailable { what: "too many concurrent changes of the same object", retry_after_seconds: 1 }
            }
            AppendError::TooLarge { .. } => Self::Unprocessable { code: "too_large", detail: error.to_string() },
            AppendError::IdReused { .. } | AppendError::Empty => {
                Self::Internal { action: "record the change", source: error.into() }
            }
        }
    }
}

fn log_unavailable(error: impl std::error::Error + 'static) -> Problem {
    tracing::error!(error = %domain::error_chain::ErrorChain(&error), "the event log does not answer");
    Problem::Unavailable { what: "the event log does not answer", retry_after_seconds: LOG_RETRY_SECONDS }
}

/// The read models are a local file, so a failed read is an internal error.
impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal { action: "read the read models", source: error.into() }
    }
}
