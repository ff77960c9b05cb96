//! Reading a document by the grammar's keys, with the dotted path of every value for errors.

use std::collections::BTreeSet;

use super::{
    error::{ConfigError, Position, shortened},
    limits::LIST_MAX_ENTRIES,
    yaml::{Key, Node, Value},
};

/// A value and the dotted path that leads to it.
pub(super) struct Place<'a> {
    node: &'a Node,
    path: String,
}

/// The values of one mapping, whose keys are all known and none of which is there twice.
pub(super) struct Fields<'a> {
    entries: &'a [(Key, Node)],
    path: String,
    at: Position,
}

impl<'a> Place<'a> {
    /// The whole document.
    pub(super) fn root(node: &'a Node) -> Self {
        Self { node, path: String::new() }
    }

    /// An error about this value.
    pub(super) fn error(&self, problem: impl Into<String>) -> ConfigError {
        ConfigError::new(self.node.at, self.path.clone(), problem)
    }

    /// Its text; anything written without brackets and dashes is text.
    pub(super) fn text(&self) -> Result<&'a str, ConfigError> {
        match &self.node.value {
            Value::Text(text) if text.trim().is_empty() => Err(self.error("the text is empty: expected some")),
            Value::Text(text) => Ok(text),
            _ => Err(self.error(format!("found {}: expected text", self.kind()))),
        }
    }

    /// Is it a text, and not a list or a mapping?
    pub(super) fn is_text(&self) -> bool {
        matches!(self.node.value, Value::Text(_))
    }

    /// The entries of a list, if this is one; `expected` says what it should be otherwise.
    pub(super) fn list(&self, expected: &str) -> Result<Vec<Self>, ConfigError> {
        let Value::List(nodes) = &self.node.value else {
            return Err(self.error(format!("found {}: expected {expected}", self.kind())));
        };
        if nodes.len() > LIST_MAX_ENTRIES {
            let problem = format!("the list has {} entries: expected at most {LIST_MAX_ENTRIES}", nodes.len());
            return Err(self.error(problem));
        }
        let place = |(index, node)| Self { node, path: format!("{}[{index}]", self.path) };
        Ok(nodes.iter().enumerate().map(place).collect())
    }

    /// The values of a mapping that has no other keys than `known`.
    pub(super) fn fields(&self, known: &[&str]) -> Result<Fields<'a>, ConfigError> {
        let Value::Map(entries) = &self.node.value else {
            let problem = format!("found {}: expected a mapping with keys such as {}", self.kind(), known[0]);
            return Err(self.error(problem));
        };
        let fields = Fields { entries, path: self.path.clone(), at: self.node.at };
        let mut seen = BTreeSet::new();
        for (key, _) in entries {
            let error = |problem| Err(ConfigError::new(key.at, fields.path_of(&shortened(&key.text)), problem));
            if !known.contains(&key.text.as_str()) {
                return error(format!("unknown key: expected one of {}", known.join(", ")));
            }
            if !seen.insert(&key.text) {
                return error("the key is there twice: expected it once".to_owned());
            }
        }
        Ok(fields)
    }

    fn kind(&self) -> &'static str {
        match self.node.value {
            Value::Null => "nothing",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

impl<'a> Fields<'a> {
    /// The value of `key`; none if the key is missing or has no value.
    pub(super) fn get(&self, key: &str) -> Option<Place<'a>> {
        let (_, node) = self.entries.iter().find(|(found, _)| found.text == key)?;
        (!matches!(node.value, Value::Null)).then(|| Place { node, path: self.path_of(key) })
    }

    /// What `read` makes of the value of `key`, which must be there.
    pub(super) fn required<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Place<'a>) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        let Some(place) = self.get(key) else {
            let entry = self.entries.iter().find(|(found, _)| found.text == key);
            let at = entry.map_or(self.at, |(key, _)| key.at);
            return Err(ConfigError::new(at, self.path_of(key), "missing: expected a value"));
        };
        read(&place)
    }

    /// What `read` makes of the value of `key`, if there is one.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Place<'a>) -> Result<T, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        self.get(key).map(|place| read(&place)).transpose()
    }

    /// What `read` makes of each entry of the list at `key`; nothing if there is no list.
    pub(super) fn each<T>(
        &self,
        key: &str,
        read: impl Fn(&Place<'a>) -> Result<T, ConfigError>,
    ) -> Result<Vec<T>, ConfigError> {
        let Some(place) = self.get(key) else {
            return Ok(Vec::new());
        };
        place.list("a list")?.iter().map(read).collect()
    }

    /// The key, if there is exactly one.
    pub(super) fn only_key(&self) -> Option<&'a str> {
        match self.entries {
            [(key, _)] => Some(&key.text),
            _ => None,
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
