//! The key by which a client marks a repeated request.

/// Longest `Idempotency-Key`: room for any UUID or URL-like key, not for a document.
pub(crate) const IDEMPOTENCY_KEY_MAX_CHARS: usize = 255;

pub(super) fn valid_idempotency_key(key: &str) -> bool {
    (1..=IDEMPOTENCY_KEY_MAX_CHARS).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}
