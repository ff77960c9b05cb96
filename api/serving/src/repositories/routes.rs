//! The routes of package clients: repositories, the certificate, installers.

use api_http::{file::Asked, problem::Problem};
use axum::{
    Router,
    body::Body,
    extract::{FromRef, Request, State},
    http::{Response, request::Parts},
    response::IntoResponse as _,
    routing::any,
};
use commands::signing_keys::TrustedCertificates;
use domain::package::Format;

use super::{
    certificate::{PublicCertificate, Served},
    files::{Files, answer_served, check_method, public, split},
};
use crate::installers::{CredentialsAddress, Installers};

/// The state of the handlers.
#[derive(Clone, FromRef)]
pub struct RepositoriesState {
    /// The files of repositories.
    pub files: Files,
    /// The certificates for clients.
    pub certificates: TrustedCertificates,
    /// The installers.
    pub installers: Installers,
    /// The endpoint for current credentials.
    pub credentials: CredentialsAddress,
}

/// The routes. Responses are streamed without a time-out, so do not add the API's layers.
pub fn routes(state: RepositoriesState) -> Router {
    Router::new()
        .route("/apt/{*address}", any(apt_file))
        .route("/yum/{*address}", any(yum_file))
        .route("/install/{*address}", any(installer))
        .route("/pkgdeploy_gpg.asc", any(armored_certificate))
        .route("/pkgdeploy_gpg.gpg", any(binary_certificate))
        .with_state(state)
}

/// `GET /apt/{organisation}/{repository}/{path}`: one file of an APT repository.
async fn apt_file(State(files): State<Files>, request: Request) -> Response<Body> {
    file(&files, Format::Deb, "/apt/", &request.into_parts().0).await.unwrap_or_else(Problem::into_response)
}

/// `GET /yum/{organisation}/{repository}/{path}`: one file of a YUM repository, or its mirror list.
async fn yum_file(State(files): State<Files>, request: Request) -> Response<Body> {
    file(&files, Format::Rpm, "/yum/", &request.into_parts().0).await.unwrap_or_else(Problem::into_response)
}

async fn file(files: &Files, format: Format, prefix: &str, request: &Parts) -> Result<Response<Body>, Problem> {
    check_method(&request.method)?;
    // The raw path is used: it is decoded once, by its own type.
    let address = request.uri.path().strip_prefix(prefix).unwrap_or_default();
    files.answer(format, address, Asked::from(request)).await
}

/// `GET /install/{organisation}/{repository}` and paths below it: installers.
async fn installer(
    State(installers): State<Installers>,
    State(credentials): State<CredentialsAddress>,
    request: Request,
) -> Response<Body> {
    let (request, _) = request.into_parts();
    let address = request.uri.path().strip_prefix("/install/").unwrap_or_default();
    let answered = match split(address) {
        (organisation, repository, "credentials") => credentials.answer(organisation, repository, &request).await,
        _ => match check_method(&request.method) {
            Ok(()) => installers.answer(address, &request.headers).await,
            Err(problem) => Err(problem),
        },
    };
    answered.unwrap_or_else(Problem::into_response)
}

/// `GET /pkgdeploy_gpg.asc`: every certificate to trust now in ASCII armor, for everyone.
async fn armored_certificate(State(trusted): State<TrustedCertificates>, request: Request) -> Response<Body> {
    certificate(&trusted, |it| &it.armored, &request.into_parts().0).await.unwrap_or_else(Problem::into_response)
}

/// `GET /pkgdeploy_gpg.gpg`: the same as bare packets, for everyone.
async fn binary_certificate(State(trusted): State<TrustedCertificates>, request: Request) -> Response<Body> {
    certificate(&trusted, |it| &it.binary, &request.into_parts().0).await.unwrap_or_else(Problem::into_response)
}

async fn certificate(
    trusted: &TrustedCertificates,
    notation: fn(&PublicCertificate) -> &Served,
    request: &Parts,
) -> Result<Response<Body>, Problem> {
    check_method(&request.method)?;
    answer_served(notation(&public(trusted)?), Asked::from(request)).await
}
