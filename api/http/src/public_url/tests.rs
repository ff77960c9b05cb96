use super::*;

#[test]
fn a_public_url_is_plain_and_ends_without_a_slash() {
    for (written, kept, bare) in [
        ("https://packages.example.com", "https://packages.example.com", "packages.example.com"),
        ("https://Packages.Example.com:443/", "https://packages.example.com", "packages.example.com"),
        ("http://127.0.0.1:8080/a/b//", "", ""),
        ("http://127.0.0.1:8080/a/b/", "http://127.0.0.1:8080/a/b", "127.0.0.1:8080/a/b"),
        ("http://[::1]:8080", "http://[::1]:8080", "[::1]:8080"),
    ] {
        match written.parse::<PublicUrl>() {
            Ok(url) => assert_eq!((url.as_str(), url.without_scheme()), (kept, bare)),
            Err(_) => assert_eq!(kept, "", "{written} was refused"),
        }
    }
}

#[test]
fn a_public_url_is_an_origin_and_a_path() {
    for (text, origin, path) in [
        ("https://example.com", "https://example.com", ""),
        ("https://example.com:8443/a/b", "https://example.com:8443", "/a/b"),
    ] {
        let url: PublicUrl = text.parse().expect("a public URL");
        assert_eq!((url.origin(), url.path()), (origin, path));
    }
}

#[test]
fn nothing_that_a_shell_or_a_configuration_file_could_misread_is_a_public_url() {
    for bad in [
        "",
        "example.com",
        "ftp://example.com",
        "https://user:secret@example.com",
        "https://example.com/?a=b",
        "https://example.com/#x",
        "https://example.com/a'b",
        "https://example.com/$(id)",
        "https://example.com/%27",
        "https://example.com/a b",
    ] {
        assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
    }
}
