//! The signing keys where nothing is signed: what machines should trust, by the log alone.

use std::sync::Arc;

use event_log::event_store::EventStore;
use tokio::sync::{Mutex, watch};

use super::{Folded, SigningKeysError, TrustedCertificate, TrustedCertificates, read_on};

/// The certificates of a log whose private keys are on another server.
pub struct PublicKeys {
    store: Arc<dyn EventStore>,
    folded: Mutex<Folded>,
    trusted: watch::Sender<Arc<[TrustedCertificate]>>,
}

impl PublicKeys {
    /// The certificates as the log has them now; none if it has none yet.
    ///
    /// # Errors
    /// The log cannot be read, or a certificate in it is not valid.
    pub async fn open(store: Arc<dyn EventStore>) -> Result<Self, SigningKeysError> {
        let none: Arc<[TrustedCertificate]> = Arc::default();
        let keys = Self { store, folded: Mutex::default(), trusted: watch::Sender::new(none) };
        keys.refresh().await?;
        Ok(keys)
    }

    /// Reads on in the log.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn refresh(&self) -> Result<(), SigningKeysError> {
        let mut folded = self.folded.lock().await;
        let before = folded.revision;
        read_on(&*self.store, &mut folded).await?;
        if folded.revision != before {
            self.trusted.send_replace(folded.trusted()?);
        }
        Ok(())
    }

    /// What machines should trust, now and whenever it changes.
    #[must_use]
    pub fn trusted(&self) -> TrustedCertificates {
        TrustedCertificates::public(self.trusted.subscribe())
    }
}
