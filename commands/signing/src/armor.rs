//! ASCII armor around certificates: keyrings for files that must be text.

use std::io::Write;

use pgp::{
    armor::{self, BlockType, Headers},
    ser::Serialize,
};

use super::error::{SigningError, open_pgp};

/// Bare packets.
struct Packets<'a>(&'a [u8]);

impl Serialize for Packets<'_> {
    fn to_writer<W: Write>(&self, writer: &mut W) -> pgp::errors::Result<()> {
        Ok(writer.write_all(self.0)?)
    }

    fn write_len(&self) -> usize {
        self.0.len()
    }
}

/// One block of ASCII armor around the packets of one or several certificates, with the checksum that rpm insists on,
/// and with a `Comment` header if there is something to say.
///
/// # Errors
/// Only if OpenPGP's writer fails.
pub fn armored_certificates(packets: &[u8], comment: Option<&str>) -> Result<String, SigningError> {
    let headers = comment.map(|comment| Headers::from([("Comment".to_owned(), vec![comment.to_owned()])]));
    let mut armored = Vec::new();
    armor::write(&Packets(packets), BlockType::PublicKey, &mut armored, headers.as_ref(), true)
        .map_err(open_pgp("write the certificates"))?;
    Ok(String::from_utf8_lossy(&armored).into_owned())
}
