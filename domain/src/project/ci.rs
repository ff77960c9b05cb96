//! The CI jobs that may release a project without a stored secret.

use serde::{Deserialize, Serialize};

use super::TagPattern;

/// Longest audience: a URL.
pub(crate) const AUDIENCE_MAX_CHARS: usize = 300;
/// The refs whose jobs are trusted by default: tags, because only they are released.
pub const CI_REF_PATTERN_DEFAULT: &str = "refs/tags/*";

/// The jobs that a project trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiTrust {
    /// The numeric id of the code repository whose they are.
    pub repository_id: u64,
    /// The numeric id of the account or organisation that owns it. Names are reused, ids never.
    pub owner_id: u64,
    /// The refs they run for.
    pub ref_pattern: TagPattern,
    /// The audience of their proofs; the server's own address if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// Whether this text is a valid audience of a proof.
#[must_use]
pub(crate) fn valid_audience(text: &str) -> bool {
    (1..=AUDIENCE_MAX_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
