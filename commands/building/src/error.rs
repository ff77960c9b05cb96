//! Why a package could not be built, as texts and codes for the author of the release.

use std::{fmt, io, path::PathBuf};

use domain::size::{Limit, Size};

/// The release step in which a build failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The root filesystem, `build.requires`, `build.user`, the checkout in its place.
    SetupBuild,
    /// `build.commands`, `install.copy` and `install.commands`.
    Building,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SetupBuild => "Setup build",
            Self::Building => "Building",
        })
    }
}

/// A build that failed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// This machine cannot isolate builds, so it does not build.
    #[error("this server does not build packages, because it cannot isolate builds: {reason}")]
    SandboxUnavailable {
        /// What is missing.
        reason: String,
    },
    /// No root filesystem has the distribution's name, and the operator refuses to do without.
    #[error("this server has no root filesystem for the distribution \"{distribution}\": {known}")]
    UnmappedDistribution {
        /// As the config names it.
        distribution: String,
        /// The names there are.
        known: String,
    },
    /// A package of `build.requires` could not be installed.
    #[error("cannot install the packages of build.requires ({exit}){log}")]
    RequiresFailed {
        /// How the package manager ended.
        exit: Exit,
        /// Its last words.
        log: LastLines,
    },
    /// `build.directory`, `build.user` or `build.group` cannot be used.
    #[error("cannot set up the build: {reason}{log}")]
    SetupFailed {
        /// What is wrong.
        reason: String,
        /// The last words of the log, where they help.
        log: LastLines,
    },
    /// A command failed.
    #[error("{section} failed ({exit}){log}")]
    CommandFailed {
        /// `build.commands` or `install.commands`.
        section: &'static str,
        /// How the shell ended.
        exit: Exit,
        /// The last words of the log.
        log: LastLines,
    },
    /// A `- file:` command names a file that cannot be read.
    #[error("cannot read the command file \"{file}\": {reason}")]
    CommandFileUnreadable {
        /// As the config names it.
        file: String,
        /// Why.
        reason: String,
    },
    /// The build took too long and was killed.
    #[error("the step \"{step}\" took longer than the {seconds} s that a build may take")]
    Timeout {
        /// Where it was.
        step: Step,
        /// The limit.
        seconds: u64,
    },
    /// The build wrote more than it may.
    #[error("the step \"{step}\" filled the disk of the build, which holds {}{log}", Size(*.limit_bytes))]
    DiskFull {
        /// Where it was.
        step: Step,
        /// The limit.
        limit_bytes: u64,
        /// The last words of the log.
        log: LastLines,
    },
    /// `install.copy` names something that the build did not make.
    #[error("install.copy: the build made no \"{source_path}\", which is to be copied to {destination}")]
    OutputMissing {
        /// As the config names it.
        source_path: String,
        /// Where it was to go.
        destination: String,
    },
    /// The built tree holds something that a package cannot.
    #[error("cannot put {path} into the package: {reason}")]
    OutputRefused {
        /// In the build or in the package.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The package would hold too much.
    #[error("the package is too large: {what} is over the limit of {limit}")]
    OutputTooLarge {
        /// What was counted.
        what: &'static str,
        /// How much there may be.
        limit: Limit,
    },
    /// The server's own disk or programs failed.
    #[error("the server failed in the step \"{step}\": cannot {action} {}", path.display())]
    Machine {
        /// Where it was.
        step: Step,
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// How it failed.
        source: io::Error,
    },
}

impl BuildError {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::SandboxUnavailable { .. } => "sandbox_unavailable",
            Self::UnmappedDistribution { .. } => "unmapped_distribution",
            Self::RequiresFailed { .. } => "requires_failed",
            Self::SetupFailed { .. } => "setup_failed",
            Self::CommandFailed { .. } => "command_failed",
            Self::CommandFileUnreadable { .. } => "command_file_unreadable",
            Self::Timeout { .. } => "timeout",
            Self::DiskFull { .. } => "disk_full",
            Self::OutputMissing { .. } => "output_missing",
            Self::OutputRefused { .. } => "output_refused",
            Self::OutputTooLarge { .. } => "output_too_large",
            Self::Machine { .. } => "machine",
        }
    }

    /// The release step it belongs to.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Self::SandboxUnavailable { .. }
            | Self::UnmappedDistribution { .. }
            | Self::RequiresFailed { .. }
            | Self::SetupFailed { .. } => Step::SetupBuild,
            Self::CommandFailed { .. }
            | Self::CommandFileUnreadable { .. }
            | Self::OutputMissing { .. }
            | Self::OutputRefused { .. }
            | Self::OutputTooLarge { .. } => Step::Building,
            Self::Timeout { step, .. } | Self::DiskFull { step, .. } | Self::Machine { step, .. } => *step,
        }
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Its exit status; 128 and the signal's number if a signal ended it.
    pub status: i32,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            137 => f.write_str("killed, perhaps for want of memory"),
            status @ 129..=192 => write!(f, "killed by signal {}", status - 128),
            status => write!(f, "exit status {status}"),
        }
    }
}

/// The end of a build's log; empty if it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastLines(pub String);

impl fmt::Display for LastLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "; the log ends:\n{}", self.0)
    }
}
