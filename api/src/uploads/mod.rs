//! `PUT /api/v1/repositories/{org}/{repo}/packages/{file}`: take in a package that was built elsewhere.

mod incoming;

use std::time::Duration;

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::put,
};
use commands::{
    causes::Causes,
    execute::ExecuteError,
    packages::{FinishError, finish},
};
use domain::{
    ids::RepositoryId,
    package::{Format, Package},
    repository::{Command, Refusal, Repository},
};
use serde::Serialize;

use self::incoming::Incoming;
use crate::{app::App, auth::Operator, http::problem::Problem, releases::Wait};

/// When to come back when too many uploads are coming in.
const UPLOADS_RETRY_SECONDS: u32 = 5;

/// How long an upload may take to come in: the largest package at a slow line's 10 Mbit/s.
const RECEIVED_WITHIN: Duration = Duration::from_secs(3_600);

/// The route of uploads. It takes bodies far larger than other routes: the limit is a package's.
pub fn routes() -> Router<App> {
    Router::new().route("/api/v1/repositories/{organisation}/{repository}/packages/{file}", put(upload))
}

/// An uploaded package, as the answer shows it.
#[derive(Debug, Serialize)]
struct UploadAnswer {
    file_name: String,
    name: String,
    version: String,
    architecture: String,
    sha256: String,
    size_bytes: u64,
    /// Clients can install it.
    published: bool,
}

async fn upload(
    State(app): State<App>,
    operator: Operator,
    Path((organisation, repository, file)): Path<(String, String, String)>,
    Query(wait): Query<Wait>,
    body: Body,
) -> Result<Response, Problem> {
    let wait = wait.duration()?;
    let (id, format) = repository_of(&app, &organisation, &repository).await?;
    let Ok(receiving_place) = app.uploads.try_acquire() else {
        return Err(Problem::TooManyRequests { retry_after_seconds: UPLOADS_RETRY_SECONDS });
    };
    let late = |_| Problem::TimedOut { limit_seconds: RECEIVED_WITHIN.as_secs() };
    let receiving = Incoming::receive(&app.incoming, body);
    let incoming = tokio::time::timeout(RECEIVED_WITHIN, receiving).await.map_err(late)??;
    let (package, key_fingerprint) = take_in(&app, format, incoming, file).await?;
    // Whoever waits for the publication takes no disk.
    drop(receiving_place);
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
    let executed = app.executor.execute::<Repository>(id.0, add, &context).await.map_err(refused)?;
    answer.published = published_within(&app, id, wait).await?;
    let status = match (answer.published, executed.events.is_empty()) {
        (false, _) => StatusCode::ACCEPTED,
        (true, false) => StatusCode::CREATED,
        (true, true) => StatusCode::OK,
    };
    Ok((status, Json(answer)).into_response())
}

async fn repository_of(app: &App, organisation: &str, repository: &str) -> Result<(RepositoryId, Format), Problem> {
    let unknown = || Problem::NotFound(format!("there is no repository {organisation}/{repository}"));
    let (Ok(organisation), Ok(repository)) = (organisation.parse(), repository.parse()) else { return Err(unknown()) };
    let id = RepositoryId::named(&organisation, &repository);
    let format = app.executor.inspect::<Repository, _>(id.0, |repository, _| repository.format()).await?;
    format.map(|format| (id, format)).ok_or_else(unknown)
}

/// From an uploaded file to a package whose bytes are all in the blob store, and the key that signed it. Clients check
/// every rpm's signature, and trust our keys alone.
async fn take_in(
    app: &App,
    format: Format,
    incoming: Incoming,
    file_name: String,
) -> Result<(Package, Option<String>), Problem> {
    let finished = finish(incoming.path(), app.signing_keys.now().current.clone()).await.map_err(unfinished)?;
    let package = &finished.package;
    if package.format() != format {
        let detail = Refusal::WrongFormat { expected: format, actual: package.format() }.to_string();
        return Err(Problem::Unprocessable { code: "wrong_format", detail });
    }
    if package.file_name != file_name {
        let detail = format!("this package's file is called {}, not {file_name}", package.file_name);
        return Err(Problem::Unprocessable { code: "file_name_differs", detail });
    }
    finished.store(&app.blobs).await.map_err(|error| Problem::internal("store the package")(error.into()))?;
    Ok((finished.package, finished.key_fingerprint))
}

fn unfinished(error: FinishError) -> Problem {
    let cause: &(dyn std::error::Error + 'static) = match &error {
        FinishError::Read(cause) => cause,
        FinishError::Sign(cause) => cause,
        FinishError::BrokeOff(_) => return Problem::internal("read the package")(error.into()),
    };
    Problem::Unprocessable { code: "package_refused", detail: Causes(cause).to_string() }
}

/// Waits until clients see the package. False when the time is over first: the package is in all the same.
async fn published_within(app: &App, repository: RepositoryId, wait: Duration) -> Result<bool, Problem> {
    let revision = app.executor.inspect::<Repository, _>(repository.0, |r, _| r.content_revision()).await?;
    Ok(tokio::time::timeout(wait, app.repositories.wait_covers(repository, revision)).await.is_ok())
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
