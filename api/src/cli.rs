//! The command line.

mod archived;
mod audit;
mod backup;
mod bundle;
mod diff;
mod lines;
mod log;
mod operator;
mod operator_token;
mod progress;
mod replica;
mod rootfs;
mod serve;
#[cfg(test)]
mod tests;
mod verify;

use std::{io::IsTerminal as _, net::SocketAddr, path::PathBuf, process::ExitCode};

use api_http::client_address::Network;
use clap::{Args, Parser, Subcommand, ValueEnum};
use event_log::event_store::BoxError;

use crate::settings::Settings;

/// Turns git tags into signed packages in private APT and YUM repositories.
#[derive(Debug, Parser)]
#[command(name = "pkgdeploy", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// Settings file (TOML); command-line options override it
    #[arg(long, global = true, env = "PKGDEPLOY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder: event log, blobs, secrets, read models, root filesystems [default: /var/lib/pkgdeploy]
    #[arg(long, global = true, env = "PKGDEPLOY_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// URL of the event log: sqlite:<path>, postgres://… or esdb://… [default: log.sqlite in the data folder]
    #[arg(long = "log", global = true, env = "PKGDEPLOY_LOG_URL", hide_env_values = true, value_name = "URL")]
    log_url: Option<String>,
    /// Format of log lines on standard error
    #[arg(long, global = true, env = "PKGDEPLOY_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    /// Text for people
    Text,
    /// One JSON object per line
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    ///
    /// The first start creates the signing key and prints the operator token, once. SIGTERM and Ctrl-C stop the server
    /// gracefully. Running releases continue at the next start.
    Serve {
        /// Address to listen on; port 0 chooses a free port [default: 127.0.0.1:8080]
        #[arg(long, env = "PKGDEPLOY_LISTEN", value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
        /// URL under which clients reach the server [default: http://<the address listened on>]
        #[arg(long, env = "PKGDEPLOY_PUBLIC_URL", value_name = "URL")]
        public_url: Option<String>,
        /// Network of a reverse proxy in front of the server, such as 10.0.0.0/8; may be repeated
        ///
        /// For requests from this network, the client's address is taken from `X-Forwarded-For` or `Forwarded`. These headers are
        /// ignored in requests from other addresses.
        #[arg(long, env = "PKGDEPLOY_TRUSTED_PROXIES", value_name = "NETWORK", value_delimiter = ',')]
        trusted_proxy: Vec<Network>,
    },
    /// Create a new operator token and revoke every older one (the server must be stopped)
    OperatorToken,
    /// Manage the server's operators and erase their personal data (the server must be stopped)
    ///
    /// While the server runs, use the GraphQL mutations instead: addOperator, renewOperatorToken, removeOperator, eraseOperator.
    #[command(subcommand)]
    Operator(operator::Command),
    /// Manage the root filesystems in which packages are built
    #[command(subcommand)]
    Rootfs(rootfs::Command),
    /// Write the event log to standard output, one line of JSON per event
    ///
    /// The server may be running. The number of events and the Merkle root of their lines are printed on standard error at the
    /// end.
    Export {
        /// Last position to write [default: the log's last]
        #[arg(long, value_name = "POSITION")]
        until: Option<u64>,
    },
    /// Import an event log from standard input, as written by `export` (the server must be stopped)
    ///
    /// The log in the data folder must be empty, or hold a beginning of these lines: repeat an interrupted import.
    /// Blobs and secrets are not in the lines.
    Import,
    /// Work with event logs in any store
    #[command(subcommand)]
    Log(log::Command),
    /// Back up everything that a server cannot rebuild, to a folder or a file (the server may be running)
    ///
    /// A backup contains the event log, every blob that it names, the sealed secrets and the usage of keys. If the folder contains
    /// an earlier backup of the same log, only what is new is added. A backup does not contain the settings, root filesystems or,
    /// unless you ask for it, the master key. Without the master key, a restored server can neither sign nor deliver keys.
    Backup(backup::Backup),
    /// Restore a backup into a data folder
    ///
    /// --data must name an empty folder, or none, or one with an interrupted restore: then it starts over. Every byte is
    /// checked on its way: the log by its Merkle root, blobs by their names. Start the server on it afterwards; it makes the
    /// rest.
    Restore(backup::Restore),
    /// Compare two versions of a repository: packages added, removed and changed
    ///
    /// A version is given as a time such as 20261126T100000Z, a project and tag such as hello@v1.2.3, a position in the log, a
    /// release's id, a snapshot's name, or newest. Reads the read models in the data folder; the server may be running.
    Diff(diff::Command),
    /// Create bundles, which transfer one organisation's repositories to a replica
    #[command(subcommand)]
    Bundle(bundle::Command),
    /// Serve a copy of one organisation's repositories, without secrets
    ///
    /// Packages, indexes and installers are the same as on the original server, byte for byte, and the same access keys work.
    /// Nothing can be changed on a replica. Its data comes in bundles, or from a server that it follows over the network. --data
    /// names the replica's folder, new or existing.
    Replica(replica::Command),
    /// Check the whole log and everything that its events name, without a private key
    ///
    /// Reads each event, renders every index again and compares it with the signed one, verifies each recorded signature with the
    /// certificate of its time, hashes every blob, and compares the read models with ones rebuilt from the log. The server may be
    /// running. Fails if anything differs, and names the first such event.
    Verify(verify::Command),
    /// Query the event log: what happened, who did it, why, and who had access when
    ///
    /// Reads the event log, the read models and the usage of keys; changes nothing. The server may be running: answers are as
    /// recent as its read models. Times are RFC 3339, or days in UTC.
    Audit(audit::Audit),
}

