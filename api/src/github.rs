//! GitHub, as the operator's settings and the server's own address make it.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use api_http::public_url::PublicUrl;
use building::source::Git;
use commands::github::{Access, Addresses, Github, GithubWorker, HttpSettings, Pace};
use event_log::execute::Executor;
use stores::secrets::Secrets;

use crate::settings;

/// How projects get at GitHub.
///
/// # Errors
/// The proxy is no address, or the machine's certificates cannot be read.
pub(crate) fn github_access(
    settings: &settings::Github,
    executor: Arc<Executor>,
    secrets: Arc<Secrets>,
    git: Git,
) -> Result<Arc<Access>, Box<dyn std::error::Error + Send + Sync>> {
    let timeout = settings.timeout_milliseconds.map_or(HttpSettings::TIMEOUT, milliseconds);
    let github = Github::new(&HttpSettings { timeout, proxy: settings.proxy.clone() })?;
    Ok(Arc::new(Access { executor, secrets, github, git }))
}

/// The worker that makes GitHub be as the projects want it.
#[must_use]
pub(crate) fn github_worker(settings: &settings::Github, access: Arc<Access>, public_url: &PublicUrl) -> GithubWorker {
    let usual = Pace::default();
    let pace = Pace {
        retry_first: settings.retry_first_milliseconds.map_or(usual.retry_first, milliseconds),
        retry_max: settings.retry_max_milliseconds.map_or(usual.retry_max, milliseconds),
        look_every: settings.reconcile_every_seconds.map_or(usual.look_every, |limit| Duration::from_secs(limit.get())),
    };
    let addresses = Addresses { public_url: public_url.as_str().to_owned() };
    GithubWorker::new(access, addresses, pace)
}

fn milliseconds(limit: NonZeroU64) -> Duration {
    Duration::from_millis(limit.get())
}
