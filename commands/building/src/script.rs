//! Turns lists of commands into one shell script that prints what it does.

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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn run(script: &str) -> (bool, String) {
        let output = std::process::Command::new("sh").args(["-e", "-c", script]).output().expect("sh runs");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    #[test]
    fn each_command_is_shown_and_shares_a_shell_with_the_others() {
        let commands = ["cd /usr", "x='it''s'\necho \"$x $PWD\""].map(|text| Command::Run(text.to_owned()));
        let script = compose(&commands, Path::new("/")).expect("a script");
        let (_, said) = run(&script);
        assert_eq!(said, "$ cd /usr\n$ x='it''s'\n> echo \"$x $PWD\"\nits /usr\n");
    }

    #[test]
    fn an_exit_in_a_command_file_does_not_end_the_build_but_a_failure_does() {
        let checkout = TempDir::new().expect("a temporary folder");
        fs::write(checkout.path().join("good.sh"), "#!/bin/sh\necho good\nexit 0\n").expect("a file");
        fs::write(checkout.path().join("bad.sh"), "false\necho unreached").expect("a file");
        let file = |name: &str| Command::File(name.to_owned());
        let script = compose(&[file("good.sh"), Command::Run("echo next".into()), file("bad.sh")], checkout.path());
        let (success, said) = run(&script.expect("a script"));
        assert!(!success);
        assert_eq!(said, "$ sh -e good.sh\ngood\n$ echo next\nnext\n$ sh -e bad.sh\n");
    }

    #[test]
    fn a_command_file_is_a_bounded_regular_file_of_the_checkout() {
        let checkout = TempDir::new().expect("a temporary folder");
        symlink("/etc/passwd", checkout.path().join("link")).expect("a link");
        let long = fs::File::create(checkout.path().join("long")).expect("a file");
        long.set_len(COMMAND_FILE_MAX_BYTES + 1).expect("its length");
        for file in ["link", "long", "nothing", "../x", "."] {
            let refusal = compose(&[Command::File(file.into())], checkout.path()).expect_err(file);
            assert_eq!(refusal.code(), "command_file_unreadable");
        }
    }
}
