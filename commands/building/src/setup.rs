//! The setup of a build as root: `build.requires`, the build user, and the checkout.

#[cfg(test)]
mod tests;

use std::{fmt::Write as _, fs, io::Read as _, path::Path};

use super::{inside, sandbox::RunAs, script::quoted};

/// Where the checkout is built unless the config says otherwise.
pub(super) const DEFAULT_DIRECTORY: &str = "/build";
/// Who builds it unless the config says otherwise.
pub(super) const DEFAULT_USER: &str = "build";
/// The longest package file downloaded for `build.requires`.
const DOWNLOAD_MAX_BYTES: u64 = 1 << 30;
/// The longest download of one.
const DOWNLOAD_MAX_SECONDS: u64 = 600;
/// As much of an account file as is read.
const ACCOUNTS_MAX_BYTES: u64 = 1 << 20;

/// Folders that a build cannot stand in: the system's own.
const RESERVED: [&str; 8] = ["/proc", "/dev", "/sys", "/run", "/etc", "/usr", "/tmp", "/var/lib/dpkg"];

/// The package manager is the root's own; which one is known only there. Lists are refreshed before the first
/// name, and again after a package file, which may have brought a source of packages.
const PACKAGE_MANAGER: &str = r#"
if [ -e /var/lib/dpkg/status ] && command -v apt-get >/dev/null; then manager=apt
elif command -v dnf >/dev/null; then manager=dnf
elif command -v microdnf >/dev/null; then manager=microdnf
elif command -v yum >/dev/null; then manager=yum
else echo 'this root filesystem has none of apt-get, dnf, microdnf, yum'; exit 1
fi
if [ "$manager" = apt ] && [ ! -e /usr/sbin/policy-rc.d ]; then
    # No service of an installed package is started.
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
fi
refresh() {
    if [ "$manager" = apt ]; then apt-get update -q -o Acquire::Retries=2; fi
}
install_names() {
    echo "\$ $manager install $*"
    if [ "$manager" = apt ]; then
        apt-get install -q -y --no-install-recommends -o Dpkg::Use-Pty=0 -o Acquire::Retries=2 -- "$@"
    else
        "$manager" install -y "$@"
    fi
}
install_url() {
    echo "\$ $manager install $1"
    if [ "$manager" = apt ]; then
        (ulimit -f "$DOWNLOAD_BLOCKS"; timeout "$DOWNLOAD_SECONDS" /usr/lib/apt/apt-helper download-file "$1" /tmp/required.deb)
        apt-get install -q -y --no-install-recommends -o Dpkg::Use-Pty=0 -o Acquire::Retries=2 /tmp/required.deb
        rm /tmp/required.deb
    else
        timeout "$DOWNLOAD_SECONDS" "$manager" install -y "$1"
    fi
}
"#;

/// A script that installs `requires` in order. Neighbouring names are one transaction.
///
/// # Errors
/// Names the first that a package manager would take for an option.
pub(super) fn requires(requires: &[String]) -> Result<String, String> {
    let mut script = format!("DOWNLOAD_BLOCKS={}\nDOWNLOAD_SECONDS={DOWNLOAD_MAX_SECONDS}\n", DOWNLOAD_MAX_BYTES / 512);
    script.push_str(PACKAGE_MANAGER);
    for group in requires.chunk_by(|one, next| !is_url(one) && !is_url(next)) {
        if let Some(option) = group.iter().find(|name| name.starts_with('-') || name.is_empty()) {
            return Err(format!("build.requires: \"{option}\" is neither a package's name nor a URL"));
        }
        let words = group.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        let _infallible = match is_url(&group[0]) {
            true => writeln!(script, "install_url {words}"),
            false => writeln!(script, "refresh\ninstall_names {words}"),
        };
    }
    Ok(script)
}

fn is_url(text: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme))
}

