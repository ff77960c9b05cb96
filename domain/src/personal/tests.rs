use super::*;

#[test]
fn a_name_is_some_text_on_one_line() {
    assert_eq!(name(" Ann Example "), Ok("Ann Example"));
    for wrong in ["", "  ", "Ann\nExample", &"a".repeat(TEXT_MAX_BYTES + 1)] {
        assert_eq!(name(wrong), Err(InvalidText::Name), "{wrong:?}");
    }
}

#[test]
fn an_email_address_has_two_sides_and_no_spaces() {
    assert_eq!(email("ann@example.com"), Ok("ann@example.com"));
    for wrong in ["", "ann", "@example.com", "ann@", "a nn@example.com", &format!("{}@b", "a".repeat(TEXT_MAX_BYTES))] {
        assert_eq!(email(wrong), Err(InvalidText::Email), "{wrong:?}");
    }
}
