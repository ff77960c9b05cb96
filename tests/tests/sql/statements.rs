//! SQL in Rust: string literals that begin like a statement, or that are handed to a function that takes one.
//!
//! Statements that the program puts together are made here as it makes them: `format!` from constants of the same file and
//! the [`FILLINGS`], and those of the type `Insert` from their table and columns.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The event log on PostgreSQL.
    Postgres,
    /// Everything else.
    Sqlite,
}

/// A statement, or several with `;` between them.
#[derive(Debug)]
pub(crate) struct Statement {
    /// The database that it is written for.
    pub(crate) dialect: Dialect,
    /// Its text.
    pub(crate) sql: String,
    path: PathBuf,
    line: usize,
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.sql)
    }
}

/// What stands in for a variable in a statement's `format!`.
const FILLINGS: [(&str, &str); 7] = [
    ("", "0"),
    ("one", "main"),
    ("other", "main"),
    ("schema", "main"),
    ("table", "organisation"),
    ("values", "(?, ?, ?, ?, ?, ?, ?, ?)"),
    ("CHANNEL", "channel"),
];

/// The statements in a file. Items for tests are left out.
pub(crate) fn in_tokens(path: &Path, tokens: &TokenStream) -> Vec<Statement> {
    let is_postgres = path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("postgres"));
    let dialect = if is_postgres { Dialect::Postgres } else { Dialect::Sqlite };
    let mut reader = Reader { path, dialect, texts: HashMap::new(), statements: Vec::new() };
    // First of all, because a constant may be used above the line that defines it.
    reader.define_all(tokens.clone());
    reader.read(tokens.clone());
    reader.statements
}

struct Reader<'a> {
    path: &'a Path,
    dialect: Dialect,
    /// The string literals in the newest definition of each constant and variable.
    texts: HashMap<String, Vec<String>>,
    statements: Vec<Statement>,
}

impl Reader<'_> {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let rest = &tokens[at..];
            if let Some(attribute) = attribute(rest) {
                at += if is_for_tests(attribute) { item(rest) } else { 2 };
                continue;
            }
            self.define(rest);
            match token {
                TokenTree::Group(group) if takes_sql(&tokens[..at]) => self.read_call(group),
                TokenTree::Group(group) => {
                    self.add_insert(&tokens[..at], group);
                    self.read(group.stream());
                }
                TokenTree::Literal(_) => self.add_if(token, begins_like_sql),
                TokenTree::Ident(_) | TokenTree::Punct(_) => (),
            }
            at += 1;
        }
    }

    /// The arguments of a function whose first argument is SQL, whatever it begins with.
    fn read_call(&mut self, arguments: &Group) {
        let mut arguments = arguments.stream().into_iter().peekable();
        if let Some(sql @ TokenTree::Literal(_)) = arguments.peek() {
            self.add_if(sql, |_| true);
            arguments.next();
        }
        self.read(arguments.collect());
    }

    fn define_all(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            self.define(&tokens[at..]);
            if let TokenTree::Group(group) = token {
                self.define_all(group.stream());
            }
        }
    }

    /// Remembers the texts of `const NAME … = …;`, `static` and `let`.
    fn define(&mut self, tokens: &[TokenTree]) {
        let [TokenTree::Ident(keyword), TokenTree::Ident(name), rest @ ..] = tokens else { return };
        if ["const", "static", "let"].iter().any(|known| keyword == known) {
            let end = rest.iter().position(|token| is_punct(token, ';')).unwrap_or(rest.len());
            self.texts.insert(name.to_string(), literals(&rest[..end]));
        }
    }

    /// `Insert::new(table, columns)`, `or_replace(table, columns)` or `or(table, columns, on_conflict)`.
    fn add_insert(&mut self, before: &[TokenTree], arguments: &Group) {
        let [.., TokenTree::Ident(kind), colon, _, TokenTree::Ident(function)] = before else { return };
        if kind != "Insert" || !is_punct(colon, ':') {
            return;
        }
        let arguments: Vec<TokenTree> = arguments.stream().into_iter().collect();
        let mut arguments = arguments.split(|token| is_punct(token, ',')).map(|argument| self.values(argument));
        let (table, columns) = (arguments.next().unwrap_or_default().concat(), arguments.next().unwrap_or_default());
        let on_conflict = arguments.next().unwrap_or_default().concat();
        let insert = if function == "or_replace" { "insert or replace" } else { "insert" };
        let (names, values) = (columns.join(", "), vec!["?"; columns.len()].join(", "));
        let sql = format!("{insert} into {table} ({names}) select * from (values ({values})) where true {on_conflict}");
        self.add(sql, function.span().start().line);
    }

    /// The literals in an argument, or in what its name was given.
    fn values(&self, argument: &[TokenTree]) -> Vec<String> {
        match argument {
            [.., TokenTree::Ident(name)] => self.texts.get(&name.to_string()).cloned().unwrap_or_default(),
            _ => literals(argument),
        }
    }

    fn add_if(&mut self, literal: &TokenTree, is_sql: fn(&str) -> bool) {
        if let Some(text) = text(literal).filter(|text| is_sql(text)) {
            let line = literal.span().start().line;
            let sql = self.filled(&text);
            self.add(sql, line);
        }
    }

    fn add(&mut self, mut sql: String, line: usize) {
        // A list of values that a `QueryBuilder` goes on with.
        if sql.ends_with("in (") {
            sql.push_str("?)");
        }
        self.statements.push(Statement { dialect: self.dialect, sql, path: self.path.to_owned(), line });
    }

    /// The text with what `format!` puts in place of each `{name}`.
    fn filled(&self, text: &str) -> String {
        let mut pieces = text.split('{');
        let mut filled = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
            let known = FILLINGS.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            let value = known.or_else(|| self.texts.get(name).map(|texts| texts.concat()));
            filled += &value.unwrap_or_else(|| panic!("{}: FILLINGS has no {name:?} for {text}", self.path.display()));
            filled += rest;
        }
        filled
    }
}

