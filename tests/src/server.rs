//! A `pkgdeploy serve` of its own for every story: its own port, data folder and log.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{OnceLock, mpsc},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{EventLog, Team};

/// First start makes an RSA-4096 key, in an unoptimised build, beside other stories that do the same.
const START_LIMIT: Duration = Duration::from_secs(180);

/// The operator's decisions that differ between stories.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    /// Keys before the tables of the configuration file.
    pub keys: String,
    /// Lines of the `[build]` table of the configuration file.
    pub build: String,
    /// Other tables of the configuration file.
    pub tables: String,
    /// Further lines of its `[source]` table.
    pub source: String,
    /// The address that its texts name, if it is not [`Server::url`].
    pub public_url: Option<String>,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    data: PathBuf,
    port: u16,
    public_url: Option<String>,
    operator_token: String,
    child: Option<Child>,
}

impl Server {
    /// Starts a server on an empty data folder.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&StartOptions::default())
    }

    /// Starts a server on an empty data folder, configured so.
    #[must_use]
    pub fn start_with(options: &StartOptions) -> Self {
        let mut server = Self::new(options);
        server.operator_token = server.spawn().expect("the first start prints the operator token");
        server
    }

    /// Starts a server on a data folder of another server.
    #[must_use]
    pub fn start_on(data: &Path, options: &StartOptions) -> Self {
        let mut server = Self::new(options);
        server.data = data.to_owned();
        assert_eq!(server.spawn(), None, "only the first start prints an operator token");
        server
    }

    fn new(options: &StartOptions) -> Self {
        let folder = TempDir::with_prefix("pkgdeploy-story-").expect("a temporary folder");
        let StartOptions { keys, build, tables, source, public_url } = options;
        let config = format!("{keys}\n[source]\nallow_local = true\n{source}\n[build]\n{build}\n\n{tables}");
        fs::write(folder.path().join("pkgdeploy.toml"), config).expect("the configuration file is written");
        let data = folder.path().join("data");
        let public_url = public_url.clone();
        Self { folder, data, port: free_port(), public_url, operator_token: String::new(), child: None }
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The folder of the log, the read models, the blobs and the secrets.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// What it logged so far, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// The server's events, read behind its back.
    pub async fn event_log(&self) -> EventLog {
        EventLog::open(&self.data().join("log.sqlite")).await
    }

    /// The operator, at this server.
    #[must_use]
    pub fn operator(&self) -> Team {
        Team::new(self.url(), self.operator_token.clone())
    }

    /// Another operator, at this server.
    #[must_use]
    pub fn team(&self, token: &str) -> Team {
        Team::new(self.url(), token.to_owned())
    }

    /// The process id.
    ///
    /// # Panics
    /// If the server does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    /// The program, to run another command of it on the same data folder.
    #[must_use]
    pub fn program(&self) -> Command {
        let mut command = Command::new(binary());
        command.arg("--data").arg(self.data());
        command
    }

    /// Runs another command of the program on the same data folder, beside the server if it runs.
    ///
    /// # Panics
    /// If the program does not start.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> std::process::Output {
        self.program().args(arguments).stdin(Stdio::null()).output().expect("pkgdeploy starts")
    }

    /// The log is at `url` from the next start on.
    pub fn move_log(&self, url: &str) {
        let file = self.folder.path().join("pkgdeploy.toml");
        let config = fs::read_to_string(&file).expect("there is a configuration file");
        let others = config.split("\n[log]\n").next().unwrap_or_default();
        fs::write(file, format!("{others}\n[log]\nurl = \"{url}\"\n")).expect("the configuration file is written");
    }

    /// Ends it as a power cut would: SIGKILL, nothing is flushed or said.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the server is killed");
            child.wait().expect("the server has ended");
        }
    }

    /// Ends it as systemd does, by SIGTERM, and waits until it has written everything.
    ///
    /// # Panics
    /// If it does not run, or does not end well.
    pub fn stop(&mut self) {
        let mut child = self.child.take().expect("the server runs");
        let sent = Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
        assert!(sent.success() && child.wait().expect("the server has ended").success(), "{}", self.log());
    }

    /// Starts it again on the same data folder and port.
    pub fn restart(&mut self) {
        self.kill();
        let token = self.spawn();
        assert_eq!(token, None, "only the first start prints an operator token");
    }

    /// Kills it, and starts it again on another data folder.
    pub fn restart_on(&mut self, data: &Path) {
        self.data = data.to_owned();
        self.restart();
    }

    /// Kills it, and starts a replica of it on another data folder at the same address.
    pub fn replace_by_replica(&mut self, bundle: &Path, data: &Path) {
        self.kill();
        self.data = data.to_owned();
        let bundle = bundle.to_str().expect("temporary folders have plain names");
        assert_eq!(self.spawn_as(&["replica", "--bundle", bundle]), None, "a replica has no operator");
    }

    fn spawn(&mut self) -> Option<String> {
        self.spawn_as(&["serve"])
    }

    /// Starts the process and waits until it is ready. Returns the operator token, if it printed one.
    fn spawn_as(&mut self, command: &[&str]) -> Option<String> {
        let log = self.folder.path().join("server.log");
        let log = File::options().append(true).create(true).open(log).expect("the server's log opens");
        let public_url = self.public_url.clone().unwrap_or_else(|| self.url());
        let mut child = Command::new(binary())
            .args(command)
            .args(["--listen", &format!("127.0.0.1:{}", self.port), "--public-url", &public_url])
            .arg("--data")
            .arg(self.data())
            .arg("--config")
            .arg(self.folder.path().join("pkgdeploy.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("pkgdeploy starts");
        let lines = read_lines(child.stdout.take().expect("its output is piped"));
        self.child = Some(child);

        let deadline = Instant::now() + START_LIMIT;
        let mut token = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = lines.recv_timeout(left) else {
                panic!("pkgdeploy did not say `listening on`; its log:\n{}", self.log());
            };
            if let Some(found) = line.strip_prefix("operator token: ") {
                token = Some(found.trim().to_owned());
            }
            if line.starts_with("listening on ") {
                break;
            }
        }
        while !self.is_ready() {
            assert!(Instant::now() < deadline, "pkgdeploy does not become ready; its log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        // The token comes before the server listens; a line after that would be lost with the reader.
        token.or_else(|| {
            lines.try_iter().find_map(|line| Some(line.strip_prefix("operator token: ")?.trim().to_owned()))
        })
    }

    /// Asks `/readyz` with nothing but a socket: this runs inside and outside of async code.
    fn is_ready(&self) -> bool {
        use std::io::{Read as _, Write as _};
        let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let limit = Some(Duration::from_secs(5));
        if stream.set_read_timeout(limit).is_err() {
            return false;
        }
        let request = format!("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", self.port);
        let mut answer = String::new();
        stream.write_all(request.as_bytes()).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn read_lines(output: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // The test may have read enough; the pipe must still be emptied.
            let _ = sender.send(line);
        }
    });
    lines
}

/// A free port. Another program could take it before the server does; stories then fail with an error.
pub(crate) fn free_port() -> u16 {
    let probe = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    probe.local_addr().expect("its number").port()
}

/// The separate verifier, built beside the program.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn verifier() -> PathBuf {
    let verifier = binary().with_file_name("pkgdeploy-verify");
    assert!(verifier.is_file(), "there is no {}: build all programs of the workspace", verifier.display());
    verifier
}

/// Runs a command of the program on a data folder.
///
/// # Panics
/// If the program does not start.
#[must_use]
pub fn program(arguments: &[&str], data: &Path) -> std::process::Output {
    let mut command = Command::new(binary());
    command.args(arguments).arg("--data").arg(data).stdin(Stdio::null());
    command.output().expect("pkgdeploy starts")
}

/// The binary under test: `PKGDEPLOY_BIN`, or what cargo builds of the present sources beside this test.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(given) = std::env::var_os("PKGDEPLOY_BIN") {
            return given.into();
        }
        let build = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--workspace", "--all-features", "--bins"])
            .status();
        assert!(build.expect("cargo runs").success(), "pkgdeploy does not compile");
        let this = std::env::current_exe().expect("the test's own path");
        let profile = this.parent().and_then(Path::parent).expect("tests lie in <target>/<profile>/deps");
        profile.join("pkgdeploy")
    })
}
