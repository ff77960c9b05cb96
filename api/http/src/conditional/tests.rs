use chrono::TimeZone as _;

use super::*;

const BEFORE: &str = "Sun, 22 Nov 2026 10:00:00 GMT";
const SAME: &str = "Sun, 22 Nov 2026 10:00:01 GMT";
const AFTER: &str = "Sun, 22 Nov 2026 10:00:02 GMT";

fn file() -> Validators {
    let at = Utc.with_ymd_and_hms(2026, 11, 22, 10, 0, 1).single().expect("a time");
    Validators {
        etag: HeaderValue::from_static("\"abc\""),
        // The fraction must not make the file newer than the second that the client received.
        modified_at: Some(at + chrono::TimeDelta::milliseconds(700)),
        size_bytes: 10,
    }
}

fn judge(method: &Method, headers: &[(&'static str, &'static str)]) -> Verdict {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_static(value));
    }
    file().judge(method, &map)
}

#[test]
fn conditions_are_judged_in_the_order_of_rfc_9110() {
    use Verdict::{NotModified, Piece, PreconditionFailed, Unsatisfiable, Whole};
    let cases: &[(&[(&str, &str)], Verdict)] = &[
        (&[], Whole),
        // If-None-Match compares weakly, takes lists and several lines.
        (&[("if-none-match", "\"abc\"")], NotModified),
        (&[("if-none-match", "W/\"abc\"")], NotModified),
        (&[("if-none-match", "\"x\", \"abc\"")], NotModified),
        (&[("if-none-match", "\"x\""), ("if-none-match", "\"abc\"")], NotModified),
        (&[("if-none-match", "*")], NotModified),
        (&[("if-none-match", "\"x\"")], Whole),
        (&[("if-none-match", "abc")], Whole),
        // It switches If-Modified-Since off.
        (&[("if-none-match", "\"x\""), ("if-modified-since", AFTER)], Whole),
        (&[("if-none-match", "\"abc\""), ("if-modified-since", BEFORE)], NotModified),
        // If-Modified-Since: one second counts; nonsense and repetition are ignored.
        (&[("if-modified-since", BEFORE)], Whole),
        (&[("if-modified-since", SAME)], NotModified),
        (&[("if-modified-since", AFTER)], NotModified),
        (&[("if-modified-since", "yesterday")], Whole),
        (&[("if-modified-since", SAME), ("if-modified-since", SAME)], Whole),
        // Preconditions come first; If-Match compares strongly.
        (&[("if-match", "\"abc\"")], Whole),
        (&[("if-match", "*")], Whole),
        (&[("if-match", "W/\"abc\"")], PreconditionFailed),
        (&[("if-match", "\"x\""), ("if-none-match", "\"abc\"")], PreconditionFailed),
        (&[("if-unmodified-since", BEFORE)], PreconditionFailed),
        (&[("if-unmodified-since", SAME)], Whole),
        (&[("if-match", "\"abc\""), ("if-unmodified-since", BEFORE)], Whole),
        // Ranges, and only of the very file the client knows.
        (&[("range", "bytes=2-3")], Piece(2..4)),
        (&[("range", "bytes=20-")], Unsatisfiable),
        (&[("range", "bytes=2-3"), ("if-range", "\"abc\"")], Piece(2..4)),
        (&[("range", "bytes=2-3"), ("if-range", "\"x\"")], Whole),
        (&[("range", "bytes=20-"), ("if-range", "\"x\"")], Whole),
        (&[("range", "bytes=2-3"), ("if-range", "W/\"abc\"")], Whole),
        (&[("range", "bytes=2-3"), ("if-range", SAME)], Piece(2..4)),
        (&[("range", "bytes=2-3"), ("if-range", AFTER)], Whole),
        (&[("range", "bytes=2-3"), ("if-range", BEFORE)], Whole),
        // Already there beats a range.
        (&[("range", "bytes=2-3"), ("if-none-match", "\"abc\"")], NotModified),
    ];
    for (headers, expected) in cases {
        assert_eq!(judge(&Method::GET, headers), *expected, "{headers:?}");
    }
}

#[test]
fn head_ignores_ranges() {
    assert_eq!(judge(&Method::HEAD, &[("range", "bytes=2-3")]), Verdict::Whole);
    assert_eq!(judge(&Method::HEAD, &[("if-modified-since", SAME)]), Verdict::NotModified);
}

#[test]
fn without_a_time_no_date_matches() {
    let timeless = Validators { modified_at: None, ..file() };
    let mut headers = HeaderMap::new();
    headers.insert(header::IF_MODIFIED_SINCE, HeaderValue::from_static(AFTER));
    assert_eq!(timeless.judge(&Method::GET, &headers), Verdict::Whole);
}

#[test]
fn dates_are_written_as_http_wants_them_whatever_the_year() {
    assert_eq!(http_date(file().modified_at.expect("it has one")), SAME);
    assert_eq!(http_date(DateTime::<Utc>::MIN_UTC), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(http_date(DateTime::<Utc>::MAX_UTC), "Fri, 31 Dec 9999 23:59:59 GMT");
}
