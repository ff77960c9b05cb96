//! The limits of a config file, all in one place.

/// Longest config file. The largest known real one is below 10 KiB.
pub const FILE_MAX_BYTES: usize = 256 * 1024;
/// Most YAML nodes (mappings, lists, texts) after aliases are replaced by what they stand for.
pub(crate) const FILE_MAX_NODES: usize = 20_000;
/// Most text after aliases are replaced by what they stand for: aliases make no file bigger than it may be.
pub(crate) const TEXT_MAX_TOTAL_BYTES: usize = FILE_MAX_BYTES;
/// Deepest nesting. The grammar itself needs four: file, `install`, `copy`, entry.
pub(crate) const NESTING_MAX_LEVELS: usize = 16;
/// Most entries of one list.
pub(crate) const LIST_MAX_ENTRIES: usize = 1_000;
/// Longest value that is one line, paths and URLs included.
pub const LINE_MAX_BYTES: usize = 1_024;
/// Longest name of a distribution: it may become a folder's name.
pub(crate) const DISTRIBUTION_MAX_CHARS: usize = 63;
/// Longest description, and longest text of one command: half of what Linux takes as one argument of a process
/// (`MAX_ARG_STRLEN`, 128 KiB).
pub const TEXT_MAX_BYTES: usize = 64 * 1024;
/// Highest mode: `rwxrwxrwx` with set-user-id, set-group-id and the sticky bit.
pub(crate) const MODE_MAX: u32 = 0o7777;
