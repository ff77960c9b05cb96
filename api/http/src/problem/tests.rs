use http_body_util::BodyExt as _;

use super::*;

async fn answer(problem: Problem) -> (StatusCode, axum::http::HeaderMap, serde_json::Value) {
    let (parts, body) = problem.into_response().into_parts();
    let bytes = body.collect().await.expect("a body in memory").to_bytes();
    (parts.status, parts.headers, serde_json::from_slice(&bytes).expect("JSON"))
}

#[tokio::test]
async fn a_problem_is_json_with_the_members_of_rfc_9457_and_a_code() {
    let (status, headers, json) = answer(Problem::NotFound("no file x".into())).await;
    assert_eq!(status, 404);
    assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(json["type"], "about:blank");
    assert_eq!((&json["status"], &json["code"]), (&404.into(), &"not_found".into()));
    assert_eq!((&json["title"], &json["detail"]), (&"Not found".into(), &"no file x".into()));
}

#[tokio::test]
async fn what_went_wrong_inside_stays_inside() {
    let (status, _, json) = answer(Problem::Internal { action: "read the file", source: "disk on fire".into() }).await;
    assert_eq!(
        (status, &json["detail"]),
        (StatusCode::INTERNAL_SERVER_ERROR, &"cannot read the file: the server's log says why".into())
    );
    assert!(!json.to_string().contains("fire"));
}

#[tokio::test]
async fn each_401_names_its_scheme_and_each_wait_its_seconds() {
    let (_, headers, _) = answer(Problem::NeedsAccessKey).await;
    assert!(headers[header::WWW_AUTHENTICATE].to_str().expect("ASCII").starts_with("Basic realm="));
    let (_, headers, _) = answer(Problem::NeedsToken).await;
    assert!(headers[header::WWW_AUTHENTICATE].to_str().expect("ASCII").starts_with("Bearer "));
    let (_, headers, _) = answer(Problem::Unavailable { what: "not yet", retry_after_seconds: 7 }).await;
    assert_eq!(headers[header::RETRY_AFTER], "7");
    let (_, headers, _) = answer(Problem::TooManyRequests { retry_after_seconds: 9 }).await;
    assert_eq!(headers[header::RETRY_AFTER], "9");
}
