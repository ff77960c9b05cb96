//! A YAML document as a tree of texts with their positions.
//!
//! Built from the parser's events and not through serde, for three reasons. An error can name the dotted path of its
//! key, which serde does not know. A scalar stays the text that was written: `0755` is not the number 755, `1.10` is
//! not 1.1 and `no` is not false. What an alias refers to is charged to the budget before it is copied.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, options};

use super::{
    error::{ConfigError, Position},
    limits::{FILE_MAX_BYTES, FILE_MAX_NODES, NESTING_MAX_LEVELS, TEXT_MAX_TOTAL_BYTES},
};

/// One value and where it starts.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: Position,
}

/// A value of the document.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Any other scalar, as text.
    Text(String),
    List(Vec<Node>),
    /// In the order of the file; a key may occur twice.
    Map(Vec<(Key, Node)>),
}

/// A mapping's key and where it starts.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) at: Position,
}

/// Parses exactly one document.
pub(super) fn parse(text: &str) -> Result<Node, ConfigError> {
    let start = Position { line: 1, column: 1 };
    if text.len() > FILE_MAX_BYTES {
        let problem = format!("the file has {} bytes: expected at most {FILE_MAX_BYTES}", text.len());
        return Err(ConfigError::new(start, "", problem));
    }
    let mut tree = Tree::default();
    // Comments carry no meaning here, and the parser bounds how many it buffers.
    for next in Parser::new_from_str_with_options(text, options! { emit_comments: false }) {
        let (event, span) = next.map_err(|error| syntax_error(&error, text))?;
        tree.take(event, span)?;
    }
    tree.root.ok_or_else(|| ConfigError::new(start, "", "the file is empty: expected keys such as name and format"))
}

#[derive(Default)]
struct Tree {
    root: Option<Node>,
    documents: usize,
    /// The lists and mappings that have not ended yet, outermost first.
    open: Vec<Open>,
    /// The value of each anchor. An anchor enters when its node ends, so none can contain itself.
    anchored: BTreeMap<usize, Node>,
    nodes: usize,
    text_bytes: usize,
}

struct Open {
    content: Content,
    at: Position,
    anchor: usize,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, key: Option<Key> },
}

impl Tree {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), ConfigError> {
        let at = position(span.start.line(), span.start.col());
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(ConfigError::new(at, "", "a second document starts: expected one document a file"));
                }
                Ok(())
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, _, Some(_))
            | Event::MappingStart(_, _, Some(_)) => {
                Err(ConfigError::new(at, "", "the value has a YAML tag: expected none, every value is text"))
            }
            Event::Scalar(text, style, anchor, None) => {
                self.charge(1, text.len(), at)?;
                if let Some(Open { content: Content::Map { key: key @ None, .. }, .. }) = self.open.last_mut() {
                    *key = Some(Key { text: text.into_owned(), at });
                    return Ok(());
                }
                let null = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if null { Value::Null } else { Value::Text(text.into_owned()) };
                self.place(Node { value, at }, anchor);
                Ok(())
            }
            Event::SequenceStart(_, anchor, None) => self.open(Content::List(Vec::new()), at, anchor),
            Event::MappingStart(_, anchor, None) => {
                self.open(Content::Map { entries: Vec::new(), key: None }, at, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Open { content, at, anchor }) = self.open.pop() {
                    let value = match content {
                        Content::List(nodes) => Value::List(nodes),
                        Content::Map { entries, .. } => Value::Map(entries),
                    };
                    self.place(Node { value, at }, anchor);
                }
                Ok(())
            }
            Event::Alias(anchor) => self.place_alias(anchor, at),
            _ => Ok(()),
        }
    }

    fn open(&mut self, content: Content, at: Position, anchor: usize) -> Result<(), ConfigError> {
        self.refuse_as_key(at)?;
        self.charge(1, 0, at)?;
        Self::refuse_depth(self.open.len() + 1, at)?;
        self.open.push(Open { content, at, anchor });
        Ok(())
    }

    fn place_alias(&mut self, anchor: usize, at: Position) -> Result<(), ConfigError> {
        self.refuse_as_key(at)?;
        let Some(node) = self.anchored.get(&anchor) else {
            let problem = "the alias refers to no value that has ended: expected a value that ends before the alias";
            return Err(ConfigError::new(at, "", problem));
        };
        let weight = Weight::of(node);
        let node = node.clone();
        self.charge(weight.nodes, weight.text_bytes, at)?;
        Self::refuse_depth(self.open.len() + weight.levels, at)?;
        self.place(node, 0);
        Ok(())
    }

    fn place(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            self.anchored.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            Some(Open { content: Content::List(nodes), .. }) => nodes.push(node),
            Some(Open { content: Content::Map { entries, key }, .. }) => {
                if let Some(key) = key.take() {
                    entries.push((key, node));
                }
            }
            None => self.root = Some(node),
        }
    }

    fn refuse_as_key(&self, at: Position) -> Result<(), ConfigError> {
        match self.open.last() {
            Some(Open { content: Content::Map { key: None, .. }, .. }) => {
                Err(ConfigError::new(at, "", "a list, mapping or alias in the place of a key: expected a word"))
            }
            _ => Ok(()),
        }
    }

    fn refuse_depth(levels: usize, at: Position) -> Result<(), ConfigError> {
        if levels > NESTING_MAX_LEVELS { Err(nested_too_deeply(at)) } else { Ok(()) }
    }

    fn charge(&mut self, nodes: usize, text_bytes: usize, at: Position) -> Result<(), ConfigError> {
        self.nodes += nodes;
        self.text_bytes += text_bytes;
        if self.nodes > FILE_MAX_NODES {
            let problem = format!("too many values, aliases counted: expected at most {FILE_MAX_NODES}");
            return Err(ConfigError::new(at, "", problem));
        }
        if self.text_bytes > TEXT_MAX_TOTAL_BYTES {
            let problem = format!("too much text, aliases counted: expected at most {TEXT_MAX_TOTAL_BYTES} bytes");
            return Err(ConfigError::new(at, "", problem));
        }
        Ok(())
    }
}

