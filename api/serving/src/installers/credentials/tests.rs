use axum::http::{Request, StatusCode};
use tokio::time::timeout;

use super::*;
use crate::repositories::testing::{Answer, Served, authorization, enrolment_key, key, next_key, served};

/// How long a worker may take on a busy machine.
const SOON: Duration = Duration::from_secs(60);
const ADDRESS: &str = "/install/acme/debs/credentials";

async fn ask(server: &Served, method: Method, path: &str, key: &Token) -> Answer {
    let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, authorization(key));
    server.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn the_answer_is_two_lines_that_nobody_keeps_by_get_and_by_post() {
    let server = served(&[], true).await;
    let expected = format!("login {}\npassword {}\n", id_text(next_key().id()), next_key().text());
    for method in [Method::GET, Method::POST] {
        let answer = ask(&server, method, ADDRESS, &key()).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, expected.as_str()));
        assert_eq!(answer.header(header::CONTENT_TYPE), "text/plain; charset=utf-8");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    }
    for method in [Method::PUT, Method::DELETE, Method::HEAD] {
        assert_eq!(ask(&server, method, ADDRESS, &key()).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn a_stranger_is_told_what_every_stranger_is_told() {
    let server = served(&[], true).await;
    let stranger = Token::new(domain::token::TokenKind::AccessKey, key().id(), [1; 32]);
    let expected = ask(&server, Method::GET, "/apt/acme/debs/x", &stranger).await;
    for path in [ADDRESS, "/install/acme/nothing/credentials", "/install/acme/debs/credentials?machine=a%20b"] {
        let answer = ask(&server, Method::GET, path, &stranger).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::UNAUTHORIZED, expected.text()), "{path}");
    }
}

#[tokio::test]
async fn a_machine_says_its_name_in_the_query() {
    let server = served(&[], true).await;
    let longest = "a".repeat(64);
    let good = ["?machine=web-1", "?x=1&machine=Web_1.example.com", &format!("?machine={longest}"), ""];
    for query in good {
        let answer = ask(&server, Method::GET, &format!("{ADDRESS}{query}"), &key()).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}");
    }
    let too_long = format!("?machine={longest}a");
    for query in ["?machine=", "?machine=a%20b", "?machine=a/b", "?machine=%0a", &too_long] {
        let answer = ask(&server, Method::GET, &format!("{ADDRESS}{query}"), &key()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert!(answer.text().contains("machine_invalid"), "{}", answer.text());
    }
    let endless = format!("?x={}", "a".repeat(QUERY_MAX_BYTES));
    for query in ["?machine=a&machine=b", &endless] {
        let answer = ask(&server, Method::GET, &format!("{ADDRESS}{query}"), &key()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn a_key_that_asks_too_often_waits_and_others_do_not() {
    let server = served(&[], true).await;
    for _ in 0..HAND_OVERS_MAX {
        assert_eq!(ask(&server, Method::GET, ADDRESS, &key()).await.status, StatusCode::OK);
    }
    let answer = ask(&server, Method::GET, ADDRESS, &key()).await;
    assert_eq!((answer.status, answer.header(header::RETRY_AFTER)), (StatusCode::TOO_MANY_REQUESTS, "60"));
    assert_eq!(ask(&server, Method::GET, ADDRESS, &enrolment_key()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_enrolment_key_opens_no_packages() {
    let server = served(&[(domain::package::Format::Deb, "dists/stable/InRelease", "Origin: acme")], true).await;
    let path = "/apt/acme/debs/dists/stable/InRelease";
    assert_eq!(ask(&server, Method::GET, path, &key()).await.status, StatusCode::OK);
    assert_eq!(ask(&server, Method::GET, path, &enrolment_key()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&server, Method::GET, "/install/acme/debs", &enrolment_key()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_first_use_of_a_renewed_key_is_recorded_wherever_it_is_used() {
    for path in [ADDRESS, "/apt/acme/debs/dists/stable/InRelease"] {
        let server = served(&[(domain::package::Format::Deb, "dists/stable/InRelease", "Origin: acme")], true).await;
        let renewed = server.renewed_machine_key().await;
        let mut hint = server.core.store.hint();
        hint.mark_unchanged();
        assert_eq!(ask(&server, Method::GET, path, &renewed).await.status, StatusCode::OK, "{path}");
        timeout(SOON, hint.changed()).await.expect("it is recorded").expect("a log");
        assert_eq!(server.newest_event().await, "keyring.machine_moved", "{path}");
    }
}
