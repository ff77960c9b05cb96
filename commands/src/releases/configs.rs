//! Validate config: every config file is good, and each package has somewhere to go.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use domain::{
    config::{self, PackageConfig, Scripts, is_config_file, limits::FILE_MAX_BYTES},
    error_chain::ErrorChain,
    ids::ReleaseId,
    names::OrganisationName,
    package::Format,
    release::{Command, PlannedPackage, Step},
    size::Size,
};
use event_log::execute::Context;

use super::{
    Pipeline,
    check_out::CheckedOut,
    failure::{Stop, blocking},
};

/// Most packages that one release makes.
pub const PACKAGES_MAX: usize = 32;

impl Pipeline {
    /// Reads the configs of a checked-out commit, in the order of their file names.
    pub(super) async fn validate_configs(
        &self,
        id: ReleaseId,
        checkout: &CheckedOut,
        context: &Context,
    ) -> Result<Vec<PackageConfig>, Stop> {
        let folder = checkout.folder.clone();
        let configs = blocking(Step::ValidateConfig, move || {
            let configs = read_configs(&folder)?;
            one_config_a_package(&configs)?;
            command_files(&configs, &folder)?;
            Ok(configs)
        })
        .await?;
        self.a_repository_for_each(&self.running(id).await?.origin.organisation, &configs).await?;
        let packages = configs.iter().map(planned).collect();
        self.record(id, Command::RecordConfig { packages }, context).await?;
        Ok(configs)
    }

    async fn a_repository_for_each(
        &self,
        organisation: &OrganisationName,
        configs: &[PackageConfig],
    ) -> Result<(), Stop> {
        let formats: BTreeMap<Format, &str> = configs.iter().map(|c| (c.format, c.file.as_str())).collect();
        for (format, file) in formats {
            if self.targets(organisation, format, Step::ValidateConfig).await?.is_empty() {
                let message = format!(
                    "{file} describes a {format} package, and organisation {organisation} has no repository for {format} packages: create one first"
                );
                return Err(Stop::failed(Step::ValidateConfig, "no_repository", message));
            }
        }
        Ok(())
    }
}

fn planned(config: &PackageConfig) -> PlannedPackage {
    PlannedPackage {
        config: config.file.clone(),
        name: config.name.clone(),
        format: config.format,
        architecture: config.architecture,
        distribution: config.distribution.clone(),
    }
}

fn read_configs(checkout: &Path) -> Result<Vec<PackageConfig>, Stop> {
    let failed = |code, message: String| Stop::failed(Step::ValidateConfig, code, message);
    let files = config_files(checkout).map_err(|error| failed("config_unreadable", format!(".pkgdeploy: {error}")))?;
    if files.is_empty() {
        let message = "the tag has no config file .pkgdeploy/config*.yml: add one for each package".to_owned();
        return Err(failed("no_config", message));
    }
    if files.len() > PACKAGES_MAX {
        let message =
            format!("the tag has {} config files: expected at most {PACKAGES_MAX}, one for each package", files.len());
        return Err(failed("too_many_configs", message));
    }
    let mut configs = Vec::new();
    for file in files {
        let text = config_text(&checkout.join(&file))
            .map_err(|error| failed("config_unreadable", format!("{file}: {error}")))?;
        configs.push(PackageConfig::parse(&file, &text).map_err(|error| failed("config_invalid", error.to_string()))?);
    }
    Ok(configs)
}

/// The config files, by name. Symbolic links are not config files: they could point at a file of this machine.
fn config_files(checkout: &Path) -> io::Result<BTreeSet<String>> {
    let folder = checkout.join(".pkgdeploy");
    match fs::symlink_metadata(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.is_dir() => return Err(io::Error::other("expected a folder")),
        Ok(_) => {}
    }
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = Path::new(".pkgdeploy").join(entry.file_name());
        if !is_config_file(&path) {
            continue;
        }
        if !entry.file_type()?.is_file() {
            return Err(io::Error::other(format!("{} is not a regular file", path.display())));
        }
        files.extend(path.to_str().map(str::to_owned));
    }
    Ok(files)
}

fn config_text(path: &Path) -> io::Result<String> {
    if fs::symlink_metadata(path)?.len() > FILE_MAX_BYTES as u64 {
        return Err(io::Error::other(format!("the file is larger than {}", Size(FILE_MAX_BYTES as u64))));
    }
    fs::read_to_string(path)
}

/// Every `file:` command can be read: a missing one fails now, not after the build.
fn command_files(configs: &[PackageConfig], checkout: &Path) -> Result<(), Stop> {
    for config in configs {
        let Scripts { before_install, after_install, before_upgrade, after_upgrade, before_uninstall, after_uninstall } =
            &config.scripts;
        let maintainer =
            [before_install, after_install, before_upgrade, after_upgrade, before_uninstall, after_uninstall];
        let all = maintainer.into_iter().chain([&config.build.commands, &config.install.commands]).flatten();
        for command in all {
            let config::Command::File(file) = command else { continue };
            building::read_command_file(checkout, Path::new(file)).map_err(|error| {
                Stop::failed(Step::ValidateConfig, error.code(), format!("{}: {}", config.file, ErrorChain(&error)))
            })?;
        }
    }
    Ok(())
}

/// Two files of one package would overwrite each other in the repository.
fn one_config_a_package(configs: &[PackageConfig]) -> Result<(), Stop> {
    let mut seen = BTreeMap::new();
    for config in configs {
        let identity = (config.format, &config.name, config.architecture.in_format(config.format));
        if let Some(other) = seen.insert(identity, &config.file) {
            let message = format!(
                "{}: {other} makes the {} package {} for the same architecture",
                config.file, config.format, config.name
            );
            return Err(Stop::failed(Step::ValidateConfig, "duplicate_package", message));
        }
    }
    Ok(())
}
