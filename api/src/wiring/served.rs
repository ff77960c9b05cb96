//! The projected repositories, as package clients are served from them.

use std::{io, ops::Range, sync::Arc};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use commands::blobs::Blobs;
use domain::{
    digest::Sha256,
    ids::{AccessKeyId, RepositoryId},
    names::{OrganisationName, RepositoryName},
    repository::Stored as StoredFact,
};
use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture};
use moka::future::Cache;
use projections::{
    credentials::Credentials,
    index::{self, Repositories},
    rope::{Manifest, Piece},
};

use crate::{
    http::problem::{BoxError, Problem},
    repositories::{BlobReads, Located, Point, RepositoryReads, Segment, ServedRepository, Stored, bytes::ByteStream},
};

/// How many manifests are kept in memory. The newest publications need a handful for each repository.
const MANIFESTS_KEPT_MAX: u64 = 4_096;

/// Answers package clients from the projected indexes and credentials.
pub struct ServedRepositories {
    credentials: Credentials,
    repositories: Repositories,
    blobs: Blobs,
    manifests: Cache<Sha256, Arc<[Segment]>>,
}

impl ServedRepositories {
    /// Serves `repositories` to whom `credentials` let in, out of `blobs`.
    #[must_use]
    pub fn new(credentials: Credentials, repositories: Repositories, blobs: Blobs) -> Self {
        Self { credentials, repositories, blobs, manifests: Cache::new(MANIFESTS_KEPT_MAX) }
    }

    async fn rope(&self, manifest: Sha256) -> Result<Arc<[Segment]>, Problem> {
        let read = async {
            let bytes = self.blobs.get(manifest).await?;
            let pieces = Manifest::parse(&bytes)?.pieces.into_iter();
            Ok::<_, BoxError>(pieces.map(segment).collect::<Arc<[Segment]>>())
        };
        let segments = self.manifests.try_get_with(manifest, read).await;
        segments.map_err(|error| Problem::Internal { action: "read the index file", source: error.to_string().into() })
    }
}

fn segment(piece: Piece) -> Segment {
    match piece {
        Piece::Blob { sha256, size_bytes } => Segment::Blob { sha256, size_bytes },
        Piece::Inline(bytes) => Segment::Inline(bytes),
    }
}

impl RepositoryReads for ServedRepositories {
    fn find(&self, organisation: &OrganisationName, name: &RepositoryName) -> Option<Arc<ServedRepository>> {
        let id = RepositoryId::named(organisation, name);
        let index::Fixed { format, codename } = self.repositories.fixed(id)?;
        let (organisation, name) = (organisation.clone(), name.clone());
        Some(Arc::new(ServedRepository { id, organisation, name, format, codename }))
    }

    fn opens(&self, repository: RepositoryId, key: AccessKeyId, presented: &Sha256) -> bool {
        self.credentials.opens(repository, key, presented)
    }

    fn newest_point(&self, repository: RepositoryId) -> Option<DateTime<Utc>> {
        self.repositories.newest_point(repository)
    }

    fn locate<'a>(
        &'a self,
        repository: RepositoryId,
        point: Point,
        path: &'a str,
    ) -> BoxFuture<'a, Result<Option<Located>, Problem>> {
        Box::pin(async move {
            let point = match point {
                Point::Newest => index::Point::Newest,
                Point::At(at) => index::Point::At(at),
            };
            let located = self.repositories.locate(repository, point, path).await;
            let Some(located) = located.map_err(|error| Problem::internal("look the file up")(error.into()))? else {
                return Ok(None);
            };
            let index::Located { sha256, size_bytes, last_modified, .. } = located;
            let stored = match located.stored {
                StoredFact::Blob => Stored::Blob,
                StoredFact::Rope(manifest) => Stored::Rope(self.rope(manifest).await?),
                StoredFact::Unserved => return Ok(None),
            };
            Ok(Some(Located { sha256, size_bytes, modified_at: last_modified, stored }))
        })
    }
}

/// The blob store, as files are streamed from it.
pub struct ServedBlobs(pub Blobs);

impl BlobReads for ServedBlobs {
    fn open(&self, sha256: Sha256, range: Range<u64>) -> BoxFuture<'_, io::Result<ByteStream>> {
        Box::pin(async move {
            let blob = self.0.open(sha256, Some(range)).await.map_err(io::Error::other)?;
            Ok(blob.bytes.map_err(io::Error::other).map(|bytes: io::Result<Bytes>| bytes).boxed())
        })
    }
}
