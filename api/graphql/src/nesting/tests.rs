use super::*;

fn lists(deep: usize) -> String {
    format!("{{ releases(organisation: {}1{}) {{ id }} }}", "[".repeat(deep), "]".repeat(deep))
}

#[test]
fn a_document_has_a_deepest_nesting_and_a_number_of_fragments() {
    // The selection and the list of arguments are two.
    assert_eq!(check(&lists(BRACKETS_DEEP_MAX - 2)), Ok(()));
    assert_eq!(check(&lists(BRACKETS_DEEP_MAX - 1)), Err(TooNested::Brackets));
    let fragments = |count: usize| "fragment a on Query { fragmented } ".repeat(count);
    assert_eq!(check(&fragments(FRAGMENTS_MAX)), Ok(()));
    assert_eq!(check(&fragments(FRAGMENTS_MAX + 1)), Err(TooNested::Fragments));
}

#[test]
fn what_stands_in_strings_and_comments_is_no_nesting() {
    let many = "[".repeat(1_000);
    for good in [
        format!("{{ a(b: \"{many} \\\" {many}\") }}"),
        format!("{{ a(b: \"\"\"{many} \\\"\"\" {many} \" \"\"\") }}"),
        format!("# {many}\n{{ a }}"),
        "ä \"unclosed".to_owned(),
        "\"\"\"unclosed".to_owned(),
        String::new(),
    ] {
        assert_eq!(check(&good), Ok(()), "{good}");
    }
    for bad in [format!("{{ a(b: \"\\\\\") {many} }}"), format!("\"\"\"a\"\"\" {many}"), format!("# a\n{many}")] {
        assert_eq!(check(&bad), Err(TooNested::Brackets), "{bad}");
    }
}
