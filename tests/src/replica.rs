//! A `pkgdeploy replica --follow`, beside the server that it follows.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Answer, MadeRepository, Server,
    server::{binary, free_port, read_lines},
};

/// How long something that happens by itself may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);
/// How often a story looks whether it has happened.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A replica that follows one organisation of a server.
#[derive(Debug)]
pub struct FollowingReplica {
    folder: TempDir,
    server: String,
    organisation: String,
    port: u16,
    child: Option<Child>,
}

impl FollowingReplica {
    /// A replica in an empty folder, which does not run yet.
    #[must_use]
    pub fn of(server: &Server, organisation: &str, feed_token: &str) -> Self {
        let folder = TempDir::with_prefix("pkgdeploy-follows-").expect("a temporary folder");
        fs::write(folder.path().join("token"), format!("{feed_token}\n")).expect("the token is written");
        Self { folder, server: server.url(), organisation: organisation.to_owned(), port: free_port(), child: None }
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The file of its feed token.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// What it logged so far, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("replica.log")).unwrap_or_default()
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(["replica", "--follow", &self.server, "--organisation", &self.organisation])
            .args(["--listen", &format!("127.0.0.1:{}", self.port), "--token-file"])
            .arg(self.token_file())
            .arg("--data")
            .arg(self.data())
            .args(more)
            .stdin(Stdio::null());
        command
    }

    /// Starts it with further arguments, and waits until it listens.
    ///
    /// # Panics
    /// If it does not.
    pub fn start(&mut self, more: &[&str]) {
        let log = File::options().append(true).create(true).open(self.folder.path().join("replica.log"));
        let mut command = self.command(more);
        let started = command.stdout(Stdio::piped()).stderr(log.expect("its log opens")).spawn();
        let mut child = started.expect("pkgdeploy starts");
        let lines = read_lines(child.stdout.take().expect("its output is piped"));
        self.child = Some(child);
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) if line.starts_with("listening on ") => return,
                Ok(_) => {}
                Err(_) => panic!("the replica did not say `listening on`; its log:\n{}", self.log()),
            }
        }
    }

    /// Runs it where it is to fail.
    ///
    /// # Panics
    /// If it does not end.
    #[must_use]
    pub fn fails(&self, more: &[&str]) -> Output {
        self.command(more).output().expect("pkgdeploy starts")
    }

    /// Ends it as systemd does, by SIGTERM, and answers how it ended.
    ///
    /// # Panics
    /// If it does not run, or does not end.
    pub fn stop(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the replica runs");
        let sent = Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
        assert!(sent.success());
        child.wait().expect("the replica has ended")
    }

    /// What `/readyz` says, with its status.
    pub async fn readiness(&self) -> (u16, Value) {
        let http = Client::builder().no_proxy().build().expect("an HTTP client");
        let answer = Answer::to(http.get(format!("{}/readyz", self.url()))).await;
        (answer.status.as_u16(), answer.json())
    }

    /// Returns when `/readyz` says what is wanted.
    ///
    /// # Panics
    /// If it never does.
    pub async fn until(&self, what: &str, wanted: impl Fn(u16, &Value) -> bool) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let (status, body) = self.readiness().await;
            if wanted(status, &body) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: {status} {body:#}\n{}", self.log());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Returns when it shows so many entries of the organisation's log.
    ///
    /// # Panics
    /// If it never does.
    pub async fn until_it_shows(&self, entries: u64) {
        let shows = |status, body: &Value| status == 200 && body["feed"]["entries"].as_u64() >= Some(entries);
        self.until(&format!("{entries} entries are shown"), shows).await;
    }

    /// The repository, as this replica serves it.
    #[must_use]
    pub fn repository(&self, of: &MadeRepository) -> MadeRepository {
        let here = |text: &str| text.replace(&self.server, &self.url());
        MadeRepository { url: here(&of.url), install: here(&of.install), ..of.clone() }
    }

    /// Whether a file of that name lies in its folder.
    #[must_use]
    pub fn has(&self, file: impl AsRef<Path>) -> bool {
        self.data().join(file).exists()
    }
}

impl Drop for FollowingReplica {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
