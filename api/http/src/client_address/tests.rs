use axum::http::{HeaderName, HeaderValue, header};
use proptest::prelude::*;

use super::*;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

fn proxies() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8", "2001:db8:1::/48", "127.0.0.1"].map(|text| text.parse().expect(text)).to_vec())
}

fn from(peer: &str, lines: &[(HeaderName, &str)]) -> Option<String> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name, HeaderValue::from_str(value).expect("a header"));
    }
    let peer = Peer(peer.parse().expect("an address"));
    proxies().client(Some(peer), &headers).map(|address| address.to_string())
}

fn x_forwarded_for(value: &str) -> Option<String> {
    from("10.0.0.1", &[(X_FORWARDED_FOR, value)])
}

fn forwarded(value: &str) -> Option<String> {
    from("10.0.0.1", &[(header::FORWARDED, value)])
}

#[test]
fn without_a_trusted_proxy_a_request_comes_from_its_connection_whatever_it_says() {
    let lies = [(X_FORWARDED_FOR, "192.0.2.1"), (header::FORWARDED, "for=192.0.2.1")];
    assert_eq!(from("198.51.100.9", &lies).as_deref(), Some("198.51.100.9"));
    assert_eq!(from("2001:db8:2::9", &lies).as_deref(), Some("2001:db8:2::9"));
    assert_eq!(TrustedProxies::default().client(None, &HeaderMap::new()), None);
}

#[test]
fn an_ipv4_address_is_one_however_it_is_written() {
    assert_eq!(from("::ffff:198.51.100.9", &[]).as_deref(), Some("198.51.100.9"));
    assert_eq!(from("::ffff:10.0.0.1", &[(X_FORWARDED_FOR, "::ffff:c000:207")]).as_deref(), Some("192.0.2.7"));
    let network: Network = "::ffff:10.0.0.0/104".parse().expect("a network");
    assert_eq!(network.to_string(), "10.0.0.0/8");
}

#[test]
fn a_trusted_proxy_says_where_a_request_came_from() {
    for (value, address) in [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7:4711 ", "192.0.2.7"),
        ("2001:db8:2::9", "2001:db8:2::9"),
        ("[2001:DB8:2:0::9]:4711", "2001:db8:2::9"),
        ("[2001:db8:2::9]", "2001:db8:2::9"),
        ("192.0.2.7,, 10.1.2.3", "192.0.2.7"),
    ] {
        assert_eq!(x_forwarded_for(value).as_deref(), Some(address), "{value}");
    }
    for (value, address) in [
        ("for=192.0.2.7", "192.0.2.7"),
        ("For=\"192.0.2.7:4711\";;proto=https;by=203.0.113.43", "192.0.2.7"),
        ("proto=http ; for=\"[2001:db8:2::9]:4711\" , for=10.1.2.3", "2001:db8:2::9"),
        ("for=192.0.2.7;host=\"a,b;for=1\\\"\"", "192.0.2.7"),
    ] {
        assert_eq!(forwarded(value).as_deref(), Some(address), "{value}");
    }
    // It asks for itself.
    assert_eq!(from("10.0.0.1", &[]).as_deref(), Some("10.0.0.1"));
}

#[test]
fn what_a_client_wrote_before_the_proxies_is_not_believed() {
    assert_eq!(x_forwarded_for("127.0.0.1, 203.0.113.5, 192.0.2.7").as_deref(), Some("192.0.2.7"));
    assert_eq!(x_forwarded_for("nonsense, 192.0.2.7, 10.1.2.3").as_deref(), Some("192.0.2.7"));
    let lines = [(X_FORWARDED_FOR, "203.0.113.5"), (X_FORWARDED_FOR, "192.0.2.7")];
    assert_eq!(from("10.0.0.1", &lines).as_deref(), Some("192.0.2.7"));
    assert_eq!(forwarded("for=203.0.113.5, for=192.0.2.7").as_deref(), Some("192.0.2.7"));
    // Inside of a network of proxies, the first to ask is the client.
    assert_eq!(x_forwarded_for("10.9.9.9, 10.1.2.3").as_deref(), Some("10.9.9.9"));
}

#[test]
fn a_header_that_says_nothing_leaves_the_origin_unknown() {
    for value in
        ["", "unknown", "localhost", "192.0.2.7, ten", "192.0.2.256", "192.0.2.7;", "[192.0.2.7]", "fe80::1%eth0"]
    {
        assert_eq!(x_forwarded_for(value), None, "{value}");
    }
    for value in
        ["", "for=unknown", "for=_hidden", "proto=https", "192.0.2.7", "for=1;for=192.0.2.7", "for=\"192.0.2.7", "for="]
    {
        assert_eq!(forwarded(value), None, "{value}");
    }
    let mut headers = HeaderMap::new();
    headers.insert(X_FORWARDED_FOR, HeaderValue::from_bytes(b"192.0.2.7\xff").expect("a header"));
    assert_eq!(proxies().client(Some(Peer(IpAddr::from([10, 0, 0, 1]))), &headers), None);
}

#[test]
fn two_headers_that_do_not_say_the_same_leave_the_origin_unknown() {
    let said =
        |x: &'static str, other: &'static str| from("10.0.0.1", &[(X_FORWARDED_FOR, x), (header::FORWARDED, other)]);
    assert_eq!(said("192.0.2.7", "for=192.0.2.7").as_deref(), Some("192.0.2.7"));
    assert_eq!(said("192.0.2.7", "for=203.0.113.5"), None);
    assert_eq!(said("192.0.2.7", "for=unknown"), None);
    assert_eq!(said("unknown", "for=unknown"), None);
}

#[test]
fn a_request_comes_over_so_many_hops_and_no_more() {
    let over = |proxies: usize| x_forwarded_for(&format!("192.0.2.7{}", ", 10.1.2.3".repeat(proxies)));
    assert_eq!(over(HOPS_MAX - 1).as_deref(), Some("192.0.2.7"));
    assert_eq!(over(HOPS_MAX), None);
}

#[test]
fn a_network_is_an_address_and_how_much_of_it_counts() {
    for (text, shown) in [("10.0.0.0/8", "10.0.0.0/8"), ("192.0.2.7", "192.0.2.7/32"), ("::1", "::1/128")] {
        assert_eq!(text.parse::<Network>().expect(text).to_string(), shown);
    }
    for wrong in ["", "10.0.0.0/33", "10.0/8", "proxy.example.org", "10.0.0.0/", &"1".repeat(1_000)] {
        let error = wrong.parse::<Network>().expect_err(wrong).to_string();
        assert!(error.contains("expected one such as") && error.len() < 200, "{error}");
    }
}

proptest! {
    /// Whatever a client writes, what the proxy wrote after it is used, or nothing.
    #[test]
    fn no_header_makes_a_request_come_from_where_it_did_not(
        lie in r#"([ -~]|for=|"|\\|,|;|10\.0\.0\.9|203\.0\.113\.5){0,12}"#,
        is_quoted in any::<bool>(),
    ) {
        let word = if is_quoted { "for=\"192.0.2.7\"" } else { "for=192.0.2.7" };
        let said = forwarded(&format!("{lie}, {word}"));
        prop_assert!(said.is_none() || said.as_deref() == Some("192.0.2.7"), "{said:?}");
        let said = x_forwarded_for(&format!("{lie}, 192.0.2.7"));
        prop_assert_eq!(said.as_deref(), Some("192.0.2.7"));
    }
}
