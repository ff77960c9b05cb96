use proptest::prelude::*;

use super::*;

#[test]
fn https_and_ssh_addresses_are_accepted() {
    for (text, transport) in [
        ("https://github.com/acme/shop.git", Transport::Https),
        ("https://git.acme.test:8443/shop", Transport::Https),
        ("ssh://git@github.com/acme/shop.git", Transport::Ssh),
        ("ssh://git.acme.test:2222/~team/shop", Transport::Ssh),
        ("git@github.com:acme/shop.git", Transport::Ssh),
    ] {
        assert_eq!(GitUrl::parse(text, false).map(|url| url.transport()), Ok(transport), "{text}");
    }
}

#[test]
fn a_local_address_needs_the_operators_consent() {
    for text in ["/srv/git/shop.git", "file:///srv/git/shop.git"] {
        assert_eq!(GitUrl::parse(text, false), Err(InvalidGitUrl::Local));
        assert_eq!(GitUrl::parse(text, true).map(|url| url.transport()), Ok(Transport::Local));
    }
    assert_eq!(GitUrl::parse("/srv/../etc", true), Err(InvalidGitUrl::Malformed));
    assert_eq!(GitUrl::parse("file://host/srv", true), Err(InvalidGitUrl::Malformed));
}

#[test]
fn credentials_are_refused_and_not_repeated() {
    for text in
        ["https://token@github.com/a/b", "https://u:s3cret@github.com/a/b", "ssh://u:s3cret@host/a", "u:s3cret@host:a"]
    {
        let refusal = GitUrl::parse(text, true).expect_err(text);
        assert_eq!(refusal, InvalidGitUrl::Credentials, "{text}");
        assert!(!refusal.to_string().contains("s3cret"));
    }
}

#[test]
fn nothing_that_git_or_ssh_would_run_is_accepted() {
    for text in [
        "",
        "-oProxyCommand=id",
        "--upload-pack=id",
        "ext::sh -c id",
        "ext::sh%20-c%20id",
        "fd::17",
        "http://github.com/a/b",
        "git://github.com/a/b",
        "ssh://-oProxyCommand=id/a",
        "ssh://-ouser@host/a",
        "git@-oProxyCommand=id:a",
        "git@host:-a",
        "-git@host:a",
        "https://github.com",
        "https://github.com/a?token=x",
        "https://github.com/a#x",
        "https://github.com/a b",
        "github.com/a/b",
        "C:\\repo",
        "https:///a",
    ] {
        assert!(GitUrl::parse(text, true).is_err(), "{text}");
    }
    assert!(GitUrl::parse(&format!("https://h/{}", "a".repeat(GIT_URL_MAX_BYTES)), true).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_and_what_it_accepts_is_never_an_option(text in ".{0,80}") {
        if let Ok(url) = GitUrl::parse(&text, true) {
            prop_assert!(!url.as_str().starts_with('-'));
            prop_assert!(!url.as_str().contains(char::is_whitespace));
        }
    }
}
