use axum::http::header;
use domain::{package::Format, token::id_text};

use crate::repositories::testing::{key, served};

#[tokio::test]
async fn whoever_shows_a_key_gets_that_key_as_a_script_that_no_cache_keeps() {
    let answer = served(&[], true).get("/install/acme/debs").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains(&format!("login='{}'", id_text(key().id()))));
    assert!(answer.text().contains(&format!("password='{}'", key().text())));
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn each_format_has_its_package() {
    for (path, format, magic) in [
        ("/install/acme/debs/installer.deb", Format::Deb, b"!<arch>\n".as_slice()),
        ("/install/acme/rpms/installer.rpm", Format::Rpm, b"\xed\xab\xee\xdb"),
    ] {
        let answer = served(&[], true).get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.starts_with(magic), "{path}");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
        assert!(answer.header(header::CONTENT_DISPOSITION).contains(&format!(".{format}\"")), "{path}");
    }
}

#[tokio::test]
async fn a_host_header_has_no_say_in_an_installer() {
    let answer = served(&[], true).get_with("/install/acme/debs", &[("host", "evil.example.com")]).await;
    assert!(answer.text().contains("packages.example.com") && !answer.text().contains("evil"));
}