/// What a copy of a node costs.
#[derive(Default)]
struct Weight {
    nodes: usize,
    text_bytes: usize,
    levels: usize,
}

impl Weight {
    /// Recurses no deeper than [`NESTING_MAX_LEVELS`]: no deeper node is ever anchored.
    fn of(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self { nodes: 1, ..Self::default() },
            Value::Text(text) => Self { nodes: 1, text_bytes: text.len(), levels: 0 },
            Value::List(nodes) => nodes.iter().map(Self::of).fold(Self::container(), Self::with),
            Value::Map(entries) => entries.iter().fold(Self::container(), |weight, (key, node)| {
                weight.with(Self { nodes: 1, text_bytes: key.text.len(), levels: 0 }).with(Self::of(node))
            }),
        }
    }

    fn container() -> Self {
        Self { nodes: 1, text_bytes: 0, levels: 1 }
    }

    fn with(self, child: Self) -> Self {
        Self {
            nodes: self.nodes + child.nodes,
            text_bytes: self.text_bytes + child.text_bytes,
            levels: self.levels.max(child.levels + 1),
        }
    }
}

fn syntax_error(error: &ScanError, text: &str) -> ConfigError {
    let mark = error.marker();
    let at = position(mark.line(), mark.col());
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => nested_too_deeply(at),
        kind => {
            // A tab in a text of several lines is reported where the text starts; the reader wants the tab.
            let tab = if *kind == ErrorKind::TabInPlainScalar { first_tab(text, at.line) } else { None };
            ConfigError::new(tab.unwrap_or(at), "", format!("{kind}: expected well-formed YAML"))
        }
    }
}

fn first_tab(text: &str, from_line: usize) -> Option<Position> {
    (1..).zip(text.lines()).skip(from_line - 1).find_map(|(line, text)| {
        let before = text.chars().position(|c| c == '\t')?;
        Some(Position { line, column: before + 1 })
    })
}

fn nested_too_deeply(at: Position) -> ConfigError {
    ConfigError::new(at, "", format!("nested too deeply: expected at most {NESTING_MAX_LEVELS} levels"))
}

/// The parser counts lines from 1 and columns from 0.
fn position(line: usize, column: usize) -> Position {
    Position { line: line.max(1), column: column + 1 }
}
