use super::*;

#[test]
fn one_range_of_bytes_is_understood_and_everything_else_means_the_whole_file() {
    use Wanted::{Piece, Unsatisfiable, Whole};
    for (header, expected) in [
        ("bytes=0-0", Piece(0..1)),
        ("bytes=2-5", Piece(2..6)),
        ("Bytes=2-5", Piece(2..6)),
        ("bytes=2-", Piece(2..10)),
        ("bytes=2-99", Piece(2..10)),
        ("bytes=0-18446744073709551615", Piece(0..10)),
        ("bytes=-3", Piece(7..10)),
        ("bytes=-99", Piece(0..10)),
        ("bytes=-99999999999999999999999", Piece(0..10)),
        ("bytes=-0", Unsatisfiable),
        ("bytes=10-", Unsatisfiable),
        ("bytes=10-12", Unsatisfiable),
        ("bytes=99999999999999999999999-", Unsatisfiable),
        ("bytes=5-2", Whole),
        ("bytes=0-1,4-5", Whole),
        ("bytes=-", Whole),
        ("bytes=+1-2", Whole),
        ("bytes=a-b", Whole),
        ("bytes", Whole),
        ("", Whole),
        ("pages=1-2", Whole),
    ] {
        let value = HeaderValue::from_str(header).expect("a header value");
        assert_eq!(wanted(Some(&value), 10), expected, "{header}");
    }
    assert_eq!(wanted(None, 10), Whole);
    assert_eq!(wanted(Some(&HeaderValue::from_static("bytes=0-")), 0), Unsatisfiable);
    assert_eq!(wanted(Some(&HeaderValue::from_static("bytes=-1")), 0), Unsatisfiable);
}
