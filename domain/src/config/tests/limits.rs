//! Each limit, met exactly and passed by one.

use super::{parse, with};
use crate::config::limits::{
    DISTRIBUTION_MAX_CHARS, FILE_MAX_BYTES, FILE_MAX_NODES, LINE_MAX_BYTES, LIST_MAX_ENTRIES, MODE_MAX,
    NESTING_MAX_LEVELS, TEXT_MAX_BYTES, TEXT_MAX_TOTAL_BYTES,
};

#[track_caller]
fn taken(text: &str) {
    if let Err(error) = parse(text) {
        panic!("{error}");
    }
}

#[track_caller]
fn refused(text: &str, line: usize, problem: &str) {
    let error = parse(text).expect_err("the config was taken");
    assert_eq!((error.line, error.problem.as_str()), (line, problem));
}

#[test]
fn a_file_has_at_most_256_kib() {
    let padding = FILE_MAX_BYTES - with("# ").len();
    taken(&with(&format!("# {}", "x".repeat(padding))));
    let problem = format!("the file has {} bytes: expected at most {FILE_MAX_BYTES}", FILE_MAX_BYTES + 1);
    refused(&with(&format!("# {}", "x".repeat(padding + 1))), 1, &problem);
}

#[test]
fn a_list_has_at_most_1000_entries() {
    let list = |entries| with(&format!("build:\n  commands:\n{}", "    - run: make\n".repeat(entries)));
    taken(&list(LIST_MAX_ENTRIES));
    refused(&list(LIST_MAX_ENTRIES + 1), 5, "the list has 1001 entries: expected at most 1000");
}

#[test]
fn a_line_has_at_most_1024_bytes() {
    let license = |bytes| with(&format!("license: {}\n", "x".repeat(bytes)));
    taken(&license(LINE_MAX_BYTES));
    refused(&license(LINE_MAX_BYTES + 1), 3, "the text has 1025 bytes: expected at most 1024");
}

#[test]
fn a_command_and_a_description_have_at_most_64_kib() {
    for key in ["after_install", "description"] {
        let text = |bytes| with(&format!("{key}: |\n  {}\n", "x".repeat(bytes)));
        taken(&text(TEXT_MAX_BYTES));
        refused(&text(TEXT_MAX_BYTES + 1), 4, "the text has 65537 bytes: expected at most 65536");
    }
}

#[test]
fn a_distribution_has_at_most_63_characters() {
    let distribution = |chars| with(&format!("distribution: {}\n", "x".repeat(chars)));
    taken(&distribution(DISTRIBUTION_MAX_CHARS));
    let error = parse(&distribution(DISTRIBUTION_MAX_CHARS + 1)).expect_err("the config was taken");
    assert!(error.problem.ends_with("expected up to 63 characters of a-z 0-9 . _ -, such as ubuntu22 or el9"));
}

#[test]
fn a_mode_has_at_most_twelve_bits() {
    let mode =
        |mode| with(&format!("install:\n  copy:\n    - {{source: a, destination: /a, permissions: {mode:o}}}\n"));
    taken(&mode(MODE_MAX));
    refused(&mode(MODE_MAX + 1), 5, "\"10000\" is not a file mode: expected octal digits such as 755");
}

#[test]
fn nesting_is_at_most_16_levels_deep() {
    // The outer mapping is the first level. What is not too deep is refused only because it is a list.
    let nested = |levels: usize| with(&format!("url: {}{}\n", "[".repeat(levels - 1), "]".repeat(levels - 1)));
    refused(&nested(NESTING_MAX_LEVELS), 3, "found a list: expected text");
    for levels in [NESTING_MAX_LEVELS + 1, 200, 100_000] {
        refused(&nested(levels), 3, "nested too deeply: expected at most 16 levels");
    }
}

#[test]
fn aliases_nest_no_deeper_than_brackets() {
    let half = "[".repeat(8) + &"]".repeat(8);
    let text = with(&format!("url: &half {half}\nlicense: {}*half{}\n", "[".repeat(8), "]".repeat(8)));
    refused(&text, 4, "nested too deeply: expected at most 16 levels");
}

#[test]
fn a_file_has_at_most_20000_values() {
    // The outer mapping, name, its value, format, its value, url and its list are seven.
    let list = |entries: usize| with(&format!("url: [{}]\n", "x,".repeat(entries)));
    refused(&list(FILE_MAX_NODES - 7), 3, "found a list: expected text");
    refused(&list(FILE_MAX_NODES - 6), 3, "too many values, aliases counted: expected at most 20000");
}

#[test]
fn a_bomb_of_aliases_does_not_go_off() {
    let mut bomb = "url: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        bomb += &format!("k{level}: &a{level} [{}]\n", [before.as_str(); 9].join(", "));
    }
    refused(&with(&bomb), 7, "too many values, aliases counted: expected at most 20000");
}

#[test]
fn aliases_of_a_long_text_are_charged_for_all_of_it() {
    let long = "x".repeat(60 * 1024);
    let text =
        |aliases| with(&format!("after_install: &long\n  - run: {long}\nurl: [{}]\n", "*long, ".repeat(aliases)));
    refused(&text(3), 5, "found a list: expected text");
    let problem = format!("too much text, aliases counted: expected at most {TEXT_MAX_TOTAL_BYTES} bytes");
    refused(&text(4), 5, &problem);
}

#[test]
fn an_error_repeats_only_the_beginning_of_a_long_text() {
    let error = parse(&with(&format!("format2{}: x\nurl: {}\n", "2".repeat(500), "x".repeat(900))));
    assert!(error.expect_err("the key is unknown").to_string().len() < 400);
    let error = parse(&with(&format!("url: {}\n", "ü".repeat(400)))).expect_err("the URL is not valid");
    assert_eq!(error.problem, format!("\"{}…\" is not a URL: expected an http:// or https:// address", "ü".repeat(60)));
}
