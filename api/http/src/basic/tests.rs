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
