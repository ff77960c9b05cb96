//! Signs a text with several keys: in the overlap of a rotation, clients may know only one of them.

use std::io::Write as _;

use chrono::{DateTime, Utc};
use pgp::{
    armor::{self, BlockType},
    composed::{ArmorOptions, CleartextSignedMessage},
    crypto::hash::HashAlgorithm,
    packet::{PacketTrait, Signature, SignatureType},
    ser::Serialize,
    types::Password,
};

use super::{
    error::{SigningError, VerifyError, open_pgp},
    signer::{Signer, check_lines},
};

/// Signs a `Release` text into one `InRelease` that holds a signature of each of `signers`, in their order. Each is
/// verified before it is returned.
///
/// # Errors
/// `Text` unless every line ends in a bare LF and none in a blank: clients would hash another text.
pub fn clear_sign(signers: &[&Signer], text: &str, at: DateTime<Utc>) -> Result<String, SigningError> {
    check_lines(text)?;
    // The format leaves the last line's end out of the signed text.
    let body = text.strip_suffix('\n').unwrap_or(text);
    let hashers: Vec<_> = signers
        .iter()
        .map(|signer| Ok((*signer, signer.hasher(SignatureType::Text, HashAlgorithm::Sha512, at)?)))
        .collect::<Result<_, SigningError>>()?;
    let signed = CleartextSignedMessage::new_many(body, |normalised| {
        let sign = |(signer, mut hasher): (&Signer, pgp::packet::SignatureHasher)| {
            hasher.write_all(normalised.as_bytes())?;
            hasher.sign(signer.key(), &Password::empty())
        };
        hashers.into_iter().map(sign).collect()
    })
    .and_then(|message| message.to_armored_string(ArmorOptions::default()))
    .map_err(open_pgp("sign the text"))?;
    for signer in signers {
        match signer.certificate().verify_clear_signed(&signed) {
            Ok(verified) if verified == text => {}
            Ok(_) => return Err(SigningError::SelfCheck(VerifyError::OtherText)),
            Err(error) => return Err(SigningError::SelfCheck(error)),
        }
    }
    Ok(signed)
}

/// Signs bytes into one armored file of detached signatures, one of each of `signers` in their order: `Release.gpg`. Each is
/// verified before it is returned.
///
/// # Errors
/// If `at` cannot be the time of a signature of one of these keys.
pub fn detached(signers: &[&Signer], data: &[u8], at: DateTime<Utc>) -> Result<String, SigningError> {
    let signatures = signers.iter().map(|signer| signer.sign_bytes(data, HashAlgorithm::Sha512, at));
    let signatures = Signatures(signatures.collect::<Result<_, _>>()?);
    let mut armored = Vec::new();
    armor::write(&signatures, BlockType::Signature, &mut armored, None, true)
        .map_err(open_pgp("write the signatures"))?;
    String::from_utf8(armored).map_err(|_| SigningError::Refused { action: "write armor in ASCII" })
}

/// Packets one after the other.
struct Signatures(Vec<Signature>);

impl Serialize for Signatures {
    fn to_writer<W: std::io::Write>(&self, writer: &mut W) -> pgp::errors::Result<()> {
        self.0.iter().try_for_each(|signature| signature.to_writer_with_header(writer))
    }

    fn write_len(&self) -> usize {
        self.0.iter().map(PacketTrait::write_len_with_header).sum()
    }
}
