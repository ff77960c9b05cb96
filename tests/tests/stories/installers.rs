//! A machine that was set up once stays in, through every roll of the access keys, and can go without a trace.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;
use stories::{Answer, Format, Machine, MadeRepository, listed_packages, text};

use crate::sample::{APT, ORGANISATION, Sample, YUM};

/// How long the server may take to publish a new version of an installer.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(60);

/// Debian's zypper is what a machine without dnf uses.
const WITHOUT_DNF: &str = "rm -f /usr/bin/dnf* /usr/bin/yum*";

/// Everything on the machine that is no state, cache or log of a package manager itself.
const TREE: &str = "find / -xdev \\( -path /proc -o -path /dev -o -path /sys -o -path /tmp -o -path /run -o -path /root \
     -o -path /var/log -o -path /var/lib/dpkg -o -path /var/lib/rpm -o -path /var/lib/dnf -o -path /var/cache/dnf \
     -o -path /var/lib/apt -o -path /var/cache/apt -o -path /var/cache/ldconfig -o -path /var/lib/YaST2 -o -path /var/lib/zypp \
     -o -path /var/cache/zypp \\) -prune -o -printf '%y %m %u %p\\n' | sort; \
     find /var/lib/apt /var/cache/apt /var/cache/dnf /var/cache/zypp /var/lib/zypp -path '*acme*' 2>/dev/null || true; \
     rpm -qa";

/// Caches that only root can read, because the package manager's umask forbade it. dnf's own secret folder does not count.
const HIDDEN_CACHES: &str = "find /var/lib/apt/lists /var/cache/dnf /var/cache/zypp /var/lib/zypp -type d ! -perm -005 \
     ! -name private-keys-v1.d ! -name partial 2>/dev/null || true";

/// How a package manager is asked to do its work.
struct Client {
    name: &'static str,
    repository: &'static str,
    prepare: &'static str,
    install: &'static str,
    upgrade: &'static str,
    remove: &'static str,
    version: &'static str,
    /// Where it keeps the credentials.
    credentials: &'static str,
}

const APT_GET: Client = Client {
    name: "apt-get",
    repository: APT,
    prepare: "true",
    install: "apt-get update -q && apt-get install -q -y",
    upgrade: "apt-get update -q && apt-get upgrade -q -y",
    remove: "apt-get remove -q -y",
    version: "dpkg-query -W -f '${Version}'",
    credentials: "/etc/apt/auth.conf.d/pkgdeploy-acme-debian.conf",
};

const DNF: Client = Client {
    name: "dnf",
    repository: YUM,
    prepare: "true",
    install: "dnf -y install",
    upgrade: "dnf -y --refresh upgrade",
    remove: "dnf -y remove",
    version: "rpm -q --qf '%{version}'",
    credentials: "/etc/yum.repos.d/pkgdeploy-acme-enterprise-linux.repo",
};

const ZYPPER: Client = Client {
    name: "zypper",
    prepare: WITHOUT_DNF,
    install: "zypper -n install",
    upgrade: "zypper -n refresh && zypper -n update",
    remove: "zypper -n remove",
    credentials: "/etc/zypp/credentials.d/pkgdeploy-acme-enterprise-linux",
    ..DNF
};

/// A machine with access to a repository.
struct SetUp {
    how: String,
    client: &'static Client,
    machine: Machine,
}

impl SetUp {
    fn upgrade(&self) -> String {
        self.machine.ok(self.client.upgrade)
    }

    fn version(&self, package: &str) -> String {
        self.machine.ok(&format!("{} {package}", self.client.version))
    }

    fn credentials(&self) -> String {
        self.machine.ok(&format!("cat {}", self.client.credentials))
    }
}

fn repository<'a>(sample: &'a Sample, name: &str) -> &'a MadeRepository {
    if name == APT { &sample.apt } else { &sample.yum }
}

