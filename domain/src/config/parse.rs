//! Parses a config file's text into a package: the known keys and their defaults.

use super::{
    Architecture, Build, Copy, Install, PackageConfig, Scripts,
    commands::commands,
    error::ConfigError,
    fields::{Fields, Place},
    paths, values, yaml,
};
use crate::{names::PackageName, package::Format};

/// Built on, if a deb's config does not say.
pub(crate) const DEFAULT_DEB_DISTRIBUTION: &str = "ubuntu18";
/// Built on, if an rpm's config does not say.
pub(crate) const DEFAULT_RPM_DISTRIBUTION: &str = "centos7";
/// `license`, if the config does not say.
pub(crate) const DEFAULT_LICENSE: &str = "Unknown";
/// `maintainer`, if the config does not say.
pub(crate) const DEFAULT_MAINTAINER: &str = "Unknown <unknown@pkgdeploy.com>";

const FILE_KEYS: [&str; 16] = [
    "name",
    "format",
    "distribution",
    "architecture",
    "description",
    "url",
    "license",
    "maintainer",
    "build",
    "install",
    "before_install",
    "after_install",
    "before_upgrade",
    "after_upgrade",
    "before_uninstall",
    "after_uninstall",
];
const BUILD_KEYS: [&str; 5] = ["directory", "requires", "user", "group", "commands"];
const INSTALL_KEYS: [&str; 5] = ["requires", "user", "group", "copy", "commands"];
const COPY_KEYS: [&str; 5] = ["source", "destination", "user", "group", "permissions"];

impl PackageConfig {
    /// Reads the config whose path in the repository is `file` and whose content is `text`.
    ///
    /// Bounded in time and memory for any `text`: see the limits of this module.
    ///
    /// # Errors
    /// The first breach of the grammar, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let read = || package(file, &Place::root(&yaml::parse(text)?).fields(&FILE_KEYS)?);
        read().map_err(|error| error.in_file(file))
    }
}

fn package(file: &str, fields: &Fields<'_>) -> Result<PackageConfig, ConfigError> {
    let name: PackageName = fields.required("name", values::name)?;
    let format = fields.required("format", values::format)?;
    let default_distribution = match format {
        Format::Deb => DEFAULT_DEB_DISTRIBUTION,
        Format::Rpm => DEFAULT_RPM_DISTRIBUTION,
    };
    let or = |value: Option<String>, default: &str| value.unwrap_or_else(|| default.to_owned());
    Ok(PackageConfig {
        file: file.to_owned(),
        format,
        distribution: or(fields.optional("distribution", values::distribution)?, default_distribution),
        architecture: fields.optional("architecture", values::architecture)?.unwrap_or(Architecture::Bits64),
        description: or(fields.optional("description", description)?, name.as_str()),
        url: fields.optional("url", values::url)?,
        license: or(fields.optional("license", owned_line)?, DEFAULT_LICENSE),
        maintainer: or(fields.optional("maintainer", values::maintainer)?, DEFAULT_MAINTAINER),
        build: fields.optional("build", build)?.unwrap_or_default(),
        install: fields.optional("install", install)?.unwrap_or_default(),
        scripts: scripts(fields)?,
        name,
    })
}

fn build(place: &Place<'_>) -> Result<Build, ConfigError> {
    let fields = place.fields(&BUILD_KEYS)?;
    Ok(Build {
        directory: fields.optional("directory", paths::directory)?,
        requires: fields.each("requires", values::build_requirement)?,
        user: fields.optional("user", values::user)?,
        group: fields.optional("group", values::user)?,
        commands: commands(&fields, "commands")?,
    })
}

fn install(place: &Place<'_>) -> Result<Install, ConfigError> {
    let fields = place.fields(&INSTALL_KEYS)?;
    Ok(Install {
        requires: fields.each("requires", values::dependency)?,
        user: fields.optional("user", values::user)?,
        group: fields.optional("group", values::user)?,
        copy: fields.each("copy", copy)?,
        commands: commands(&fields, "commands")?,
    })
}

fn copy(place: &Place<'_>) -> Result<Copy, ConfigError> {
    let fields = place.fields(&COPY_KEYS)?;
    Ok(Copy {
        source: fields.required("source", paths::source)?,
        destination: fields.required("destination", paths::destination)?,
        user: fields.optional("user", values::user)?,
        group: fields.optional("group", values::user)?,
        permissions: fields.optional("permissions", values::permissions)?,
    })
}

fn scripts(fields: &Fields<'_>) -> Result<Scripts, ConfigError> {
    Ok(Scripts {
        before_install: commands(fields, "before_install")?,
        after_install: commands(fields, "after_install")?,
        before_upgrade: commands(fields, "before_upgrade")?,
        after_upgrade: commands(fields, "after_upgrade")?,
        before_uninstall: commands(fields, "before_uninstall")?,
        after_uninstall: commands(fields, "after_uninstall")?,
    })
}

/// Its first line is the summary, so it must not be blank.
fn description(place: &Place<'_>) -> Result<String, ConfigError> {
    values::paragraphs(place).map(|text| text.trim_start().to_owned())
}

fn owned_line(place: &Place<'_>) -> Result<String, ConfigError> {
    values::line(place).map(str::to_owned)
}
