//! A tag becomes packages that apt and dnf install, upgrade and remove.

use eventstoredb_double::{Double, Options};
use reqwest::{Method, StatusCode};
use stories::{Answer, Machine};
use throwaway_postgres::Cluster;

use crate::sample::{APT, ORGANISATION, Sample, YUM};

/// Owner, mode and path of what the sample installs, as `stat` tells them.
const INSTALLED: &str = "\
root:root 755 /usr/bin/noticeboard
root:noticeboard 640 /etc/noticeboard/noticeboard.conf
noticeboard:noticeboard 644 /usr/share/noticeboard/board.html
noticeboard:noticeboard 644 /usr/share/noticeboard/version
root:root 644 /usr/share/man/man1/noticeboard.1.gz
root:root 644 /usr/lib/systemd/system/noticeboard.service
noticeboard:noticeboard 750 /var/lib/noticeboard/notes
";

/// Asks the installed service, run by its own user, how it is.
const STATUS: &str = "
    cd /
    setpriv --reuid noticeboard --regid noticeboard --init-groups noticeboard serve --port 0 >/tmp/serving 2>&1 &
    for _ in $(seq 100); do grep -q ' on http' /tmp/serving && break; sleep 0.1; done
    curl -fsS \"$(sed -n 's/.* on //p' /tmp/serving)/status\"";

/// What a package manager calls its verbs.
struct Verbs {
    install: &'static str,
    upgrade: &'static str,
    remove: &'static str,
}

const APT_GET: Verbs = Verbs {
    install: "apt-get update && apt-get install -y noticeboard",
    upgrade: "apt-get update && apt-get upgrade -y",
    remove: "apt-get remove -y noticeboard",
};

const DNF: Verbs = Verbs {
    install: "dnf -y install noticeboard",
    upgrade: "dnf -y --refresh upgrade noticeboard",
    remove: "dnf -y remove noticeboard",
};

#[tokio::test(flavor = "multi_thread")]
async fn a_released_tag_is_installed_upgraded_and_removed_by_apt_and_dnf() {
    is_installed_upgraded_and_removed(Sample::set_up().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_tag_is_installed_upgraded_and_removed_with_the_log_on_postgresql() {
    let cluster = Cluster::start();
    is_installed_upgraded_and_removed(Sample::set_up_on(&cluster.url("postgres")).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_tag_is_installed_upgraded_and_removed_with_the_log_on_a_double_of_eventstoredb() {
    let double = Double::start(Options { nodes: 3, ..Options::default() }).await;
    is_installed_upgraded_and_removed(Sample::set_up_on(&double.url()).await).await;
}

async fn is_installed_upgraded_and_removed(sample: Sample) {
    sample.released("v1.0.0").await;
    let debian = Machine::new();
    let enterprise = Machine::new();
    debian.ok(&sample.apt.install);
    enterprise.ok(&sample.yum.install);
    installs(&debian, &APT_GET);
    installs(&enterprise, &DNF);
    assert_eq!(debian.ok("dpkg-query -W -f '${Version}' noticeboard"), "1.0.0");
    assert!(enterprise.ok("rpm -q noticeboard").starts_with("noticeboard-1.0.0-"));

    sample.released("v1.1.0").await;
    upgrades(&debian, &APT_GET);
    upgrades(&enterprise, &DNF);
    removes(&debian, &APT_GET);
    removes(&enterprise, &DNF);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installer_package_puts_the_access_key_in_place() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let debian = Machine::new();
    debian.put("/root/installer.deb", &installer(&sample, APT, "installer.deb").await);
    debian.ok("apt-get install -y /root/installer.deb");
    installs(&debian, &APT_GET);

    let enterprise = Machine::new();
    enterprise.put("/root/installer.rpm", &installer(&sample, YUM, "installer.rpm").await);
    enterprise.ok("dnf -y install /root/installer.rpm");
    installs(&enterprise, &DNF);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_root_can_read_the_access_key_that_an_installer_put_in_place() {
    let sample = Sample::set_up().await;
    for (repository, folder) in [(&sample.apt, "/etc/apt"), (&sample.yum, "/etc/yum.repos.d")] {
        let machine = Machine::new();
        machine.ok(&repository.install);
        let holders = format!("grep -rlF '{}' /etc /usr/share /var/lib || true", repository.key_secret);
        let holders = machine.ok(&holders);
        assert!(holders.lines().all(|file| file.starts_with(folder)), "{holders}");
        assert!(!holders.is_empty(), "the key is nowhere");
        for file in holders.lines() {
            assert_eq!(machine.ok(&format!("stat -c '%U %a' {file}")), "root 600\n", "{file}");
        }
    }
}

async fn installer(sample: &Sample, repository: &str, file: &str) -> Vec<u8> {
    let key = if repository == APT { &sample.apt } else { &sample.yum };
    let request = sample.team.request(Method::GET, &format!("/install/{ORGANISATION}/{repository}/{file}"));
    let answer = Answer::to(request.basic_auth(&key.key_id, Some(&key.key_secret))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.body
}

fn installs(machine: &Machine, verbs: &Verbs) {
    machine.ok(verbs.install);
    let paths: Vec<&str> = INSTALLED.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(machine.ok(&format!("stat -c '%U:%G %a %n' {}", paths.join(" "))), INSTALLED);
    assert_eq!(history(machine), ["before_install", "after_install"]);
    let status = machine.ok(STATUS);
    assert!(status.contains(r#""status": "ok", "version": "1.0.0""#), "{status}");
    let page = machine.ok("noticeboard pin 'bring cake'; noticeboard list");
    assert!(page.contains("bring cake"), "{page}");
}

fn upgrades(machine: &Machine, verbs: &Verbs) {
    machine.ok(verbs.upgrade);
    assert_eq!(history(machine), ["before_install", "after_install", "before_upgrade", "after_upgrade"]);
    assert_eq!(machine.ok("noticeboard --version"), "noticeboard 1.1.0\n");
    assert!(machine.ok("noticeboard list --search CAKE").contains("bring cake"), "an upgrade keeps the notes");
}

fn removes(machine: &Machine, verbs: &Verbs) {
    machine.ok(verbs.remove);
    assert_eq!(history(machine)[4..], ["before_uninstall", "after_uninstall"]);
    machine.ok("test ! -e /usr/bin/noticeboard; test ! -e /usr/share/noticeboard/board.html");
    assert!(machine.ok("cat /var/lib/noticeboard/notes/*.json").contains("bring cake"), "a removal keeps the notes");
}

fn history(machine: &Machine) -> Vec<String> {
    machine.ok("cat /var/lib/noticeboard/history").lines().map(str::to_owned).collect()
}
