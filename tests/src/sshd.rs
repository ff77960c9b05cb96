//! A real `sshd` on a loopback port, with its own host key, that serves one git repository to the keys it is given.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A machine under load starts no sshd faster.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A running sshd. It ends when it is dropped.
#[derive(Debug)]
pub struct Sshd {
    folder: TempDir,
    repository: PathBuf,
    port: u16,
    child: Child,
}

impl Sshd {
    /// Serves the git repository in `repository`, to no key yet.
    #[must_use]
    pub fn start(repository: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("sshd-").tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let mut keygen = Command::new("ssh-keygen");
        let made = keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path("host_key")).status();
        assert!(made.expect("ssh-keygen runs").success(), "there is no host key");
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("it").port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\n",
            path("host_key").display(),
            path("authorized_keys").display()
        );
        fs::write(path("config"), config).expect("written");
        fs::create_dir_all("/run/sshd").expect("sshd's own folder, for its privilege separation");
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(path("config"))
            .stderr(fs::File::create(path("log")).expect("a log"))
            .stdin(Stdio::null())
            .spawn()
            .expect("openssh-server is installed");
        let sshd = Self { folder, repository: repository.to_owned(), port, child };
        let deadline = Instant::now() + START_LIMIT;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "sshd does not listen: {}", sshd.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        sshd
    }

    /// Lets the holder of `public_key` do what GitHub lets a read-only deploy key do, and refuses all others.
    pub fn allow_only(&self, public_key: &str) {
        let allowed = format!("command=\"git-upload-pack {}\",restrict {public_key}\n", self.repository.display());
        let path = self.folder.path().join("authorized_keys");
        fs::write(&path, allowed).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("closed");
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The repository's address.
    #[must_use]
    pub fn url(&self) -> String {
        let me = Command::new("id").arg("-un").output().expect("id runs").stdout;
        let me = String::from_utf8(me).expect("a name");
        format!("ssh://{}@127.0.0.1:{}{}", me.trim(), self.port, self.repository.display())
    }

    /// The line of a `known_hosts` file that pins it.
    #[must_use]
    pub fn known_host(&self) -> String {
        self.known_host_with(&self.folder.path().join("host_key.pub"))
    }

    /// A line that pins another server at its address.
    #[must_use]
    pub fn known_host_with(&self, public_key: &Path) -> String {
        let key = fs::read_to_string(public_key).expect("a public key");
        let key: Vec<&str> = key.split_whitespace().take(2).collect();
        format!("[127.0.0.1]:{} {}", self.port, key.join(" "))
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_gone = self.child.wait();
    }
}
