//! Commands to change a release, and why they are refused.

use chrono::{DateTime, Utc};

use super::{BuiltPackage, Event, Origin, PlannedPackage, Progress, Release, Running, Step};
use crate::{digest::Sha256, fingerprint::Fingerprint, ids::RepositoryId, package::Package, project::CommitId};

/// Longest message of a failed release. More belongs in the build's log.
pub const MESSAGE_MAX_CHARS: usize = 4_000;

/// How often the build of one package is begun. A build that ends with the server each time would do so for ever.
pub(crate) const SETUPS_MAX: u32 = 3;

/// A command to move a release on.
#[derive(Debug, Clone)]
pub enum Command {
    /// Begin.
    Receive(Origin),
    /// Let it be built.
    GrantBuildSlot,
    /// Pin the commit.
    RecordCheckout {
        /// The full object name.
        commit: CommitId,
        /// The committer's time.
        committed_at: DateTime<Utc>,
    },
    /// Record what the config files promise.
    RecordConfig {
        /// One for each config file.
        packages: Vec<PlannedPackage>,
    },
    /// Record that a sandbox is ready.
    RecordSetup {
        /// The package's config file.
        config: String,
        /// A description of the system it is built on.
        root: String,
    },
    /// Record a package file that is in the blob store.
    RecordBuilt {
        /// The package's config file.
        config: String,
        /// The result.
        built: BuiltPackage,
    },
    /// Record the file that clients will get, which is in the blob store.
    RecordReady {
        /// The package's config file.
        config: String,
        /// The file and the facts in it.
        package: Box<Package>,
        /// The key that signed it; none for a deb.
        key_fingerprint: Option<Fingerprint>,
    },
    /// Record that the package is in a repository.
    RecordUploaded {
        /// The package's config file.
        config: String,
        /// The repository.
        repository: RepositoryId,
    },
    /// Record that every package can be installed.
    Finish,
    /// Give up.
    Fail {
        /// Where it stopped.
        step: Step,
        /// The stable code of the failure.
        code: String,
        /// What went wrong, for people; cut to [`MESSAGE_MAX_CHARS`].
        message: String,
        /// The build's log, in the blob store.
        log: Option<Sha256>,
    },
    /// Stop it.
    Cancel,
}

/// Why a release stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was never triggered.
    #[error("there is no such release")]
    Unknown,
    /// It was uploaded, failed or was cancelled before.
    #[error("this release has already ended")]
    Ended,
    /// A step was recorded before the one it needs.
    #[error("this release has not reached that step yet: {0}")]
    TooEarly(&'static str),
    /// The config file is not one of the release's.
    #[error("this release has no package of the config file {0}")]
    NoSuchPackage(String),
    /// Its packages are on their way into the repositories, where they stay.
    #[error("this release can no longer be stopped: its packages are being uploaded")]
    Uploading,
    /// No build of the package ended.
    #[error("the build of {0} was started {SETUPS_MAX} times and never ended")]
    TooManyAttempts(String),
}

pub(super) fn decide(release: &Release, command: Command) -> Result<Vec<Event>, Refusal> {
    match (release, command) {
        (Release::Unknown, Command::Receive(Origin { organisation, project, tag, version })) => {
            Ok(vec![Event::Received { organisation, project, tag, version }])
        }
        (_, Command::Receive(_)) => Ok(vec![]),
        (Release::Unknown, _) => Err(Refusal::Unknown),
        (Release::Uploaded, Command::Finish) | (Release::Cancelled, Command::Cancel) => Ok(vec![]),
        (Release::Uploaded | Release::Failed | Release::Cancelled, _) => Err(Refusal::Ended),
        (Release::Running(_), Command::Fail { step, code, message, log }) => {
            let message = message.chars().take(MESSAGE_MAX_CHARS).collect();
            Ok(vec![Event::Failed { step, code, message, log }])
        }
        (Release::Running(running), Command::Cancel) if running.is_uploading() => Err(Refusal::Uploading),
        (Release::Running(_), Command::Cancel) => Ok(vec![Event::Cancelled]),
        (Release::Running(running), command) => advance(running, command),
    }
}

fn advance(running: &Running, command: Command) -> Result<Vec<Event>, Refusal> {
    let already = |so: bool, event: Event| Ok(if so { vec![] } else { vec![event] });
    match command {
        Command::GrantBuildSlot => already(running.has_build_slot, Event::BuildSlotGranted),
        Command::RecordCheckout { .. } if !running.has_build_slot => Err(Refusal::TooEarly("it has no build slot")),
        Command::RecordCheckout { commit, committed_at } => {
            already(running.checkout.is_some(), Event::CodeCheckedOut { commit, committed_at })
        }
        Command::RecordConfig { .. } if running.checkout.is_none() => {
            Err(Refusal::TooEarly("its code is not checked out"))
        }
        Command::RecordConfig { packages } => already(running.packages.is_some(), Event::ConfigValidated { packages }),
        Command::RecordSetup { config, root } => {
            let progress = package(running, &config)?;
            if progress.built.is_none() && progress.setups >= SETUPS_MAX {
                return Err(Refusal::TooManyAttempts(config));
            }
            already(progress.built.is_some(), Event::BuildSetUp { config, root })
        }
        Command::RecordBuilt { config, built } => {
            let known = package(running, &config)?.built.is_some();
            already(known, Event::PackageBuilt { config, built })
        }
        Command::RecordReady { config, package: file, key_fingerprint } => {
            let progress = package(running, &config)?;
            if progress.built.is_none() {
                return Err(Refusal::TooEarly("the package is not built"));
            }
            let known = progress.ready.is_some();
            already(known, Event::PackageReady { config, package: *file, key_fingerprint })
        }
        Command::RecordUploaded { config, repository } => {
            let progress = package(running, &config)?;
            if progress.ready.is_none() {
                return Err(Refusal::TooEarly("the package is not ready"));
            }
            let known = progress.uploaded_to.contains(&repository);
            already(known, Event::PackageUploaded { config, repository })
        }
        Command::Finish => {
            let packages = running.packages.iter().flat_map(|packages| packages.values());
            let mut uploaded = packages.map(|progress| !progress.uploaded_to.is_empty()).peekable();
            if uploaded.peek().is_none() || !uploaded.all(|uploaded| uploaded) {
                return Err(Refusal::TooEarly("a package is in no repository"));
            }
            Ok(vec![Event::Uploaded])
        }
        Command::Receive(_) | Command::Fail { .. } | Command::Cancel => Ok(vec![]),
    }
}

fn package<'a>(running: &'a Running, config: &str) -> Result<&'a Progress, Refusal> {
    let packages = running.packages.as_ref().ok_or(Refusal::TooEarly("its configs are not validated"))?;
    packages.get(config).ok_or_else(|| Refusal::NoSuchPackage(config.to_owned()))
}
