//! As much of Rust's grammar as paths need.

/// A word, or one character of anything else; `::` is one piece.
pub(super) type Token = String;

/// The words and signs of a file, without comments, texts and what is compiled for tests only.
pub(super) fn of_product(text: &str) -> Vec<Token> {
    without_tests(&tokens(text))
}

fn tokens(text: &str) -> Vec<Token> {
    let text: Vec<char> = text.chars().collect();
    let at = |index: usize| text.get(index).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut index = 0;
    while index < text.len() {
        let start = index;
        match (at(index), at(index + 1)) {
            ('/', '/') => index = end_of_line(&text, index),
            ('/', '*') => index = end_of_comment(&text, index),
            ('"', _) => index = end_of_text(&text, index),
            ('r', '"' | '#') => match end_of_raw_text(&text, index + 1) {
                Some(end) => index = end,
                None => index += 1,
            },
            ('\'', '\\') => index = (index + 3..).find(|&end| at(end) == '\'' || end > text.len()).unwrap_or(index) + 1,
            ('\'', _) if at(index + 2) == '\'' => index += 3,
            (':', ':') => {
                tokens.push("::".to_owned());
                index += 2;
            }
            (first, _) if first.is_alphanumeric() || first == '_' => {
                while at(index).is_alphanumeric() || at(index) == '_' {
                    index += 1;
                }
                tokens.push(text[start..index].iter().collect());
            }
            (sign, _) => {
                if !sign.is_whitespace() {
                    tokens.push(sign.to_string());
                }
                index += 1;
            }
        }
    }
    tokens
}

fn end_of_line(text: &[char], start: usize) -> usize {
    text[start..].iter().position(|sign| *sign == '\n').map_or(text.len(), |length| start + length)
}

fn end_of_comment(text: &[char], start: usize) -> usize {
    text[start..].windows(2).position(|pair| pair == ['*', '/']).map_or(text.len(), |length| start + length + 2)
}

fn end_of_text(text: &[char], start: usize) -> usize {
    let mut index = start + 1;
    while index < text.len() && text[index] != '"' {
        index += if text[index] == '\\' { 2 } else { 1 };
    }
    index + 1
}

/// The end of the raw text whose hashes begin at `start`, if one does.
fn end_of_raw_text(text: &[char], start: usize) -> Option<usize> {
    let hashes = text[start..].iter().take_while(|sign| **sign == '#').count();
    if text.get(start + hashes) != Some(&'"') {
        return None;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = start + hashes + 1;
    let length = text[body..].windows(end.len()).position(|window| window == end)?;
    Some(body + length + end.len())
}

/// Without the items below `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const FOR_TESTS: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        if tokens[index..].iter().take(FOR_TESTS.len()).eq(FOR_TESTS) {
            index = end_of_item(tokens, index + FOR_TESTS.len());
        } else {
            kept.push(tokens[index].clone());
            index += 1;
        }
    }
    kept
}

/// Behind the `;` or the `}` that ends the item at `start`.
fn end_of_item(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(start) {
        match token.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => return index + usize::from(tokens.get(index + 1).is_some_and(|next| next == ";")) + 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// One name that a `use` brings in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    /// What it is called here; `*` for everything.
    pub(super) name: String,
    /// Where it is from.
    pub(super) path: Vec<String>,
    /// Whether others can take it from here.
    pub(super) is_public: bool,
}

/// The names that the file brings in, and the words and signs beside its `use` declarations.
pub(super) fn split_uses(tokens: &[Token]) -> (Vec<Use>, Vec<Token>) {
    let mut uses = Vec::new();
    let mut others: Vec<Token> = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        if tokens[index] != "use" {
            others.push(tokens[index].clone());
            index += 1;
            continue;
        }
        let is_public = ends_with_visibility(&others);
        let end = (index..tokens.len()).find(|&end| tokens[end] == ";").unwrap_or(tokens.len());
        expand(&mut tokens[index + 1..end].iter().peekable(), &[], is_public, &mut uses);
        index = end + 1;
    }
    (uses, others)
}

/// Do the words end with `pub` or `pub(…)`?
fn ends_with_visibility(tokens: &[Token]) -> bool {
    let before = match tokens.last().map(String::as_str) {
        Some(")") => tokens.iter().rposition(|token| token == "(").and_then(|open| open.checked_sub(1)),
        _ => tokens.len().checked_sub(1),
    };
    before.is_some_and(|index| tokens[index] == "pub")
}

/// Adds the names of one tree, such as `a::{b, c as d, e::*}`, up to its end or the comma behind it.
fn expand<'a>(
    tokens: &mut std::iter::Peekable<impl Iterator<Item = &'a Token>>,
    above: &[String],
    is_public: bool,
    uses: &mut Vec<Use>,
) {
    let mut path = above.to_vec();
    let mut name = None;
    while let Some(token) = tokens.peek().map(|token| token.as_str()) {
        match token {
            "," | "}" => break,
            "::" => {}
            "{" => {
                tokens.next();
                while tokens.peek().is_some_and(|token| *token != "}") {
                    expand(tokens, &path, is_public, uses);
                    if tokens.peek().is_some_and(|token| *token == ",") {
                        tokens.next();
                    }
                }
                tokens.next();
                return;
            }
            "as" => {
                tokens.next();
                name = tokens.peek().map(|token| (*token).clone());
            }
            "self" if !path.is_empty() => {}
            "*" => name = Some("*".to_owned()),
            word => path.push(word.to_owned()),
        }
        tokens.next();
    }
    if let Some(name) = name.or_else(|| path.last().cloned()) {
        uses.push(Use { name, path, is_public });
    }
}

/// The paths of at least two words in `tokens`.
pub(super) fn paths(tokens: &[Token]) -> Vec<Vec<String>> {
    let mut paths: Vec<Vec<String>> = Vec::new();
    let mut index = 0;
    while index + 2 < tokens.len() {
        if tokens[index + 1] != "::" || !is_word(&tokens[index]) || !is_word(&tokens[index + 2]) {
            index += 1;
            continue;
        }
        let mut path = vec![tokens[index].clone()];
        while index + 2 < tokens.len() && tokens[index + 1] == "::" && is_word(&tokens[index + 2]) {
            path.push(tokens[index + 2].clone());
            index += 2;
        }
        paths.push(path);
        index += 1;
    }
    paths
}

fn is_word(token: &Token) -> bool {
    token.chars().all(|sign| sign.is_alphanumeric() || sign == '_')
}

#[test]
fn what_a_use_brings_in_is_read_from_any_tree() {
    let text = r##"
        /* use crate::no; */ // use crate::no;
        use crate::{a::{self, B as C}, d::*};
        pub(super) use self::e::F;
        #[cfg(test)] mod tests { use crate::no; }
        fn g<'a>(h: &'a str) { i('"', r#"" use crate::no; "#); super::j::k() }
    "##;
    let (uses, others) = split_uses(&of_product(text));
    let found: Vec<String> = uses
        .iter()
        .map(|it| format!("{}={}{}", it.name, it.path.join("::"), if it.is_public { "!" } else { "" }))
        .collect();
    assert_eq!(found, ["a=crate::a", "C=crate::a::B", "*=crate::d", "F=self::e::F!"]);
    assert_eq!(paths(&others), [["super", "j", "k"].map(str::to_owned)]);
}
