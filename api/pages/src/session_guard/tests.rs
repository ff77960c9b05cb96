use super::*;

#[test]
fn a_login_leads_back_to_addresses_of_this_site_only() {
    for good in ["/", "/releases?of=acme", "/repos/acme/debs?page=2", "/a//b"] {
        assert_eq!(local(good), Some(good));
    }
    let long = format!("/{}", "a".repeat(NEXT_MAX_CHARS));
    for bad in [
        "",
        "releases",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/ü",
        &long,
    ] {
        assert_eq!(local(bad), None, "{bad}");
    }
}
