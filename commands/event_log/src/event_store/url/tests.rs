use super::*;

#[test]
fn a_file_is_named_by_its_path() {
    for (text, path) in [
        ("sqlite:/var/lib/log.sqlite", "/var/lib/log.sqlite"),
        ("sqlite:///var/lib/log.sqlite", "/var/lib/log.sqlite"),
        ("sqlite:log.sqlite", "log.sqlite"),
    ] {
        let url: LogUrl = text.parse().expect(text);
        assert!(matches!(&url, LogUrl::Sqlite(found) if found.to_str() == Some(path)), "{url}");
    }
    assert_eq!("sqlite:".parse::<LogUrl>().err(), Some(InvalidLogUrl::NoPath));
}

#[test]
fn a_database_is_shown_without_its_password() {
    let url: LogUrl = "postgres://me:hunter2@db.example/log?sslmode=require&password=hunter2".parse().expect("a URL");
    assert_eq!(url.to_string(), "postgres://me@db.example/log");
    assert_eq!(format!("{url:?}"), url.to_string());
    let error = "postgres://me:hunter2@db/log?port=none".parse::<LogUrl>().expect_err("no port").to_string();
    assert!(error.contains("postgres://") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_cluster_is_shown_without_its_password() {
    let url: LogUrl = "esdb://me:hunter2@a.example:2113,b.example:2113?tls=false".parse().expect("a URL");
    assert_eq!(url.to_string(), "esdb://me@a.example:2113,b.example:2113");
    assert_eq!("esdb://me:hunter2@".parse::<LogUrl>().err(), Some(InvalidLogUrl::NoNode));
}

#[test]
fn another_store_is_refused_by_its_name_and_its_password_is_not_repeated() {
    for (text, says) in
        [("mysql://me:hunter2@db/log", "mysql"), ("me:hunter2@db", "me"), ("hunter2", "expected"), ("", "expected")]
    {
        let error = text.parse::<LogUrl>().expect_err(text).to_string();
        assert!(error.contains(says) && error.contains("sqlite:<path>"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
