//! `Authorization: Basic` with an access key: login is the key's id, password the key itself.

#[cfg(test)]
mod tests;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::token::{ID_CHARS, TOKEN_MAX_CHARS, Token, TokenKind, parse_id_text};

/// The maximum length of user name and password, with the colon between them.
const CREDENTIALS_MAX_BYTES: usize = ID_CHARS + 1 + TOKEN_MAX_CHARS;

/// The access key in a request. `None` if it has none, or a malformed one.
///
/// A token whose checksum is wrong is refused here, before anything is looked up.
#[must_use]
pub fn access_key(headers: &HeaderMap) -> Option<Token> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let only = values.next()?;
    if values.next().is_some() {
        return None;
    }
    parse(only)
}

fn parse(value: &HeaderValue) -> Option<Token> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    // On the stack and exactly large enough: longer texts cannot be keys, and are rejected at no cost.
    let mut buffer = [0; CREDENTIALS_MAX_BYTES.div_ceil(3) * 3];
    let length = STANDARD.decode_slice(encoded.trim_matches(' '), &mut buffer).ok()?;
    let (login, password) = std::str::from_utf8(&buffer[..length]).ok()?.split_once(':')?;
    let token = Token::parse(password).ok()?;
    (token.kind() == TokenKind::AccessKey && parse_id_text(login) == Some(token.id())).then_some(token)
}
