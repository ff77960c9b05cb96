//! Creates tokens. This is the only place that generates their random secrets.

use domain::token::{Token, TokenKind};
use rand::{RngCore as _, rngs::OsRng};
use uuid::Uuid;

/// A new random token. The caller must keep its text: only its digest is recorded.
#[must_use]
pub fn issue(kind: TokenKind) -> Token {
    let mut secret = [0; 32];
    OsRng.fill_bytes(&mut secret);
    Token::new(kind, Uuid::now_v7(), secret)
}
