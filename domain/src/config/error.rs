//! Errors in a config file: the problem, its place, and what was expected instead.

use std::fmt::{self, Write as _};

/// Longest piece of the file that an error repeats.
const QUOTED_MAX_CHARS: usize = 60;

/// The first thing in a config file that breaks the grammar.
///
/// Displayed as one line, whatever the file holds:
/// `.pkgdeploy/config.yml:12: install.copy[2].permissions: "rwx" is not a file mode: expected octal digits such as 755`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The config's path in the repository.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// Dotted path of the key, list entries counted from 0; empty if the file as a whole is wrong.
    pub key: String,
    /// What was found and what was expected.
    pub problem: String,
}

impl ConfigError {
    /// An error in a file that the caller names with [`ConfigError::in_file`].
    pub(super) fn new(at: Position, key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { file: String::new(), line: at.line, column: at.column, key: key.into(), problem: problem.into() }
    }

    pub(super) fn in_file(self, file: &str) -> Self {
        Self { file: file.to_owned(), ..self }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_on_one_line(f, &self.file)?;
        write!(f, ":{}: ", self.line)?;
        if !self.key.is_empty() {
            write_on_one_line(f, &self.key)?;
            f.write_str(": ")?;
        }
        write_on_one_line(f, &self.problem)
    }
}

/// Where in the file something starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// Counted from 1.
    pub(super) line: usize,
    /// Counted from 1.
    pub(super) column: usize,
}

/// `text` in quotes for an error message, cut where it would make the message unreadable.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", shortened(text))
}

/// As much of `text` as an error may repeat.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(QUOTED_MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Would this character end the line, or move the cursor, in a log, a terminal or a control file?
pub(super) fn breaks_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn write_on_one_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        if breaks_line(c) {
            write!(f, "{}", c.escape_default())?;
        } else {
            f.write_char(c)?;
        }
    }
    Ok(())
}
