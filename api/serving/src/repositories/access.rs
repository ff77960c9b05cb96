//! Authorization of package clients: an access key, judged the same way whether or not the repository exists.

use api_http::{basic, problem::Problem};
use axum::http::HeaderMap;
use commands::rolls::Moves;
use domain::{
    ids::{AccessKeyId, RepositoryId},
    keyring::KeyKind,
    names::{OrganisationName, RepositoryName},
    package::Format,
    token::Token,
};
use event_log::execute::Clock;
use index::{Fixed, Repositories};
use projections::credentials::{Credentials, Pass, Standing};
use uuid::Uuid;

/// Checks access keys. Cheap to clone.
#[derive(Clone)]
pub struct Authorizer {
    /// The valid keys of each repository.
    pub credentials: Credentials,
    /// The repositories.
    pub repositories: Repositories,
    /// Records which machines use their new keys. `None` if this is not recorded.
    pub moves: Option<Moves>,
    /// The clock for the expiry of keys.
    pub clock: Clock,
}

/// A request with a valid access key.
pub struct Authorized {
    /// The repository.
    pub repository: ServedRepository,
    /// The key.
    pub key: Token,
    /// The key's purpose.
    pub pass: Pass,
}

/// A repository that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedRepository {
    /// Its id.
    pub id: RepositoryId,
    /// Its organisation.
    pub organisation: OrganisationName,
    /// Its name in URLs.
    pub name: RepositoryName,
    /// APT or YUM.
    pub format: Format,
    /// The APT suite: `dists/<codename>`.
    pub codename: String,
}

impl Authorizer {
    /// Authorizes a request for the repository's packages. An enrolment key only lets machines enrol, and gives no access to packages.
    ///
    /// # Errors
    /// As [`Self::authorize`].
    pub(crate) fn authorize_packages(
        &self,
        organisation: &str,
        repository: &str,
        headers: &HeaderMap,
    ) -> Result<Authorized, Problem> {
        let authorized = self.authorize(organisation, repository, headers)?;
        match authorized.pass.kind {
            KeyKind::Shared | KeyKind::Machine => Ok(authorized),
            KeyKind::Enrolment => Err(Problem::NeedsAccessKey),
        }
    }

    /// Authorizes a request with any access key of the repository.
    ///
    /// # Errors
    /// `NeedsAccessKey`, for an unknown repository as for a wrong key, after the same work.
    pub fn authorize(&self, organisation: &str, repository: &str, headers: &HeaderMap) -> Result<Authorized, Problem> {
        let key = basic::access_key(headers).ok_or(Problem::NeedsAccessKey)?;
        let names = organisation.parse().ok().zip(repository.parse().ok());
        let found = names.and_then(|(organisation, name)| self.find(organisation, name));
        let (id, key_id) = (found.as_ref().map_or(RepositoryId(Uuid::nil()), |found| found.id), AccessKeyId(key.id()));
        let pass = self.credentials.pass(id, key_id, &key.secret_sha256(), (self.clock)());
        let (Some(repository), Some(pass)) = (found, pass) else { return Err(Problem::NeedsAccessKey) };
        if let Some(moves) = self.moves.as_ref().filter(|_| pass.standing == Standing::NeverUsed) {
            moves.notice(id, key_id);
        }
        Ok(Authorized { repository, key, pass })
    }

    fn find(&self, organisation: OrganisationName, name: RepositoryName) -> Option<ServedRepository> {
        let id = RepositoryId::named(&organisation, &name);
        let Fixed { format, codename } = self.repositories.fixed(id)?;
        Some(ServedRepository { id, organisation, name, format, codename })
    }
}
