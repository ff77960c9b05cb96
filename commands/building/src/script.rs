//! Turns lists of commands into one shell script that prints what it does.

#[cfg(test)]
mod tests;

use std::{fmt::Write as _, fs, io::Read as _, path::Path};

use domain::config::Command;

use super::{BuildError, inside};

/// The longest `- file:` command.
pub(super) const COMMAND_FILE_MAX_BYTES: u64 = 1 << 20;

/// `commands` as one script for `sh -e`, each shown before it runs.
///
/// `- run:` commands share one shell, so `cd` and variables last. A `- file:` runs in a subshell: the `exit 0` at
/// the end of many a script must not end the build early. Files are read from `checkout` without following links.
pub(super) fn compose(commands: &[Command], checkout: &Path) -> Result<String, BuildError> {
    let mut script = String::new();
    for command in commands {
        match command {
            Command::Run(text) => {
                show(&mut script, text);
                let _infallible = writeln!(script, "{text}");
            }
            Command::File(file) => {
                show(&mut script, &format!("sh -e {file}"));
                let _infallible = write!(script, "(\n{}\n)\n", read_command_file(checkout, Path::new(file))?);
            }
        }
    }
    Ok(script)
}

/// `text` as one word of a shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn show(script: &mut String, text: &str) {
    for (number, line) in text.trim_end().lines().enumerate() {
        let prompt = if number == 0 { "$" } else { ">" };
        let _infallible = writeln!(script, "printf '%s\\n' {}", quoted(&format!("{prompt} {line}")));
    }
}

/// The text of the command file `file` of `checkout`, found without following links.
///
/// # Errors
/// `command_file_unreadable` unless it is a regular file of UTF-8, at most 1 MiB long.
pub fn read_command_file(checkout: &Path, file: &Path) -> Result<String, BuildError> {
    let file = file.to_string_lossy();
    let unreadable = |reason: String| BuildError::CommandFileUnreadable { file: file.to_string(), reason };
    let path = inside::locate(checkout, &file).map_err(|escape| unreadable(escape.to_string()))?;
    let metadata = fs::symlink_metadata(&path).map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("expected a regular file".to_owned()));
    }
    if metadata.len() > COMMAND_FILE_MAX_BYTES {
        return Err(unreadable(format!("it is longer than {COMMAND_FILE_MAX_BYTES} bytes")));
    }
    let mut text = String::new();
    let opened = fs::File::open(&path).and_then(|file| file.take(COMMAND_FILE_MAX_BYTES).read_to_string(&mut text));
    opened.map_err(|error| unreadable(error.to_string()))?;
    Ok(text)
}
