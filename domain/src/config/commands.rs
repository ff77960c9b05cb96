//! Lists of commands: their YAML forms, and the shell script made from them.

use super::{
    Command,
    error::ConfigError,
    fields::{Fields, Place},
    paths, values,
};

/// The commands at `key`: a text, or an ordered list of `- run: …` and `- file: …`.
pub(super) fn commands(fields: &Fields<'_>, key: &str) -> Result<Vec<Command>, ConfigError> {
    let Some(place) = fields.get(key) else {
        return Ok(Vec::new());
    };
    if place.is_text() {
        return Ok(vec![Command::Run(values::paragraphs(&place)?)]);
    }
    place.list("text or a list of run: and file:")?.iter().map(command).collect()
}

fn command(place: &Place<'_>) -> Result<Command, ConfigError> {
    let fields = place.fields(&["run", "file"])?;
    match fields.only_key() {
        Some("run") => fields.required("run", values::paragraphs).map(Command::Run),
        Some(_) => fields.required("file", paths::repository_file).map(Command::File),
        None => Err(place.error("the entry does not have exactly one key: expected either run or file")),
    }
}

/// The shell text that runs `commands` in their order; `read` answers the text of a file of the repository.
///
/// Each command's text ends with a line break. A file's text goes in as it is: a `#!` line in it is a comment
/// there, and the shell that runs the whole text runs it.
///
/// # Errors
/// The first error of `read`.
pub fn script_text<E>(commands: &[Command], mut read: impl FnMut(&str) -> Result<String, E>) -> Result<String, E> {
    let mut script = String::new();
    for command in commands {
        match command {
            Command::Run(text) => script.push_str(text),
            Command::File(path) => script.push_str(&read(path)?),
        }
        if !script.is_empty() && !script.ends_with('\n') {
            script.push('\n');
        }
    }
    Ok(script)
}
