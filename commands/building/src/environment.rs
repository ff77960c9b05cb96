//! The environment variables of a script: the operator's, the product's, and none of the server's own.

use std::collections::BTreeMap;

use super::{Job, namespace::PROGRAM_PATH, sandbox::STAGE, setup::DEFAULT_USER};

/// The whole environment of a script, which runs as root or the build user, with or without `DESTDIR`.
pub(super) fn environment(
    job: &Job<'_>,
    operators: &BTreeMap<String, String>,
    is_root: bool,
    has_destdir: bool,
) -> BTreeMap<String, String> {
    let user = job.config.build.user.as_deref().unwrap_or(DEFAULT_USER);
    let (user, home) = if is_root { ("root", "/root".to_owned()) } else { (user, format!("/home/{user}")) };
    let own = [
        ("PATH", PROGRAM_PATH.to_owned()),
        ("HOME", home),
        ("USER", user.to_owned()),
        ("LOGNAME", user.to_owned()),
        ("SHELL", "/bin/sh".to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
        ("DEBIAN_FRONTEND", "noninteractive".to_owned()),
        ("SOURCE_DATE_EPOCH", job.source_date.timestamp().to_string()),
        ("PKGDEPLOY_VERSION", job.version.to_owned()),
        ("PKGDEPLOY_TAG", job.tag.to_string()),
        ("PKGDEPLOY_COMMIT", job.commit.to_string()),
    ];
    let destdir = has_destdir.then(|| ("DESTDIR", format!("{STAGE}/destdir")));
    let mut environment = operators.clone();
    environment.extend(own.into_iter().chain(destdir).map(|(name, value)| (name.to_owned(), value)));
    environment
}
