//! Patterns of tags and refs, as shells write them: `v*`.

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Longest pattern: longer than any sensible one, short enough for a log line.
pub(crate) const TAG_PATTERN_MAX_CHARS: usize = 128;

/// A pattern: `*` matches any characters, `/` among them, `?` matches one, everything else matches itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct TagPattern(String);

/// The text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a tag pattern: expected 1 to {TAG_PATTERN_MAX_CHARS} printable characters without spaces, such as v* or *"
)]
pub struct InvalidTagPattern;

impl TagPattern {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Does it match `text`? Takes at most `text` × pattern steps for any input.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) = (self.0.chars().collect(), text.chars().collect());
        let (mut at, mut seen) = (0, 0);
        // Where to continue when the last `*` has to match one character more.
        let mut retry = None;
        while seen < text.len() {
            match pattern.get(at) {
                Some('*') => {
                    retry = Some((at + 1, seen));
                    at += 1;
                }
                Some(&wanted) if wanted == '?' || wanted == text[seen] => {
                    at += 1;
                    seen += 1;
                }
                _ => {
                    let Some((after_star, from)) = retry else { return false };
                    retry = Some((after_star, from + 1));
                    (at, seen) = (after_star, from + 1);
                }
            }
        }
        pattern[at..].iter().all(|&left| left == '*')
    }
}

impl Default for TagPattern {
    /// Everything.
    fn default() -> Self {
        Self("*".to_owned())
    }
}

impl FromStr for TagPattern {
    type Err = InvalidTagPattern;
    fn from_str(text: &str) -> Result<Self, InvalidTagPattern> {
        let plain = |c: char| !c.is_whitespace() && !c.is_control();
        let fits = (1..=TAG_PATTERN_MAX_CHARS).contains(&text.chars().count()) && text.chars().all(plain);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidTagPattern) }
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TagPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