/// Runs the command of the arguments.
pub async fn run() -> ExitCode {
    let Cli { global, command } = Cli::parse();
    start_logging(global.log_format);
    let outcome = match global.settings() {
        Err(error) => Err(error.into()),
        Ok(settings) => match command {
            Command::Serve { listen, public_url, trusted_proxy } => {
                serve::run(settings, listen, public_url, trusted_proxy).await
            }
            Command::OperatorToken => operator_token::run(&settings).await,
            Command::Operator(command) => operator::run(command, &settings).await,
            Command::Rootfs(command) => rootfs::run(command, &settings).await,
            Command::Export { until } => lines::export(&settings, until).await,
            Command::Import => lines::import(&settings).await,
            Command::Log(command) => log::run(command).await,
            Command::Backup(command) => backup::back_up(command, &settings).await,
            Command::Restore(command) => backup::restore(command, &settings).await,
            Command::Diff(command) => diff::run(command, &settings).await,
            Command::Bundle(command) => bundle::run(command, &settings).await,
            Command::Replica(command) => replica::run(command, settings).await,
            Command::Verify(command) => verify::run(command, &settings).await,
            Command::Audit(command) => audit::run(command, &settings).await,
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let error: Box<dyn std::error::Error + Send + Sync> = error;
            complain(&*error)
        }
    }
}

/// What a command ends with: any error, in words for a person.
type Outcome = Result<(), BoxError>;

/// Prints the error that ends the program.
#[expect(clippy::print_stderr, reason = "a command's last words go to standard error, whatever the log format")]
pub fn complain(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    eprintln!("pkgdeploy: {}", domain::error_chain::ErrorChain(error));
    ExitCode::FAILURE
}

impl Global {
    /// The settings file, overridden by the command line.
    fn settings(&self) -> Result<Settings, crate::settings::SettingsError> {
        let mut settings = match &self.config {
            Some(file) => Settings::read(file)?,
            None => Settings::default(),
        };
        settings.data = self.data.clone().or(settings.data);
        // Parsed here and not by clap, whose error messages would repeat an invalid URL with its password.
        if let Some(url) = &self.log_url {
            settings.log.url = Some(url.parse()?);
        }
        Ok(settings)
    }
}

fn start_logging(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PKGDEPLOY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let colours = std::io::stderr().is_terminal();
    match format {
        LogFormat::Text => lines.with_ansi(colours).init(),
        LogFormat::Json => lines.with_ansi(false).json().flatten_event(true).init(),
    }
}
