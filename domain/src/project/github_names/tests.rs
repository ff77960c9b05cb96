use super::*;

#[test]
fn a_repository_at_github_is_an_owner_and_a_name() {
    for good in ["acme/web", "Acme-2/web.site_x"] {
        assert!(good.parse::<GithubName>().is_ok(), "{good}");
    }
    let long = format!("{}/{}", "a".repeat(39), "b".repeat(GITHUB_NAME_MAX_CHARS - 39));
    for bad in ["", "acme", "acme/", "/web", "acme/web/x", "acme/..", "a b/c", "acme/web?x", long.as_str()] {
        assert!(bad.parse::<GithubName>().is_err(), "{bad}");
    }
}

#[test]
fn the_api_is_reached_over_tls_unless_it_is_here() {
    for (text, expected) in [
        ("https://api.github.com/", Some("https://api.github.com")),
        ("https://git.example.com/api/v3", Some("https://git.example.com/api/v3")),
        ("http://127.0.0.1:9/x", Some("http://127.0.0.1:9/x")),
        ("http://localhost:9", Some("http://localhost:9")),
        ("http://api.github.com", None),
        ("https://user:secret@api.github.com", None),
        ("https://api.github.com/?a", None),
        ("https://api.github.com/#a", None),
        ("file:///etc/passwd", None),
        ("api.github.com", None),
    ] {
        let read = text.parse::<ApiUrl>().ok();
        assert_eq!(read.as_ref().map(ApiUrl::as_str), expected, "{text}");
    }
    let long = format!("https://example.com/{}", "a".repeat(API_URL_MAX_BYTES));
    assert_eq!(long.parse::<ApiUrl>(), Err(InvalidGithub::ApiUrl));
}
