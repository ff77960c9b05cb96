//! `PUT /api/v1/repositories/{org}/{repo}/packages/{file}`: uploads a package that was built elsewhere.

mod incoming;

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{FromRef, Path, Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::put,
};
use commands::{
    packages::{FinishError, finish},
    signing_keys::SigningKeys,
};
use domain::{
    error_chain::ErrorChain,
    fingerprint::Fingerprint,
    ids::RepositoryId,
    package::{Format, Package},
    repository::{Command, Refusal, Repository},
};
use event_log::execute::{ExecuteError, Executor};
use index::Repositories;
use serde::Serialize;
use stores::blobs::Blobs;

use self::incoming::Incoming;
pub use self::incoming::IncomingFolder;

use api_http::{
    auth::{Authenticator, Operator},
    problem::Problem,
};

use crate::releases::Wait;

/// The state of the handler.
#[derive(Clone, FromRef)]
pub struct UploadsState {
    /// Authenticates operators.
    pub authenticator: Authenticator,
    /// Receives uploads.
    pub incoming: IncomingFolder,
    /// Accepts packages.
    pub packages: PackageIntake,
    /// Records the content of repositories.
    pub executor: Arc<Executor>,
    /// The published repositories.
    pub repositories: Repositories,
}

/// Accepts packages that were built elsewhere.
#[derive(Clone)]
pub struct PackageIntake {
    /// The keys that sign uploaded rpms.
    pub signing_keys: SigningKeys,
    /// The store of packages.
    pub blobs: Blobs,
}

/// The route of uploads. Its body limit is the maximum size of a package.
pub fn routes(state: UploadsState) -> Router {
    Router::new()
        .route("/api/v1/repositories/{organisation}/{repository}/packages/{file}", put(upload))
        .with_state(state)
}

/// An uploaded package, as in the response.
#[derive(Debug, Serialize)]
struct UploadAnswer {
    file_name: String,
    name: String,
    version: String,
    architecture: String,
    sha256: String,
    size_bytes: u64,
    /// Whether clients can install it.
    published: bool,
}

async fn upload(
    State(UploadsState { incoming, packages, executor, repositories, .. }): State<UploadsState>,
    operator: Operator,
    Path((organisation, repository, file)): Path<(String, String, String)>,
    Query(wait): Query<Wait>,
    body: Body,
) -> Result<Response, Problem> {
    let wait = wait.duration()?;
    let (id, format) = repository_of(&executor, &organisation, &repository).await?;
    let received = incoming.receive(body).await?;
    // Deletes the received file, so that waiting for the publication takes no disk space.
    let (package, key_fingerprint) = packages.take(format, received, file).await?;
    let mut answer = UploadAnswer {
        published: false,
        file_name: package.file_name.clone(),
        name: package.name().to_owned(),
        version: package.version(),
        architecture: package.architecture().to_owned(),
        sha256: package.sha256.to_string(),
        size_bytes: package.size_bytes,
    };
    let add = Command::AddPackage { package: Box::new(package), release: None, key_fingerprint };
    let context = operator.context().await;
    let executed = executor.execute::<Repository>(id.0, add, &context).await.map_err(refused)?;
    answer.published = published_within(&executor, &repositories, id, wait).await?;
    let status = match (answer.published, executed.events.is_empty()) {
        (false, _) => StatusCode::ACCEPTED,
        (true, false) => StatusCode::CREATED,
        (true, true) => StatusCode::OK,
    };
    Ok((status, Json(answer)).into_response())
}

async fn repository_of(
    executor: &Executor,
    organisation: &str,
    repository: &str,
) -> Result<(RepositoryId, Format), Problem> {
    let unknown = || Problem::NotFound(format!("there is no repository {organisation}/{repository}"));
    let (Ok(organisation), Ok(repository)) = (organisation.parse(), repository.parse()) else { return Err(unknown()) };
    let id = RepositoryId::named(&organisation, &repository);
    let format = executor.inspect::<Repository, _>(id.0, |repository, _| repository.format()).await?;
    format.map(|format| (id, format)).ok_or_else(unknown)
}

impl PackageIntake {
    /// Stores an uploaded file as a package, signed if it is an rpm, and returns it with the signing key. Clients check every rpm's
    /// signature, and trust only this server's keys.
    async fn take(
        &self,
        format: Format,
        incoming: Incoming,
        file_name: String,
    ) -> Result<(Package, Option<Fingerprint>), Problem> {
        let finished = finish(incoming.path(), self.signing_keys.now().current.clone()).await.map_err(unfinished)?;
        let package = &finished.package;
        if package.format() != format {
            let detail = Refusal::WrongFormat { expected: format, actual: package.format() }.to_string();
            return Err(Problem::Unprocessable { code: "wrong_format", detail });
        }
        if package.file_name != file_name {
            let detail = format!(
                "the file name of this package is not valid: expected {}, found {file_name}",
                package.file_name
            );
            return Err(Problem::Unprocessable { code: "file_name_differs", detail });
        }
        finished
            .store(&self.blobs)
            .await
            .map_err(|error| Problem::internal("store the uploaded package")(error.into()))?;
        Ok((finished.package, finished.key_fingerprint))
    }
}

fn unfinished(error: FinishError) -> Problem {
    let cause: &(dyn std::error::Error + 'static) = match &error {
        FinishError::Read(cause) => cause,
        FinishError::Sign(cause) => cause,
        FinishError::BrokeOff(_) => return Problem::internal("read the uploaded package")(error.into()),
    };
    Problem::Unprocessable { code: "package_refused", detail: ErrorChain(cause).to_string() }
}

/// Waits until clients see the package. Returns false on a time-out, although the package is accepted.
async fn published_within(
    executor: &Executor,
    repositories: &Repositories,
    repository: RepositoryId,
    wait: Duration,
) -> Result<bool, Problem> {
    let revision = executor.inspect::<Repository, _>(repository.0, |r, _| r.content_revision()).await?;
    Ok(tokio::time::timeout(wait, repositories.wait_covers(repository, revision)).await.is_ok())
}

fn refused(error: ExecuteError<Refusal>) -> Problem {
    let refusal = match error {
        ExecuteError::Refused(refusal) => refusal,
        ExecuteError::Log(error) => return error.into(),
    };
    let detail = refusal.to_string();
    match refusal {
        Refusal::PackageDiffers { .. } => Problem::Conflict { code: "package_differs", detail },
        Refusal::Yanked { .. } => Problem::Conflict { code: "package_yanked", detail },
        Refusal::Full => Problem::Conflict { code: "repository_full", detail },
        Refusal::WrongFormat { .. } => Problem::Unprocessable { code: "wrong_format", detail },
        Refusal::InstallersName(_) => Problem::Unprocessable { code: "installers_name", detail },
        Refusal::Unknown | Refusal::NotThere(_) => Problem::NotFound(detail),
        Refusal::NameTaken
        | Refusal::YankedAlready(_)
        | Refusal::NotPublished(_)
        | Refusal::SnapshotNameTaken { .. }
        | Refusal::NoSuchSnapshot(_)
        | Refusal::TooManySnapshots
        | Refusal::IndexSuperseded
        | Refusal::IndexAhead
        | Refusal::IndexNotLater => Problem::Conflict { code: "conflict", detail },
    }
}
