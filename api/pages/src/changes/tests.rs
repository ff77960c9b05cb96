//! The forms of a repository's page, as a browser sends them.

use api_http::tokens;
use axum::{
    body::Body,
    http::{Request, StatusCode, header, request},
};
use domain::{
    aggregate::Aggregate as _,
    digest::Sha256,
    ids::{RepositoryId, TokenId},
    recorded::{Actor, Revision, StreamId},
    repository::{self, Compact, Repository, YANK_REASON_MAX_CHARS},
    token::TokenKind,
};

use crate::testing::{Answer, HOST, ORIGIN, Site};

async fn revision(site: &Site, id: RepositoryId) -> Revision {
    site.core.executor.inspect::<Repository, _>(id.0, |_, revision| revision).await.expect("readable")
}

fn posting(address: &str, cookie: &str, origin: &str) -> request::Builder {
    Request::post(address)
        .header(header::HOST, HOST)
        .header(header::ORIGIN, origin)
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

async fn post(site: &Site, address: &str, form: &str, cookie: &str, origin: &str) -> Answer {
    site.send(posting(address, cookie, origin).body(Body::from(form.to_owned())).expect("a request")).await
}

/// The published repository `acme/debs` with one package, and its file's digest.
async fn published(site: &Site) -> (RepositoryId, Sha256) {
    site.fill("").await;
    let id = RepositoryId::named(&"acme".parse().expect("a name"), &"debs".parse().expect("a name"));
    let sha256 = site.core.add_deb(id, "1.0").await;
    site.core.publish(id).await;
    (id, sha256)
}

fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[tokio::test]
async fn a_package_is_yanked_and_restored_by_the_forms_of_its_repositorys_page() {
    let site = Site::open().await;
    let (id, sha256) = published(&site).await;
    let (cookie, sha256) = (site.session().await, sha256.to_string());
    let page = site.get("/repos/acme/debs", &cookie).await.text;
    assert!(page.contains(r#"value="yank""#) && !page.contains(r#"value="restore""#), "{page}");
    let yank = form(&[("change", "yank"), ("sha256", &sha256), ("page", "1"), ("reason", " it deletes <mail> ")]);
    let answer = post(&site, "/repos/acme/debs", &yank, &cookie, ORIGIN).await;
    let seen_at = "/repos/acme/debs?page=1#packages";
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, seen_at), "{}", answer.text);
    let page = site.get("/repos/acme/debs", &cookie).await.text;
    assert!(page.contains("it deletes &#60;mail&#62;") && page.contains(r#"value="restore""#), "{page}");
    let again = post(&site, "/repos/acme/debs", &yank.replace("mail", "more"), &cookie, ORIGIN).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text.contains("Nothing was changed: this package is yanked already"), "{}", again.text);
    let restore = form(&[("change", "restore"), ("sha256", &sha256), ("page", "1")]);
    assert_eq!(post(&site, "/repos/acme/debs", &restore, &cookie, ORIGIN).await.header("location"), seen_at);
    assert!(!site.get("/repos/acme/debs", &cookie).await.text.contains("&#60;mail&#62;"), "it is restored");
    let stream = StreamId::new(Repository::KIND, id.0);
    let events = site.core.executor.store().read_stream(&stream, Revision(0), 100).await.expect("readable");
    let by_operator =
        events.iter().filter(|it| it.metadata.actor == Actor::Operator { token: TokenId(site.token.id()) });
    let names: Vec<&str> = by_operator.map(|it| it.event.name.as_str()).collect();
    assert_eq!(names, ["repository.package_yanked", "repository.package_restored"]);
}

#[tokio::test]
async fn a_snapshot_names_the_version_that_the_page_showed() {
    let site = Site::open().await;
    let (id, sha256) = published(&site).await;
    let cookie = site.session().await;
    let shown = Compact(site.core.projected.repositories.newest_point(id).expect("published")).to_string();
    assert!(site.get("/repos/acme/debs", &cookie).await.text.contains(&format!(r#"name="at" value="{shown}""#)));
    // Another operator changes the repository meanwhile.
    let reason = "it deletes mail".parse().expect("a reason");
    site.execute::<Repository>(id.0, repository::Command::YankPackage { sha256, reason }).await;
    site.core.publish(id).await;
    let take = form(&[("change", "snapshot"), ("at", &shown), ("name", "golden")]);
    let answer = post(&site, "/repos/acme/debs", &take, &cookie, ORIGIN).await;
    let seen_at = (StatusCode::SEE_OTHER, "/repos/acme/debs#past");
    assert_eq!((answer.status, answer.header("location")), seen_at, "{}", answer.text);
    let golden = site
        .core
        .projected
        .repositories
        .history()
        .meant(id, &"golden".parse().expect("a point"))
        .await
        .expect("a point");
    assert_eq!(Compact(golden.published_at).to_string(), shown);
}

#[tokio::test]
async fn an_invalid_form_is_refused_with_a_reason_and_changes_nothing() {
    let site = Site::open().await;
    let (id, sha256) = published(&site).await;
    let (cookie, sha256) = (site.session().await, sha256.to_string());
    let before = revision(&site, id).await;
    let unknown = Sha256::of(b"another deb").to_string();
    let long = "x".repeat(YANK_REASON_MAX_CHARS + 1);
    for (address, fields, status, says) in [
        (
            "/repos/acme/debs",
            &[("change", "yank"), ("sha256", &*sha256), ("page", "1"), ("reason", " ")][..],
            400,
            "the reason is not valid",
        ),
        (
            "/repos/acme/debs",
            &[("change", "yank"), ("sha256", &sha256), ("page", "1"), ("reason", &long)],
            400,
            "the reason is not valid",
        ),
        (
            "/repos/acme/debs",
            &[("change", "yank"), ("sha256", "12"), ("page", "1"), ("reason", "why")],
            400,
            "Nothing was changed",
        ),
        ("/repos/acme/debs", &[("change", "yank"), ("sha256", &sha256)], 400, "missing field"),
        ("/repos/acme/debs", &[("change", "destroy")], 400, "unknown variant"),
        ("/repos/acme/debs", &[], 400, "missing field"),
        ("/repos/acme/debs", &[("change", "restore"), ("sha256", &unknown), ("page", "1")], 409, "Nothing was changed"),
        ("/repos/acme/debs", &[("change", "snapshot"), ("at", "newest"), ("name", "newest")], 400, "not a snapshot"),
        (
            "/repos/acme/debs",
            &[("change", "snapshot"), ("at", "hello@v1"), ("name", "golden")],
            400,
            "no project hello",
        ),
        ("/repos/acme/rpms", &[("change", "restore"), ("sha256", &sha256), ("page", "1")], 404, "no such repository"),
        ("/repos/Acme/debs", &[("change", "restore"), ("sha256", &sha256), ("page", "1")], 404, "no such repository"),
    ] {
        let answer = post(&site, address, &form(fields), &cookie, ORIGIN).await;
        assert_eq!(answer.status, status, "{fields:?}: {}", answer.text);
        assert!(answer.text.contains(says) && answer.text.contains("<html"), "{fields:?}: {}", answer.text);
    }
    assert_eq!(revision(&site, id).await, before);
}

#[tokio::test]
async fn nothing_is_changed_without_a_session_by_another_site_or_by_a_get() {
    let site = Site::open().await;
    let (id, sha256) = published(&site).await;
    let (cookie, before) = (site.session().await, revision(&site, id).await);
    let yank = form(&[("change", "yank"), ("sha256", &sha256.to_string()), ("page", "1"), ("reason", "why")]);
    let stranger = post(&site, "/repos/acme/debs", &yank, "", ORIGIN).await;
    assert_eq!(
        (stranger.status, stranger.header("location")),
        (StatusCode::SEE_OTHER, "/login?next=%2Frepos%2Facme%2Fdebs")
    );
    for origin in ["https://evil.example", "null", "", "http://127.0.0.1:8080.evil.example", "ftp://127.0.0.1:8080"] {
        let answer = post(&site, "/repos/acme/debs", &yank, &cookie, origin).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{origin}");
        assert!(answer.text.contains("another site"), "{}", answer.text);
    }
    for from in ["cross-site", "same-site", "none"] {
        let request = posting("/repos/acme/debs", &cookie, ORIGIN).header("sec-fetch-site", from);
        let answer = site.send(request.body(Body::from(yank.clone())).expect("a request")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{from}");
    }
    let bearer = Request::post("/repos/acme/debs")
        .header(header::AUTHORIZATION, format!("Bearer {}", site.token.text()))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = site.send(bearer.body(Body::from(yank.clone())).expect("a request")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "pages accept only session cookies");
    assert_eq!(site.get(&format!("/repos/acme/debs?{yank}"), &cookie).await.status, StatusCode::OK);
    site.renew(&tokens::issue(TokenKind::Operator)).await;
    let ended = post(&site, "/repos/acme/debs", &yank, &cookie, ORIGIN).await;
    assert!(ended.header("location").starts_with("/login"), "the session ended with its token");
    assert_eq!(revision(&site, id).await, before);
}
