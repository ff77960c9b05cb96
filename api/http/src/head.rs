//! Checks the raw bytes of a request's head for what hyper does not report.
//!
//! hyper takes bare line feeds for line ends, and drops `Content-Length` when `Transfer-Encoding` stands beside it.
//! A proxy in front may read such a request differently, which is how requests are smuggled (RFC 9112, 11.2).

#[cfg(test)]
mod tests;

/// What follows a head on the same connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes, then the next head.
    Length(u64),
    /// Pieces whose end this reader does not look for.
    Chunked,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Offence {
    /// A line ends in a bare LF.
    #[error("a line of the HTTP request's head ends in a line feed (LF) alone: expected CR LF")]
    BareLineFeed,
    /// The request has two lengths.
    #[error("the HTTP request has both Content-Length and Transfer-Encoding: expected only one of them")]
    TwoLengths,
}

/// The length of the head at the start of `bytes`, its empty line included; `None` if it has not all arrived.
///
/// `searched` bytes are known to hold no end. An end with bare line feeds counts: hyper takes it for one.
pub(super) fn end(bytes: &[u8], searched: usize) -> Option<usize> {
    let mut from = searched.saturating_sub(2);
    while let Some(feed) = bytes[from..].iter().position(|byte| *byte == b'\n') {
        let next = from + feed + 1;
        match bytes[next..] {
            [b'\n', ..] => return Some(next + 1),
            [b'\r', b'\n', ..] => return Some(next + 2),
            _ => from = next,
        }
    }
    None
}

/// Reads a whole head.
pub(super) fn judge(head: &[u8]) -> Result<Body, Offence> {
    let mut length = None;
    let mut encoded = false;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").ok_or(Offence::BareLineFeed)?;
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.eq_ignore_ascii_case(b"content-length") {
            // hyper refuses a length it cannot read, and two that differ.
            length = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            encoded = true;
        }
    }
    match (length, encoded) {
        (Some(_), true) => Err(Offence::TwoLengths),
        (None, true) => Ok(Body::Chunked),
        (length, false) => Ok(Body::Length(length.unwrap_or(0))),
    }
}
