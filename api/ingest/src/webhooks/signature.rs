//! `X-Hub-Signature-256`: HMAC-SHA256 over the raw body, compared in constant time.

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

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(*name, value.parse().expect("a value"));
        }
        headers
    }

    #[test]
    fn githubs_published_vector_is_good() {
        assert!(is_of(&key(SECRET), &headers(&[(HEADER, SIGNATURE)]), BODY));
    }

    #[test]
    fn everything_else_is_not() {
        let wrong = format!("{}8", &SIGNATURE[..SIGNATURE.len() - 1]);
        let upper = SIGNATURE.replace("sha256", "SHA256");
        for (why, all) in [
            ("no signature", vec![]),
            ("another signature", vec![(HEADER, wrong.as_str())]),
            ("nothing behind the prefix", vec![(HEADER, "sha256=")]),
            ("no prefix", vec![(HEADER, &SIGNATURE["sha256=".len()..])]),
            ("another prefix", vec![(HEADER, upper.as_str())]),
            ("one digit too few", vec![(HEADER, &SIGNATURE[..SIGNATURE.len() - 1])]),
            ("two signatures", vec![(HEADER, SIGNATURE), (HEADER, SIGNATURE)]),
            ("only the old one", vec![("x-hub-signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59")]),
            (
                "nothing but zeros",
                vec![(HEADER, "sha256=0000000000000000000000000000000000000000000000000000000000000000")],
            ),
        ] {
            assert!(!is_of(&key(SECRET), &headers(&all), BODY), "{why}");
        }
        assert!(!is_of(&key(SECRET), &headers(&[(HEADER, SIGNATURE)]), b"Hello, World?"), "another body");
        assert!(!is_of(&key(b"another"), &headers(&[(HEADER, SIGNATURE)]), BODY), "another secret");
    }
}
