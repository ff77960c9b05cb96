//! Session cookies: they name the operator token of the login, and when the session ends.
//!
//! A cookie contains the token's id and an expiry time, authenticated with a key that exists only in this process. Nothing is stored.
//! Revoking a token ends its sessions, since every request looks the token up. A restart ends all sessions.

#[cfg(test)]
mod tests;

use aws_lc_rs::{hmac, rand::SystemRandom};
use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::TokenId;
use uuid::Uuid;

/// How long a session lasts.
pub(super) const SESSION: TimeDelta = TimeDelta::hours(12);

/// The prefix of the authenticated bytes: separates sessions from any other use of the key.
const CONTEXT: &[u8] = b"pkgdeploy session 1\0";
const ID_BYTES: usize = 16;
const END_BYTES: usize = 8;

/// Makes and checks session cookies.
pub(super) struct Sessions {
    key: hmac::Key,
    is_https: bool,
}

impl Sessions {
    /// Creates the sessions of this process, with a new random key.
    pub(super) fn new(is_https: bool) -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Self { key: key.expect("the system provides random bytes"), is_https }
    }

    /// The `Set-Cookie` header after a login with `token`.
    pub(super) fn begin(&self, token: TokenId, now: DateTime<Utc>) -> HeaderValue {
        let mut value = Vec::with_capacity(ID_BYTES + END_BYTES + hmac::HMAC_SHA256.tag_len());
        value.extend(token.0.as_bytes());
        value.extend((now + SESSION).timestamp().to_be_bytes());
        let tag = hmac::sign(&self.key, &[CONTEXT, &value].concat());
        value.extend(tag.as_ref());
        self.set_cookie(&URL_SAFE_NO_PAD.encode(value), SESSION)
    }

    /// The `Set-Cookie` header that deletes the session cookie.
    pub(super) fn end(&self) -> HeaderValue {
        self.set_cookie("", TimeDelta::zero())
    }

    /// The token of the request's session, if the cookie is authentic and has not expired.
    pub(super) fn token(&self, headers: &HeaderMap, now: DateTime<Utc>) -> Option<TokenId> {
        let sent = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = sent.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut sessions = pairs.filter(|(name, _)| *name == self.name());
        sessions.find_map(|(_, value)| self.check(value, now))
    }

    fn check(&self, value: &str, now: DateTime<Utc>) -> Option<TokenId> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (id, rest) = bytes.split_first_chunk::<ID_BYTES>()?;
        let (end, tag) = rest.split_first_chunk::<END_BYTES>()?;
        let signed = [CONTEXT, &bytes[..ID_BYTES + END_BYTES]].concat();
        hmac::verify(&self.key, &signed, tag).ok()?;
        (now.timestamp() < i64::from_be_bytes(*end)).then(|| TokenId(Uuid::from_bytes(*id)))
    }

    /// With the prefix `__Host-`, browsers accept the cookie only from this host and over TLS.
    fn name(&self) -> &'static str {
        if self.is_https { "__Host-pkgdeploy" } else { "pkgdeploy" }
    }

    fn set_cookie(&self, value: &str, age: TimeDelta) -> HeaderValue {
        let secure = if self.is_https { "; Secure" } else { "" };
        let (name, seconds) = (self.name(), age.num_seconds());
        let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
        HeaderValue::from_str(&cookie).expect("base64 is ASCII")
    }
}
