//! Escapes text for XML the way libxml2 does, so that our bytes are createrepo_c's.

use std::fmt::Write as _;

pub(super) const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Text between tags.
pub(super) fn text(raw: &str) -> String {
    let mut escaped = String::with_capacity(raw.len());
    for c in raw.chars().filter(|c| allowed(*c)) {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\r' => escaped.push_str("&#13;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// An attribute's value. libxml2 writes what is not ASCII as a character reference when a node has no document.
pub(super) fn attribute(raw: &str) -> String {
    let mut escaped = String::with_capacity(raw.len());
    for c in raw.chars().filter(|c| allowed(*c)) {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\t' => escaped.push_str("&#9;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            c if c.is_ascii() => escaped.push(c),
            c => {
                // Writing to a String does not fail.
                let _ok = write!(escaped, "&#x{:X};", u32::from(c));
            }
        }
    }
    escaped
}

/// XML 1.0 has no way to write the others, not even escaped.
fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'))
}
