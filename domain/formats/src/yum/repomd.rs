//! Writes `repomd.xml`: what dnf reads first, and what is signed.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use domain::repository::Stated;

use super::{Document, xml};
use crate::segmented_file::Measure;

/// Where `repomd.xml` is.
pub const PATH: &str = "repodata/repomd.xml";

/// The text of `repomd.xml`. Its revision is the publication's time, so that it goes up with every publication.
#[must_use]
pub fn render(published_at: DateTime<Utc>, documents: &[(Document, Described)], stated: &Stated) -> String {
    let second = published_at.timestamp();
    let described: String = documents
        .iter()
        .map(|(document, Described { packed, open })| {
            format!(
                "  <data type=\"{name}\">\n    <checksum type=\"sha256\">{sha256}</checksum>\n    \
                 <open-checksum type=\"sha256\">{open_sha256}</open-checksum>\n    \
                 <location href=\"{path}\"/>\n    <timestamp>{second}</timestamp>\n    \
                 <size>{size}</size>\n    <open-size>{open_size}</open-size>\n  </data>\n",
                name = document.name(),
                sha256 = packed.sha256,
                open_sha256 = open.sha256,
                path = document.path(&packed.sha256),
                size = packed.size_bytes,
                open_size = open.size_bytes,
            )
        })
        .collect();
    format!(
        "{}<repomd xmlns=\"http://linux.duke.edu/metadata/repo\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n  \
         <revision>{second}</revision>\n{checkpoint}{described}</repomd>\n",
        xml::DECLARATION,
        checkpoint = stated.checkpoint.as_deref().map(comment).unwrap_or_default(),
    )
}

/// The checkpoint as a comment, which every client passes over: in base64, since a comment cannot hold two hyphens.
fn comment(note: &str) -> String {
    format!("  <!-- log-checkpoint {} -->\n", BASE64_STANDARD.encode(note))
}

/// A document's two forms.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// As it is served.
    pub packed: Measure,
    /// As it is read.
    pub open: Measure,
}
