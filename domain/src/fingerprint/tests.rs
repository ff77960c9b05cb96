use super::*;

#[test]
fn a_fingerprint_is_read_as_people_write_it() {
    let of_version_4 = "0123456789ABCDEF0123456789ABCDEF01234567";
    let of_version_6 = "0123456789ABCDEF".repeat(4);
    for (text, expected) in [
        (of_version_4, of_version_4),
        ("0123 4567 89ab cdef 0123  4567 89ab cdef 0123 4567\n", of_version_4),
        (&of_version_6, &of_version_6),
    ] {
        assert_eq!(text.parse::<Fingerprint>().expect(text).as_str(), expected);
    }
}

#[test]
fn what_is_not_a_full_fingerprint_is_refused() {
    let short_id = "0123456789ABCDEF";
    for text in
        ["", short_id, &format!("{short_id}{short_id}0123456"), &"G".repeat(40), &"é".repeat(20), &"0".repeat(9_999)]
    {
        let error = text.parse::<Fingerprint>().expect_err(text).to_string();
        assert!(error.contains("expected 40 or 64") && error.len() < 300, "{error}");
    }
}
