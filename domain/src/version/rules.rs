//! What dpkg and rpm accept as a version: checked for packages that were built elsewhere.

use super::InvalidVersion;

/// Longest version of an uploaded package. Neither format sets a bound; the longest in Debian has 60 characters.
pub const PACKAGE_VERSION_MAX_CHARS: usize = 128;
/// Highest epoch dpkg takes: it reads it into an `int`.
const EPOCH_MAX: u32 = i32::MAX.unsigned_abs();

/// Is `text` a deb's version, `[epoch:]upstream[-revision]`? Source: Debian Policy 5.6.12.
///
/// # Errors
/// `InvalidVersion` if not.
pub fn valid_deb_version(text: &str) -> Result<(), InvalidVersion> {
    let expected = "[epoch:]upstream[-revision] of at most 128 letters, digits and . + ~ -, a digit first";
    let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
    let valid = text.len() <= PACKAGE_VERSION_MAX_CHARS
        && digits(epoch)
        && epoch.parse().is_ok_and(|epoch: u32| epoch <= EPOCH_MAX)
        && upstream.starts_with(|c: char| c.is_ascii_digit())
        && upstream.bytes().all(|b| b.is_ascii_alphanumeric() || b".+~-".contains(&b))
        && !revision.is_empty()
        && revision.bytes().all(|b| b.is_ascii_alphanumeric() || b".+~".contains(&b));
    if valid { Ok(()) } else { Err(InvalidVersion::new(text, "a deb's version", expected)) }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
