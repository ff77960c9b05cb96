use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use domain::{
    digest::Sha256,
    ids::AccessKeyId,
    package::Format::{Deb, Rpm},
    token::{Token, TokenKind},
};

use super::testing::{ARMORED, NEWEST, Served, YANKED, authorization, key, rpm_key, served};

const IN_RELEASE: &str = "dists/stable/InRelease";
const POOLED: &str = "pool/a_1.0~rc1+x_all.deb";

async fn server() -> Served {
    served(
        &[(Deb, IN_RELEASE, "Origin: acme"), (Deb, POOLED, "0123456789"), (Rpm, "repodata/repomd.xml", "<x/>")],
        true,
    )
    .await
}

async fn with_key(server: &Served, path: &str, key: &Token) -> super::testing::Answer {
    let request = Request::get(path).header(header::AUTHORIZATION, authorization(key));
    server.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_key_gets_a_file_with_its_validators() {
    let answer = server().await.get("/apt/acme/debs/dists/stable/InRelease").await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "Origin: acme"));
    let digest = domain::digest::Sha256::of(b"Origin: acme");
    assert_eq!(answer.header(header::ETAG), format!("\"{digest}\""));
    assert_eq!(answer.header(header::LAST_MODIFIED), "Sun, 22 Nov 2026 10:00:01 GMT");
    assert_eq!(answer.header(header::CONTENT_LENGTH), "12");
    assert_eq!(answer.header(header::ACCEPT_RANGES), "bytes");
    assert_eq!(answer.header(header::CONTENT_TYPE), "text/plain; charset=utf-8");
    assert_eq!(answer.header(header::CACHE_CONTROL), "private, no-cache");
}

#[tokio::test]
async fn head_says_the_same_without_the_bytes() {
    let server = server().await;
    let get = server.get("/apt/acme/debs/dists/stable/InRelease").await;
    let request = Request::head("/apt/acme/debs/dists/stable/InRelease");
    let request = request.header(header::AUTHORIZATION, authorization(&key()));
    let head = server.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!((head.status, &head.headers, head.body.len()), (get.status, &get.headers, 0));
}

#[tokio::test]
async fn nobody_learns_whether_a_repository_exists_without_its_key() {
    let server = server().await;
    let wrong_secret = Token::new(TokenKind::AccessKey, key().id(), [8; 32]);
    let unknown_key = Token::new(TokenKind::AccessKey, uuid::Uuid::from_u128(5), [7; 32]);
    let expected = with_key(&server, "/apt/acme/debs/dists/stable/InRelease", &wrong_secret).await;
    assert_eq!(expected.status, StatusCode::UNAUTHORIZED);
    assert!(expected.header(header::WWW_AUTHENTICATE).starts_with("Basic realm="));
    for path in [
        "/apt/acme/debs/dists/stable/InRelease",
        "/apt/acme/debs/no/such/file",
        "/apt/acme/debs/..%2f",
        "/apt/acme/debs/at/nonsense/x",
        "/apt/acme/debs",
        "/apt/acme/nothing/dists/stable/InRelease",
        "/apt/absent/debs/dists/stable/InRelease",
        "/apt/NOT-A-NAME/%20/x",
        "/yum/acme/debs/repodata/repomd.xml",
        "/yum/acme/nothing/mirrorlist",
        "/install/acme/debs",
        "/install/acme/nothing/installer.deb",
    ] {
        for key in [&wrong_secret, &unknown_key] {
            assert_eq!(with_key(&server, path, key).await, expected, "{path}");
        }
        let anonymous = server.send(Request::get(path).body(Body::empty()).expect("a request")).await;
        assert_eq!(anonymous, expected, "{path} without a key");
    }
    // The good key of another repository is no key of an unknown one.
    assert_eq!(with_key(&server, "/apt/acme/nothing/dists/stable/InRelease", &key()).await, expected);
}