/// `GET`s an installer of a repository with a key.
async fn installer(sample: &Sample, repository: &str, file: &str, key: (&str, &str)) -> Vec<u8> {
    let request = sample.team.request(Method::GET, &format!("/install/{ORGANISATION}/{repository}/{file}"));
    let answer = Answer::to(request.basic_auth(key.0, Some(key.1))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.body
}

/// A machine on which root ran the script that was fetched with a key.
async fn by_script(sample: &Sample, client: &'static Client, key: (&str, &str)) -> SetUp {
    let machine = Machine::new();
    machine.ok(client.prepare);
    machine.put("/root/installer", &installer(sample, client.repository, "", key).await);
    machine.ok("sh /root/installer; rm /root/installer");
    SetUp { how: format!("{} by script", client.name), client, machine }
}

/// A machine on which root installed the package that was fetched with a key.
async fn by_package(sample: &Sample, client: &'static Client, key: (&str, &str)) -> SetUp {
    let machine = Machine::new();
    machine.ok(client.prepare);
    let file = if client.repository == APT { "installer.deb" } else { "installer.rpm" };
    machine.put(&format!("/root/{file}"), &installer(sample, client.repository, file, key).await);
    let install = match client.name {
        "zypper" => format!("zypper -n --no-gpg-checks install /root/{file}"),
        _ => format!("{} /root/{file}", client.install),
    };
    // rpm's list of certificates is free only when the installation is over; zypper asks for those that it does not know.
    let imported = match client.repository {
        APT => "true",
        _ => "for _ in $(seq 60); do ! rpm -q gpg-pubkey >/dev/null || break; sleep 0.5; done",
    };
    machine.ok(&format!("{install}; rm /root/{file}; {imported}"));
    SetUp { how: format!("{} by package", client.name), client, machine }
}

/// Waits until clients of a repository see this version of its installer.
async fn published(repository: &MadeRepository, format: Format, version: &str) {
    let file = match format {
        Format::Deb => format!("_{version}_all.deb"),
        Format::Rpm => format!("-{version}-1.noarch.rpm"),
    };
    let deadline = Instant::now() + PUBLISHED_WITHIN;
    let is_it = |path: &String| path.contains("/pkgdeploy-acme-") && path.ends_with(&file);
    while !listed_packages(format, repository).await.iter().any(is_it) {
        assert!(Instant::now() < deadline, "no installer {version} is published");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_of_installing_leaves_nothing_behind() {
    let sample = Sample::set_up().await;
    for client in [&APT_GET, &DNF, &ZYPPER] {
        let made = repository(&sample, client.repository);
        let name = format!("pkgdeploy-{ORGANISATION}-{}", client.repository);
        let key = (made.key_id.as_str(), made.key_secret.as_str());
        let script = installer(&sample, client.repository, "", key).await;
        let machine = Machine::new();
        machine.ok(client.prepare);
        let before = machine.ok(TREE);

        machine.put("/root/installer", &script);
        machine.ok("sh /root/installer");
        assert!(machine.ok(TREE).contains(&name), "{}: nothing was installed", client.name);
        assert_eq!(machine.ok(HIDDEN_CACHES), "", "{}: others cannot use its caches", client.name);
        machine.ok("sh /root/installer --uninstall");
        assert_eq!(machine.ok(TREE), before, "{} by script", client.name);

        machine.ok("sh /root/installer");
        // rpm's list of certificates is free only when the removal is over.
        let forgotten = "for _ in $(seq 60); do rpm -q gpg-pubkey >/dev/null || break; sleep 0.5; done";
        machine.ok(&format!("{} {name}; {forgotten}", client.remove));
        assert_eq!(machine.ok(TREE), before, "{} by removing the package", client.name);

        let machine = Machine::new();
        machine.ok(client.prepare);
        let before = machine.ok(TREE);
        machine.put("/root/installer", &script);
        machine.ok("PKGDEPLOY_NO_UPDATE=1 sh /root/installer; sh /root/installer --uninstall");
        assert_eq!(machine.ok(TREE), before, "{} without the package", client.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_root_can_read_a_key_whatever_put_it_in_place() {
    let sample = Sample::set_up().await;
    for client in [&APT_GET, &DNF, &ZYPPER] {
        let made = repository(&sample, client.repository);
        let key = (made.key_id.as_str(), made.key_secret.as_str());
        for set_up in [by_script(&sample, client, key).await, by_package(&sample, client, key).await] {
            let machine = &set_up.machine;
            let holders = machine.ok(&format!("grep -rlF '{}' /etc /usr/share /usr/lib /var || true", made.key_secret));
            assert!(holders.contains(client.credentials), "{}: {holders}", set_up.how);
            for file in holders.lines() {
                assert_eq!(machine.ok(&format!("stat -c '%U %a' {file}")), "root 600\n", "{}: {file}", set_up.how);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cloud_init_and_ansible_take_their_files_and_set_machines_up() {
    let sample = Sample::set_up().await;
    let key = (sample.apt.key_id.as_str(), sample.apt.key_secret.as_str());
    let machine = Machine::new();
    machine.put("/root/user-data", &installer(&sample, APT, "cloud-init.yaml", key).await);
    let schema = machine.ok("chmod 600 /root/user-data; cloud-init schema --config-file /root/user-data");
    assert!(schema.contains("Valid "), "{schema}");
    // What cloud-init does at the first boot, without the boot: there is no init system on this machine.
    machine.ok("python3 - <<'RUN'
import os, subprocess, yaml
config = yaml.safe_load(open('/root/user-data'))
for file in config['write_files']:
    descriptor = os.open(file['path'], os.O_WRONLY | os.O_CREAT, int(file['permissions'], 8))
    with os.fdopen(descriptor, 'w') as opened:
        opened.write(file['content'])
for command in config['runcmd']:
    subprocess.run(['sh', '-c', command], check=True)
RUN
        test ! -e /root/.pkgdeploy-acme-debian");
    assert!(machine.ok("apt-get update").contains("/apt/acme/debian"));

    let machine = Machine::new();
    machine.put("/root/play.yml", &installer(&sample, APT, "ansible.yml", key).await);
    let play = "ANSIBLE_LOCALHOST_WARNING=0 ansible-playbook -vvv -i localhost, -c local /root/play.yml";
    machine.ok(&format!("{play} --syntax-check"));
    let first = machine.ok(play);
    assert!(first.contains("changed=1") && !first.contains(&sample.apt.key_secret), "{first}");
    machine.ok("sed -i 's/password .*/password renewed-meanwhile/' /etc/apt/auth.conf.d/*");
    let again = machine.ok(play);
    assert!(again.contains("changed=0"), "{again}");
    assert!(machine.ok("cat /etc/apt/auth.conf.d/*").contains("renewed-meanwhile"), "a newer key is not overwritten");
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_survive_a_grace_roll_by_their_upgrades_alone() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let mut machines = Vec::new();
    for client in [&APT_GET, &DNF, &ZYPPER] {
        let made = repository(&sample, client.repository);
        let key = (made.key_id.as_str(), made.key_secret.as_str());
        machines.push(by_script(&sample, client, key).await);
        machines.push(by_package(&sample, client, key).await);
    }
    let mut enrolment_secrets = Vec::new();
    for client in [&APT_GET, &DNF] {
        let (id, secret) = enrolment_key(&sample, client.repository).await;
        let mut set_up = by_package(&sample, client, (&id, &secret)).await;
        set_up.how += " with an enrolment key";
        assert!(!set_up.credentials().contains(&secret), "{}: it has a key of its own", set_up.how);
        enrolment_secrets.push(secret);
        machines.push(set_up);
    }
    for set_up in &machines {
        set_up.machine.ok(&format!("{} noticeboard", set_up.client.install));
        assert_eq!(set_up.version("noticeboard"), "1.0.0", "{}", set_up.how);
    }
    let before: Vec<String> = machines.iter().map(SetUp::credentials).collect();

    for (name, format) in [(APT, Format::Deb), (YUM, Format::Rpm)] {
        roll(&sample, name, 3_600).await;
        published(repository(&sample, name), format, "1.2").await;
    }
    for (set_up, before) in machines.iter().zip(&before) {
        let said = set_up.upgrade();
        assert_ne!(set_up.credentials(), *before, "{} did not renew: {said}", set_up.how);
        let name = format!("pkgdeploy-{ORGANISATION}-{}", set_up.client.repository);
        assert_eq!(set_up.version(&name), "1.2", "{}", set_up.how);
        for secret in &enrolment_secrets {
            let left = set_up.machine.ok(&format!("grep -rlF '{secret}' /etc /usr/share /usr/lib /var || true"));
            assert_eq!(left, "", "{}: an enrolment key is left", set_up.how);
        }
    }
    for (name, path) in [(APT, "dists/stable/InRelease"), (YUM, "repodata/repomd.xml")] {
        close(&sample, name).await;
        assert_eq!(repository(&sample, name).get(path).await.status, StatusCode::UNAUTHORIZED, "the old key is dead");
    }
    sample.released("v1.1.0").await;
    for set_up in &machines {
        let said = set_up.upgrade();
        assert_eq!(set_up.version("noticeboard"), "1.1.0", "{}: {said}", set_up.how);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_follow_a_rotation_of_the_signing_key_by_their_upgrades_alone() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let mut machines = Vec::new();
    for client in [&APT_GET, &DNF, &ZYPPER] {
        let made = repository(&sample, client.repository);
        let set_up = by_package(&sample, client, (&made.key_id, &made.key_secret)).await;
        set_up.machine.ok(&format!("{} noticeboard", client.install));
        machines.push(set_up);
    }
    sample.team.graphql("mutation { prepareNextKey { __typename } }").await;
    for (name, format) in [(APT, Format::Deb), (YUM, Format::Rpm)] {
        published(repository(&sample, name), format, "1.2").await;
    }
    for set_up in &machines {
        // rpm's list of certificates is free only when the upgrade is over.
        let imported = match set_up.client.repository {
            APT => "grep -c BEGIN /etc/apt/keyrings/pkgdeploy-acme-debian.asc",
            _ => "for _ in $(seq 60); do test \"$(rpm -q gpg-pubkey | wc -l)\" = 1 || break; sleep 0.5; done",
        };
        set_up.machine.ok(&format!("{}; {imported}", set_up.client.upgrade));
    }
    sample.team.graphql("mutation { beginOverlap { __typename } }").await;
    sample.team.graphql("mutation { cutOver { __typename } }").await;
    sample.released("v1.1.0").await;
    for set_up in &machines {
        let said = set_up.upgrade();
        assert_eq!(set_up.version("noticeboard"), "1.1.0", "{}: {said}", set_up.how);
    }
    let of_rpms = || machines.iter().filter(|set_up| set_up.client.repository == YUM);
    for set_up in of_rpms() {
        let address = set_up.machine.ok("cat /etc/yum.repos.d/*.repo /etc/zypp/repos.d/*.repo 2>/dev/null || true");
        assert!(address.contains("/key/2/") && !address.contains("/key/1/"), "{}: {address}", set_up.how);
    }

    let keys = sample.team.graphql("{ signingKeys { fingerprint } }").await;
    let stolen = text(&keys, "/signingKeys/0/fingerprint");
    let declare = format!("declareCompromised(fingerprint: \"{stolen}\", confirm: \"{stolen}\")");
    sample.team.graphql(&format!("mutation {{ {declare} {{ __typename }} }}")).await;
    published(&sample.yum, Format::Rpm, "1.3").await;
    for set_up in of_rpms() {
        let forgotten = "for _ in $(seq 60); do test \"$(rpm -q gpg-pubkey | wc -l)\" = 2 || break; sleep 0.5; done";
        set_up.machine.ok(&format!("{}; {forgotten}", set_up.client.upgrade));
        let last_digits = stolen[stolen.len() - 8..].to_lowercase();
        let trusted = set_up.machine.ok("rpm -q gpg-pubkey");
        assert!(!trusted.contains(&last_digits), "{}: a stolen key is trusted: {trusted}", set_up.how);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_cannot_renew_keeps_its_key_and_upgrades_all_the_same() {
    let mut sample = Sample::set_up().await;
    let key = (sample.apt.key_id.clone(), sample.apt.key_secret.clone());
    let set_up = by_script(&sample, &APT_GET, (&key.0, &key.1)).await;
    let before = set_up.credentials();
    roll(&sample, APT, 0).await;
    let refused = set_up.machine.run("sh /usr/share/pkgdeploy/pkgdeploy-acme-debian/installer --renew");
    assert!(!refused.ok && refused.text.contains("401"), "{}", refused.text);
    sample.server.kill();
    let packaged = set_up.machine.ok("sh /usr/share/pkgdeploy/pkgdeploy-acme-debian/installer --renew --packaged");
    assert!(packaged.contains("stay as they are"), "{packaged}");
    assert_eq!(set_up.credentials(), before);
}

async fn enrolment_key(sample: &Sample, repository: &str) -> (String, String) {
    let document = format!(
        "mutation {{ issueAccessKey(organisation: {}, repository: {}, name: \"fleet\", kind: ENROLMENT, enrolsMax: 10, \
         expiresAt: \"2099-01-01T00:00:00Z\") {{ accessKey {{ id secret }} }} }}",
        json!(ORGANISATION),
        json!(repository)
    );
    let made = sample.team.graphql(&document).await;
    (text(&made, "/issueAccessKey/accessKey/id"), text(&made, "/issueAccessKey/accessKey/secret"))
}

async fn roll(sample: &Sample, repository: &str, grace_seconds: u32) {
    let document = format!(
        "mutation {{ rollAccessKeys(organisation: {}, repository: {}, graceSeconds: {grace_seconds}) {{ __typename }} }}",
        json!(ORGANISATION),
        json!(repository)
    );
    sample.team.graphql(&document).await;
}

async fn close(sample: &Sample, repository: &str) {
    let document = format!(
        "mutation {{ closeGrace(organisation: {}, repository: {}) {{ __typename }} }}",
        json!(ORGANISATION),
        json!(repository)
    );
    sample.team.graphql(&document).await;
}
