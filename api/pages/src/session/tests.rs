use chrono::TimeZone as _;

use super::*;

const TOKEN: TokenId = TokenId(Uuid::from_u128(7));

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).single().expect("a time")
}

/// A request with the cookie that `set_cookie` sets.
fn returned(set_cookie: &HeaderValue) -> HeaderMap {
    let pair = set_cookie.to_str().expect("ASCII").split(';').next().expect("a pair");
    HeaderMap::from_iter([(header::COOKIE, format!("theme=dark; {pair}").parse().expect("a value"))])
}

#[test]
fn a_session_names_its_token_until_it_ends() {
    let sessions = Sessions::new(false);
    let request = returned(&sessions.begin(TOKEN, noon()));
    assert_eq!(sessions.token(&request, noon()), Some(TOKEN));
    assert_eq!(sessions.token(&request, noon() + SESSION - TimeDelta::seconds(1)), Some(TOKEN));
    assert_eq!(sessions.token(&request, noon() + SESSION), None);
}

#[test]
fn another_process_does_not_know_the_session() {
    let request = returned(&Sessions::new(false).begin(TOKEN, noon()));
    assert_eq!(Sessions::new(false).token(&request, noon()), None);
}

#[test]
fn no_bit_of_a_session_can_be_changed() {
    let sessions = Sessions::new(false);
    let cookie = sessions.begin(TOKEN, noon());
    let value = cookie.to_str().expect("ASCII").split(['=', ';']).nth(1).expect("a value").to_owned();
    let bytes = URL_SAFE_NO_PAD.decode(&value).expect("base64");
    for index in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[index] ^= 1;
        assert_eq!(sessions.check(&URL_SAFE_NO_PAD.encode(&forged), noon()), None, "byte {index}");
        assert_eq!(sessions.check(&URL_SAFE_NO_PAD.encode(&bytes[..index]), noon()), None, "cut at {index}");
    }
    assert_eq!(sessions.check(&value, noon()), Some(TOKEN));
}

#[test]
fn the_cookie_is_kept_from_scripts_and_other_sites_and_under_tls_from_plain_http() {
    let plain = Sessions::new(false).begin(TOKEN, noon());
    let plain = plain.to_str().expect("ASCII");
    assert!(plain.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"), "{plain}");
    let tls = Sessions::new(true).begin(TOKEN, noon());
    let tls = tls.to_str().expect("ASCII");
    assert!(tls.starts_with("__Host-") && tls.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{tls}");
}
