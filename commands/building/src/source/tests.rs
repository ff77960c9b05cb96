//! Checkouts of repositories made on the spot, some of them hostile.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command, time::Duration};

use domain::{names::TagName, project::GitUrl};
use tempfile::TempDir;

use super::{Git, Limits, SourceError};

struct Upstream {
    folder: TempDir,
}

impl Upstream {
    fn new() -> Self {
        let upstream = Self { folder: TempDir::new().expect("a temporary folder") };
        fs::create_dir(upstream.path()).expect("the repository's folder");
        upstream.git(&["init", "--quiet", "--initial-branch=main", "."]);
        upstream
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("upstream")
    }

    fn url(&self) -> GitUrl {
        GitUrl::parse(&format!("file://{}", self.path().display()), true).expect("a local address")
    }

    fn target(&self) -> std::path::PathBuf {
        self.folder.path().join("checkout")
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Ann", "-c", "user.email=ann@acme.test", "-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(self.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
            .output()
            .expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("below the repository")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn tagged(&self, tag: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=x"]);
        self.git(&["tag", "--annotate", "--message=x", tag]);
    }

    async fn checkout(&self, git: &Git, tag: &str) -> Result<super::Checkout, SourceError> {
        git.checkout(&self.url(), &name(tag), None, None, &self.target()).await
    }
}

fn name(tag: &str) -> TagName {
    tag.parse().expect("a tag's name")
}

fn local() -> Git {
    Git { allow_local: true, ..Git::default() }
}

#[tokio::test]
async fn a_tag_is_checked_out_without_its_history() {
    let upstream = Upstream::new();
    upstream.write("src/main.c", "int main;");
    symlink("/etc/passwd", upstream.path().join("link")).expect("a link");
    upstream.tagged("v1.0.0");
    let commit = upstream.git(&["rev-parse", "v1.0.0^{commit}"]);

    let resolved = local().resolve_tag(&upstream.url(), &name("v1.0.0"), None).await.expect("it answers");
    assert_eq!(resolved.expect("the tag is there").as_str(), commit);
    let checkout = upstream.checkout(&local(), "v1.0.0").await.expect("it is checked out");

    assert_eq!(checkout.commit.as_str(), commit);
    assert_eq!(checkout.committed_at.to_rfc3339(), "2026-01-02T03:04:05+00:00");
    assert_eq!(fs::read_to_string(upstream.target().join("src/main.c")).expect("the file"), "int main;");
    assert_eq!(fs::read_link(upstream.target().join("link")).expect("the link"), Path::new("/etc/passwd"));
    assert!(!upstream.target().join(".git").exists());
    let beside: Vec<_> =
        fs::read_dir(upstream.folder.path()).expect("a folder").flatten().map(|e| e.file_name()).collect();
    assert_eq!(beside.len(), 2, "git's own folder is removed: {beside:?}");
}

#[tokio::test]
async fn a_tag_that_is_not_there_is_said_so() {
    let upstream = Upstream::new();
    upstream.tagged("nested/refs/tags/v2");
    assert_eq!(local().resolve_tag(&upstream.url(), &name("v2"), None).await.expect("it answers"), None);
    let error = upstream.checkout(&local(), "v2").await.expect_err("no such tag");
    assert_eq!(error.code(), "tag_not_found", "{error}");
    assert!(!upstream.target().exists(), "an unfinished checkout is removed");
}

#[tokio::test]
async fn all_tags_that_can_be_released_are_listed() {
    let upstream = Upstream::new();
    for tag in ["v1", "v2", "nested/v3"] {
        upstream.tagged(tag);
    }
    let tags = local().tags(&upstream.url(), None).await.expect("it answers");
    assert_eq!(tags, ["nested/v3", "v1", "v2"].map(name));
}

#[tokio::test]
async fn a_moved_tag_is_not_built() {
    let upstream = Upstream::new();
    upstream.tagged("v1");
    let before = local().resolve_tag(&upstream.url(), &name("v1"), None).await.expect("it answers");
    upstream.write("backdoor", "x");
    upstream.git(&["tag", "--delete", "v1"]);
    upstream.tagged("v1");
    let error = local()
        .checkout(&upstream.url(), &name("v1"), before.as_ref(), None, &upstream.target())
        .await
        .expect_err("the tag moved");
    assert_eq!(error.code(), "tag_moved", "{error}");
}

#[tokio::test]
async fn nothing_of_the_repository_is_executed() {
    let upstream = Upstream::new();
    let proof = upstream.folder.path().join("executed");
    let touch = format!("#!/bin/sh\ntouch {}\n", proof.display());
    upstream.write(".gitattributes", "* filter=evil\n");
    upstream.write("file", "x");
    upstream.git(&["config", "filter.evil.smudge", &format!("touch {}", proof.display())]);
    upstream.tagged("v1");
    for hook in ["post-checkout", "post-merge", "reference-transaction", "post-index-change"] {
        upstream.write(&format!(".git/hooks/{hook}"), &touch);
        Command::new("chmod")
            .args(["755", hook])
            .current_dir(upstream.path().join(".git/hooks"))
            .status()
            .expect("chmod");
    }
    upstream.checkout(&local(), "v1").await.expect("it is checked out");
    assert!(!proof.exists());
}

#[tokio::test]
async fn a_submodule_is_not_fetched() {
    let (inner, upstream) = (Upstream::new(), Upstream::new());
    inner.write("secret", "x");
    inner.tagged("v1");
    upstream.git(&["submodule", "--quiet", "add", inner.url().as_str(), "inner"]);
    upstream.tagged("v1");
    upstream.checkout(&local(), "v1").await.expect("it is checked out");
    assert!(upstream.target().join("inner").is_dir());
    assert!(!upstream.target().join("inner/secret").exists());
}

#[tokio::test]
async fn each_limit_is_kept() {
    let upstream = Upstream::new();
    upstream.write("a/b/c/d", &"x".repeat(5000));
    upstream.tagged("v1");
    for limits in [
        Limits { total_bytes: 4999, ..Limits::default() },
        Limits { entries: 3, ..Limits::default() },
        Limits { path_bytes: 6, ..Limits::default() },
        // The kernel's limit, below the size of any pack.
        Limits { total_bytes: 10, ..Limits::default() },
    ] {
        let error = upstream.checkout(&Git { limits, ..local() }, "v1").await.expect_err("over the limit");
        assert_eq!(error.code(), "too_large", "{limits:?}: {error}");
    }
    let exact = Limits { total_bytes: 5000, entries: 4, path_bytes: 7, ..Limits::default() };
    upstream.checkout(&Git { limits: exact, ..local() }, "v1").await.expect("just within the limits");
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let folder = TempDir::new().expect("a temporary folder");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let url = GitUrl::parse(&format!("https://127.0.0.1:{port}/shop.git"), false).expect("an address");
    let git = Git { limits: Limits { time: Duration::from_millis(300), ..Limits::default() }, ..Git::default() };
    let error =
        git.checkout(&url, &name("v1"), None, None, &folder.path().join("into")).await.expect_err("no server answers");
    assert_eq!(error.code(), "timeout", "{error}");
}

#[tokio::test]
async fn a_local_repository_needs_the_operators_consent() {
    let upstream = Upstream::new();
    upstream.tagged("v1");
    let error = upstream.checkout(&Git::default(), "v1").await.expect_err("not allowed");
    assert_eq!(error.code(), "address_refused", "{error}");
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_said_so() {
    let folder = TempDir::new().expect("a temporary folder");
    let url = GitUrl::parse(&format!("{}/nothing", folder.path().display()), true).expect("a local address");
    let error = local().resolve_tag(&url, &name("v1"), None).await.expect_err("no repository");
    assert_eq!(error.code(), "clone_failed");
    assert!(error.to_string().contains("nothing"), "{error}");
}
