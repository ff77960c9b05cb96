//! Reconciliation: the tags a repository has, compared with those that are known. GitHub never sends a lost delivery
//! again, and sends none for more than three tags in one push.

use domain::{
    aggregate::Aggregate as _,
    ids::{ProjectId, ReleaseId},
    names::TagName,
    project::{Command, Event, GitUrl, ListedTag, Project},
};
use event_log::execute::Context;
use uuid::Uuid;

use super::{
    Access, Trouble,
    access::{Open, Situation},
    source_key,
};

/// Most appends of one look: a hundred thousand tags.
const ROUNDS_MAX: usize = 100;

/// A release that reconciliation asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// The tag whose delivery was lost.
    pub tag: TagName,
    /// Its release.
    pub release: ReleaseId,
}

impl Access {
    /// Asks for the tags of a project's repository, and for a release of each that is new and that a delivery would
    /// have released. The tags that are there when a project is asked for the first time are only taken note of.
    ///
    /// # Errors
    /// `Refused` if GitHub does not trigger the project's releases; otherwise see [`Trouble`].
    pub async fn reconcile(&self, project: ProjectId, context: &Context) -> Result<Vec<Reconciled>, Trouble> {
        let Some(situation) = self.situation(project).await?.filter(|situation| situation.triggers) else {
            // The rules say why not. No list was read, so nothing may follow from one.
            let command = Command::ReconcileTags { repository_id: 0, tags: Vec::new() };
            let refused = |project: &Project, _| project.decide(command).err();
            let refusal = self.executor.inspect::<Project, _>(project.0, refused).await?;
            return refusal.map_or_else(|| Ok(Vec::new()), |refusal| Err(refusal.into()));
        };
        let open = match situation.github.credential {
            Some(credential) => Some(self.open(&situation.github, credential).await?),
            None => None,
        };
        let tags = self.tags(project, &situation, open.as_ref()).await?;
        self.record_tags(project, situation.github.repository_id, tags, context).await
    }

    /// Every tag there is, by the API where there is a token, and by git where there is none.
    pub(super) async fn tags(
        &self,
        project: ProjectId,
        situation: &Situation,
        open: Option<&Open>,
    ) -> Result<Vec<TagName>, Trouble> {
        if let Some(Open { session, name }) = open {
            return Ok(session.tags(name).await?);
        }
        let key = source_key(&self.executor, &self.secrets, project).await?;
        let url = GitUrl::parse(&situation.source, self.git.allow_local)?;
        Ok(self.git.tags(&url, key.as_ref()).await?)
    }

    pub(super) async fn record_tags(
        &self,
        project: ProjectId,
        repository_id: u64,
        tags: Vec<TagName>,
        context: &Context,
    ) -> Result<Vec<Reconciled>, Trouble> {
        let listed = |tag| ListedTag { tag, release: ReleaseId(Uuid::now_v7()) };
        let tags: Vec<ListedTag> = tags.into_iter().map(listed).collect();
        for _ in 0..ROUNDS_MAX {
            let command = Command::ReconcileTags { repository_id, tags: tags.clone() };
            let executed = self.executor.execute::<Project>(project.0, command, context).await;
            let events = executed.map_err(Trouble::from_execute)?.events;
            // One append takes so many notes and no more; releases end the look.
            let only_noted = |event: &Event| matches!(event, Event::TagsKnown { is_complete: false, .. });
            if events.is_empty() || !events.iter().all(only_noted) {
                let made = events.into_iter().filter_map(|event| match event {
                    Event::TriggerAccepted { tag, release, .. } => Some(Reconciled { tag, release }),
                    _ => None,
                });
                return Ok(made.collect());
            }
        }
        Ok(Vec::new())
    }
}
