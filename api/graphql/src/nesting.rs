//! How deep a document nests, judged before it is parsed: the parser and the checks behind it walk it recursively, and a
//! document of some kilobytes could overflow their stack, which ends the process.

#[cfg(test)]
mod tests;

/// Deepest nesting of brackets. Queries nest twelve deep, each with a list of arguments and a literal in it.
pub(super) const BRACKETS_DEEP_MAX: usize = 64;
/// Most fragments of one document: a chain of them is walked recursively too.
pub(super) const FRAGMENTS_MAX: usize = 64;

/// Why a document is not even parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooNested {
    /// Selections, arguments, lists and objects in each other.
    #[error("the GraphQL document nests deeper than {BRACKETS_DEEP_MAX} brackets")]
    Brackets,
    /// Definitions of fragments.
    #[error("the GraphQL document has more than {FRAGMENTS_MAX} fragments")]
    Fragments,
}

/// Judges a document by its brackets and by the word `fragment`, outside of strings and comments.
///
/// # Errors
/// It nests too deeply, or has too many fragments.
pub(super) fn check(document: &str) -> Result<(), TooNested> {
    let (mut deep, mut fragments) = (0_usize, 0_usize);
    let mut rest = document;
    while let Some(next) = rest.chars().next() {
        if let Some(text) = rest.strip_prefix("\"\"\"") {
            rest = after_block(text);
            continue;
        }
        match next {
            '"' => {
                rest = after_string(&rest[1..]);
                continue;
            }
            '#' => {
                rest = rest.split_once(['\n', '\r']).map_or("", |(_, after)| after);
                continue;
            }
            '(' | '[' | '{' => deep += 1,
            ')' | ']' | '}' => deep = deep.saturating_sub(1),
            _ => {}
        }
        if deep > BRACKETS_DEEP_MAX {
            return Err(TooNested::Brackets);
        }
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        fragments += usize::from(&rest[..word] == "fragment");
        if fragments > FRAGMENTS_MAX {
            return Err(TooNested::Fragments);
        }
        rest = &rest[word.max(next.len_utf8())..];
    }
    Ok(())
}

/// What follows a string's closing quote; a line's end closes it, too, for the parser to complain about.
fn after_string(text: &str) -> &str {
    let mut escaped = false;
    let end = text.find(|c| {
        let is_end = !escaped && matches!(c, '"' | '\n' | '\r');
        escaped = !escaped && c == '\\';
        is_end
    });
    end.map_or("", |end| &text[end + 1..])
}

/// What follows a block string.
fn after_block(mut text: &str) -> &str {
    while let Some(at) = text.find("\"\"\"") {
        let is_escaped = text[..at].ends_with('\\');
        text = &text[at + 3..];
        if !is_escaped {
            return text;
        }
    }
    ""
}
