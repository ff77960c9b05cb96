//! The settings: a TOML file, overridden by the command line and environment variables.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU64},
    path::{Path, PathBuf},
};

use api_http::client_address::Network;
use archive::data_folder::Locations;
use domain::size::Size;
use event_log::event_store::{InvalidLogUrl, LogUrl};
use serde::Deserialize;

/// The maximum size of a settings file.
const SETTINGS_MAX_BYTES: u64 = 256 * 1024;

/// The settings file. Every key is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The data folder: event log, blobs, secrets, read models, root filesystems.
    pub data: Option<PathBuf>,
    /// Where to listen: `127.0.0.1:8080`.
    pub listen: Option<SocketAddr>,
    /// The URL under which clients reach the server: `https://packages.example.org`.
    pub public_url: Option<String>,
    /// The proxies before the server, which may say where a request came from: `10.0.0.0/8`.
    #[serde(default)]
    pub trusted_proxies: Vec<Network>,
    /// The file with the 32-byte master key, which encrypts all secrets; `<data>/master.key` if unset. Best on another disk than the data.
    pub master_key_file: Option<PathBuf>,
    /// The event log.
    #[serde(default)]
    pub log: Log,
    /// Cloning of source code.
    #[serde(default)]
    pub source: Source,
    /// Requests to GitHub.
    #[serde(default)]
    pub github: Github,
    /// How packages are built.
    #[serde(default)]
    pub build: Build,
    /// How packages and indexes are signed.
    #[serde(default)]
    pub signing: Signing,
    /// The trusted issuer of CI jobs' identity tokens.
    #[serde(default)]
    pub oidc: Oidc,
    /// The server's self-check.
    #[serde(default)]
    pub verify: Verify,
}

/// `[log]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The URL of its store; a file in the data folder if unset.
    pub url: Option<LogUrl>,
}

/// `[verify]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// Seconds between two full checks; a day if unset, never if 0.
    pub every_seconds: Option<u64>,
}

/// `[signing]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signing {
    /// How many days a new signing key is valid; for ever if unset. Existing keys keep their expiry.
    pub key_valid_days: Option<NonZeroU16>,
}

/// `[oidc]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The OIDC issuer of CI jobs' identity tokens; GitHub Actions if unset.
    pub issuer: Option<String>,
    /// The proxy for requests to the issuer: `http://proxy:3128`.
    pub proxy: Option<String>,
}

/// `[source]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Whether projects may be cloned from local folders.
    #[serde(default)]
    pub allow_local: bool,
    /// The environment variables of git, which is otherwise empty: proxies, a CA file.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The known ssh servers besides github.com, as lines printed by `ssh-keyscan`.
    #[serde(default)]
    pub known_hosts: Vec<String>,
}

/// `[github]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Github {
    /// The proxy for requests to GitHub: `http://proxy:3128`.
    pub proxy: Option<String>,
    /// The time limit of one request, from the connection to the last byte.
    pub timeout_milliseconds: Option<NonZeroU64>,
    /// The wait after the first failure. It doubles with each further failure.
    pub retry_first_milliseconds: Option<NonZeroU64>,
    /// The longest wait.
    pub retry_max_milliseconds: Option<NonZeroU64>,
    /// How often each project's tags and webhooks are checked.
    pub reconcile_every_seconds: Option<NonZeroU64>,
}

/// `[build]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// How many releases are built at the same time, of all organisations; the number of processors if unset.
    pub parallel: Option<NonZeroU64>,
    /// What to do with a distribution that has no root filesystem.
    #[serde(default)]
    pub unmapped: Unmapped,
    /// Root filesystems by distribution, in addition to those created by `pkgdeploy rootfs create`.
    #[serde(default)]
    pub rootfs: BTreeMap<String, PathBuf>,
    /// Environment variables of builds: `PIP_INDEX_URL`, proxies. Never put a secret here: every build can read it.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Local files that builds may read, by their path in the build.
    #[serde(default)]
    pub readable: BTreeMap<PathBuf, PathBuf>,
    /// The time limit of one package, including all steps.
    pub time_limit_seconds: Option<NonZeroU64>,
    /// The memory limit of one process of a build.
    pub memory_limit_mib: Option<NonZeroU64>,
    /// The disk limit of one build.
    pub disk_limit_mib: Option<NonZeroU64>,
    /// The maximum number of processes of one build.
    pub processes_max: Option<NonZeroU64>,
}

/// `build.unmapped`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unmapped {
    /// Build on the host's root filesystem, read-only, and record that in the release.
    #[default]
    HostRoot,
    /// Fail the release.
    Refuse,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not valid. The message names the line.
    #[error("the settings file {} is not valid:\n{message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, the key and the expected value.
        message: String,
    },
    /// The log's URL on the command line or in the environment is not valid.
    #[error("the option --log, or the variable PKGDEPLOY_LOG_URL, is not valid")]
    Log(#[from] InvalidLogUrl),
}

impl Settings {
    /// Reads the settings file.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let unreadable = |source| SettingsError::Unreadable { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(unreadable)?.len() > SETTINGS_MAX_BYTES {
            let message = format!("it is larger than {}", Size(SETTINGS_MAX_BYTES));
            return Err(SettingsError::Invalid { path: path.to_owned(), message });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        toml::from_str(&text).map_err(|error| SettingsError::Invalid {
            path: path.to_owned(),
            message: without_passwords(&error.to_string()),
        })
    }

    /// The configured locations of the data.
    #[must_use]
    pub fn locations(&self) -> Locations {
        Locations { folder: self.data.clone(), master_key: self.master_key_file.clone(), log: self.log.url.clone() }
    }
}

/// Hides passwords in URLs: the error message quotes the line with the error.
fn without_passwords(message: &str) -> String {
    let mut parts = message.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let authority = part.find(['/', '"', '\'', '\n', ' ']).unwrap_or(part.len());
        let from = part[..authority].rfind('@').unwrap_or(0);
        let hidden = if from > 0 { "://…" } else { "://" };
        shown = shown + hidden + &part[from..];
    }
    shown
}
