//! Assembles the package's tree from the built tree: `install.copy`, then `install.commands`.
//!
//! Everything here runs after the last process of a step is dead, and follows no link of the built tree.

use std::{collections::BTreeMap, fs, io, path::Path};

use domain::{
    config::{Copy, Install},
    size::Limit,
};
use formats::packaging::tree::{Content, Entry, PackageTree};

use super::{
    BuildError, Limits,
    placing::{Rule, destination, entry, locate, name, refused, unreadable},
};

/// Folders that belong to the distribution: a package that installs into them does not own them.
const SYSTEM_FOLDERS: [&str; 43] = [
    "/bin",
    "/boot",
    "/etc",
    "/etc/apt",
    "/etc/apt/sources.list.d",
    "/etc/cron.d",
    "/etc/cron.daily",
    "/etc/default",
    "/etc/init.d",
    "/etc/logrotate.d",
    "/etc/profile.d",
    "/etc/sudoers.d",
    "/etc/sysconfig",
    "/etc/systemd",
    "/etc/systemd/system",
    "/etc/yum.repos.d",
    "/home",
    "/lib",
    "/lib/systemd",
    "/lib/systemd/system",
    "/lib64",
    "/opt",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/include",
    "/usr/lib",
    "/usr/lib/systemd",
    "/usr/lib/systemd/system",
    "/usr/lib64",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/sbin",
    "/usr/share",
    "/usr/share/doc",
    "/var",
    "/var/lib",
    "/var/log",
];

/// Entries, and the origin of each.
pub(super) struct Assembly {
    entries: BTreeMap<String, Placed>,
    user: String,
    group: String,
    limits: Limits,
}

struct Placed {
    entry: Entry,
    /// The config says its mode, so that commands do not change it.
    mode_is_fixed: bool,
}

impl Assembly {
    /// Nothing yet, to be owned as `install` says.
    pub(super) fn new(install: &Install, limits: Limits) -> Self {
        let user = install.user.clone().unwrap_or_else(|| "root".to_owned());
        let group = install.group.clone().or_else(|| install.user.clone()).unwrap_or_else(|| "root".to_owned());
        Self { entries: BTreeMap::new(), user, group, limits }
    }

    /// Applies `install.copy` to the tree at `built`. A later line wins where two meet.
    pub(super) fn copy(&mut self, built: &Path, copies: &[Copy]) -> Result<(), BuildError> {
        let (user, group) = (self.user.clone(), self.group.clone());
        for copy in copies {
            let rule = Rule {
                user: copy.user.as_deref().unwrap_or(&user),
                group: copy.group.as_deref().unwrap_or(&group),
                permissions: copy.permissions,
            };
            let source = locate(built, copy)?;
            self.add(&source, &destination(copy)?, &rule)?;
        }
        self.check()
    }

    /// Writes the entries to the empty folder `destdir`, for the user `uid` to change.
    pub(super) fn write_to(&self, destdir: &Path, uid: u32, gid: u32) -> io::Result<()> {
        super::destdir::write(
            destdir,
            self.entries.iter().map(|(path, placed)| (path.as_str(), &placed.entry)),
            uid,
            gid,
        )
    }

    /// Takes what the commands left in `destdir` for what there is. Owners stay as they were.
    pub(super) fn adopt(&mut self, destdir: &Path) -> Result<(), BuildError> {
        let before = std::mem::take(&mut self.entries);
        let (user, group) = (self.user.clone(), self.group.clone());
        self.add(destdir, "", &Rule { user: &user, group: &group, permissions: None })?;
        // Parents that were made only to hold something are not the package's own.
        self.entries.retain(|path, placed| {
            let is_folder = placed.entry.content == Content::Directory;
            let holds_older = || {
                before.range(format!("{path}/")..).next().is_some_and(|(next, _)| next.starts_with(&format!("{path}/")))
            };
            before.contains_key(path) || !(is_folder && holds_older())
        });
        for (path, placed) in &mut self.entries {
            let Some(old) = before.get(path) else {
                continue;
            };
            placed.entry.user.clone_from(&old.entry.user);
            placed.entry.group.clone_from(&old.entry.group);
            let same_kind = std::mem::discriminant(&old.entry.content) == std::mem::discriminant(&placed.entry.content);
            if old.mode_is_fixed && same_kind {
                placed.entry.mode = old.entry.mode;
                placed.mode_is_fixed = true;
            }
        }
        self.check()
    }

    /// The finished tree.
    pub(super) fn finish(self) -> PackageTree {
        PackageTree { entries: self.entries.into_iter().map(|(path, placed)| (path, placed.entry)).collect() }
    }

    /// Adds `source`, and everything below it if it is a folder.
    fn add(&mut self, source: &Path, destination: &str, rule: &Rule<'_>) -> Result<(), BuildError> {
        let mut waiting = vec![(source.to_owned(), destination.to_owned())];
        while let Some((real, path)) = waiting.pop() {
            let failed = |source| unreadable(&real, source);
            let metadata = fs::symlink_metadata(&real).map_err(failed)?;
            if metadata.is_dir() {
                for entry in fs::read_dir(&real).map_err(failed)? {
                    let entry = entry.map_err(failed)?;
                    waiting.push((entry.path(), format!("{path}/{}", name(&entry.file_name(), &path)?)));
                }
            }
            if path.is_empty() || (metadata.is_dir() && SYSTEM_FOLDERS.contains(&path.as_str())) {
                continue;
            }
            let entry = entry(&real, &path, &metadata, rule)?;
            self.entries.insert(path, Placed { entry, mode_is_fixed: rule.permissions.is_some() });
            if self.entries.len() as u64 > self.limits.output_entries {
                return Err(BuildError::OutputTooLarge {
                    what: "the number of files and folders",
                    limit: Limit::Count(self.limits.output_entries),
                });
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), BuildError> {
        let mut total_bytes = 0_u64;
        for (path, placed) in &self.entries {
            if let Content::File { size_bytes, .. } = placed.entry.content {
                total_bytes = total_bytes.saturating_add(size_bytes);
            }
            let parents = path.match_indices('/').skip(1).map(|(end, _)| &path[..end]);
            for parent in parents {
                let is_folder = self.entries.get(parent).is_none_or(|above| above.entry.content == Content::Directory);
                if !is_folder {
                    return Err(refused(path, format!("{parent} is in the package too, and is not a folder")));
                }
            }
        }
        if total_bytes > self.limits.output_bytes {
            return Err(BuildError::OutputTooLarge {
                what: "the size of all files together",
                limit: Limit::Bytes(self.limits.output_bytes),
            });
        }
        Ok(())
    }
}
