//! Fetches from a real `sshd`, with a deploy key.

#[path = "../../../../../tests/src/sshd.rs"]
#[expect(unreachable_pub, reason = "the stories use it too")]
mod sshd;

use std::{fs, path::Path, process::Command};

use domain::{names::TagName, project::GitUrl};
use tempfile::TempDir;

use self::sshd::Sshd;
use super::super::{DeployKey, Git, KnownHosts};

struct Shop {
    folder: TempDir,
    sshd: Sshd,
    url: GitUrl,
}

impl Shop {
    /// Serves one repository with the tag v1.0.0 to clients with the key `public_key`, for reading.
    fn open_for(public_key: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("shop-").tempdir().expect("a folder");
        let script = "set -eu; git init --quiet shop; cd shop; echo hello >file; git add file; \
             git -c user.name=a -c user.email=a@b commit --quiet --message=x; git tag v1.0.0";
        let made = Command::new("sh").args(["-c", script]).current_dir(folder.path()).status();
        assert!(made.expect("sh runs").success());
        fs::create_dir(folder.path().join("scratch")).expect("a folder");
        let sshd = Sshd::start(&folder.path().join("shop"));
        sshd.allow_only(public_key);
        let url = GitUrl::parse(&sshd.url(), false).expect("an address");
        Self { folder, sshd, url }
    }

    /// A git that trusts servers by this line.
    fn git(&self, known_host: String) -> Git {
        let known_hosts = KnownHosts::new(&[known_host]).expect("a line");
        Git { known_hosts, scratch: Some(self.path("scratch")), ..Git::default() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

fn tag() -> TagName {
    "v1.0.0".parse().expect("a tag")
}

#[tokio::test]
async fn code_is_fetched_with_a_deploy_key_that_lies_nowhere_afterwards() {
    let (key, public) = DeployKey::generate().expect("a key");
    let shop = Shop::open_for(&public);
    let git = shop.git(shop.sshd.known_host());
    let into = shop.path("checkout");
    let checkout = git.checkout(&shop.url, &tag(), None, Some(&key), &into).await;
    checkout.unwrap_or_else(|error| panic!("{error}\n{}", shop.sshd.log()));
    assert_eq!(fs::read_to_string(into.join("file")).expect("the file"), "hello\n");
    assert_eq!(git.tags(&shop.url, Some(&key)).await.expect("it answers"), [tag()]);
    assert!(git.resolve_tag(&shop.url, &tag(), Some(&key)).await.expect("it answers").is_some());
    assert_eq!(fs::read_dir(shop.path("scratch")).expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_server_with_another_key_than_the_pinned_one_is_not_asked() {
    let (key, public) = DeployKey::generate().expect("a key");
    let shop = Shop::open_for(&public);
    let other = shop.path("other.pub");
    fs::write(&other, DeployKey::generate().expect("a key").1).expect("written");
    let unknown = Git { known_hosts: KnownHosts::default(), ..shop.git(shop.sshd.known_host()) };
    for git in [shop.git(shop.sshd.known_host_with(Path::new(&other))), unknown] {
        let error = git.tags(&shop.url, Some(&key)).await.expect_err("not the pinned server");
        assert!(error.to_string().contains("Host key verification failed"), "{error}");
    }
    assert!(!shop.sshd.log().contains("Accepted publickey"), "{}", shop.sshd.log());
}

#[tokio::test]
async fn another_key_opens_nothing() {
    let (_, public) = DeployKey::generate().expect("a key");
    let shop = Shop::open_for(&public);
    let git = shop.git(shop.sshd.known_host());
    let (stranger, _) = DeployKey::generate().expect("a key");
    for key in [Some(&stranger), None] {
        let error = git.tags(&shop.url, key).await.expect_err("not its key");
        assert!(error.to_string().contains("Permission denied"), "{error}");
    }
}