#[tokio::test]
async fn a_good_key_is_told_what_is_wrong_with_its_path() {
    let server = server().await;
    let (debs, rpms) = (server.published_by(Deb).await.0, server.published_by(Rpm).await.0);
    let (before_debs, before_rpms) = (debs - 1, rpms - 1);
    for (path, status, word) in [
        ("/apt/acme/debs/no/such/file", 404, "no/such/file"),
        ("/apt/acme/debs/at/Yesterday/dists/stable/InRelease", 404, "expected a time"),
        (
            &format!("/apt/acme/debs/at/{before_debs}/dists/stable/InRelease"),
            404,
            &format!("no version for the point in time {before_debs}: nothing was published"),
        ),
        (&format!("/yum/acme/rpms/at/{before_rpms}/mirrorlist"), 404, "no version for the point in time"),
        (
            "/apt/acme/debs/at/20200101T000000Z/dists/stable/InRelease",
            404,
            "no version for the point in time 20200101T000000Z: nothing was published",
        ),
        (
            &format!("/apt/acme/debs/at/{debs}/no/such/file"),
            404,
            &format!("no file no/such/file at the point in time {debs}"),
        ),
        (
            "/apt/acme/debs/at/hello@v9/dists/stable/InRelease",
            404,
            "no version for the point in time hello@v9: nothing of a release of that tag",
        ),
        ("/yum/acme/rpms/at/hello@v9/mirrorlist", 404, "no version for the point in time hello@v9"),
        ("/apt/acme/debs/at/Hello@v9/dists/stable/InRelease", 404, "is not a project name"),
        (
            "/apt/acme/debs/at/hello@release/1.0/dists/stable/InRelease",
            404,
            "no version for the point in time hello@release",
        ),
        ("/apt/acme/debs/at/hello@..%2Fx/dists/stable/InRelease", 404, "is not a tag name"),
        ("/apt/acme/debs/at/hello@%00/dists/stable/InRelease", 404, "is not a tag name"),
        ("/apt/acme/debs/at/hello@%2/dists/stable/InRelease", 400, "hexadecimal"),
        ("/apt/acme/rpms/dists/stable/InRelease", 404, "rpm"),
        ("/yum/acme/debs/mirrorlist", 404, "deb"),
        ("/apt/acme/debs/mirrorlist", 404, "mirrorlist"),
        ("/apt/acme/debs/dists/../InRelease", 400, ".."),
        ("/apt/acme/debs/dists/%2e%2e/InRelease", 400, ".."),
        ("/apt/acme/debs/dists//InRelease", 400, "empty"),
        ("/apt/acme/debs//dists", 400, "empty"),
        ("/apt/acme/debs/a%00b", 400, "character"),
        ("/apt/acme/debs/a%5cb", 400, "character"),
        ("/install/acme/debs/installer.rpm", 404, "installer.deb"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.text().contains(word), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn apt_and_dnf_may_escape_a_path_or_not() {
    let server = server().await;
    for path in ["pool/a_1.0~rc1+x_all.deb", "pool/a_1.0%7erc1%2bx_all.deb"] {
        let answer = server.get(&format!("/apt/acme/debs/{path}")).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "0123456789"), "{path}");
        assert_eq!(answer.header(header::CACHE_CONTROL), "private, max-age=31536000, immutable");
    }
}

#[tokio::test]
async fn a_yanked_package_is_answered_with_the_reason_in_a_header_of_plain_ascii() {
    let files = [(Deb, "pool/bad.deb", YANKED), (Deb, POOLED, "0123456789"), (Deb, IN_RELEASE, YANKED)];
    let server = served(&files, true).await;
    for point in ["", &format!("at/{NEWEST}/")] {
        let answer = server.get(&format!("/apt/acme/debs/{point}pool/bad.deb")).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, YANKED));
        let header = answer.headers.get("x-pkgdeploy-yanked").and_then(|value| value.to_str().ok());
        assert_eq!(header, Some("l%C3%B6scht Post, 100 %25"));
    }
    for path in [POOLED, IN_RELEASE] {
        let answer = server.get(&format!("/apt/acme/debs/{path}")).await;
        assert_eq!(answer.headers.get("x-pkgdeploy-yanked"), None, "{path}");
    }
}

