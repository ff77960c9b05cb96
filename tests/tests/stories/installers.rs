//! A machine that was set up once stays in, through every roll of the access keys, and can go without a trace.

use reqwest::{Method, StatusCode};
use stories::{Answer, Machine, MadeRepository};

use crate::sample::{APT, ORGANISATION, Sample, YUM};

/// Debian's zypper is what a machine without dnf uses.
const WITHOUT_DNF: &str = "rm -f /usr/bin/dnf* /usr/bin/yum*";

/// Everything on the machine that is no state, cache or log of a package manager itself.
const TREE: &str = "find / -xdev \\( -path /proc -o -path /dev -o -path /sys -o -path /tmp -o -path /run -o -path /root \
     -o -path /var/log -o -path /var/lib/dpkg -o -path /var/lib/rpm -o -path /var/lib/dnf -o -path /var/cache/dnf \
     -o -path /var/lib/apt -o -path /var/cache/apt -o -path /var/cache/ldconfig -o -path /var/lib/YaST2 -o -path /var/lib/zypp \
     -o -path /var/cache/zypp \\) -prune -o -printf '%y %m %u %p\\n' | sort; \
     find /var/lib/apt /var/cache/apt /var/cache/dnf /var/cache/zypp /var/lib/zypp -path '*acme*' 2>/dev/null || true; \
     rpm -qa";

/// How a package manager is asked to do its work.
struct Client {
    name: &'static str,
    repository: &'static str,
    prepare: &'static str,
    install: &'static str,
    remove: &'static str,
    /// Where it keeps the credentials.
    credentials: &'static str,
}

const APT_GET: Client = Client {
    name: "apt-get",
    repository: APT,
    prepare: "true",
    install: "apt-get update -q && apt-get install -q -y",
    remove: "apt-get remove -q -y",
    credentials: "/etc/apt/auth.conf.d/pkgdeploy-acme-debian.conf",
};

const DNF: Client = Client {
    name: "dnf",
    repository: YUM,
    prepare: "true",
    install: "dnf -y install",
    remove: "dnf -y remove",
    credentials: "/etc/yum.repos.d/pkgdeploy-acme-enterprise-linux.repo",
};

const ZYPPER: Client = Client {
    name: "zypper",
    prepare: WITHOUT_DNF,
    install: "zypper -n install",
    remove: "zypper -n remove",
    credentials: "/etc/zypp/credentials.d/pkgdeploy-acme-enterprise-linux",
    ..DNF
};

/// A machine with access to a repository.
struct SetUp {
    how: String,
    machine: Machine,
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
    SetUp { how: format!("{} by script", client.name), machine }
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
    machine.ok(&format!("{install}; rm /root/{file}"));
    SetUp { how: format!("{} by package", client.name), machine }
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
