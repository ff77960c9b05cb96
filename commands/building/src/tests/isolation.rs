//! What a build can see, and who it is.

use std::fs;

use super::{Fixture, write};
use crate::Builder;

#[tokio::test]
async fn this_machine_can_isolate_builds() {
    let fixture = Fixture::new();
    let builder = Builder::new(fixture.settings.clone()).expect("the jobs' folder");
    let words = builder.probe().await.expect("tests of builds need root and bubblewrap");
    assert!(words.contains("bubblewrap"), "{words}");
    assert_eq!(super::jobs_left(&fixture.settings), 0);
}

#[tokio::test]
async fn commands_run_as_an_unprivileged_user_without_any_capability() {
    let fixture = Fixture::running(
        "echo $(id -un) $(id -u) $(id -G)\n\
         grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status\n\
         hostname; pwd; echo $HOME $PKGDEPLOY_VERSION $PKGDEPLOY_TAG $SOURCE_DATE_EPOCH",
    );
    fixture.built().await;
    assert_eq!(
        fixture.said(),
        [
            "build 60600 60600",
            "CapInh:\t0000000000000000",
            "CapPrm:\t0000000000000000",
            "CapEff:\t0000000000000000",
            "CapAmb:\t0000000000000000",
            "NoNewPrivs:\t1",
            "build",
            "/build",
            "/home/build 1.2.3 v1.2.3 1700000000"
        ]
    );
    let host = "the host's own root, read-only (no root filesystem is mapped to ubuntu18)";
    assert!(fixture.log().lines().next().expect("a line").ends_with(host), "{}", fixture.log());
}

#[tokio::test]
async fn a_build_sees_no_secret_of_the_machine() {
    let mut fixture = Fixture::running(
        "for path in /etc/shadow /etc/shadow- /etc/gshadow \"$DATA\" \"$DATA/key\" /root/.cargo /root/.bashrc; do\n\
         if cat $path >/dev/null 2>&1 || ls $path/* >/dev/null 2>&1; then echo \"readable: $path\"; fi\n\
         done\n\
         ls -A /root /home /srv /mnt /tmp 2>/dev/null | grep -v -e : -e '^$' -e '^build$' || true\n\
         env | grep -i -e secret -e cargo || true\n\
         ps -e -o comm= | grep -e cargo -e systemd || true",
    );
    write(&fixture.folder.path().join("data/key"), "s3cret");
    fixture.settings.environment.insert("DATA".to_owned(), fixture.folder.path().join("data").display().to_string());
    assert!(
        std::env::var("CARGO_MANIFEST_DIR").is_ok(),
        "the server's own environment holds what a build must not see"
    );
    fixture.built().await;
    assert_eq!(fixture.said(), [""; 0]);
}

#[tokio::test]
async fn even_root_of_the_sandbox_sees_no_secret_and_cannot_touch_the_machine() {
    // The scripts of packages in build.requires run like this.
    let fixture = Fixture::new();
    write(&fixture.folder.path().join("data/key"), "s3cret");
    let real_shadow = fs::read_to_string("/etc/shadow").expect("tests run as root");
    let said = super::setup::as_root(
        &fixture,
        "cat /etc/shadow; ls -A /root; ls /etc/ssl/private; ls /var/lib/private\n\
         (echo x >/proc/sys/kernel/core_pattern) 2>/dev/null && echo wrote core_pattern\n\
         (echo x >/dev/kmsg) 2>/dev/null && echo wrote kmsg\n\
         mknod /tmp/disk b 7 0 2>/dev/null && echo made a device\n\
         mount -t tmpfs tmpfs /mnt 2>/dev/null && echo mounted\n\
         unshare --mount true 2>/dev/null && echo unshared\n\
         echo overlay only >/usr/bin/pkgdeploy-test-file\n\
         rm -rf /etc/passwd\n\
         grep CapEff /proc/self/status",
    )
    .await;
    assert_eq!(said.lines().last(), Some("CapEff:\t00000000800000fb"), "{said}");
    for line in said.lines().rev().skip(1) {
        assert!(line.contains(":*:"), "only locked accounts: {line}");
        assert!(!real_shadow.lines().any(|real| real == line && !real.contains(":*:")), "{line}");
    }
    assert!(!fs::exists("/usr/bin/pkgdeploy-test-file").expect("a path"));
    assert!(fs::exists("/etc/passwd").expect("a path"));
}

#[tokio::test]
async fn files_that_the_operator_lends_are_readable_and_only_that() {
    let mut fixture = Fixture::running(
        "cat /etc/pip-of-the-operator.conf; (echo x >/etc/pip-of-the-operator.conf) 2>/dev/null || echo refused",
    );
    let lent = fixture.folder.path().join("data/pip.conf");
    write(&lent, "[global]\n");
    fixture.settings.readable.insert("/etc/pip-of-the-operator.conf".into(), lent.clone());
    fixture.built().await;
    assert_eq!(fixture.said(), ["[global]", "refused"]);
    assert_eq!(fs::read_to_string(lent).expect("the file"), "[global]\n");
}

#[tokio::test]
async fn nothing_is_left_of_a_build_once_its_tree_is_dropped() {
    let fixture = Fixture::running("touch made");
    let built = fixture.built().await;
    assert_eq!(super::jobs_left(&fixture.settings), 1);
    drop(built);
    assert_eq!(super::jobs_left(&fixture.settings), 0);
    assert!(!fixture.checkout().join("made").exists(), "the checkout is only read");
}

#[tokio::test]
async fn two_builds_at_once_do_not_share_a_user() {
    let fixture = Fixture::running("id -u");
    let builder = Builder::new(fixture.settings.clone()).expect("the jobs' folder");
    let (one, two) = tokio::join!(fixture.build_with(&builder), fixture.build_with(&builder));
    drop((one.expect("it is built"), two.expect("it is built")));
    let mut said = fixture.said();
    said.sort();
    assert_eq!(said, ["60600", "60601"]);
}

#[tokio::test]
async fn folders_that_the_operator_hides_are_empty() {
    let mut fixture = Fixture::running("ls -A /usr/share/doc; stat -c '%U %a' /usr/share/doc");
    fixture.settings.hidden.push("/usr/share/doc".into());
    fixture.built().await;
    assert_eq!(fixture.said(), ["root 755"]);
}

#[tokio::test]
async fn a_build_can_be_a_separate_task() {
    fn sent<T: Send + 'static>(task: T) -> T {
        task
    }
    let fixture = Fixture::running("true");
    sent(async move { fixture.build().await.map(drop) }).await.expect("it is built");
}
