//! Packages in repositories, and publications of them, as workers make them.

use domain::{
    digest::Sha256,
    fingerprint::Fingerprint,
    ids::RepositoryId,
    package::{DebFacts, Facts, Package},
    repository::{self, IndexFile, Repository, SignedIndex, Stated, Stored},
};

use super::Core;

impl Core {
    /// Adds version `version` of the package `hello` to a Debian repository. The file's digest.
    pub async fn add_deb(&self, id: RepositoryId, version: &str) -> Sha256 {
        let file_name = format!("hello_{version}_amd64.deb");
        let sha256 = Sha256::of(file_name.as_bytes());
        let control = format!("Package: hello\nVersion: {version}\nArchitecture: amd64\nDescription: hi");
        let (package, version, architecture) = ("hello".to_owned(), version.to_owned(), "amd64".to_owned());
        let facts = Facts::Deb(DebFacts { package, version, architecture, control });
        let package = Box::new(Package { file_name, sha256, size_bytes: 5, facts });
        let add = repository::Command::AddPackage { package, release: None, key_fingerprint: None };
        self.execute::<Repository>(id.0, add).await;
        sha256
    }

    /// Publishes a repository as the signing worker does, without a signature.
    pub async fn publish(&self, id: RepositoryId) {
        let candidate = self.projected.repositories.candidate(id, self.executor.now(), Stated::default()).await;
        let candidate = candidate.expect("a candidate");
        let text = candidate.text.as_bytes();
        let (sha256, size_bytes) = (Sha256::of(text), text.len() as u64);
        let index = SignedIndex {
            covers: candidate.covers,
            published_at: candidate.published_at,
            signed: IndexFile { path: candidate.signed_path, sha256, size_bytes, stored: Stored::Unserved },
            signatures: vec![],
            files: candidate.files,
            key_fingerprint: Fingerprint::recorded("AB"),
            renderer: candidate.renderer,
            stated: Box::new(candidate.stated),
            co_signers: vec![],
        };
        self.execute::<Repository>(id.0, repository::Command::RecordIndexSigned(index)).await;
    }
}
