//! Writes an archive's log: existing lines are compared by their Merkle root and kept, new lines are added.

use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use domain::{
    digest::Sha256,
    merkle::{Accumulator, leaf_hash},
};

use sha2::Digest as _;

use super::{ArchiveError, LOG, LogPart, copy::digest_of, io};

/// A log that lines are added to.
pub struct LogFile {
    path: PathBuf,
    out: BufWriter<File>,
    tree: Accumulator,
    bytes: u64,
    before: Option<LogPart>,
    /// The expected state of the existing lines.
    lines_before: sha2::Sha256,
}

impl LogFile {
    /// Opens the log in `folder`. `before` is its state in the manifest; anything after that, from an interrupted attempt, is cut off.
    pub(super) fn open(folder: &Path, before: Option<LogPart>) -> Result<Self, ArchiveError> {
        let path = folder.join(LOG);
        let keep = before.map_or(0, |part| part.bytes);
        let opened = (|| {
            let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
            let has = file.metadata()?.len();
            if has < keep {
                return Err(std::io::Error::other(format!("it has {has} bytes: the manifest says {keep}")));
            }
            file.set_len(keep)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        })();
        let file = opened.map_err(io("open", &path))?;
        Ok(Self {
            path,
            out: BufWriter::new(file),
            tree: Accumulator::default(),
            bytes: keep,
            before,
            lines_before: sha2::Sha256::new(),
        })
    }

    /// Adds the next line of the log, without its newline. All lines are pushed, from the first on.
    ///
    /// # Errors
    /// It cannot be written, or the lines so far differ from the existing ones.
    pub fn push(&mut self, line: &str) -> Result<(), ArchiveError> {
        self.push_as(line, leaf_hash(line.as_bytes()))
    }

    /// The same for a line that represents an entry with another leaf hash than the line's.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub(crate) fn push_as(&mut self, line: &str, leaf: Sha256) -> Result<(), ArchiveError> {
        self.tree.push(leaf);
        if let Some(before) = self.before.filter(|before| self.tree.size() <= before.events) {
            self.lines_before.update(line.as_bytes());
            self.lines_before.update(b"\n");
            return if self.tree.size() == before.events { self.compare(before) } else { Ok(()) };
        }
        let written = self.out.write_all(line.as_bytes()).and_then(|()| self.out.write_all(b"\n"));
        written.map_err(io("write", &self.path))?;
        self.bytes += line.len() as u64 + 1;
        Ok(())
    }

    /// How many lines were pushed.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.tree.size()
    }

    /// Whether the existing lines are the first lines pushed.
    #[must_use]
    pub(crate) fn is_continuation(&self) -> bool {
        self.before.is_none_or(|before| self.tree.size() >= before.events)
    }

    fn compare(&self, before: LogPart) -> Result<(), ArchiveError> {
        if self.tree.root() != before.merkle_root {
            return Err(ArchiveError::OtherLog { events: before.events, root: before.merkle_root });
        }
        let there = File::open(&self.path).and_then(|file| digest_of(&mut file.take(before.bytes)));
        match there.map_err(io("read", &self.path))? == Sha256(self.lines_before.clone().finalize().into()) {
            true => Ok(()),
            false => Err(ArchiveError::Rotten { path: self.path.clone(), events: before.events }),
        }
    }

    /// Finishes the log, and returns its state.
    ///
    /// # Errors
    /// It cannot be written, or the existing log has more lines.
    pub fn finish(mut self) -> Result<LogPart, ArchiveError> {
        if let Some(before) = self.before.filter(|before| self.tree.size() < before.events) {
            return Err(ArchiveError::OtherLog { events: before.events, root: before.merkle_root });
        }
        self.out.flush().map_err(io("write", &self.path))?;
        Ok(LogPart { events: self.tree.size(), bytes: self.bytes, merkle_root: self.tree.root() })
    }
}
