//! A server with an organisation, the bundled sample project and a repository of each format.

use stories::{Format, MadeProject, MadeRepository, Release, Server, StartOptions, Team, sample_project};
use tempfile::TempDir;

pub(crate) const ORGANISATION: &str = "acme";
pub(crate) const APT: &str = "debian";
pub(crate) const YUM: &str = "enterprise-linux";

pub(crate) struct Sample {
    pub(crate) server: Server,
    pub(crate) team: Team,
    pub(crate) project: MadeProject,
    pub(crate) apt: MadeRepository,
    pub(crate) yum: MadeRepository,
    _source: TempDir,
}

impl Sample {
    pub(crate) async fn set_up() -> Self {
        Self::set_up_with(&StartOptions::default()).await
    }

    /// As [`Self::set_up`], with the log of the server at `url`.
    pub(crate) async fn set_up_on(url: &str) -> Self {
        let tables = format!("\n[log]\nurl = \"{url}\"\n");
        Self::set_up_with(&StartOptions { tables, ..StartOptions::default() }).await
    }

    async fn set_up_with(options: &StartOptions) -> Self {
        let source = TempDir::with_prefix("pkgdeploy-sample-").expect("a temporary folder");
        let folder = sample_project(source.path());
        let server = Server::start_with(options);
        let team = server.operator();
        team.create_organisation(ORGANISATION).await;
        let folder = folder.to_str().expect("temporary folders have plain names");
        let project = team.create_project(ORGANISATION, "noticeboard", folder).await;
        let apt = team.create_repository(ORGANISATION, APT, Format::Deb).await;
        let yum = team.create_repository(ORGANISATION, YUM, Format::Rpm).await;
        Self { server, team, project, apt, yum, _source: source }
    }

    pub(crate) async fn released(&self, tag: &str) -> Release {
        self.team.released(&self.project, tag).await
    }
}
