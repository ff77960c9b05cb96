use super::*;

#[test]
fn an_event_log_is_read_from_the_leader() {
    for (text, hosts, is_secure) in [
        ("esdb://admin:changeit@a.example,b.example:3113", 2, true),
        ("esdb://127.0.0.1:2113/?tls=false&keepAliveInterval=5000", 1, false),
        ("esdb+discover://events.example", 1, true),
    ] {
        let settings = settings(&text.parse().expect(text)).expect(text);
        assert_eq!(settings.node_preference(), eventstore::NodePreference::Leader, "{text}");
        assert_eq!((settings.hosts().len(), settings.is_secure_mode_enabled()), (hosts, is_secure), "{text}");
        assert_eq!(settings.tls_ca_file().is_some(), !is_secure, "{text}");
    }
}

#[test]
fn an_odd_connection_string_is_not_repeated_with_its_password() {
    let odd = "esdb://admin:hunter2@a.example/some/path".parse().expect("the form is right");
    let error = settings(&odd).expect_err("no path").to_string();
    assert!(error.contains("esdb://admin@a.example ") && !error.contains("hunter2"), "{error}");
}
