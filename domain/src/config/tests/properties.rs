//! What holds for every text, good or bad.

use proptest::prelude::*;

use super::{FILE, parse};

/// A config that uses every kind of value, one key or entry a line.
const GOOD: &str = "\
name: tool
format: deb
distribution: ubuntu22
architecture: 64-bit
description: A tool
url: https://example.org/
license: MIT
maintainer: Ann <ann@example.org>
build:
  directory: /opt/app
  requires:
    - make
    - https://example.org/x.deb
  user: app
  group: app
  commands:
    - run: make
    - file: build.sh
install:
  requires:
    - curl
  user: app
  copy:
    - source: ./
      destination: /opt/app
    - source: tool
      destination: /usr/bin/
      permissions: 0755
after_install: ldconfig
";
/// Values that no key takes.
const BAD_VALUES: [&str; 3] = ["\"\\a\"", "{}", "''"];
/// Lines that mean nothing.
const NOISE: [&str; 3] = ["", "# a comment", "      # an indented comment: with a colon"];

/// Where the value of a line with a value starts.
fn value_start(line: &str) -> Option<usize> {
    let start = line.find(": ").map(|colon| colon + 2).or_else(|| line.find("- ").map(|dash| dash + 2));
    start.filter(|start| *start < line.len())
}

fn lines_with_values() -> Vec<usize> {
    GOOD.lines().enumerate().filter(|(_, line)| value_start(line).is_some()).map(|(index, _)| index).collect()
}

#[test]
fn the_good_config_of_these_properties_is_good() {
    assert_eq!(parse(GOOD).map(|config| config.install.copy.len()), Ok(2));
    assert_eq!(lines_with_values().len(), 23);
}

fn check(text: &str) {
    if let Err(error) = parse(text) {
        let lines = text.lines().count().max(1);
        assert!((1..=lines + 1).contains(&error.line), "{error} of {lines} lines");
        let shown = error.to_string();
        assert!(!shown.contains(char::is_control), "{shown:?}");
        assert!(shown.starts_with(&format!("{FILE}:{}: ", error.line)), "{shown:?}");
        assert!(shown.contains("expected"), "{shown:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused_with_a_line_of_the_file(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn text_that_looks_like_yaml_is_taken_or_refused_with_a_line_of_the_file(
        text in "([-?:,{}&*!|>'\"%@` #\\[\\]]|\n|\t|name|format|deb|build|install|copy|a|~|0){0,60}",
    ) {
        check(&text);
    }

    #[test]
    fn a_good_config_with_a_slip_is_taken_or_refused_with_a_line_of_the_file(
        at in 0..GOOD.len(), removed in 0..4_usize, added in "[-?:,{}&*!|>'\"%@` #\\[\\]\n\ta0]{0,3}",
    ) {
        let end = (at + removed).min(GOOD.len());
        check(&format!("{}{added}{}", &GOOD[..at], &GOOD[end..]));
    }

    #[test]
    fn an_error_points_at_the_line_that_is_wrong(
        wrong in proptest::sample::select(lines_with_values()),
        bad_value in proptest::sample::select(&BAD_VALUES[..]),
        noise in proptest::collection::vec(proptest::option::of(proptest::sample::select(&NOISE[..])), GOOD.lines().count()),
    ) {
        let mut text = String::new();
        let mut wrong_line = 0;
        for (index, line) in GOOD.lines().enumerate() {
            if let Some(noise) = noise[index] {
                text += &format!("{noise}\n");
            }
            if index == wrong {
                wrong_line = text.lines().count() + 1;
                let start = value_start(line).expect("the line was chosen for its value");
                text += &format!("{}{bad_value}\n", &line[..start]);
            } else {
                text += &format!("{line}\n");
            }
        }
        let error = parse(&text).expect_err("no key takes the value");
        prop_assert_eq!(error.line, wrong_line, "{} in {}", error, text);
    }

    #[test]
    fn an_error_points_at_the_line_of_an_unknown_key(at in 0..=8_usize, noise in 0..5_usize) {
        // Between two keys of the outermost mapping.
        let mut lines: Vec<&str> = NOISE.iter().copied().cycle().take(noise).collect();
        lines.extend(GOOD.lines().take(at));
        lines.push("nmae: tool");
        let wrong_line = lines.len();
        lines.extend(GOOD.lines().skip(at));
        let error = parse(&lines.join("\n")).expect_err("the key is unknown");
        prop_assert_eq!((error.line, error.column, error.key.as_str()), (wrong_line, 1, "nmae"));
    }
}
