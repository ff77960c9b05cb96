use super::*;

#[test]
fn a_repository_of_github_enterprise_is_below_its_prefix() {
    let root = Root::of(&"https://github.acme.test/api/v3/".parse().expect("an address")).expect("a root");
    let shop: GithubName = "acme/shop.js".parse().expect("a name");
    let hooks = root.repository(&shop, ["hooks"]);
    assert_eq!(hooks.as_str(), "https://github.acme.test/api/v3/repos/acme/shop.js/hooks");
    assert!(root.is_at(&hooks) && !root.is_at(&Url::parse("https://github.acme.test:8443/").expect("a URL")));
}
