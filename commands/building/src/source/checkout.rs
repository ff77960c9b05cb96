//! Resolving a tag, and checking it out into a folder.

use std::{fs, io, os::unix::fs::DirBuilderExt as _, path::Path, time::Duration};

use chrono::DateTime;
use domain::{
    names::TagName,
    project::{CommitId, GitUrl},
    size::Limit,
};
use tokio::time::timeout;

use super::{Checkout, DeployKey, Git, SourceError, git::GitEnvironment, listing::measure};

/// How long a code repository may take to say where a tag points: a client waits for the answer.
const TAG_ANSWER_MAX: Duration = Duration::from_secs(20);
/// A question about one tag is answered with two short lines.
const ANSWER_MAX_BYTES: u64 = 64 * 1024;
/// A question about all tags: a hundred thousand of them.
const TAGS_ANSWER_MAX_BYTES: u64 = 8 * 1024 * 1024;

impl Git {
    /// The commit that `tag` points to now, or `None` if the repository has no such tag.
    ///
    /// # Errors
    /// `clone_failed` if the repository cannot be asked, `timeout`.
    pub async fn resolve_tag(
        &self,
        url: &GitUrl,
        tag: &TagName,
        key: Option<&DeployKey>,
    ) -> Result<Option<CommitId>, SourceError> {
        let ask = async {
            let environment = self.environment(url, key)?;
            let (full, peeled) = (format!("refs/tags/{tag}"), format!("refs/tags/{tag}^{{}}"));
            let asked = environment
                .run(&["ls-remote", "--quiet", "--", url.as_str(), &full, &peeled], ANSWER_MAX_BYTES)
                .await?;
            if !asked.status.success() {
                return Err(environment.refused(asked.reason));
            }
            // git matches the end of a name: `refs/tags/x/refs/tags/v1` would answer too. An annotated tag has
            // a second line with the commit it was put on.
            let named = |name: &str| {
                let mut lines = asked.stdout.lines().filter_map(|line| line.split_once('\t'));
                lines.find(|(_, found)| *found == name).and_then(|(commit, _)| commit.parse().ok())
            };
            Ok(named(&peeled).or_else(|| named(&full)))
        };
        within(self.limits.time.min(TAG_ANSWER_MAX), url, ask).await
    }

    /// Every tag of the repository whose name can be released at all.
    ///
    /// # Errors
    /// `clone_failed` if the repository cannot be asked or has more tags than are read, `timeout`.
    pub async fn tags(&self, url: &GitUrl, key: Option<&DeployKey>) -> Result<Vec<TagName>, SourceError> {
        let ask = async {
            let environment = self.environment(url, key)?;
            let arguments = ["ls-remote", "--quiet", "--tags", "--refs", "--", url.as_str()];
            let asked = environment.run(&arguments, TAGS_ANSWER_MAX_BYTES).await?;
            if !asked.status.success() {
                return Err(environment.refused(asked.reason));
            }
            if asked.stdout.len() as u64 >= TAGS_ANSWER_MAX_BYTES {
                return Err(
                    environment.refused(format!("its list of tags is longer than {TAGS_ANSWER_MAX_BYTES} bytes"))
                );
            }
            let names = asked.stdout.lines().filter_map(|line| line.split_once("\trefs/tags/"));
            Ok(names.filter_map(|(_, name)| name.parse().ok()).collect())
        };
        within(self.limits.time.min(TAG_ANSWER_MAX), url, ask).await
    }

    fn environment<'a>(&'a self, url: &'a GitUrl, key: Option<&DeployKey>) -> Result<GitEnvironment<'a>, SourceError> {
        let parent = self.scratch.clone().unwrap_or_else(std::env::temp_dir);
        GitEnvironment::open(self, url, key, &parent)
    }

    /// Writes the code of `tag` into the new folder `into`.
    ///
    /// With `expected`, the tag must still point to that commit. Links are written as they are and may point
    /// anywhere. Submodules stay empty folders, files of git-lfs stay pointers. On failure `into` is removed.
    ///
    /// # Errors
    /// `tag_not_found`, `tag_moved`, `too_large`, `timeout`, `clone_failed`; `machine` if `into` exists.
    pub async fn checkout(
        &self,
        url: &GitUrl,
        tag: &TagName,
        expected: Option<&CommitId>,
        key: Option<&DeployKey>,
        into: &Path,
    ) -> Result<Checkout, SourceError> {
        let made = fs::DirBuilder::new().mode(0o755).create(into);
        made.map_err(|source| SourceError::Machine { action: "make", path: into.to_owned(), source })?;
        let folder = Unfinished { path: Some(into) };
        let checkout = within(self.limits.time, url, self.fetch(url, tag, expected, key, into)).await?;
        folder.keep();
        Ok(checkout)
    }