/// Whether `sqlx::query…(` or `QueryBuilder::new(` ends here.
fn takes_sql(before: &[TokenTree]) -> bool {
    let words: Vec<String> = before.iter().rev().take(12).map(ToString::to_string).collect();
    let is_new = matches!(&words[..], [new, _, _, kind, ..] if new == "new" && kind == "QueryBuilder");
    // Types may stand between the name and the arguments: `query_as::<_, (String, i64)>(`.
    let path = words.windows(4).position(|part| part[1] == ":" && part[2] == ":" && part[3] == "sqlx");
    let has_types = |name: usize| name == 0 || (words[0] == ">" && words[name - 1] == ":");
    let is_query = |name: usize| words[name].starts_with("query") || words[name] == "raw_sql";
    is_new || path.is_some_and(|name| is_query(name) && has_types(name))
}

/// Whether a text begins with the words of a statement. Others are written in lower case here, too.
fn begins_like_sql(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().take(4).collect();
    match words[..] {
        ["select" | "pragma" | "notify" | "vacuum", _, ..]
        | ["insert", "into", ..]
        | ["insert", "or", _, "into"]
        | ["update", _, "set", _]
        | ["delete", "from", ..]
        | ["with", _, "as", _]
        | ["drop", "table", ..]
        | ["begin", "immediate;", ..]
        | ["begin;", ..]
        | ["attach", "?", "as", _] => true,
        ["set", name, "=", _] => name.contains('_'),
        _ => false,
    }
}

/// What an attribute at the beginning says.
fn attribute(tokens: &[TokenTree]) -> Option<&Group> {
    match tokens {
        [hash, TokenTree::Group(group), ..] if is_punct(hash, '#') && group.delimiter() == Delimiter::Bracket => {
            Some(group)
        }
        _ => None,
    }
}

fn is_for_tests(attribute: &Group) -> bool {
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    text == "cfg(test)" || text.starts_with("cfg(any(test,")
}

/// How many tokens the item at the beginning has, with its attributes.
fn item(tokens: &[TokenTree]) -> usize {
    let is_end = |token: &TokenTree| {
        is_punct(token, ';') || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
    };
    tokens.iter().position(is_end).map_or(tokens.len(), |last| last + 1)
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

/// The texts of all string literals, however deep.
fn literals(tokens: &[TokenTree]) -> Vec<String> {
    let inside = |token: &TokenTree| match token {
        TokenTree::Group(group) => literals(&group.stream().into_iter().collect::<Vec<_>>()),
        other => text(other).into_iter().collect(),
    };
    tokens.iter().flat_map(inside).collect()
}

/// What a string literal says.
fn text(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else { return None };
    let source = literal.to_string();
    if let Some(raw) = source.strip_prefix('r') {
        return raw.trim_matches('#').strip_prefix('"')?.strip_suffix('"').map(str::to_owned);
    }
    let mut characters = source.strip_prefix('"')?.strip_suffix('"')?.chars().peekable();
    let mut text = String::new();
    while let Some(character) = characters.next() {
        let escaped = if character == '\\' { characters.next() } else { None };
        match escaped {
            None => text.push(character),
            Some('n') => text.push('\n'),
            Some('\n') => while characters.next_if(|next| next.is_whitespace()).is_some() {},
            Some(other) => text.push(other),
        }
    }
    Some(text)
}
