//! A machine that knows some of the server's signing keys, and one package manager that uses them.

use stories::{Machine, MadeRepository};

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manager {
    Apt,
    Dnf,
    Zypper,
}

impl Manager {
    pub(crate) const ALL: [Self; 3] = [Self::Apt, Self::Dnf, Self::Zypper];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Dnf => "dnf",
            Self::Zypper => "zypper",
        }
    }

    /// Nothing of an earlier refresh may answer in place of this one.
    fn refresh(self) -> &'static str {
        match self {
            Self::Apt => "rm -rf /var/lib/apt/lists/*; apt-get update --error-on=any",
            Self::Dnf => "dnf -q clean all; dnf -y makecache",
            Self::Zypper => "zypper -q clean --all; zypper --non-interactive refresh --force",
        }
    }

    /// Installs, and takes it away again, so that the next state finds nothing.
    fn install(self, package: &str) -> String {
        match self {
            Self::Apt => format!("apt-get install -y {package} && apt-get purge -y {package}"),
            Self::Dnf => format!("dnf -y install {package} && dnf -y remove {package}"),
            Self::Zypper => {
                let zypper = "zypper --non-interactive";
                format!("{zypper} install {package} && {zypper} remove {package}")
            }
        }
    }
}

/// Which keys a client trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Knows {
    Old,
    New,
    Both,
    /// Was set up by the installer before the rotation, and is upgraded at each state: what it knows, the repository's own
    /// package brought.
    Upgraded,
}

impl Knows {
    /// Those that got certificates by hand, and that are not changed later.
    pub(crate) const BY_HAND: [Self; 3] = [Self::Old, Self::New, Self::Both];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Old => "the old key",
            Self::New => "the new key",
            Self::Both => "both",
            Self::Upgraded => "what upgrades bring",
        }
    }

    pub(crate) fn has_old(self) -> bool {
        self != Self::New
    }

    pub(crate) fn has_new(self) -> bool {
        self != Self::Old
    }
}

/// Debian's zypper is what a machine without dnf uses.
const WITHOUT_DNF: &str = "rm -f /usr/bin/dnf* /usr/bin/yum*";

