//! The pages as a browser sees them.

use api_http::tokens;
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use chrono::TimeDelta;
use commands::releases::live_log;
use domain::{
    ids::ProjectId,
    project::{self, GitUrl, Project, Trigger},
    recorded::Actor,
    release::{self, Origin, Release},
    token::{Token, TokenKind},
    version::ReleaseVersion,
};
use event_log::execute::Context;

use super::{
    login_attempts::FAILURES_MAX,
    session::SESSION,
    testing::{ESCAPED, LATER, ORIGIN, RELEASE, SCRIPT, Site},
};

#[tokio::test]
async fn the_audit_page_refuses_a_filter_that_it_does_not_have() {
    let site = Site::open().await;
    let cookie = site.session().await;
    let answer = site.get("/audit?organisation=nope", &cookie).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text.contains("unknown field `organisation`"), "{}", answer.text);
}

#[tokio::test]
async fn a_login_with_the_operator_token_opens_every_page() {
    let site = Site::open().await;
    assert!(site.get("/", &site.session().await).await.text.contains("createOrganisation"));
    let project = site.fill("fine").await;
    let before = site.get("/releases?of=acme", "").await;
    assert_eq!(
        (before.status, before.header("location")),
        (StatusCode::SEE_OTHER, "/login?next=%2Freleases%3Fof%3Dacme")
    );
    let form = site.get(before.header("location"), "").await;
    assert!(form.text.contains(r#"name="next" value="/releases?of=acme""#), "{}", form.text);
    let answer = site.log_in(&format!(" {}\n", site.token.text()), "/releases?of=acme", ORIGIN).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/releases?of=acme"));
    let cookie = answer.cookie();
    let release = format!("/releases/{RELEASE}");
    for (address, shown) in [
        ("/", "Latest releases"),
        ("/projects", "website"),
        (&*format!("/projects/{project}"), "/api/v1/projects/"),
        ("/releases?of=acme", "v1.0.0"),
        (&release, "Waiting for build slot"),
        (&format!("{release}/log"), "fine"),
        ("/repos", "/repos/acme/debs"),
        ("/audit", "repository.created"),
        ("/audit?q=acme/debs", "valid keys"),
        ("/audit?q=organisation.created", "organisation.created"),
        ("/audit?q=command-line", "the server&#39;s command line"),
        (&format!("/audit?q={RELEASE}"), "website"),
        ("/audit?q=00000000-0000-0000-0000-000000000009", "No events match"),
        ("/repos/acme/debs", "/install/acme/debs) &amp;&amp; printf"),
        ("/repos/acme/debs", "/apt/acme/debs/at/POINT/"),
        ("/repos/acme/debs?page=2", "There are no older packages"),
    ] {
        let page = site.get(address, &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{address}");
        assert!(page.text.contains(shown), "{address}: {}", page.text);
        assert!(!page.text.contains(&site.token.text()) && !page.text.contains("pkd_"), "{address} shows a secret");
        assert_eq!(site.get(address, "").await.status, StatusCode::SEE_OTHER, "{address}");
    }
    assert_eq!(site.get("/login?next=/repos", &cookie).await.header("location"), "/repos");
}

#[tokio::test]
async fn the_cookie_is_strict_and_holds_no_token() {
    let site = Site::open().await;
    let answer = site.log_in(&site.token.text(), "/", ORIGIN).await;
    let cookie = answer.header(header::SET_COOKIE);
    assert!(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("pkd_") && !cookie.contains(&site.token.text()[30..60]), "{cookie}");
    let tls = Site::open_at("https://packages.example.com").await;
    let answer = tls.log_in(&tls.token.text(), "/", "https://packages.example.com").await;
    assert!(answer.header(header::SET_COOKIE).ends_with("; Secure"), "{}", answer.header(header::SET_COOKIE));
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_shown_nowhere() {
    let site = Site::open().await;
    for wrong in [
        tokens::issue(TokenKind::Operator).text(),
        Token::new(TokenKind::Operator, site.token.id(), [1; 32]).text(),
        tokens::issue(TokenKind::Api).text(),
        format!("{}x", site.token.text()),
        SCRIPT.to_owned(),
        String::new(),
    ] {
        let answer = site.log_in(&wrong, "/", ORIGIN).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{wrong}");
        assert_eq!(answer.header(header::SET_COOKIE), "");
        assert!(wrong.is_empty() || !answer.text.contains(&wrong), "{wrong}");
    }
}

#[tokio::test]
async fn too_many_wrong_secrets_for_one_token_have_to_wait() {
    let site = Site::open().await;
    let wrong = Token::new(TokenKind::Operator, site.token.id(), [1; 32]).text();
    for _ in 0..FAILURES_MAX.get() {
        assert_eq!(site.log_in(&wrong, "/", ORIGIN).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(site.log_in(&wrong, "/", ORIGIN).await.status, StatusCode::TOO_MANY_REQUESTS);
    LATER.set(TimeDelta::minutes(1));
    assert_eq!(site.log_in(&site.token.text(), "/", ORIGIN).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_ends_with_its_token_with_its_time_and_with_a_forged_byte() {
    let site = Site::open().await;
    let cookie = site.session().await;
    let status = async |cookie: &str| site.get("/", cookie).await.status;
    assert_eq!(status(&cookie).await, StatusCode::OK);
    let (name, value) = cookie.split_once('=').expect("a pair");
    let first = if value.starts_with('A') { "B" } else { "A" };
    assert_eq!(status(&format!("{name}={first}{}", &value[1..])).await, StatusCode::SEE_OTHER);
    LATER.set(SESSION);
    assert_eq!(status(&cookie).await, StatusCode::SEE_OTHER);
    let later = site.session().await;
    assert_eq!(status(&later).await, StatusCode::OK);
    site.renew(&tokens::issue(TokenKind::Operator)).await;
    assert_eq!(status(&later).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_overview_shows_which_keys_sign_and_which_waits() {
    let site = Site::open().await;
    let cookie = site.session().await;
    let keys = &site.core.signing_keys;
    let fingerprint = keys.now().current.fingerprint();
    let shown = async || site.get("/", &cookie).await.text;
    let page = shown().await;
    assert!(page.contains(fingerprint.as_str()) && page.contains("signs") && page.contains("never"), "{page}");
    keys.prepare_next(&Context::of(Actor::CommandLine)).await.expect("prepared");
    let next = keys.now().keys[1].fingerprint.clone();
    let page = shown().await;
    assert!(page.contains(next.as_str()) && page.contains("<td>waits</td>"), "{page}");
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let site = Site::open().await;
    for origin in ["https://evil.example", "null", "", "http://127.0.0.1:8080.evil.example"] {
        let answer = site.log_in(&site.token.text(), "/", origin).await;
        assert_eq!((answer.status, answer.header(header::SET_COOKIE)), (StatusCode::BAD_REQUEST, ""), "{origin}");
    }
    let logout = |origin: &str| Request::post("/logout").header(header::ORIGIN, origin).body(Body::empty());
    let answer = site.send(logout("https://evil.example").expect("a request")).await;
    assert_eq!((answer.status, answer.header(header::SET_COOKIE)), (StatusCode::BAD_REQUEST, ""));
    let answer = site.send(logout(ORIGIN).expect("a request")).await;
    assert!(answer.header(header::SET_COOKIE).contains("=; Path=/; Max-Age=0;"), "it was not forgotten");
}

#[tokio::test]
async fn a_login_never_leads_to_another_site() {
    let site = Site::open().await;
    for next in ["//evil.example", "/\\evil.example", "https://evil.example/", "/\t/evil.example", "evil"] {
        let answer = site.log_in(&site.token.text(), next, ORIGIN).await;
        assert_eq!(answer.header("location"), "/", "{next}");
    }
}

#[tokio::test]
async fn a_link_on_another_site_is_asked_again_from_here_before_the_login() {
    let site = Site::open().await;
    let request = Request::get("/releases?of=a%22%3E").header("sec-fetch-site", "cross-site").body(Body::empty());
    let answer = site.send(request.expect("a request")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text.contains(r#"content="0; url=/releases?of=a%22%3E""#), "{}", answer.text);
}

#[tokio::test]
async fn below_a_path_every_address_begins_with_it() {
    let site = Site::open_at("http://127.0.0.1:8080/pkgdeploy").await;
    let cookie = site.session().await;
    assert_eq!(site.get("/repos", "").await.header("location"), "/pkgdeploy/login?next=%2Frepos");
    let page = site.get("/", &cookie).await.text;
    let addresses = page.split(['"', ' ']).filter(|word| word.starts_with('/') && word.len() > 2);
    assert!(page.contains("/pkgdeploy/assets/pages.css"));
    for address in addresses {
        assert!(address.starts_with("/pkgdeploy/"), "{address}");
    }
}

#[tokio::test]
async fn what_strangers_wrote_is_text_and_never_markup() {
    let site = Site::open().await;
    let project = site.fill(&format!("$ echo {SCRIPT}\n")).await;
    let cookie = site.session().await;
    for address in ["/", "/projects", &*format!("/projects/{project}"), &format!("/releases/{RELEASE}")] {
        let page = site.get(address, &cookie).await.text;
        assert!(page.contains(ESCAPED), "{address}: {page}");
        assert!(!page.contains(SCRIPT), "{address}");
    }
    let log = site.get(&format!("/releases/{RELEASE}/log"), &cookie).await;
    assert_eq!((log.header("content-type"), &*log.text), ("text/plain; charset=utf-8", &*format!("$ echo {SCRIPT}\n")));
    assert_eq!(log.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_log_is_shown_by_its_end() {
    let site = Site::open().await;
    let limit = usize::try_from(super::log::TAIL_MAX_BYTES).expect("small");
    site.fill(&format!("first{}last", "x".repeat(limit - 4))).await;
    let cookie = site.session().await;
    let log = site.get(&format!("/releases/{RELEASE}/log"), &cookie).await.text;
    assert_eq!(log.len(), limit);
    assert!(log.starts_with('x') && log.ends_with("last"));
    let page = site.get(&format!("/releases/{RELEASE}"), &cookie).await.text;
    assert!(page.contains("Only the end of the log is shown"));
}

#[tokio::test]
async fn the_log_of_a_running_build_is_shown_as_it_grows() {
    let site = Site::open().await;
    let acme: domain::names::OrganisationName = "acme".parse().expect("a name");
    let tag = "v2".parse().expect("a tag");
    let version = ReleaseVersion::from_tag(&tag).expect("a version");
    let project = ProjectId::named(&acme, &"website".parse().expect("a name"));
    let source = GitUrl::parse("https://example.org/website.git", false).expect("a URL");
    let name = "website".parse().expect("a name");
    let add = project::Command::Add { organisation: acme.clone(), name, source, trigger: Trigger::ApiEndpoint };
    site.execute::<Project>(project.0, add).await;
    let origin = Origin { organisation: acme, project, tag, version };
    site.execute::<Release>(RELEASE.0, release::Command::Receive(origin)).await;
    let cookie = site.session().await;
    let address = format!("/releases/{RELEASE}/log");
    assert_eq!(site.get(&address, &cookie).await.text, "");
    let file = live_log(&site.core.folder.path().join("jobs"), RELEASE, 0);
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    std::fs::write(&file, "$ make\n").expect("written");
    let log = site.get(&address, &cookie).await;
    assert_eq!((&*log.text, log.header("pkgdeploy-progress")), ("$ make\n", "running.waiting_for_build_slot.0"));
    let page = site.get(&format!("/releases/{RELEASE}"), &cookie).await.text;
    assert!(page.contains(r#"data-progress="running.waiting_for_build_slot.0""#), "{page}");
}

#[tokio::test]
async fn pages_have_strict_headers_and_what_is_missing_is_a_page_too() {
    let site = Site::open().await;
    let cookie = site.session().await;
    for (address, status) in [
        ("/", 200),
        ("/login", 303),
        ("/nothing", 404),
        ("/releases/x", 404),
        (&format!("/releases/{RELEASE}"), 404),
        ("/projects/00000000-0000-0000-0000-000000000000", 404),
        ("/repos/acme/none", 404),
        ("/repos/A%3Cb/none", 404),
        ("/releases?of=A%3Cb", 400),
        ("/releases?before=soon", 400),
        ("/releases/%ff", 400),
        ("/logout", 405),
        ("/assets/none.css", 404),
    ] {
        let page = site.get(address, &cookie).await;
        assert_eq!(page.status, status, "{address}");
        assert!(page.header("content-security-policy").starts_with("default-src 'self';"), "{address}");
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "{address}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{address}");
        assert_eq!(page.header("cache-control"), "no-store", "{address}");
        if status != 303 {
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{address}");
            assert!(page.text.starts_with("<!doctype html>") && page.text.contains("</html>"), "{address}");
        }
    }
    let request = Request::get("/nothing").header(header::ACCEPT, "application/json").body(Body::empty());
    let answer = site.send(request.expect("a request")).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (404, "application/problem+json"));
}

#[tokio::test]
async fn a_page_loads_nothing_but_our_own_assets_and_they_may_be_kept() {
    let site = Site::open().await;
    let page = site.get("/login", "").await.text;
    assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick="), "{page}");
    let loaded: Vec<&str> = page.split('"').filter(|part| part.starts_with("/assets/")).collect();
    assert!(loaded.len() >= 3, "{page}");
    for address in loaded {
        let asset = site.get(address, "").await;
        assert_eq!(asset.status, StatusCode::OK, "{address}");
        assert!(asset.header("cache-control").contains("immutable"), "{address}");
        assert!(!asset.text.contains("url(") && !asset.text.contains("@import"), "{address}");
    }
}
