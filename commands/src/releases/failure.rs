//! Why a release stops before its end.

#[cfg(test)]
mod tests;

use building::BuildError;
use domain::{
    digest::Sha256,
    error_chain::ErrorChain,
    release::{Refusal, Step},
};
use event_log::execute::{ExecuteError, LogError};
use formats::packaging::WritePackageError;
use stores::{blobs::BlobError, blocking};

use crate::packages::FinishError;

/// A release stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// For good, and this is what its owner reads.
    Failed(Failure),
    /// For now: the log did not answer. The release goes on when it does.
    Interrupted(LogError),
    /// It has ended already, in another way.
    Ended,
}

/// What the owner of a failed release reads.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) step: Step,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) log: Option<Sha256>,
}

impl Stop {
    pub(super) fn failed(step: Step, code: &'static str, message: impl Into<String>) -> Self {
        Self::Failed(Failure { step, code, message: message.into(), log: None })
    }

    /// The server itself could not do its part in `step`.
    pub(super) fn machine(step: Step, cause: &(dyn std::error::Error + 'static)) -> Self {
        Self::failed(step, "machine", ErrorChain(cause).to_string())
    }

    /// The same, with the build's log.
    pub(super) fn with_log(self, digest: Option<Sha256>) -> Self {
        match self {
            Self::Failed(failure) => Self::Failed(Failure { log: digest, ..failure }),
            other => other,
        }
    }
}

/// Runs what would hold up other tasks on a thread of its own. If it panics, the release fails in `step`.
pub(super) async fn blocking<T: Send + 'static>(
    step: Step,
    work: impl FnOnce() -> Result<T, Stop> + Send + 'static,
) -> Result<T, Stop> {
    blocking::blocking(work).await.map_err(|error| Stop::machine(step, &error))?
}

impl From<LogError> for Stop {
    fn from(error: LogError) -> Self {
        Self::Interrupted(error)
    }
}

/// A release that has ended was cancelled, or brought to its end by another node. Any other refusal would be repeated
/// for ever: the release fails.
impl From<ExecuteError<Refusal>> for Stop {
    fn from(error: ExecuteError<Refusal>) -> Self {
        match error {
            ExecuteError::Refused(Refusal::Ended | Refusal::Unknown) => Self::Ended,
            ExecuteError::Refused(refusal @ Refusal::TooManyAttempts(_)) => {
                Self::failed(Step::SetupBuild, "too_many_attempts", refusal.to_string())
            }
            ExecuteError::Refused(
                refusal @ (Refusal::TooEarly(_) | Refusal::NoSuchPackage(_) | Refusal::Uploading),
            ) => Self::failed(Step::Building, "out_of_order", refusal.to_string()),
            ExecuteError::Log(error) => Self::Interrupted(error),
        }
    }
}

impl From<BuildError> for Stop {
    fn from(error: BuildError) -> Self {
        let step = match error.step() {
            building::Step::SetupBuild => Step::SetupBuild,
            building::Step::Building => Step::Building,
        };
        Self::failed(step, error.code(), ErrorChain(&error).to_string())
    }
}

impl From<WritePackageError> for Stop {
    fn from(error: WritePackageError) -> Self {
        Self::failed(Step::Building, "package_refused", ErrorChain(&error).to_string())
    }
}

impl From<FinishError> for Stop {
    fn from(error: FinishError) -> Self {
        let code = match &error {
            FinishError::Read(_) => "package_unreadable",
            FinishError::Sign(_) => "signing_failed",
            FinishError::BrokeOff(_) => "machine",
        };
        Self::failed(Step::Building, code, ErrorChain(&error).to_string())
    }
}

impl From<BlobError> for Stop {
    fn from(error: BlobError) -> Self {
        Self::machine(Step::Building, &error)
    }
}
