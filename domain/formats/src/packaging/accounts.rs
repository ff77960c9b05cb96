//! The users and groups that own a package's files and must exist before the files are unpacked.
//!
//! Both dpkg and rpm look owners up by name on the target machine when they unpack, after `preinst` and `%pre` have run.

use std::collections::BTreeSet;

use super::spec::Spec;

/// Owner of everything that has no other.
const ROOT: &str = "root";

/// Users and groups to create if they are missing, in a fixed order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Accounts {
    /// Each also has a group of its name, its primary one.
    pub(super) users: BTreeSet<String>,
    /// The users' own groups and all others.
    pub(super) groups: BTreeSet<String>,
}

impl Accounts {
    /// Every owner in the tree and the config's default one, but not root.
    pub(super) fn of(spec: &Spec<'_>) -> Self {
        let install = &spec.config.install;
        let entries = spec.tree.entries.values();
        let users = entries.clone().map(|entry| entry.user.as_str()).chain(install.user.as_deref());
        let groups = entries.map(|entry| entry.group.as_str()).chain(install.group.as_deref());
        let others = |names: Vec<&str>| names.into_iter().filter(|name| *name != ROOT).map(str::to_owned).collect();
        let users: BTreeSet<String> = others(users.collect());
        let mut groups: BTreeSet<String> = others(groups.collect());
        groups.extend(users.iter().cloned());
        Self { users, groups }
    }

    /// Shell lines that create what is missing: system accounts without home, shell or password.
    ///
    /// Names are [`domain::names::UserName`]s and need no quoting. `useradd` is in Debian's `passwd`, a required
    /// package, and in EL's and SUSE's `shadow`; there is no dependency on it in an rpm, because rpms installed with
    /// Debian's dnf find no provider there.
    pub(super) fn create(&self) -> Vec<String> {
        let groups =
            self.groups.iter().map(|group| format!("getent group {group} >/dev/null || groupadd --system {group}"));
        let users = self.users.iter().map(|user| {
            format!(
                "getent passwd {user} >/dev/null || useradd --system --gid {user} --no-create-home \
                 --home-dir /nonexistent --shell /usr/sbin/nologin {user}"
            )
        });
        groups.chain(users).collect()
    }
}
