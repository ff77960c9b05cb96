//! Checks the content and metadata of a package before it is written.

use domain::{config::PackageConfig, names::UserName, package::Format, size::Limit};

use super::{
    error::WritePackageError,
    spec::{ScriptTexts, Spec, ancestors},
    tree::{Content, PackageTree},
};

/// Most paths one package may install.
pub(crate) const TREE_MAX_ENTRIES: usize = 200_000;
/// Most bytes all its files may have together: an rpm's sizes are 32-bit numbers, and past them it is another format.
pub(crate) const TREE_MAX_BYTES: u64 = u32::MAX as u64;
/// Longest installed path, and longest target of a link. Source: Linux, `PATH_MAX`, less its NUL.
const PATH_MAX_BYTES: usize = 4095;
/// Longest version, in bytes: it becomes part of a file name.
const VERSION_MAX_BYTES: usize = 96;
/// Longest text of a field, in bytes; a description is far below.
const FIELD_MAX_BYTES: usize = 64 * 1024;

/// Refuses what would make a package that its format's tools misread or cannot install.
pub(super) fn check(spec: &Spec<'_>) -> Result<(), WritePackageError> {
    check_version(spec)?;
    check_fields(spec.config)?;
    check_scripts(spec.scripts)?;
    check_tree(spec.tree)
}

fn check_version(spec: &Spec<'_>) -> Result<(), WritePackageError> {
    let also = match spec.config.format {
        Format::Deb => ".+~",
        Format::Rpm => ".+~^_",
    };
    let starts_well = spec.version.starts_with(|c: char| c.is_ascii_digit());
    let is_plain = spec.version.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c));
    if starts_well && is_plain && spec.version.len() <= VERSION_MAX_BYTES {
        return Ok(());
    }
    let expected = "a digit, then letters, digits and . + ~ (in an rpm ^ _ too), at most 96 characters";
    Err(WritePackageError::Field { field: "version", expected })
}

fn check_fields(config: &PackageConfig) -> Result<(), WritePackageError> {
    let url = config.url.as_deref().unwrap_or_default();
    for (field, text) in [("maintainer", &*config.maintainer), ("license", &config.license), ("url", url)] {
        if text.len() > FIELD_MAX_BYTES || text.contains(char::is_control) {
            return Err(WritePackageError::Field { field, expected: "one line of at most 64 KiB" });
        }
    }
    let unwanted = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if config.description.len() > FIELD_MAX_BYTES || config.description.contains(unwanted) {
        let expected = "lines of text without control characters, at most 64 KiB";
        return Err(WritePackageError::Field { field: "description", expected });
    }
    let owners = [("install.user", &config.install.user), ("install.group", &config.install.group)];
    for (field, name) in owners {
        if name.as_ref().is_some_and(|name| name.parse::<UserName>().is_err()) {
            let expected = "1 to 32 characters of a-z 0-9 _ -, a letter or _ first";
            return Err(WritePackageError::Field { field, expected });
        }
    }
    Ok(())
}

fn check_scripts(scripts: &ScriptTexts) -> Result<(), WritePackageError> {
    let ScriptTexts { before_install, after_install, before_upgrade, after_upgrade, before_uninstall, after_uninstall } =
        scripts;
    let texts = [before_install, after_install, before_upgrade, after_upgrade, before_uninstall, after_uninstall];
    if texts.into_iter().flatten().any(|text| text.contains('\0')) {
        return Err(WritePackageError::Field { field: "maintainer scripts", expected: "text without NUL" });
    }
    Ok(())
}

fn check_tree(tree: &PackageTree) -> Result<(), WritePackageError> {
    let too_large = |what, found, limit| Err(WritePackageError::TooLarge { what, found, limit });
    if tree.entries.len() > TREE_MAX_ENTRIES {
        return too_large(
            "the number of its files and folders",
            Limit::Count(tree.entries.len() as u64),
            Limit::Count(TREE_MAX_ENTRIES as u64),
        );
    }
    let mut size_bytes = 0_u64;
    for (path, entry) in &tree.entries {
        let refuse = |problem| Err(WritePackageError::Entry { path: path.clone(), problem });
        if !is_installed_path(path) {
            return refuse("expected an absolute path without .. and control characters, of at most 4095 bytes");
        }
        if ancestors(path).any(|above| tree.entries.get(above).is_some_and(|it| it.content != Content::Directory)) {
            return refuse("one of the folders above it is a file or a link in this package");
        }
        if entry.mode > 0o7777 {
            return refuse("its file mode is out of range: expected at most 7777");
        }
        if entry.user.parse::<UserName>().is_err() || entry.group.parse::<UserName>().is_err() {
            return refuse(
                "its owner or group is not a valid name: expected 1 to 32 characters of a-z 0-9 _ -, a letter or _ first",
            );
        }
        match &entry.content {
            Content::Directory => {}
            Content::Symlink(target) => {
                if target.is_empty() || target.len() > PATH_MAX_BYTES || target.contains(char::is_control) {
                    return refuse(
                        "it is a link whose target is not valid: expected 1 to 4095 bytes without control characters",
                    );
                }
                size_bytes = size_bytes.saturating_add(target.len() as u64);
            }
            Content::File { size_bytes: more, .. } => size_bytes = size_bytes.saturating_add(*more),
        }
    }
    if size_bytes > TREE_MAX_BYTES {
        return too_large("the size of its files", Limit::Bytes(size_bytes), Limit::Bytes(TREE_MAX_BYTES));
    }
    Ok(())
}

fn is_installed_path(path: &str) -> bool {
    path.len() <= PATH_MAX_BYTES
        && !path.contains(char::is_control)
        && path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|name| !matches!(name, "" | "." | "..")))
}
