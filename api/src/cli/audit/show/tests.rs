use super::*;

#[test]
fn columns_line_up_and_long_texts_are_cut() {
    let rows = vec![vec!["a".to_owned(), "b".to_owned()], vec!["x".repeat(100), "y".to_owned()]];
    let full = Table { heading: "Heading", columns: vec!["one", "two"], rows, next: None };
    let text = table(&full);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "Heading");
    for (line, last) in [(lines[2], "two"), (lines[3], "b"), (lines[4], "y")] {
        assert_eq!(line.find(last), Some(COLUMN_MAX_CHARS + 2), "{line}");
    }
    assert_eq!(table(&Table { rows: Vec::new(), ..full }), "");
}
