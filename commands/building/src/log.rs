//! A build's log: written to the disk at once, so that it can be followed, and never longer than its limit.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::error::LastLines;

/// As many lines as an error shows.
const LAST_LINES: usize = 15;
/// As much of one line as an error shows.
const LAST_LINE_MAX_BYTES: usize = 500;

/// An open log.
pub(super) struct BuildLog {
    file: File,
    path: PathBuf,
    left_bytes: u64,
    limit_bytes: u64,
    last: VecDeque<Vec<u8>>,
}

impl BuildLog {
    /// Appends to the log at `path`, which the steps before may have begun.
    pub(super) fn open(path: &Path, limit_bytes: u64) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let left_bytes = limit_bytes.saturating_sub(file.metadata()?.len());
        Ok(Self { file, path: path.to_owned(), left_bytes, limit_bytes, last: VecDeque::from([Vec::new()]) })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A line of the product, not of a command.
    pub(super) fn say(&mut self, line: &str) -> io::Result<()> {
        self.write(format!("{line}\n").as_bytes())
    }

    /// What a build wrote, in its own bytes. Over the limit it is dropped, and the log says so once.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.remember(bytes);
        if self.left_bytes == 0 {
            return Ok(());
        }
        let fitting = usize::try_from(self.left_bytes).unwrap_or(usize::MAX).min(bytes.len());
        self.file.write_all(&bytes[..fitting])?;
        self.left_bytes -= fitting as u64;
        if self.left_bytes == 0 {
            writeln!(
                self.file,
                "\n[pkgdeploy: the log is cut here, it reached its limit of {} bytes]",
                self.limit_bytes
            )?;
        }
        Ok(())
    }

    /// The last lines, those that no longer fitted the file included.
    pub(super) fn last_lines(&self) -> LastLines {
        let lines = self.last.iter().map(|line| String::from_utf8_lossy(line).trim_end().to_owned());
        let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
        LastLines(lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"))
    }

    fn remember(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            if let Some(line) = self.last.back_mut() {
                let room = LAST_LINE_MAX_BYTES.saturating_sub(line.len()).min(part.len());
                line.extend_from_slice(&part[..room]);
            }
            if part.ends_with(b"\n") {
                self.last.push_back(Vec::new());
            }
            if self.last.len() > LAST_LINES + 1 {
                self.last.pop_front();
            }
        }
    }
}