/// rpm's list of certificates is free only when the upgrade is over: the installer waits for that, and so does this.
const UNTIL_RPM_KNOWS: &str = "
    for _ in $(seq 120); do
        want=$(cat /etc/pki/rpm-gpg/RPM-GPG-KEY-pkgdeploy-* | grep -c 'BEGIN PGP')
        if [ \"$(rpm -q gpg-pubkey | wc -l)\" = \"$want\" ]; then break; fi
        sleep 0.5
    done";

/// What a client managed to do at one state.
pub(crate) struct Tried {
    pub(crate) refresh: bool,
    pub(crate) earlier: bool,
    pub(crate) fresh: bool,
    /// All it said.
    pub(crate) said: String,
}

/// A machine with one package manager set up.
pub(crate) struct Client {
    pub(crate) manager: Manager,
    pub(crate) knows: Knows,
    machine: Machine,
}

impl Client {
    pub(crate) fn set_up(manager: Manager, knows: Knows, repository: &MadeRepository, old: &str, new: &str) -> Self {
        let machine = Machine::new();
        let known: Vec<(&str, &str)> = [("old", old, knows.has_old()), ("new", new, knows.has_new())]
            .into_iter()
            .filter_map(|(name, armored, is_known)| is_known.then_some((name, armored)))
            .collect();
        let mut paths = Vec::new();
        for (name, armored) in known {
            let path = format!("/etc/pki/drill/{name}.asc");
            machine.put(&path, armored.as_bytes());
            paths.push(path);
        }
        match manager {
            Manager::Apt => Self::set_up_apt(&machine, repository, &paths),
            Manager::Dnf => Self::set_up_dnf(&machine, repository, knows, &paths),
            Manager::Zypper => Self::set_up_zypper(&machine, repository, knows, &paths),
        }
        Self { manager, knows, machine }
    }

    /// A machine on which root ran the installer, and nothing else ever since.
    pub(crate) fn installed(manager: Manager, repository: &MadeRepository) -> Self {
        let machine = Machine::new();
        if manager == Manager::Zypper {
            machine.ok(WITHOUT_DNF);
        }
        machine.ok(&repository.install);
        Self { manager, knows: Knows::Upgraded, machine }
    }

    /// Takes in what the repository has, its installer's package too.
    pub(crate) fn upgrade(&self) {
        let upgrade = match self.manager {
            Manager::Apt => "apt-get update && apt-get -y upgrade".to_owned(),
            Manager::Dnf => format!("dnf -y --refresh upgrade; {UNTIL_RPM_KNOWS}"),
            Manager::Zypper => {
                format!("zypper -n refresh --force; zypper -n update; {UNTIL_RPM_KNOWS}")
            }
        };
        self.machine.ok(&upgrade);
    }

    /// How many certificates a package manager would believe on this machine.
    pub(crate) fn trusted_certificates(&self) -> usize {
        let count = match self.manager {
            // Each certificate holds the key's name once.
            Manager::Apt => {
                "sed -n '/^$/,/^=/p' /etc/apt/keyrings/pkgdeploy-* | sed '1d;$d' | base64 -d \
                 | grep -a -o 'pkgdeploy (http' | wc -l"
            }
            Manager::Dnf | Manager::Zypper => "rpm -q gpg-pubkey | grep -c '^gpg-pubkey'",
        };
        self.machine.ok(count).trim().parse().expect("a number")
    }

    fn set_up_apt(machine: &Machine, repository: &MadeRepository, keys: &[String]) {
        let MadeRepository { url, codename, key_id, key_secret, .. } = repository;
        let signed_by = "/etc/apt/keyrings/drill.gpg";
        machine.ok(&format!(
            "mkdir -p /etc/apt/keyrings; for key in {}; do sed -n '/^$/,/^=/p' $key | sed '1d;$d' | base64 -d; done \
             >{signed_by}",
            keys.join(" ")
        ));
        let source = format!("Types: deb\nURIs: {url}\nSuites: {codename}\nComponents: main\nSigned-By: {signed_by}\n");
        machine.put("/etc/apt/sources.list.d/drill.sources", source.as_bytes());
        let login = format!("machine {url}/ login {key_id} password {key_secret}\n");
        machine.put("/etc/apt/auth.conf.d/drill.conf", login.as_bytes());
    }

    fn set_up_dnf(machine: &Machine, repository: &MadeRepository, knows: Knows, keys: &[String]) {
        let MadeRepository { url, key_id, key_secret, .. } = repository;
        let (folder, keys) = (key_folder(knows), urls(keys));
        // Debian's dnf goes on without a repository that it refuses, and ends with 0: here a refusal is an error.
        let repo = format!(
            "[drill]\nname=drill\nmirrorlist={url}/{folder}mirrorlist\nusername={key_id}\npassword={key_secret}\n\
             enabled=1\ngpgcheck=1\nrepo_gpgcheck=1\nskip_if_unavailable=0\ngpgkey={keys}\n"
        );
        machine.put("/etc/yum.repos.d/drill.repo", repo.as_bytes());
    }

    fn set_up_zypper(machine: &Machine, repository: &MadeRepository, knows: Knows, keys: &[String]) {
        let MadeRepository { url, key_id, key_secret, .. } = repository;
        let folder = key_folder(knows);
        let credentials = format!("username={key_id}\npassword={key_secret}\n");
        machine.put("/etc/zypp/credentials.d/drill", credentials.as_bytes());
        let repo = format!(
            "[drill]\nname=drill\nbaseurl={url}/{folder}?credentials=drill\ntype=rpm-md\nenabled=1\nautorefresh=0\n\
             gpgcheck=1\nrepo_gpgcheck=1\npkg_gpgcheck=1\n"
        );
        machine.put("/etc/zypp/repos.d/drill.repo", repo.as_bytes());
        // Known keys are those in rpm's keyring; without a terminal, zypper takes no other.
        for key in keys {
            machine.ok(&format!("rpm --import {key}"));
        }
    }

    /// Refreshes, then installs a package from before the rotation and one that was just released.
    pub(crate) fn try_all(&self, earlier: &str, fresh: &str) -> Tried {
        if self.knows == Knows::Upgraded {
            self.upgrade();
        }
        let refresh = self.machine.run(self.manager.refresh());
        let mut tried = Tried { refresh: refresh.ok, earlier: false, fresh: false, said: refresh.text };
        if tried.refresh {
            for (package, done) in [(earlier, &mut tried.earlier), (fresh, &mut tried.fresh)] {
                let ran = self.machine.run(&self.manager.install(package));
                *done = ran.ok;
                tried.said.push_str(&ran.text);
            }
        }
        tried
    }
}

/// What an address of a YUM repository holds for a client that knows the new key.
fn key_folder(knows: Knows) -> &'static str {
    if knows.has_new() { "key/2/" } else { "" }
}

fn urls(keys: &[String]) -> String {
    keys.iter().map(|key| format!("file://{key}")).collect::<Vec<_>>().join(" ")
}
