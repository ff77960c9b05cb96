//! The projected repositories, as package clients are served from them.

use std::{io, ops::Range, sync::Arc};

use chrono::{DateTime, Utc};
use commands::{blobs::Blobs, rolls::Moves};
use domain::{
    digest::Sha256,
    ids::{AccessKeyId, RepositoryId},
    names::{OrganisationName, RepositoryName},
    repository::{Point, Stored, YankReason},
};
use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture};
use moka::future::Cache;
use projections::{
    credentials::{Credentials, Pass},
    index::{self, Repositories},
    rope::{self, Manifest},
};

use crate::{
    http::problem::Problem,
    repositories::{
        BlobReads, Located, RepositoryReads, ServedRepository,
        bytes::{ByteStream, Piece},
    },
    uses::Uses,
};

/// How many manifests are kept in memory. The newest publications need a handful for each repository.
const MANIFESTS_KEPT_MAX: u64 = 4_096;

/// Answers package clients from the projected indexes and credentials.
pub struct ServedRepositories {
    /// Who may enter.
    pub credentials: Credentials,
    /// Which file a path names.
    pub repositories: Repositories,
    /// Who used which key when; none where nobody writes it down.
    pub uses: Option<Uses>,
    /// Which machines have moved to their new keys; none where nobody records it.
    pub moves: Option<Moves>,
}

impl RepositoryReads for ServedRepositories {
    fn find(&self, organisation: &OrganisationName, name: &RepositoryName) -> Option<Arc<ServedRepository>> {
        let id = RepositoryId::named(organisation, name);
        let index::Fixed { format, codename } = self.repositories.fixed(id)?;
        let (organisation, name) = (organisation.clone(), name.clone());
        Some(Arc::new(ServedRepository { id, organisation, name, format, codename }))
    }

    fn pass(&self, repository: RepositoryId, key: AccessKeyId, presented: &Sha256) -> Option<Pass> {
        self.credentials.pass(repository, key, presented, Utc::now())
    }

    fn used(&self, key: AccessKeyId, package: Option<Sha256>) {
        if let Some(uses) = &self.uses {
            uses.used(key, package, Utc::now());
        }
    }

    fn moved(&self, repository: RepositoryId, key: AccessKeyId) {
        if let Some(moves) = &self.moves {
            moves.notice(repository, key);
        }
    }

    fn published_at<'a>(
        &'a self,
        repository: RepositoryId,
        point: &'a Point,
    ) -> BoxFuture<'a, Result<Option<DateTime<Utc>>, Problem>> {
        Box::pin(async move { Ok(self.repositories.published_at(repository, point).await?) })
    }

    fn yanked(&self, repository: RepositoryId, sha256: &Sha256) -> Option<YankReason> {
        self.repositories.yanked(repository, sha256)
    }

    fn locate<'a>(
        &'a self,
        repository: RepositoryId,
        point: &'a Point,
        path: &'a str,
    ) -> BoxFuture<'a, Result<Option<Located>, Problem>> {
        Box::pin(async move {
            let located = self.repositories.locate(repository, point, path).await?;
            Ok(located.filter(|located| located.stored != Stored::Unserved))
        })
    }
}

/// The blob store, as files are streamed from it.
pub struct ServedBlobs {
    blobs: Blobs,
    manifests: Cache<Sha256, Arc<[Piece]>>,
}

impl ServedBlobs {
    /// Streams files out of `blobs`.
    #[must_use]
    pub fn new(blobs: Blobs) -> Self {
        Self { blobs, manifests: Cache::new(MANIFESTS_KEPT_MAX) }
    }
}

impl BlobReads for ServedBlobs {
    fn open(&self, sha256: Sha256, range: Range<u64>) -> BoxFuture<'_, io::Result<ByteStream>> {
        Box::pin(async move {
            let blob = self.blobs.open(sha256, Some(range)).await.map_err(io::Error::other)?;
            Ok(blob.bytes.map_err(io::Error::other).boxed())
        })
    }

    fn pieces(&self, manifest: Sha256) -> BoxFuture<'_, io::Result<Arc<[Piece]>>> {
        Box::pin(async move {
            let read = async {
                let bytes = self.blobs.get(manifest).await.map_err(io::Error::other)?;
                let pieces = Manifest::parse(&bytes).map_err(io::Error::other)?.pieces.into_iter();
                Ok::<_, io::Error>(pieces.map(piece).collect::<Arc<[Piece]>>())
            };
            self.manifests.try_get_with(manifest, read).await.map_err(io::Error::other)
        })
    }
}

fn piece(piece: rope::Piece) -> Piece {
    match piece {
        rope::Piece::Blob { sha256, size_bytes } => Piece::Blob { sha256, size_bytes },
        rope::Piece::Inline(bytes) => Piece::Inline(bytes),
    }
}
