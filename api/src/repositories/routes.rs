//! The addresses that package clients know: repositories, the certificate, installers.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Response, request::Parts},
    response::IntoResponse as _,
    routing::any,
};
use commands::signing_keys::TrustedCertificates;
use domain::package::Format;

use super::{
    bytes::{BlobReads, CACHE_MAX_BYTES, FileBytes},
    certificate::{PublicCertificate, Served},
    files::{Files, answer_served, check_method, public, split},
    reads::RepositoryReads,
};
use crate::{
    http::{file::Asked, problem::Problem, public_url::PublicUrl},
    installers::{CredentialsAddress, HandsOver, Installers},
};

/// What serving package clients takes.
pub struct RepositoryRoutes {
    /// Who may enter, and which file a path names.
    pub reads: Arc<dyn RepositoryReads>,
    /// The files' bytes.
    pub blobs: Arc<dyn BlobReads>,
    /// What clients verify signatures with.
    pub certificates: TrustedCertificates,
    /// What gives machines access.
    pub installers: Installers,
    /// Which credentials to use from now on.
    pub hand_over: Arc<dyn HandsOver>,
    /// Where clients reach this server.
    pub public_url: PublicUrl,
}

struct Routes {
    reads: Arc<dyn RepositoryReads>,
    bytes: FileBytes,
    certificates: TrustedCertificates,
    public_url: PublicUrl,
    installers: Installers,
    credentials: CredentialsAddress,
}

impl RepositoryRoutes {
    /// The routes. They stream and have no time-out: keep the API's layers off them.
    pub fn router(self) -> Router {
        let routes = Routes {
            bytes: FileBytes::new(self.blobs, CACHE_MAX_BYTES),
            installers: self.installers,
            credentials: CredentialsAddress::new(self.hand_over),
            reads: self.reads,
            certificates: self.certificates,
            public_url: self.public_url,
        };
        Router::new()
            .route("/apt/{*address}", any(apt_file))
            .route("/yum/{*address}", any(yum_file))
            .route("/install/{*address}", any(installer))
            .route("/pkgdeploy_gpg.asc", any(armored_certificate))
            .route("/pkgdeploy_gpg.gpg", any(binary_certificate))
            .with_state(Arc::new(routes))
    }
}

/// `GET /apt/{organisation}/{repository}/{path}`: one file of an APT repository.
async fn apt_file(State(routes): State<Arc<Routes>>, request: Request) -> Response<Body> {
    routes.file(Format::Deb, "/apt/", &request.into_parts().0).await.unwrap_or_else(Problem::into_response)
}

/// `GET /yum/{organisation}/{repository}/{path}`: one file of a YUM repository, or its mirror list.
async fn yum_file(State(routes): State<Arc<Routes>>, request: Request) -> Response<Body> {
    routes.file(Format::Rpm, "/yum/", &request.into_parts().0).await.unwrap_or_else(Problem::into_response)
}

/// `GET /install/{organisation}/{repository}` and what lies below it: what gives a machine access.
async fn installer(State(routes): State<Arc<Routes>>, request: Request) -> Response<Body> {
    routes.installer(&request.into_parts().0).await.unwrap_or_else(Problem::into_response)
}

/// `GET /pkgdeploy_gpg.asc`: every certificate to trust now in ASCII armor, for everyone.
async fn armored_certificate(State(routes): State<Arc<Routes>>, request: Request) -> Response<Body> {
    routes.certificate(|it| &it.armored, &request.into_parts().0).await.unwrap_or_else(Problem::into_response)
}

/// `GET /pkgdeploy_gpg.gpg`: the same as bare packets, for everyone.
async fn binary_certificate(State(routes): State<Arc<Routes>>, request: Request) -> Response<Body> {
    routes.certificate(|it| &it.binary, &request.into_parts().0).await.unwrap_or_else(Problem::into_response)
}

impl Routes {
    async fn file(&self, format: Format, prefix: &str, request: &Parts) -> Result<Response<Body>, Problem> {
        check_method(&request.method)?;
        let files = Files {
            reads: self.reads.as_ref(),
            bytes: &self.bytes,
            certificates: &self.certificates,
            public_url: &self.public_url,
        };
        // The address is taken as it was sent: decoding is done once, by the path's own type.
        let address = request.uri.path().strip_prefix(prefix).unwrap_or_default();
        files.answer(format, address, Asked::from(request)).await
    }

    async fn certificate(
        &self,
        notation: fn(&PublicCertificate) -> &Served,
        request: &Parts,
    ) -> Result<Response<Body>, Problem> {
        check_method(&request.method)?;
        answer_served(notation(&public(&self.certificates)?), Asked::from(request)).await
    }

    async fn installer(&self, request: &Parts) -> Result<Response<Body>, Problem> {
        let address = request.uri.path().strip_prefix("/install/").unwrap_or_default();
        let reads = self.reads.as_ref();
        if let (organisation, repository, "credentials") = split(address) {
            return self.credentials.answer(reads, organisation, repository, request).await;
        }
        check_method(&request.method)?;
        self.installers.answer(reads, address, &request.headers).await
    }
}
