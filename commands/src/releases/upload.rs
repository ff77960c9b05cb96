//! Uploading: every package into every repository of its format, all or none, and then the wait for signed indexes.

use domain::{
    aggregate::Aggregate as _,
    fingerprint::Fingerprint,
    ids::{ReleaseId, RepositoryId},
    names::OrganisationName,
    package::{Format, Package},
    release::{Command, Step},
    repository::{self, Refusal, Repository},
};
use event_log::execute::{Context, ExecuteError};

use super::{Pipeline, failure::Stop};

/// One package on its way into one repository.
struct Upload {
    config: String,
    package: Package,
    key_fingerprint: Option<Fingerprint>,
    repository: RepositoryId,
}

impl Upload {
    fn command(&self, release: ReleaseId) -> repository::Command {
        repository::Command::AddPackage {
            package: Box::new(self.package.clone()),
            release: Some(release),
            key_fingerprint: self.key_fingerprint.clone(),
        }
    }
}

impl Pipeline {
    pub(super) async fn upload(&self, id: ReleaseId, context: &Context) -> Result<(), Stop> {
        let uploads = self.uploads(id).await?;
        // Nothing half-published: if one repository will not take its package, none takes any.
        for upload in &uploads {
            self.check(id, upload).await?;
        }
        for upload in uploads {
            let add = upload.command(id);
            let Upload { config, repository, .. } = upload;
            match self.executor.execute::<Repository>(repository.0, add, context).await {
                Ok(_) => {}
                Err(ExecuteError::Refused(refusal)) => return Err(refused(&config, &refusal)),
                Err(ExecuteError::Log(error)) => return Err(error.into()),
            }
            self.record(id, Command::RecordUploaded { config, repository }, context).await?;
        }
        self.wait_until_published(id).await
    }

    /// The repositories that take packages of `format`.
    pub(super) async fn targets(
        &self,
        organisation: &OrganisationName,
        format: Format,
        step: Step,
    ) -> Result<Vec<RepositoryId>, Stop> {
        self.repositories.of(organisation, format).await.map_err(|error| Stop::machine(step, error.as_ref()))
    }

    async fn uploads(&self, id: ReleaseId) -> Result<Vec<Upload>, Stop> {
        let running = self.running(id).await?;
        let mut uploads = Vec::new();
        for (config, progress) in running.packages.unwrap_or_default() {
            let Some(package) = progress.ready else { continue };
            let organisation = &running.origin.organisation;
            let targets = self.targets(organisation, package.format(), Step::Uploading).await?;
            if targets.is_empty() {
                let message =
                    format!("{config}: the organisation no longer has a repository for {} packages", package.format());
                return Err(Stop::failed(Step::Uploading, "no_repository", message));
            }
            uploads.extend(targets.into_iter().map(|repository| Upload {
                config: config.clone(),
                package: package.clone(),
                key_fingerprint: progress.key_fingerprint.clone(),
                repository,
            }));
        }
        Ok(uploads)
    }

    /// Would the repository take the package? Asked of the rules themselves, without recording anything.
    async fn check(&self, id: ReleaseId, upload: &Upload) -> Result<(), Stop> {
        let add = upload.command(id);
        let answer =
            self.executor.inspect::<Repository, _>(upload.repository.0, |repository, _| repository.decide(add)).await?;
        answer.map(drop).map_err(|refusal| refused(&upload.config, &refusal))
    }

    /// A release is uploaded when clients can install it, not when its packages wait for a signature.
    async fn wait_until_published(&self, id: ReleaseId) -> Result<(), Stop> {
        let packages = self.running(id).await?.packages.unwrap_or_default();
        let repositories: std::collections::BTreeSet<RepositoryId> =
            packages.into_values().flat_map(|progress| progress.uploaded_to).collect();
        for repository in repositories {
            let revision = self.executor.inspect::<Repository, _>(repository.0, |r, _| r.content_revision()).await?;
            self.repositories.published(repository, revision).await;
        }
        Ok(())
    }
}

fn refused(config: &str, refusal: &Refusal) -> Stop {
    let code = match refusal {
        Refusal::PackageDiffers { .. } => "package_differs",
        Refusal::Yanked { .. } => "package_yanked",
        Refusal::Full => "repository_full",
        Refusal::WrongFormat { .. } => "wrong_format",
        Refusal::InstallersName(_) => "installers_name",
        Refusal::Unknown
        | Refusal::NameTaken
        | Refusal::YankedAlready(_)
        | Refusal::NotPublished(_)
        | Refusal::SnapshotNameTaken { .. }
        | Refusal::NoSuchSnapshot(_)
        | Refusal::TooManySnapshots
        | Refusal::IndexSuperseded
        | Refusal::IndexAhead
        | Refusal::IndexNotLater
        | Refusal::NotThere(_) => "no_repository",
    };
    Stop::failed(Step::Uploading, code, format!("{config}: {refusal}"))
}
