//! Parses the hops of a request from forwarding headers, oldest first. For a hop that is not an IP address: `None`.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// `X-Forwarded-For: 192.0.2.7, 10.0.0.1`; `None` if there is no such header.
pub(super) fn of_x_forwarded_for(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    hops(headers, &X_FORWARDED_FOR, |value| Some(value.split(',').map(str::trim).collect()), address)
}

/// `Forwarded: for=192.0.2.7;proto=https, for="[2001:db8::1]:4711"`; `None` if there is no such header. Source: RFC 7239.
pub(super) fn of_forwarded(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    hops(headers, &header::FORWARDED, |value| split(value, ','), |element| address(value_of_for(element)?))
}

fn hops(
    headers: &HeaderMap,
    name: &HeaderName,
    elements: impl Fn(&str) -> Option<Vec<&str>>,
    hop: impl Fn(&str) -> Option<IpAddr>,
) -> Option<Vec<Option<IpAddr>>> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let mut hops = Vec::new();
    for value in values {
        match value.to_str().ok().and_then(&elements) {
            // Elements of a list may be empty (RFC 9110, 5.6.1).
            Some(elements) => hops.extend(elements.into_iter().filter(|element| !element.is_empty()).map(&hop)),
            None => hops.push(None),
        }
    }
    Some(hops)
}

/// The trimmed parts between separators outside quotes. `None` if a quote is not closed.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|found| {
        let is_plain = !std::mem::take(&mut is_escaped);
        match found {
            '\\' if is_quoted && is_plain => is_escaped = true,
            '"' if is_plain => is_quoted = !is_quoted,
            found => return found == separator && !is_quoted,
        }
        false
    });
    let parts = parts.map(str::trim).collect();
    (!is_quoted).then_some(parts)
}

/// The `for` parameter of a hop, without quotes. `None` if it is given twice.
fn value_of_for(element: &str) -> Option<&str> {
    let mut found = None;
    for pair in split(element, ';')?.into_iter().filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
    }
    let value = found?;
    value.strip_prefix('"').map_or(Some(value), |quoted| quoted.strip_suffix('"'))
}

/// Parses an address with or without a port. Some proxies add a port in `X-Forwarded-For` too.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().filter(IpAddr::is_ipv6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(bracketed).or_else(with_port).map(|address: IpAddr| address.to_canonical())
}
