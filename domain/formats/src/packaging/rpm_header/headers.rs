//! Everything before the payload.

use std::io::Read;

use super::{LEAD_BYTES, header::Header};
use crate::packaging::error::PackageFileError;

/// How an rpm begins.
pub(crate) const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];

/// What stands before an rpm's payload, byte for byte.
#[derive(Debug)]
pub struct Headers {
    /// The first bytes. Only their magic number still means something.
    pub lead: Vec<u8>,
    /// Digests and signatures of the package.
    pub signature: Header,
    /// What the package says of itself.
    pub header: Header,
}

impl Headers {
    /// Reads an rpm up to its payload and no further.
    ///
    /// # Errors
    /// If it breaks the format or exceeds a limit, and if the disk fails.
    pub fn read(input: &mut impl Read) -> Result<Self, PackageFileError> {
        let mut lead = vec![0; LEAD_BYTES];
        input.read_exact(&mut lead).map_err(PackageFileError::read)?;
        if !lead.starts_with(&LEAD_MAGIC) {
            return Err(PackageFileError::malformed("rpm lead", "the magic number of an rpm", "other bytes"));
        }
        let signature = Header::read(input, "rpm signature header")?;
        let mut zeroes = [0; 8];
        input.read_exact(&mut zeroes[..padding(signature.bytes())]).map_err(PackageFileError::read)?;
        let header = Header::read(input, "rpm header")?;
        Ok(Self { lead, signature, header })
    }

    /// Where the package's own header begins in the file.
    pub fn header_start(&self) -> u64 {
        (self.lead.len() + self.signature.bytes().len() + padding(self.signature.bytes())) as u64
    }

    /// Where the payload begins in the file.
    pub fn header_end(&self) -> u64 {
        self.header_start() + self.header.bytes().len() as u64
    }
}

/// How many zeroes follow a signature header: the package's own header begins at a multiple of 8 bytes.
pub fn padding(signature_header: &[u8]) -> usize {
    signature_header.len().next_multiple_of(8) - signature_header.len()
}
