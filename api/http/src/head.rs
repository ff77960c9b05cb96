//! Checks the raw bytes of a request's head for what hyper does not report.
//!
//! hyper takes bare line feeds for line ends, and drops `Content-Length` when `Transfer-Encoding` stands beside it.
//! A proxy in front may read such a request differently, which is how requests are smuggled (RFC 9112, 11.2).

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
    #[error("a line of the request ends in a bare line feed: expected CR LF")]
    BareLineFeed,
    /// The request has two lengths.
    #[error("the request has Content-Length and Transfer-Encoding: expected one of them")]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_at_its_empty_line_however_it_arrives() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(end(b"GET / HTTP/1.1\nHost: a\n\nrest", 0), Some(24));
        for cut in 0..head.len() {
            assert_eq!(end(&head[..cut], 0), None, "{cut}");
            assert_eq!(end(head, cut), Some(head.len()), "{cut}");
        }
    }

    #[test]
    fn a_head_says_how_its_body_ends() {
        assert_eq!(judge(b"GET / HTTP/1.1\r\n\r\n"), Ok(Body::Length(0)));
        assert_eq!(judge(b"POST / HTTP/1.1\r\ncontent-LENGTH:  12 \r\n\r\n"), Ok(Body::Length(12)));
        assert_eq!(judge(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), Ok(Body::Chunked));
    }

    #[test]
    fn two_lengths_and_bare_line_feeds_are_offences() {
        for lengths in
            ["Content-Length: 1\r\nTransfer-Encoding: x\r\n", "transfer-encoding: x\r\ncontent-length: 1\r\n"]
        {
            assert_eq!(judge(format!("GET / HTTP/1.1\r\n{lengths}\r\n").as_bytes()), Err(Offence::TwoLengths));
        }
        for head in ["GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\n\n"] {
            assert_eq!(judge(head.as_bytes()), Err(Offence::BareLineFeed), "{head:?}");
        }
    }
}
