//! `X-Hub-Signature-256`: HMAC-SHA256 over the raw body, compared in constant time.

#[cfg(test)]
mod tests;

use aws_lc_rs::hmac;
use axum::http::HeaderMap;

const HEADER: &str = "x-hub-signature-256";
const PREFIX: &str = "sha256=";
/// Bytes of an HMAC-SHA256.
const TAG_BYTES: usize = 32;

/// The key derived from a webhook's secret.
pub(super) fn key(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

/// Whether the holder of `key` signed `body`.
///
/// A missing or malformed signature is compared too, so that it takes as long as a wrong one. The old `X-Hub-Signature` with SHA-1
/// is ignored.
pub(super) fn is_of(key: &hmac::Key, headers: &HeaderMap, body: &[u8]) -> bool {
    let presented = presented(headers);
    let equal = hmac::verify(key, body, &presented.unwrap_or([0; TAG_BYTES])).is_ok();
    presented.is_some() && equal
}

/// The signature, if exactly one was sent.
fn presented(headers: &HeaderMap) -> Option<[u8; TAG_BYTES]> {
    let mut all = headers.get_all(HEADER).iter();
    let (only, none) = (all.next()?, all.next());
    let digits = only.to_str().ok()?.strip_prefix(PREFIX)?;
    let mut tag = [0; TAG_BYTES];
    hex::decode_to_slice(digits, &mut tag).ok().filter(|()| none.is_none())?;
    Some(tag)
}
