//! The APT repository format: `Packages` stanzas and the `Release` file. Source: Debian wiki, `DebianRepository/Format`.

pub mod packages;
pub mod release;
#[cfg(test)]
mod tests;

/// The architecture every repository has, so that an empty one is a repository too.
pub const ARCHITECTURE_ALWAYS: &str = "amd64";
/// The architecture whose packages are for every machine: merged into the lists of all others.
pub const ARCHITECTURE_ALL: &str = "all";
