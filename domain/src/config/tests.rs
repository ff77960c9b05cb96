//! What the grammar takes, what it refuses and where it says so.

mod bad;
mod good;
mod limits;
mod properties;

use super::{ConfigError, PackageConfig};

const FILE: &str = ".pkgdeploy/config.yml";

fn parse(text: &str) -> Result<PackageConfig, ConfigError> {
    PackageConfig::parse(FILE, text)
}

/// The smallest config, and more lines below it: the first of them is line 3.
fn with(lines: &str) -> String {
    format!("name: tool\nformat: deb\n{lines}")
}
