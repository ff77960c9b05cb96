//! `Authorization: Basic` with an access key: login is the key's id, password the key itself.

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

#[cfg(test)]
mod tests {
    use domain::token::id_text;
    use uuid::Uuid;

    use super::*;

    fn token(kind: TokenKind) -> Token {
        Token::new(kind, Uuid::from_u128(u128::MAX), [0xff; 32])
    }

    fn shown(scheme: &str, login: &str, password: &str) -> Option<Token> {
        let text = format!("{scheme} {}", STANDARD.encode(format!("{login}:{password}")));
        let value = HeaderValue::from_str(&text).expect("a header value");
        access_key(&HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
    }

    #[test]
    fn the_longest_access_key_is_read_whatever_the_case_of_the_scheme() {
        let key = token(TokenKind::AccessKey);
        for scheme in ["Basic", "basic", "BASIC"] {
            let read = shown(scheme, &id_text(key.id()), &key.text()).expect("a key");
            assert_eq!((read.id(), read.secret_sha256()), (key.id(), key.secret_sha256()));
        }
    }

    #[test]
    fn whatever_is_not_an_access_key_under_its_own_login_is_none() {
        let key = token(TokenKind::AccessKey);
        let login = id_text(key.id());
        let mistyped = key.text().replace("fff", "ffg");
        let mut cut = key.text();
        cut.pop();
        assert!(shown("Bearer", &login, &key.text()).is_none());
        assert!(shown("Basic", "", &key.text()).is_none());
        assert!(shown("Basic", &id_text(Uuid::nil()), &key.text()).is_none());
        assert!(shown("Basic", &login, &token(TokenKind::Api).text()).is_none());
        assert!(shown("Basic", &login, &cut).is_none());
        assert!(shown("Basic", &login, &format!("{}x", key.text())).is_none());
        assert!(mistyped == key.text() || shown("Basic", &login, &mistyped).is_none());
        assert!(shown("Basic", &login, &"x".repeat(100_000)).is_none());
        assert!(access_key(&HeaderMap::new()).is_none());
        for raw in ["Basic", "Basic ", "Basic ====", "Basic \u{7f}"] {
            let value = HeaderValue::from_bytes(raw.as_bytes()).unwrap_or(HeaderValue::from_static("x"));
            assert!(access_key(&HeaderMap::from_iter([(header::AUTHORIZATION, value)])).is_none(), "{raw}");
        }
    }

    #[test]
    fn two_authorizations_are_none() {
        let key = token(TokenKind::AccessKey);
        let text = format!("Basic {}", STANDARD.encode(format!("{}:{}", id_text(key.id()), key.text())));
        let value = HeaderValue::from_str(&text).expect("a header value");
        let mut headers = HeaderMap::new();
        headers.append(header::AUTHORIZATION, value.clone());
        headers.append(header::AUTHORIZATION, value);
        assert!(access_key(&headers).is_none());
    }
}
