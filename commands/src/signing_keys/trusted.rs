//! The certificates that machines should trust now: the current key's, the next one's, and those of older keys whose
//! signatures packages still carry. Never a compromised one.

use domain::{fingerprint::Fingerprint, signing_key::Key};
use std::sync::Arc;

use signing::{Certificate, VerifyError};
use tokio::sync::watch;

use super::SigningSet;

/// One certificate to trust.
#[derive(Debug, Clone)]
pub struct TrustedCertificate {
    /// Which key of the service it is, counted from 1.
    pub epoch: u32,
    /// Full fingerprint, upper-case hexadecimal.
    pub fingerprint: Fingerprint,
    /// One block of ASCII armor.
    pub armored: String,
    /// Bare packets: those of several certificates may be put one after the other.
    pub binary: Vec<u8>,
}

impl TrustedCertificate {
    /// The certificate of `key`.
    ///
    /// # Errors
    /// The recorded certificate is not valid.
    pub(super) fn of(key: &Key) -> Result<Self, VerifyError> {
        let certificate = Certificate::parse(&key.certificate)?;
        Ok(Self {
            epoch: key.epoch,
            fingerprint: key.fingerprint.clone(),
            armored: certificate.armored().to_owned(),
            binary: certificate.binary().to_vec(),
        })
    }
}

/// Tells what to trust, at any time. Cheap to clone.
#[derive(Clone)]
pub struct TrustedCertificates(Source);

#[derive(Clone)]
enum Source {
    Keys(watch::Receiver<Arc<SigningSet>>),
    Fixed(Arc<[TrustedCertificate]>),
    Public(watch::Receiver<Arc<[TrustedCertificate]>>),
}

impl TrustedCertificates {
    pub(super) fn of(keys: watch::Receiver<Arc<SigningSet>>) -> Self {
        Self(Source::Keys(keys))
    }

    pub(super) fn public(certificates: watch::Receiver<Arc<[TrustedCertificate]>>) -> Self {
        Self(Source::Public(certificates))
    }

    /// Always the same ones.
    #[must_use]
    pub fn fixed(certificates: impl Into<Arc<[TrustedCertificate]>>) -> Self {
        Self(Source::Fixed(certificates.into()))
    }

    /// What to trust now, oldest key first.
    #[must_use]
    pub fn now(&self) -> Arc<[TrustedCertificate]> {
        match &self.0 {
            Source::Keys(keys) => keys.borrow().trusted.clone(),
            Source::Fixed(certificates) => certificates.clone(),
            Source::Public(certificates) => certificates.borrow().clone(),
        }
    }

    /// Returns when what to trust may have changed since the last call; never if it cannot change any more. Look at
    /// [`Self::now`] after it, and once before.
    pub async fn changed(&mut self) {
        let may_change = match &mut self.0 {
            Source::Keys(keys) => keys.changed().await.is_ok(),
            Source::Fixed(_) => false,
            Source::Public(certificates) => certificates.changed().await.is_ok(),
        };
        if !may_change {
            std::future::pending::<()>().await;
        }
    }
}
