use std::fs;

use tempfile::TempDir;

use super::*;

#[test]
fn a_log_is_cut_at_its_limit_and_says_so_once() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("log");
    let mut log = BuildLog::open(&path, 10).expect("it opens");
    log.write(b"12345678").expect("it writes");
    log.write(b"90abc\n").expect("it writes");
    log.write(b"the end\n").expect("it drops");
    let text = fs::read_to_string(&path).expect("the log");
    assert_eq!(text, "1234567890\n[pkgdeploy: the log is cut here, it reached its limit of 10 bytes]\n");
    assert_eq!(log.last_lines().0, "1234567890abc\nthe end", "an error still shows the real end");
}

#[test]
fn an_error_shows_a_bounded_number_of_bounded_lines() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut log = BuildLog::open(&folder.path().join("log"), 1 << 20).expect("it opens");
    for number in 0..100 {
        log.say(&format!("{number}{}", "x".repeat(10_000))).expect("it writes");
    }
    let last = log.last_lines().0;
    assert_eq!(last.lines().count(), LAST_LINES);
    assert!(last.lines().all(|line| line.len() <= LAST_LINE_MAX_BYTES));
    assert!(last.lines().last().expect("a line").starts_with("99x"));
}
