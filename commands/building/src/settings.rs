//! The operator's settings for builds.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use super::RootFilesystems;

/// The settings of a [`super::Builder`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where jobs have their folders, on a disk with room for [`Limits::disk_bytes`] a job. It belongs to
    /// one builder alone: what is found there at start is removed.
    pub jobs: PathBuf,
    /// What builds are made on.
    pub roots: RootFilesystems,
    /// Folders of this machine that no build may see, the server's data folder first.
    pub hidden: Vec<PathBuf>,
    /// Added to the environment of every build: see [`mirror_environment`].
    pub environment: BTreeMap<String, String>,
    /// Files and folders of this machine that builds may read, by their path in the build: a `pip.conf`, a CA.
    pub readable: BTreeMap<PathBuf, PathBuf>,
    /// What one build may use.
    pub limits: Limits,
}

/// What one build may use.
///
/// Memory, processes and open files are limits of the kernel's `setrlimit`, so memory counts for each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the first package of `build.requires` to the last of `install.commands`.
    pub wall_time: Duration,
    /// Private writable memory of each process (`RLIMIT_DATA`; `RLIMIT_AS` would also count the address space
    /// that Go, Java and node reserve and never touch).
    pub memory_bytes: u64,
    /// Processes and threads of the build user.
    pub processes: u64,
    /// Open files of each process.
    pub open_files: u64,
    /// The longest file.
    pub file_bytes: u64,
    /// Everything the build writes, packages of `build.requires` included.
    pub disk_bytes: u64,
    /// Largest build log; more is dropped.
    pub log_bytes: u64,
    /// Files, links and folders of a package.
    pub output_entries: u64,
    /// Sum of the lengths of a package's files.
    pub output_bytes: u64,
}

impl Limits {
    /// One hour.
    pub(crate) const WALL_TIME: Duration = Duration::from_hours(1);
    /// 4 GiB a process.
    pub(crate) const MEMORY_BYTES: u64 = 4 << 30;
    /// Enough for `make -j64`.
    pub(crate) const PROCESSES: u64 = 1024;
    /// Linkers and node open thousands.
    pub(crate) const OPEN_FILES: u64 = 16 * 1024;
    /// 4 GiB.
    pub(crate) const FILE_BYTES: u64 = 4 << 30;
    /// 20 GiB.
    pub(crate) const DISK_BYTES: u64 = 20 << 30;
    /// 16 MiB.
    pub(crate) const LOG_BYTES: u64 = 16 << 20;
    /// A large virtualenv holds 50 thousand.
    pub(crate) const OUTPUT_ENTRIES: u64 = 200_000;
    /// 4 GiB.
    pub(crate) const OUTPUT_BYTES: u64 = 4 << 30;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_time: Self::WALL_TIME,
            memory_bytes: Self::MEMORY_BYTES,
            processes: Self::PROCESSES,
            open_files: Self::OPEN_FILES,
            file_bytes: Self::FILE_BYTES,
            disk_bytes: Self::DISK_BYTES,
            log_bytes: Self::LOG_BYTES,
            output_entries: Self::OUTPUT_ENTRIES,
            output_bytes: Self::OUTPUT_BYTES,
        }
    }
}

/// The variables that configure mirrors, proxies and certificates for package managers.
const MIRROR_VARIABLES: [&str; 17] = [
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_CERT",
    "GOPROXY",
    "npm_config_registry",
];

/// Those of the server's own variables that tell package managers of mirrors, for [`Settings::environment`].
///
/// Every build can read them: an operator whose proxy needs a password must not pass them on.
#[must_use]
pub fn mirror_environment(own: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
    own.into_iter().filter(|(name, _)| MIRROR_VARIABLES.contains(&name.as_str())).collect()
}
