use super::*;

#[test]
fn a_cluster_is_shown_without_its_password_and_parameters() {
    for (text, shown) in [
        ("esdb://admin:hunter2@a.example:2113,b.example?tls=false", "esdb://admin@a.example:2113,b.example"),
        ("esdb+discover://admin:hun@ter2@events.example", "esdb+discover://admin@events.example"),
        ("esdb://127.0.0.1:2113/?userKeyFile=hunter2", "esdb://127.0.0.1:2113"),
    ] {
        let url: EventStoreDbUrl = text.parse().expect(text);
        assert_eq!((url.to_string(), format!("{url:?}")), (shown.to_owned(), shown.to_owned()));
    }
}

#[test]
fn a_connection_string_names_a_node() {
    for text in ["esdb://", "esdb://?tls=false", "esdb://admin:hunter2@", "esdb:node", "kurrentdb://node", ""] {
        assert_eq!(text.parse::<EventStoreDbUrl>(), Err(()), "{text}");
    }
}