#[tokio::test]
async fn conditions_and_ranges_are_answered_without_more_bytes_than_asked_for() {
    let server = server().await;
    let path = "/apt/acme/debs/pool/a_1.0~rc1+x_all.deb";
    let part = server.get_with(path, &[("range", "bytes=7-")]).await;
    assert_eq!((part.status, part.text()), (StatusCode::PARTIAL_CONTENT, "789"));
    assert_eq!((part.header(header::CONTENT_RANGE), part.header(header::CONTENT_LENGTH)), ("bytes 7-9/10", "3"));
    let beyond = server.get_with(path, &[("range", "bytes=10-")]).await;
    assert_eq!(
        (beyond.status, beyond.header(header::CONTENT_RANGE)),
        (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */10")
    );
    let several = server.get_with(path, &[("range", "bytes=0-1,3-4")]).await;
    assert_eq!((several.status, several.text()), (StatusCode::OK, "0123456789"));
    let since = [("if-modified-since", part.header(header::LAST_MODIFIED))];
    let kept = server.get_with(path, &since).await;
    assert_eq!((kept.status, kept.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(kept.header(header::ETAG), part.header(header::ETAG));
    let failed = server.get_with(path, &[("if-match", "\"other\"")]).await;
    assert_eq!(failed.status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn the_past_never_changes_and_the_future_may() {
    let server = server().await;
    let at = async |point: &str| server.get(&format!("/apt/acme/debs/at/{point}/{IN_RELEASE}")).await;
    let newest = at(NEWEST).await;
    assert_eq!((newest.status, newest.text()), (StatusCode::OK, "Origin: acme"));
    assert_eq!(newest.header(header::CACHE_CONTROL), "private, max-age=31536000, immutable");
    assert_eq!(at("2026-11-22T10%3A00%3A01Z").await, newest);
    for tag in ["hello@release%2F1.0", "hello%40release%2f1%2e0"] {
        let released = at(tag).await;
        assert_eq!((released.status, released.text()), (StatusCode::OK, newest.text()));
        assert_eq!(released.header(header::CACHE_CONTROL), "private, no-cache", "a tag may be released again");
    }
    let future = at("20990101T000000Z").await;
    assert_eq!((future.status, future.header(header::CACHE_CONTROL)), (StatusCode::OK, "private, no-cache"));
}

#[tokio::test]
async fn the_mirror_list_names_the_newest_publication() {
    let server = server().await;
    let answer = server.get("/yum/acme/rpms/mirrorlist").await;
    assert_eq!(answer.status, 200);
    let line = format!("https://packages.example.com/yum/acme/rpms/at/{NEWEST}/\n");
    assert_eq!(answer.text(), line);
    let position = server.published_by(Rpm).await.to_string();
    for point in [NEWEST, &position, "newest", "20990101T000000Z"] {
        let answer = server.get(&format!("/yum/acme/rpms/at/{point}/mirrorlist")).await;
        assert_eq!(answer.text(), line, "a point's own mirror list names it by its time: {point}");
    }
    assert!(answer.header(header::CONTENT_TYPE).starts_with("text/plain"));

    let empty = served(&[], false).await.get("/yum/acme/rpms/mirrorlist").await;
    assert_eq!(empty.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!empty.header(header::RETRY_AFTER).is_empty());
}

#[tokio::test]
async fn a_yum_clients_address_names_the_key_whose_signature_it_gets() {
    let signature = "repodata/repomd.xml.asc";
    let server = served(
        &[
            (Rpm, "repodata/repomd.xml", "<x/>"),
            (Rpm, signature, "by 1"),
            (Rpm, "key/2/repodata/repomd.xml.asc", "by 2"),
        ],
        true,
    )
    .await;
    for (folder, expected) in [("", "by 1"), ("key/1/", "by 1"), ("key/2/", "by 2"), ("key/3/", "by 1")] {
        for point in ["", &format!("at/{NEWEST}/")] {
            let answer = server.get(&format!("/yum/acme/rpms/{point}{folder}{signature}")).await;
            assert_eq!((answer.status, answer.text()), (StatusCode::OK, expected), "{point}{folder}");
            let answer = server.get(&format!("/yum/acme/rpms/{point}{folder}repodata/repomd.xml")).await;
            assert_eq!(answer.text(), "<x/>", "{point}{folder}");
        }
        let line = server.get(&format!("/yum/acme/rpms/{folder}mirrorlist")).await;
        assert_eq!(line.text(), format!("https://packages.example.com/yum/acme/rpms/at/{NEWEST}/{folder}\n"));
    }
    for bad in ["key/0/mirrorlist", "key/02/repodata/repomd.xml", "key/1001/mirrorlist", "key/x/mirrorlist"] {
        assert_eq!(server.get(&format!("/yum/acme/rpms/{bad}")).await.status, StatusCode::NOT_FOUND, "{bad}");
    }
    assert_eq!(server.get("/apt/acme/debs/key/1/dists/stable/InRelease").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_certificate_is_public_and_also_where_zypper_looks() {
    let server = server().await;
    let anonymous = |path: &str| server.send(Request::get(path).body(Body::empty()).expect("a request"));
    assert_eq!(anonymous("/pkgdeploy_gpg.asc").await.text(), ARMORED);
    assert_eq!(anonymous("/pkgdeploy_gpg.gpg").await.text(), "packets");
    for path in ["repodata/repomd.xml.key", &format!("at/{NEWEST}/repodata/repomd.xml.key")] {
        let answer = server.get(&format!("/yum/acme/rpms/{path}")).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, ARMORED), "{path}");
    }
}

#[tokio::test]
async fn only_get_and_head_are_answered() {
    let server = server().await;
    for path in ["/apt/acme/debs/x", "/yum/acme/rpms/x", "/install/acme/debs", "/pkgdeploy_gpg.asc"] {
        let answer = server.send(Request::post(path).body(Body::empty()).expect("a request")).await;
        assert_eq!(
            (answer.status, answer.header(header::ALLOW)),
            (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_was_given_is_counted_and_nothing_else() {
    let server = server().await;
    let (index, package) = (format!("/apt/acme/debs/{IN_RELEASE}"), format!("/apt/acme/debs/{POOLED}"));
    server.get(&index).await;
    let kept = server.get(&index).await;
    server.get_with(&index, &[("if-none-match", kept.header(header::ETAG))]).await;
    server.get(&package).await;
    server.get_with(&package, &[("range", "bytes=0-3")]).await;
    // A request without the first byte counts as a download; one for a file that the client has already does not.
    let package_kept = server.get_with(&package, &[("range", "bytes=1-")]).await;
    server.get_with(&package, &[("if-none-match", package_kept.header(header::ETAG))]).await;
    server.get("/yum/acme/rpms/mirrorlist").await;
    // A range outside, a file that is not there, a condition that does not hold, a HEAD, a stranger.
    server.get_with(&package, &[("range", "bytes=99-")]).await;
    server.get("/apt/acme/debs/nothing").await;
    server.get_with(&index, &[("if-match", "\"other\"")]).await;
    let head = Request::head(&package).header(header::AUTHORIZATION, authorization(&key()));
    server.send(head.body(Body::empty()).expect("a request")).await;
    server.send(Request::get(&package).body(Body::empty()).expect("a request")).await;
    let (id, rpm_id) = (AccessKeyId(key().id()), AccessKeyId(rpm_key().id()));
    server.key_usage.flush().await.expect("it counts");
    let seen = server.key_usage.seen(&[id, rpm_id]).await.expect("counts");
    assert_eq!((seen[&id].times, seen[&rpm_id].times), (7, 1));
    let fetched = server.key_usage.fetched_with(id, 10, 0).await.expect("counts");
    let fetched: Vec<_> = fetched.iter().map(|fetch| (fetch.sha256, fetch.seen.times)).collect();
    assert_eq!(fetched, [(Sha256::of(b"0123456789"), 3)]);
    assert!(server.key_usage.fetched_with(rpm_id, 10, 0).await.expect("counts").is_empty());
}
