//! The bytes of a sealed text: nonce, ciphertext with its tag, in base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use domain::personal::SEALED_MAX_CHARS;
use rand::{RngCore as _, rngs::OsRng};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
/// Texts are filled up to a multiple of this: most names and addresses are of one length then.
const BLOCK_BYTES: usize = 64;
/// Separates the text from the zeros that fill it up.
const END: u8 = 0x80;

pub(super) fn seal(key: &[u8; 32], bound: &[u8], text: &str) -> String {
    let mut padded = Zeroizing::new(text.as_bytes().to_vec());
    padded.push(END);
    let length = padded.len().next_multiple_of(BLOCK_BYTES);
    padded.resize(length, 0);
    let mut nonce = [0; NONCE_BYTES];
    OsRng.fill_bytes(&mut nonce);
    let ciphertext = XChaCha20Poly1305::new(key.into())
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: &padded, aad: bound })
        .expect("a text is far shorter than the cipher's limit of 256 GiB");
    STANDARD.encode([nonce.as_slice(), &ciphertext].concat())
}

/// None for what [`seal`] did not make with this key for this place.
pub(super) fn open(key: &[u8; 32], bound: &[u8], sealed: &str) -> Option<String> {
    let bytes =
        Some(sealed).filter(|text| text.len() <= SEALED_MAX_CHARS).and_then(|text| STANDARD.decode(text).ok())?;
    let (nonce, ciphertext) = bytes.split_at_checked(NONCE_BYTES)?;
    let cipher = XChaCha20Poly1305::new(key.into());
    let padded = cipher.decrypt(XNonce::from_slice(nonce), Payload { msg: ciphertext, aad: bound }).ok()?;
    let padded = Zeroizing::new(padded);
    let end = padded.iter().rposition(|&byte| byte == END)?;
    String::from_utf8(padded[..end].to_vec()).ok()
}
