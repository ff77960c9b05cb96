//! A real `sshd` on a loopback port, with a host key and a user's keys of its own, and the fetches that it lets through.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use domain::{names::TagName, project::GitUrl};
use tempfile::TempDir;

use super::{DeployKey, Git, KnownHosts};

/// A machine under load starts no sshd faster.
const START_LIMIT: Duration = Duration::from_secs(30);

struct Sshd {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Sshd {
    /// Serves one repository with the tag v1.0.0 to whoever holds `public_key`, for reading.
    fn start(public_key: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("sshd-").tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        run(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &path("host_key").display().to_string()]);
        let script = format!(
            "set -eu; cd {}; git init --quiet shop; cd shop; echo hello >file; git add file; \
             git -c user.name=a -c user.email=a@b commit --quiet --message=x; git tag v1.0.0",
            folder.path().display()
        );
        run(&["sh", "-c", &script]);
        // What the key may do is what GitHub lets a read-only deploy key do.
        let allowed = format!("command=\"git-upload-pack {}\",restrict {public_key}\n", path("shop").display());
        fs::write(path("authorized_keys"), allowed).expect("written");
        fs::set_permissions(path("authorized_keys"), fs::Permissions::from_mode(0o600)).expect("closed");
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("it").port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\n",
            path("host_key").display(),
            path("authorized_keys").display()
        );
        fs::write(path("config"), config).expect("written");
        fs::create_dir_all("/run/sshd").expect("sshd's own folder, by its privilege separation");
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(path("config"))
            .stderr(fs::File::create(path("log")).expect("a log"))
            .stdin(Stdio::null())
            .spawn()
            .expect("openssh-server is installed");
        let sshd = Self { folder, port, child };
        let deadline = Instant::now() + START_LIMIT;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "sshd does not listen: {}", sshd.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        sshd
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn url(&self) -> GitUrl {
        let me = Command::new("id").arg("-un").output().expect("id runs").stdout;
        let me = String::from_utf8(me).expect("a name");
        let url = format!("ssh://{}@127.0.0.1:{}{}/shop", me.trim(), self.port, self.folder.path().display());
        GitUrl::parse(&url, false).expect("an address")
    }

    /// A git that knows this server, or another one at the same address.
    fn git(&self, host_key: &Path) -> Git {
        let key = fs::read_to_string(host_key).expect("a public key");
        let key: Vec<&str> = key.split_whitespace().take(2).collect();
        let line = format!("[127.0.0.1]:{} {}", self.port, key.join(" "));
        let scratch = Some(self.folder.path().join("scratch"));
        fs::create_dir_all(self.folder.path().join("scratch")).expect("a folder");
        Git { known_hosts: KnownHosts::new(&[line]).expect("a line"), scratch, ..Git::default() }
    }

    fn host_key(&self) -> PathBuf {
        self.folder.path().join("host_key.pub")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_gone = self.child.wait();
    }
}

fn run(command: &[&str]) {
    let ran = Command::new(command[0]).args(&command[1..]).env("GIT_CONFIG_GLOBAL", "/dev/null").output();
    let ran = ran.expect("it runs");
    assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

fn tag() -> TagName {
    "v1.0.0".parse().expect("a tag")
}

#[tokio::test]
async fn code_is_fetched_with_a_deploy_key_that_lies_nowhere_afterwards() {
    let (key, public) = DeployKey::generate().expect("a key");
    let sshd = Sshd::start(&public);
    let git = sshd.git(&sshd.host_key());
    let into = sshd.folder.path().join("checkout");
    git.checkout(&sshd.url(), &tag(), None, Some(&key), &into).await.unwrap_or_else(|e| panic!("{e}\n{}", sshd.log()));
    assert_eq!(fs::read_to_string(into.join("file")).expect("the file"), "hello\n");
    assert_eq!(git.tags(&sshd.url(), Some(&key)).await.expect("it answers"), [tag()]);
    assert!(git.resolve_tag(&sshd.url(), &tag(), Some(&key)).await.expect("it answers").is_some());
    assert_eq!(fs::read_dir(sshd.folder.path().join("scratch")).expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_server_with_another_key_than_the_pinned_one_is_not_asked() {
    let (key, public) = DeployKey::generate().expect("a key");
    let sshd = Sshd::start(&public);
    let other = sshd.folder.path().join("other");
    run(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &other.display().to_string()]);
    for git in [
        sshd.git(&other.with_extension("pub")),
        Git { known_hosts: KnownHosts::default(), ..sshd.git(&sshd.host_key()) },
    ] {
        let error = git.tags(&sshd.url(), Some(&key)).await.expect_err("not the pinned server");
        assert!(error.to_string().contains("Host key verification failed"), "{error}");
    }
    assert!(!sshd.log().contains("Accepted publickey"), "{}", sshd.log());
}

#[tokio::test]
async fn another_key_opens_nothing() {
    let (_, public) = DeployKey::generate().expect("a key");
    let sshd = Sshd::start(&public);
    let git = sshd.git(&sshd.host_key());
    let (stranger, _) = DeployKey::generate().expect("a key");
    for key in [Some(&stranger), None] {
        let error = git.tags(&sshd.url(), key).await.expect_err("not its key");
        assert!(error.to_string().contains("Permission denied"), "{error}");
    }
}
