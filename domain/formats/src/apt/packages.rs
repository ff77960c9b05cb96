//! Writes the stanza of one package in `Packages`.

use domain::{digest::Sha256, package::DebFacts};

/// The control paragraph, where the file is and how to check it, and the empty line that ends a stanza.
///
/// MD5 and SHA-1 are left out: apt has preferred SHA-256 since 0.9, and refuses weaker ones since 1.4.
#[must_use]
pub fn stanza(facts: &DebFacts, path: &str, sha256: &Sha256, size_bytes: u64) -> String {
    format!("{}\nFilename: {path}\nSize: {size_bytes}\nSHA256: {sha256}\n\n", facts.control.trim_end_matches('\n'))
}
