//! Deploy keys: ssh keys with read access to one repository.

#[cfg(test)]
mod tests;

use std::{fmt, fs::OpenOptions, io, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use rand::rngs::OsRng;
use ssh_key::{Algorithm, LineEnding, PrivateKey};
use zeroize::Zeroizing;

/// The private half of a deploy key, in OpenSSH's format.
#[derive(Clone)]
pub struct DeployKey(Zeroizing<String>);

/// The bytes are not a private key. The error does not show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the deploy key is not valid: expected a private key in OpenSSH's format")]
pub struct InvalidDeployKey;

impl DeployKey {
    /// A new Ed25519 key, and its public half: `ssh-ed25519 AAAA…`.
    ///
    /// # Errors
    /// A defect: a fresh key can be written.
    pub fn generate() -> Result<(Self, String), InvalidDeployKey> {
        let key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(|_| InvalidDeployKey)?;
        let public = key.public_key().to_openssh().map_err(|_| InvalidDeployKey)?;
        Ok((Self(key.to_openssh(LineEnding::LF).map_err(|_| InvalidDeployKey)?), public))
    }

    /// The key that was sealed.
    ///
    /// # Errors
    /// It is not a private key.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidDeployKey> {
        let key = PrivateKey::from_openssh(text).map_err(|_| InvalidDeployKey)?;
        Ok(Self(key.to_openssh(LineEnding::LF).map_err(|_| InvalidDeployKey)?))
    }

    /// What is sealed.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Writes it where only the server may read it, in a folder that is removed when git has ended.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(self.expose())
    }
}

impl fmt::Debug for DeployKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeployKey(…)")
    }
}
