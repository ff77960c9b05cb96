//! The signatures that events record, against the certificates that earlier events record.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use domain::{
    digest::Sha256,
    error_chain::ErrorChain,
    fingerprint::Fingerprint,
    package::Format,
    repository::{IndexFile, SignedIndex},
    signing_key::SigningKey,
};
use signing::Certificate;
use stores::blobs::Blobs;
use tokio::task::JoinSet;

use super::{Finding, Place, VerifyError};

/// How many signatures are checked at the same time, each on a thread of its own.
const AT_ONCE_MAX: usize = 4;

/// The public certificates that the log has named so far.
#[derive(Default)]
pub(super) struct Certificates {
    known: HashMap<Fingerprint, Arc<Certificate>>,
    first: Option<Fingerprint>,
}

impl Certificates {
    /// Takes what is new in `keys`, and says what is wrong with it.
    pub(super) fn learn(&mut self, keys: &SigningKey) -> Option<String> {
        let mut wrong = None;
        for key in keys.keys() {
            if self.known.contains_key(&key.fingerprint) {
                continue;
            }
            match Certificate::parse(&key.certificate) {
                Ok(certificate) if certificate.fingerprint() == key.fingerprint => {
                    self.first.get_or_insert_with(|| key.fingerprint.clone());
                    self.known.insert(key.fingerprint.clone(), Arc::new(certificate));
                }
                Ok(other) => {
                    let fingerprint = other.fingerprint();
                    wrong =
                        Some(format!("the certificate is that of {fingerprint}, the event says {}", key.fingerprint));
                }
                Err(error) => wrong = Some(format!("the certificate cannot be used: {}", ErrorChain(&error))),
            }
        }
        wrong
    }

    /// That of a key; none asks for the first key.
    fn of(&self, fingerprint: Option<&Fingerprint>) -> Result<Arc<Certificate>, String> {
        let Some(fingerprint) = fingerprint.or(self.first.as_ref()) else {
            return Err("signed before there was any key".to_owned());
        };
        let unknown = || format!("signed by {fingerprint}, whose certificate no earlier event has");
        self.known.get(fingerprint).cloned().ok_or_else(unknown)
    }
}

/// Checks that are running, and what came of the others.
#[derive(Default)]
pub(super) struct Checks {
    running: JoinSet<Checked>,
    signatures: u64,
    findings: Vec<Finding>,
    /// A package may be in several repositories.
    rpms: HashSet<(Sha256, Option<Fingerprint>)>,
}

/// How many signatures are good, and what is wrong.
type Checked = (u64, Vec<Finding>);

impl Checks {
    pub(super) async fn index(
        &mut self,
        blobs: &Blobs,
        certificates: &Certificates,
        place: Place,
        format: Format,
        index: &SignedIndex,
    ) -> Result<(), VerifyError> {
        let mut files = Vec::new();
        let everyone = index.signers();
        for file in &index.signatures {
            // One file holds everyone's signatures in APT, and the first key's alone in YUM.
            let only = [index.key_fingerprint.clone()].into();
            let signers = if format == Format::Deb { &everyone } else { &only };
            files.extend(signers.iter().map(|signer| (file.clone(), signer.clone())));
        }
        for other in &index.co_signers {
            files.extend(other.signature.clone().map(|file| (file, other.key_fingerprint.clone())));
        }
        let mut wanted = Vec::new();
        for (file, signer) in files {
            match certificates.of(Some(&signer)) {
                Ok(certificate) => wanted.push((file, certificate)),
                Err(what) => self.findings.push(Finding::new(place.clone(), what)),
            }
        }
        let (blobs, signed) = (blobs.clone(), index.signed.clone());
        self.start(async move { check_index(&blobs, &place, &signed, wanted).await }).await
    }

    pub(super) async fn rpm(
        &mut self,
        blobs: &Blobs,
        certificates: &Certificates,
        place: Place,
        package: Sha256,
        signer: Option<&Fingerprint>,
    ) -> Result<(), VerifyError> {
        if !self.rpms.insert((package, signer.cloned())) {
            return Ok(());
        }
        let certificate = match certificates.of(signer) {
            Ok(certificate) => certificate,
            Err(what) => {
                self.findings.push(Finding::new(place, what));
                return Ok(());
            }
        };
        // A remote store has no file to look at: its blob is hashed, and clients check the signature.
        let Some(path) = blobs.local_path(package).filter(|path| path.exists()) else { return Ok(()) };
        self.start(async move {
            let checked = tokio::task::spawn_blocking(move || certificate.verify_rpm(&path)).await;
            match checked {
                Ok(Ok(())) => (1, vec![]),
                Ok(Err(error)) => (0, vec![Finding::new(place, format!("the rpm {package}: {}", ErrorChain(&error)))]),
                Err(error) => (0, vec![Finding::new(place, format!("the rpm {package}: {error}"))]),
            }
        })
        .await
    }

    async fn start(&mut self, check: impl Future<Output = Checked> + Send + 'static) -> Result<(), VerifyError> {
        self.running.spawn(check);
        while self.running.len() >= AT_ONCE_MAX {
            self.one_is_over().await?;
        }
        Ok(())
    }

    async fn one_is_over(&mut self) -> Result<(), VerifyError> {
        if let Some(over) = self.running.join_next().await {
            let (good, findings) = over?;
            self.signatures += good;
            self.findings.extend(findings);
        }
        Ok(())
    }

    /// How many signatures are good, and what is wrong with others.
    pub(super) async fn finish(mut self) -> Result<Checked, VerifyError> {
        while !self.running.is_empty() {
            self.one_is_over().await?;
        }
        Ok((self.signatures, self.findings))
    }
}

async fn check_index(
    blobs: &Blobs,
    place: &Place,
    signed: &IndexFile,
    signatures: Vec<(IndexFile, Arc<Certificate>)>,
) -> Checked {
    let Some(text) = text(blobs, signed).await else {
        // The pass over the blobs says that it is missing, damaged, or cannot be read.
        return (0, vec![]);
    };
    let mut checked: Checked = (0, vec![]);
    for (file, certificate) in signatures {
        let Some(signature) = self::text(blobs, &file).await else { continue };
        let (path, signed) = (file.path.clone(), text.clone());
        let verifying = move || match file.path.ends_with("InRelease") {
            true => match certificate.verify_clear_signed(&signature) {
                Ok(inside) if inside == signed => Ok(()),
                Ok(_) => Err("what is signed is another text than the one that is recorded".to_owned()),
                Err(error) => Err(ErrorChain(&error).to_string()),
            },
            false => certificate.verify_detached(signed.as_bytes(), &signature).map_err(|e| ErrorChain(&e).to_string()),
        };
        match tokio::task::spawn_blocking(verifying).await.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(()) => checked.0 += 1,
            Err(what) => checked.1.push(Finding::new(place.clone(), format!("{path}: {what}"))),
        }
    }
    checked
}

async fn text(blobs: &Blobs, file: &IndexFile) -> Option<String> {
    let bytes = blobs.get(file.sha256).await.ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
