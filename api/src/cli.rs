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
    /// Settings file (TOML); the options given here come before it
    #[arg(long, global = true, env = "PKGDEPLOY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder that holds everything: log, blobs, secrets, read models, root filesystems [default: /var/lib/pkgdeploy]
    #[arg(long, global = true, env = "PKGDEPLOY_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the event log is: sqlite:<path>, postgres://… or esdb://… [default: log.sqlite in the data folder]
    #[arg(long = "log", global = true, env = "PKGDEPLOY_LOG_URL", hide_env_values = true, value_name = "URL")]
    log_url: Option<String>,
    /// How log lines look on standard error
    #[arg(long, global = true, env = "PKGDEPLOY_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    ///
    /// The first start makes the signing key and prints the operator token, once. SIGTERM and Ctrl-C end it
    /// gracefully: running releases go on at the next start.
    Serve {
        /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
        #[arg(long, env = "PKGDEPLOY_LISTEN", value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
        /// Address under which clients reach the server [default: http://<the address listened on>]
        #[arg(long, env = "PKGDEPLOY_PUBLIC_URL", value_name = "URL")]
        public_url: Option<String>,
        /// Network of a proxy before the server, such as 10.0.0.0/8; may be given again
        ///
        /// Requests from there come from where `X-Forwarded-For` or `Forwarded` says. From anywhere else these headers are not
        /// looked at.
        #[arg(long, env = "PKGDEPLOY_TRUSTED_PROXIES", value_name = "NETWORK", value_delimiter = ',')]
        trusted_proxy: Vec<Network>,
    },
    /// Make a new operator token and end every older one (the server must be stopped)
    OperatorToken,
    /// Manage the persons who operate the server; what is known of them can be erased (the server must be stopped)
    ///
    /// While the server runs, GraphQL does the same: addOperator, renewOperatorToken, removeOperator, eraseOperator.
    #[command(subcommand)]
    Operator(operator::Command),
    /// Manage the root filesystems that packages are built on
    #[command(subcommand)]
    Rootfs(rootfs::Command),
    /// Write the event log to standard output, a line of JSON an event
    ///
    /// The server may be running. The last words, on standard error, are the number of events and the Merkle root of their
    /// lines.
    Export {
        /// Last position that is written [default: the log's last]
        #[arg(long, value_name = "POSITION")]
        until: Option<u64>,
    },
    /// Bring an event log in from standard input, as `export` wrote it (the server must be stopped)
    ///
    /// The log in the data folder must be empty, or hold a beginning of these lines: repeat an interrupted import.
    /// Blobs and secrets are not in the lines.
    Import,
    /// Work with event logs, wherever they are
    #[command(subcommand)]
    Log(log::Command),
    /// Copy everything that a server cannot make again, to a folder or a file (the server may be running)
    ///
    /// The event log up to now, every blob that it names, the sealed secrets, and who used which key. A folder that holds an
    /// earlier backup of the same log gets what is new. Not in a backup: the settings, root filesystems, and the master key,
    /// unless you ask for it. Without the master key a restored server can neither sign nor hand over a key.
    Backup(backup::Backup),
    /// Make a data folder of a backup
    ///
    /// --data must name an empty folder, or none, or one with an interrupted restore: then it starts over. Every byte is
    /// checked on its way: the log by its Merkle root, blobs by their names. Start the server on it afterwards; it makes the
    /// rest.
    Restore(backup::Restore),
    /// Tell what became of a repository from one point to another: packages added, removed and changed
    ///
    /// A point is a time such as 20261126T100000Z, a project and its tag such as hello@v1.2.3, a position of the log, a release's
    /// id, a snapshot's name, or newest. Answered from the read models in the data folder; the server may be running.
    Diff(diff::Command),
    /// Make bundles, which carry one organisation's repositories to a replica
    #[command(subcommand)]
    Bundle(bundle::Command),
    /// Serve one organisation's repositories from a folder without secrets
    ///
    /// Packages, indexes and installers are answered byte for byte as by the server that they are of, and the same access keys
    /// open them. Nothing can be changed there. They come in bundles, or from a server that is followed over the network. --data is
    /// the replica's own folder, new or with what came before.
    Replica(replica::Command),
    /// Check the whole log and everything that its events name, without a private key
    ///
    /// Reads each event, renders every index ever signed again and compares it with what was signed, verifies each recorded
    /// signature with the certificate of its time, hashes every blob, and compares the read models with those that the log
    /// gives. The server may be running. Names the first event that is not as it was recorded, and fails then.
    Verify(verify::Command),
    /// Ask the log: what happened, who wanted it, because of what, and who could do what when
    ///
    /// Reads the event log, what the server projected from it, and its counts of uses; changes nothing. The server may be
    /// running: answers are as new as its read models. Times are RFC 3339, or days in UTC.
    Audit(audit::Audit),
}

/// Runs the command that the arguments name.
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

/// Says why the program ends, to a person.
#[expect(clippy::print_stderr, reason = "a command's last words go to standard error, whatever the log format")]
pub fn complain(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    eprintln!("pkgdeploy: {}", domain::error_chain::ErrorChain(error));
    ExitCode::FAILURE
}

impl Global {
    /// The settings file, with this command line laid over it.
    fn settings(&self) -> Result<Settings, crate::settings::SettingsError> {
        let mut settings = match &self.config {
            Some(file) => Settings::read(file)?,
            None => Settings::default(),
        };
        settings.data = self.data.clone().or(settings.data);
        // Read here and not by clap, which would repeat a URL that it refuses, password and all.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