    async fn fetch(
        &self,
        url: &GitUrl,
        tag: &TagName,
        expected: Option<&CommitId>,
        key: Option<&DeployKey>,
        into: &Path,
    ) -> Result<Checkout, SourceError> {
        let parent = into.parent().unwrap_or(Path::new("/"));
        let environment = GitEnvironment::open(self, url, key, parent)?;
        let git_dir = format!("--git-dir={}", environment.repository().display());
        let template = format!("--template={}", environment.template().display());
        let repository = environment.repository().display().to_string();
        self.must(&environment, tag, &["init", "--quiet", "--bare", &template, "--", &repository]).await?;

        let reference = format!("+refs/tags/{tag}:refs/tags/{tag}");
        let options = ["--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance"];
        let fetch = [&[git_dir.as_str(), "fetch"], &options[..], &["--", url.as_str(), &reference]].concat();
        let fetched = environment.run(&fetch, ANSWER_MAX_BYTES).await?;
        if !fetched.status.success() {
            return Err(match () {
                () if fetched.reason.contains("couldn't find remote ref") => {
                    SourceError::TagNotFound { url: url.clone(), tag: tag.clone() }
                }
                () if fetched.wrote_too_much() => self.pack_too_large(tag),
                () => environment.refused(fetched.reason),
            });
        }

        let name = format!("refs/tags/{tag}^{{commit}}");
        let facts = self.must(&environment, tag, &[&git_dir, "log", "-1", "--format=%H %ct", &name, "--"]).await?;
        let (commit, committed_at) =
            parse_facts(&facts).ok_or_else(|| environment.refused("the tag points to no commit".into()))?;
        if let Some(expected) = expected.filter(|expected| **expected != commit) {
            return Err(SourceError::TagMoved { tag: tag.clone(), expected: expected.clone(), found: commit });
        }

        let mut listing =
            environment.start(&[&git_dir, "ls-tree", "-r", "-t", "-l", "-z", "--full-tree", commit.as_str()])?;
        let records = listing.stdout.take().ok_or_else(|| environment.broken(io::Error::other("no pipe to git")))?;
        measure(records, tag, &self.limits).await?;

        let work_tree = format!("--work-tree={}", into.display());
        self.must(
            &environment,
            tag,
            &[&git_dir, &work_tree, "checkout", "--quiet", "--force", "--detach", commit.as_str(), "--"],
        )
        .await?;
        Ok(Checkout { commit, committed_at })
    }

    async fn must(
        &self,
        environment: &GitEnvironment<'_>,
        tag: &TagName,
        arguments: &[&str],
    ) -> Result<String, SourceError> {
        let finished = environment.run(arguments, ANSWER_MAX_BYTES).await?;
        match finished.status.success() {
            true => Ok(finished.stdout),
            false if finished.wrote_too_much() => Err(self.pack_too_large(tag)),
            false => Err(environment.refused(finished.reason)),
        }
    }

    fn pack_too_large(&self, tag: &TagName) -> SourceError {
        SourceError::TooLarge {
            tag: tag.clone(),
            what: "the size of one file that git writes",
            limit: Limit::Bytes(self.limits.total_bytes),
        }
    }
}

/// `<commit> <seconds>`.
fn parse_facts(text: &str) -> Option<(CommitId, DateTime<chrono::Utc>)> {
    let (commit, seconds) = text.trim().split_once(' ')?;
    Some((commit.parse().ok()?, DateTime::from_timestamp(seconds.parse().ok()?, 0)?))
}

async fn within<T>(
    limit: Duration,
    url: &GitUrl,
    work: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    let late = |_| SourceError::Timeout { url: url.clone(), seconds: limit.as_secs() };
    timeout(limit, work).await.map_err(late)?
}

/// A folder that is removed again unless its checkout succeeded.
struct Unfinished<'a> {
    path: Option<&'a Path>,
}

impl Unfinished<'_> {
    fn keep(mut self) {
        self.path = None;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.path
            && let Err(error) = fs::remove_dir_all(path)
        {
            tracing::warn!(%error, "cannot remove the unfinished checkout {}", path.display());
        }
    }
}
