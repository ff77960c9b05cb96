//! OpenPGP keys that sign packages and indexes, in the one form that every package client accepts.
//!
//! A key is one RSA-4096 primary key that certifies and signs: no subkey, version 4. EL7 and RHEL 9 refuse anything else. Signing blocks the thread for some milliseconds, generating a key for seconds.

mod armor;
mod certificate;
mod error;
mod generate;
pub mod log_signer;
mod rpm;
mod rsa_key;
mod signer;
#[cfg(test)]
mod tests;
mod together;

pub use armor::armored_certificates;
pub use certificate::Certificate;
pub use error::{RpmError, SigningError, VerifyError};

pub use generate::{Algorithm, GeneratedKey, generate};
pub use signer::Signer;
pub use together::{clear_sign, detached};
