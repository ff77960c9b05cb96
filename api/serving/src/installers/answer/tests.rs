use axum::http::header;
use domain::{package::Format, token::id_text};

use crate::repositories::testing::{key, rpm_key, served};

#[tokio::test]
async fn whoever_shows_a_key_gets_that_key_as_a_script_that_no_cache_keeps() {
    let answer = served(&[], true).await.get("/install/acme/debs").await;
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
        let answer = served(&[], true).await.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.starts_with(magic), "{path}");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
        assert!(answer.header(header::CONTENT_DISPOSITION).contains(&format!(".{format}\"")), "{path}");
    }
}

#[tokio::test]
async fn each_tool_gets_the_script_in_its_own_file_that_no_cache_keeps() {
    for (path, first_line) in [
        ("/install/acme/debs/cloud-init.yaml", "#cloud-config"),
        ("/install/acme/rpms/ansible.yml", "# Gives machines access to the package repository acme/rpms"),
    ] {
        let answer = served(&[], true).await.get(path).await;
        let password = if path.contains("rpms") { rpm_key() } else { key() }.text();
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text().starts_with(first_line) && answer.text().contains(&password), "{path}");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    }
}

#[tokio::test]
async fn nobody_gets_an_installer_without_a_key() {
    for path in ["", "/installer.deb", "/cloud-init.yaml", "/ansible.yml", "/nothing"] {
        let request = axum::http::Request::get(format!("/install/acme/debs{path}")).body(axum::body::Body::empty());
        let answer = served(&[], true).await.send(request.expect("a request")).await;
        assert_eq!(answer.status, 401, "{path}");
    }
}

#[tokio::test]
async fn a_host_header_has_no_say_in_an_installer() {
    let answer = served(&[], true).await.get_with("/install/acme/debs", &[("host", "evil.example.com")]).await;
    assert!(answer.text().contains("packages.example.com") && !answer.text().contains("evil"));
}
