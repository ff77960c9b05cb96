//! One PostgreSQL server.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::home::{Home, run};

/// Another program may take the port between the choice and the start.
const STARTS_MAX: usize = 5;

/// A server of its own on a port of the loopback, with `fsync` on. Gone when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    /// Starts one.
    ///
    /// # Panics
    /// If there is no PostgreSQL, or it does not start.
    #[must_use]
    pub fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let home = Home::get();
        let folder = home.folder.join(NUMBER.fetch_add(1, Ordering::Relaxed).to_string());
        run(home.account.command("cp").arg("-a").arg(&home.template).arg(&folder));
        for _ in 0..STARTS_MAX {
            let port = free_port();
            let cluster = Self { folder: folder.clone(), port };
            cluster.configure();
            if cluster.try_start() {
                return cluster;
            }
        }
        panic!("PostgreSQL does not start:\n{}", fs::read_to_string(folder.join("log")).unwrap_or_default());
    }

    fn configure(&self) {
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nmax_connections = 60\n\
             shared_buffers = 16MB\nfsync = on\nsynchronous_commit = on\n",
            self.port
        );
        fs::write(self.folder.join("postgresql.auto.conf"), settings).expect("the settings are written");
    }

    fn try_start(&self) -> bool {
        let mut start = Home::get().program("pg_ctl");
        start.arg("--pgdata").arg(&self.folder).arg("--log").arg(self.folder.join("log")).args(["--wait", "start"]);
        // The server keeps what it is given open for as long as it runs.
        start.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("pg_ctl starts").success()
    }

    /// The address of a database of it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs `sql` in `database`, behind everybody's back; what it answers, a row a line.
    ///
    /// # Panics
    /// If it fails.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let mut psql = Home::get().program("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        run(psql.args(["--dbname", &self.url(database), "--command", sql]))
    }

    /// Ends every connection to `database`, as a network does.
    pub fn disconnect_all(&self, database: &str) {
        let ended =
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = ";
        self.sql("postgres", &format!("{ended}'{database}'"));
    }

    /// Stops it as a power cut would: nothing is finished, nothing flushed.
    pub fn crash(&self) {
        let mut stop = Home::get().program("pg_ctl");
        run(stop.arg("--pgdata").arg(&self.folder).args(["--mode=immediate", "--wait", "stop"]));
    }

    /// Starts it again after [`Self::crash`].
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&self) {
        assert!(self.try_start(), "PostgreSQL starts again");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = Home::get().program("pg_ctl");
        // A crashed one is not running any more.
        let _stopped = stop.arg("--pgdata").arg(&self.folder).args(["--mode=immediate", "--wait", "stop"]).output();
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> u16 {
    let probe = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    probe.local_addr().expect("its number").port()
}
