//! Token text: the credential of operators, CI systems and machines, `pkd_<kind>_<id>_<secret><crc32>`.
//!
//! The id finds the record, the secret proves the right to it, and the checksum lets a mistyped or cut token be
//! refused before anything is looked up. A token is never stored: its secret's SHA-256 is.

mod base62;
#[cfg(test)]
mod tests;

use std::fmt;

use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::digest::Sha256;

/// Characters of an id in a token: 62^22 is the first power above 2^128.
pub const ID_CHARS: usize = 22;
/// Characters of a secret in a token: 62^43 is the first power above 2^256.
pub(crate) const SECRET_CHARS: usize = 43;
/// Characters of the checksum in a token: 62^6 is the first power above 2^32.
pub(crate) const CHECKSUM_CHARS: usize = 6;
/// Longest token; a longer text is refused unread.
pub const TOKEN_MAX_CHARS: usize = PREFIX.len() + "feed_".len() + ID_CHARS + "_".len() + SECRET_CHARS + CHECKSUM_CHARS;

const PREFIX: &str = "pkd_";

/// What a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    /// The whole server: `op`.
    Operator,
    /// The API trigger of one project: `api`.
    Api,
    /// The packages of one repository: `key`.
    AccessKey,
    /// What a replica of one organisation needs: `feed`.
    Feed,
}

impl TokenKind {
    /// The name in the token's text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TokenKind::Operator => "op",
            TokenKind::Api => "api",
            TokenKind::AccessKey => "key",
            TokenKind::Feed => "feed",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        let kinds = [TokenKind::Operator, TokenKind::Api, TokenKind::AccessKey, TokenKind::Feed];
        kinds.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// The text is not a token. Says nothing of the text itself, because it may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// It does not look like one.
    #[error("not a token: expected pkd_<op|api|key|feed>_<22 letters and digits>_<49 letters and digits>")]
    Malformed,
    /// It looks like one, but its checksum belongs to another text.
    #[error("the token's checksum is wrong: the token was cut off or mistyped")]
    Checksum,
}

/// A secret with the id of its record. Its text leaves only through [`Token::text`].
#[derive(Clone)]
pub struct Token {
    kind: TokenKind,
    id: Uuid,
    secret: [u8; 32],
}

impl Token {
    /// A token made of random bytes that the caller drew.
    #[must_use]
    pub fn new(kind: TokenKind, id: Uuid, secret: [u8; 32]) -> Self {
        Self { kind, id, secret }
    }

    /// The same secret under another id.
    #[must_use]
    pub fn under(self, id: Uuid) -> Self {
        Self { id, ..self }
    }

    /// Reads a token's text. Each token has exactly one text.
    ///
    /// # Errors
    /// `Malformed` if the grammar does not fit; `Checksum` if only the checksum does not.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        if text.len() > TOKEN_MAX_CHARS || !text.is_ascii() {
            return Err(InvalidToken::Malformed);
        }
        Self::parse_parts(text).ok_or(InvalidToken::Malformed)?
    }

    /// `None` if the grammar does not fit.
    fn parse_parts(text: &str) -> Option<Result<Self, InvalidToken>> {
        let (kind, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let (id, tail) = rest.split_once('_')?;
        if tail.len() != SECRET_CHARS + CHECKSUM_CHARS {
            return None;
        }
        let (secret, checksum) = tail.split_at(SECRET_CHARS);
        let token =
            Self { kind: TokenKind::from_word(kind)?, id: parse_id_text(id)?, secret: base62::decode_bytes(secret)? };
        let [expected] = base62::decode::<1>(checksum)?;
        let covered = &text.as_bytes()[..text.len() - CHECKSUM_CHARS];
        Some(if u64::from(crc32fast::hash(covered)) == expected { Ok(token) } else { Err(InvalidToken::Checksum) })
    }

    /// The token in clear: show it once, then forget it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{PREFIX}{}_{}_", self.kind.as_str(), id_text(self.id));
        text.push_str(&base62::encode_bytes::<SECRET_CHARS>(&self.secret));
        let checksum = crc32fast::hash(text.as_bytes());
        text.push_str(&base62::encode::<1, CHECKSUM_CHARS>([checksum.into()]));
        text
    }

    /// The id of the record that says whether this token is valid.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// What the token opens.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The form in which the secret is recorded. The secret is 256 random bits, so a plain digest hides it.
    #[must_use]
    pub fn secret_sha256(&self) -> Sha256 {
        Sha256::of(&self.secret)
    }

    /// Whether the recorded digest is this token's, in the same time for every answer.
    #[must_use]
    pub fn matches(&self, stored: &Sha256) -> bool {
        self.secret_sha256().0.ct_eq(&stored.0).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("kind", &self.kind).field("id", &self.id).finish_non_exhaustive()
    }
}

/// An id in the form used in a token, and as the user name of HTTP Basic: 22 letters and digits.
#[must_use]
pub fn id_text(id: Uuid) -> String {
    let (high, low) = id.as_u64_pair();
    base62::encode::<2, ID_CHARS>([high, low])
}

/// Reads what [`id_text`] wrote. `None` if no id is written so.
#[must_use]
pub fn parse_id_text(text: &str) -> Option<Uuid> {
    if text.len() != ID_CHARS {
        return None;
    }
    let [high, low] = base62::decode::<2>(text)?;
    Some(Uuid::from_u64_pair(high, low))
}
