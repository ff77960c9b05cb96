//! Reads the lines of an archive's log, with a maximum length.

use std::io::{BufRead, Read as _};

use domain::canonical::{InvalidLine, LINE_MAX_BYTES};

use super::{ArchiveError, LOG, io};

/// Reads lines.
pub struct Lines<R> {
    from: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// The lines of `from`.
    #[must_use]
    pub fn new(from: R) -> Self {
        Self { from, number: 0 }
    }

    /// How many lines were read.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The next line without its newline, or `None` at the end.
    ///
    /// # Errors
    /// It cannot be read, is too long, or is not UTF-8.
    pub fn next_line(&mut self) -> Result<Option<String>, ArchiveError> {
        let mut line = Vec::new();
        let read = (&mut self.from).take(LINE_MAX_BYTES as u64 + 2).read_until(b'\n', &mut line);
        if read.map_err(io("read", LOG))? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        let wrong = |source| ArchiveError::Line { line: self.number, source };
        if line.len() > LINE_MAX_BYTES {
            return Err(wrong(InvalidLine::TooLong));
        }
        String::from_utf8(line).map(Some).map_err(|_| wrong(InvalidLine::NotCanonical))
    }
}