/// A script that makes the user and group unless they exist, and puts the checkout at `directory`.
pub(super) fn place(user: &str, group: Option<&str>, directory: &str, new_id: u32) -> String {
    let [user_word, directory_word] = [user, directory].map(quoted);
    let group_word = quoted(group.unwrap_or_default());
    format!(
        r#"user={user_word}; group={group_word}; directory={directory_word}; id={new_id}
gid_of() {{ sed -n "s/^$1:[^:]*:\([0-9]*\):.*/\1/p" /etc/group | head -n 1; }}
if ! grep -q "^$user:" /etc/passwd; then
    name="${{group:-$user}}"
    grep -q "^$name:" /etc/group || printf '%s:x:%s:\n' "$name" "$id" >>/etc/group
    printf '%s:x:%s:%s::/home/%s:/bin/sh\n' "$user" "$id" "$(gid_of "$name")" "$user" >>/etc/passwd
elif [ -n "$group" ] && ! grep -q "^$group:" /etc/group; then
    printf '%s:x:%s:\n' "$group" "$id" >>/etc/group
fi
uid="$(sed -n "s/^$user:[^:]*:\([0-9]*\):.*/\1/p" /etc/passwd | head -n 1)"
gid="$(sed -n "s/^$user:[^:]*:[0-9]*:\([0-9]*\):.*/\1/p" /etc/passwd | head -n 1)"
if [ -n "$group" ]; then gid="$(gid_of "$group")"; fi
if [ -e "$directory" ] && [ -n "$(ls -A "$directory")" ]; then
    echo "build.directory: $directory already holds files in this root filesystem"
    exit 1
fi
home="/home/$user"
if [ ! -e "$home" ]; then mkdir -p "$home"; chown "$uid:$gid" "$home"; fi
mkdir -p "$directory"
cp -a {STAGE}/checkout/. "$directory"
chown -hR "$uid:$gid" "$directory"
"#,
        STAGE = super::sandbox::STAGE
    )
}

/// Who the build user is, as the job's own account files say now.
///
/// # Errors
/// Says which account is missing, or that it is root.
pub(super) fn identity(root: &Path, user: &str, group: Option<&str>) -> Result<RunAs, String> {
    let field = |file: &str, name: &str, number: usize| -> Result<u32, String> {
        let text = read_accounts(root, file)?;
        let line = text.lines().find(|line| line.split(':').next() == Some(name));
        let field = line.and_then(|line| line.split(':').nth(number)).and_then(|field| field.parse().ok());
        field.ok_or_else(|| format!("{file} of the root filesystem has no good entry for \"{name}\""))
    };
    let uid = field("/etc/passwd", user, 2)?;
    let gid = match group {
        Some(group) => field("/etc/group", group, 2)?,
        None => field("/etc/passwd", user, 3)?,
    };
    if uid == 0 || gid == 0 {
        return Err("build.user and build.group must not be root".to_owned());
    }
    Ok(RunAs::User { uid, gid })
}

fn read_accounts(root: &Path, file: &str) -> Result<String, String> {
    let path = inside::locate(root, file).map_err(|escape| format!("{file} of the root filesystem: {escape}"))?;
    let is_file = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
    let mut text = String::new();
    let read = fs::File::open(&path).and_then(|opened| opened.take(ACCOUNTS_MAX_BYTES).read_to_string(&mut text));
    match read {
        Ok(_) if is_file => Ok(text),
        _ => Err(format!("{file} of the root filesystem cannot be read")),
    }
}

/// `build.directory`, if a build can stand there.
///
/// # Errors
/// Says what was expected.
pub(super) fn directory(configured: Option<&str>) -> Result<String, String> {
    let directory = configured.unwrap_or(DEFAULT_DIRECTORY).trim_end_matches('/');
    let parts: Vec<&str> = directory.split('/').skip(1).collect();
    let normal = directory.starts_with('/') && parts.iter().all(|part| !matches!(*part, "" | "." | ".."));
    // Below /usr or /var is fine, /usr itself is not; below /proc nothing is.
    let reserved =
        RESERVED.contains(&directory) || ["proc", "dev", "sys", "run"].contains(parts.first().unwrap_or(&""));
    if normal && !reserved && !directory.contains(char::is_control) {
        return Ok(directory.to_owned());
    }
    Err(format!(
        "build.directory \"{directory}\": expected an absolute path without `..`, and no folder of the system itself"
    ))
}
