//! Maps errors of the log and the read models to problems. Every error is listed explicitly.

use event_log::{
    event_store::{AppendError, ReadError},
    execute::LogError,
};

use super::problem::Problem;

/// The time to retry when the log did not answer.
const LOG_RETRY_SECONDS: u32 = 5;
const NOT_RECORDED: &str = "the event log cannot be written now: this change was not recorded, try again later";
const MAY_BE_RECORDED: &str =
    "the event log did not confirm this change: it may have been recorded, so check before you repeat it";

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
            ReadError::Unavailable { .. } => {
                log_unavailable(error, "the event log cannot be read now: try again later")
            }
            ReadError::Damaged { .. } => Self::Internal { action: "read the event log", source: error.into() },
        }
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Unavailable { ambiguous: true, .. } => log_unavailable(error, MAY_BE_RECORDED),
            AppendError::Unavailable { ambiguous: false, .. } => log_unavailable(error, NOT_RECORDED),
            AppendError::Conflict { .. } => Self::Unavailable {
                what: "others are changing the same thing at the same time: nothing was changed, try again",
                retry_after_seconds: 1,
            },
            AppendError::TooLarge { .. } => Self::Unprocessable { code: "too_large", detail: error.to_string() },
            AppendError::IdReused { .. } | AppendError::Empty => {
                Self::Internal { action: "record the change", source: error.into() }
            }
        }
    }
}

fn log_unavailable(error: impl std::error::Error + 'static, what: &'static str) -> Problem {
    tracing::error!(error = %domain::error_chain::ErrorChain(&error), "{what}");
    Problem::Unavailable { what, retry_after_seconds: LOG_RETRY_SECONDS }
}

/// The read models are a local file, so a failed read is an internal error.
impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal { action: "read the read models (tables built from the event log)", source: error.into() }
    }
}
