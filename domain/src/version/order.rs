//! Which of two versions is newer, as the package managers decide it.

use std::cmp::Ordering;

use debversion::Version;

use super::{InvalidVersion, valid_deb_version};

/// Compares two debs' versions as `dpkg --compare-versions` does.
///
/// # Errors
/// `InvalidVersion` for the first that [`valid_deb_version`] refuses.
pub fn compare_deb(a: &str, b: &str) -> Result<Ordering, InvalidVersion> {
    Ok(deb(a)?.cmp(&deb(b)?))
}

/// Compares two rpms' `[epoch:]version[-release]` as rpm's `labelCompare` does. A missing epoch is 0.
#[must_use]
pub fn compare_rpm_evr(a: &str, b: &str) -> Ordering {
    rpm_version::rpm_evr_compare(a, b)
}

fn deb(text: &str) -> Result<Version, InvalidVersion> {
    valid_deb_version(text)?;
    let mut version: Version =
        text.parse().map_err(|_| InvalidVersion::new(text, "a deb's version", "one that dpkg can compare"))?;
    // dpkg reads no digits as 0, so that 1.0~rc equals 1.0~rc0; the crate orders them.
    let parts = [Some(&mut version.upstream_version), version.debian_revision.as_mut()];
    for part in parts.into_iter().flatten().filter(|part| !part.ends_with(|c: char| c.is_ascii_digit())) {
        part.push('0');
    }
    Ok(version)
}
