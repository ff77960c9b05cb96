//! Who signs at one moment: the loaded keys, and the facts of all others.

use std::{collections::BTreeSet, fmt, sync::Arc};

use chrono::{DateTime, Utc};
use domain::{
    aggregate::Aggregate as _,
    fingerprint::Fingerprint,
    recorded::Revision,
    signing_key::{Event, Key, SigningKey},
};
use signing::{Signer, VerifyError};
use stores::secrets::Secrets;

use super::{SigningKeysError, make, trusted::TrustedCertificate};

/// The stream of the signing keys, folded.
#[derive(Default)]
pub(super) struct Folded {
    keys: SigningKey,
    pub(super) revision: Revision,
    /// When it last changed who signs indexes.
    signers_changed_at: DateTime<Utc>,
}

impl Folded {
    /// What machines should trust, oldest first.
    pub(super) fn trusted(&self) -> Result<Arc<[TrustedCertificate]>, VerifyError> {
        self.keys.keys().iter().filter(|key| key.is_trusted()).map(TrustedCertificate::of).collect()
    }

    pub(super) fn fold(&mut self, event: &Event, recorded_at: DateTime<Utc>) {
        self.keys.evolve(event);
        match event {
            Event::Generated { .. }
            | Event::OverlapBegan { .. }
            | Event::CutOver { .. }
            | Event::Compromised { .. } => self.signers_changed_at = recorded_at,
            Event::NextAnnounced { .. }
            | Event::Retired { .. }
            | Event::Destroyed { .. }
            | Event::LogKeyMade { .. }
            | Event::ExpiryNear { .. } => {}
        }
    }
}

/// A key that signs every index.
#[derive(Clone)]
pub struct IndexSigner {
    /// Which key of the service it is, counted from 1.
    pub epoch: u32,
    /// The loaded key.
    pub signer: Arc<Signer>,
}

/// Who signs, as of one revision of the keys' stream.
pub struct SigningSet {
    /// How many facts of the keys' stream it knows.
    pub revision: Revision,
    /// When who signs indexes last changed.
    pub signers_changed_at: DateTime<Utc>,
    /// Signs packages.
    pub current: Arc<Signer>,
    /// The keys that sign every index, oldest first; never empty.
    pub index_signers: Vec<IndexSigner>,
    /// Every key that the service ever had, oldest first.
    pub keys: Vec<Key>,
    /// What machines should trust now, oldest first.
    pub trusted: Arc<[TrustedCertificate]>,
}

impl SigningSet {
    /// Unseals the keys that sign, unless `before` has them.
    pub(super) async fn load(
        folded: &Folded,
        secrets: &Arc<Secrets>,
        before: Option<&SigningSet>,
    ) -> Result<Self, SigningKeysError> {
        let keys = folded.keys.keys().to_vec();
        let current = folded.keys.current().ok_or(SigningKeysError::None)?.fingerprint.clone();
        let mut index_signers = Vec::new();
        for key in keys.iter().filter(|key| key.signs_indexes()) {
            let signer = match before.and_then(|before| before.signer(&key.fingerprint)) {
                Some(signer) => signer,
                None => make::load(secrets, key).await?,
            };
            index_signers.push(IndexSigner { epoch: key.epoch, signer });
        }
        let current = index_signers.iter().find(|one| one.signer.fingerprint() == current);
        let current = current.ok_or(SigningKeysError::None)?.signer.clone();
        let trusted = folded.trusted()?;
        let (revision, signers_changed_at) = (folded.revision, folded.signers_changed_at);
        Ok(Self { revision, signers_changed_at, current, index_signers, keys, trusted })
    }

    /// The fingerprints of the keys that sign every index.
    #[must_use]
    pub(crate) fn index_signer_fingerprints(&self) -> BTreeSet<Fingerprint> {
        self.index_signers.iter().map(|one| one.signer.fingerprint()).collect()
    }

    fn signer(&self, fingerprint: &Fingerprint) -> Option<Arc<Signer>> {
        let found = self.index_signers.iter().find(|one| one.signer.fingerprint() == *fingerprint);
        found.map(|one| one.signer.clone())
    }
}

impl fmt::Debug for SigningSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningSet").field("revision", &self.revision).field("keys", &self.keys).finish_non_exhaustive()
    }
}
