use super::*;

#[test]
fn a_token_of_githubs_can_stand_in_a_header_and_has_a_limit() {
    assert!(valid_token(&"t".repeat(GITHUB_TOKEN_MAX_CHARS)));
    for bad in ["", "a b", "a\nb", "ä", &"t".repeat(GITHUB_TOKEN_MAX_CHARS + 1)] {
        assert!(!valid_token(bad), "{bad}");
    }
}
