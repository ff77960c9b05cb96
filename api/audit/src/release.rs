//! A release: who requested it, its result, and the signed indexes that contain it.

use async_graphql::SimpleObject;
use domain::{
    event::{self, Event, Subject},
    ids::ReleaseId,
    recorded::{RawEvent, Recorded},
    release, repository,
};
use projections::audit_index::Wanted;
use serde::Serialize;

use super::{AuditError, Auditor, Entry, STORY_EVENTS_MAX};

/// Everything about one release.
#[derive(Debug, Clone, Serialize, SimpleObject)]
pub struct ReleaseStory {
    /// Its id.
    pub release: String,
    /// Its project: `acme/website`.
    pub project: Option<String>,
    /// The git tag.
    pub tag: Option<String>,
    /// The version of its packages.
    pub version: Option<String>,
    /// Its causes, the first cause first.
    pub chain: Vec<Entry>,
    /// Its events, oldest first.
    pub events: Vec<Entry>,
    /// The first signed index of each repository that contains one of its packages, oldest first.
    pub published: Vec<Entry>,
}

impl Auditor {
    /// The history of a release.
    ///
    /// # Errors
    /// `Unknown` if no event is about it.
    pub async fn release(&self, release: ReleaseId) -> Result<ReleaseStory, AuditError> {
        let about = Wanted { subject: Some(Subject::Release(release)), ..Wanted::default() };
        let events = self.first(&about, STORY_EVENTS_MAX).await?;
        let Some(first) = events.first() else {
            return Err(AuditError::Unknown(format!("release {release}")));
        };
        let mut story = ReleaseStory {
            release: release.to_string(),
            project: None,
            tag: None,
            version: None,
            chain: self.chain_of(first.clone()).await?,
            events: self.entries(&events).await?,
            published: Vec::new(),
        };
        let mut published: Vec<Recorded<RawEvent>> = Vec::new();
        for recorded in &events {
            match event::decode(&recorded.event) {
                Ok(Event::Release(release::Event::Received { organisation, project, tag, version })) => {
                    let row = self.dashboard.project(project).await?;
                    story.project = row.map(|row| format!("{organisation}/{}", row.name));
                    story.tag = Some(tag.to_string());
                    story.version = Some(version.to_string());
                }
                Ok(Event::Repository(repository::Event::PackageAdded { .. })) => {
                    if let Some(signed) = self.shown_by(recorded).await?
                        && !published.iter().any(|known| known.event_id == signed.event_id)
                    {
                        published.push(signed);
                    }
                }
                _ => {}
            }
        }
        story.published = self.entries(&published).await?;
        Ok(story)
    }

    /// The first cause, which names who requested the release. `None` if the release is not projected yet.
    ///
    /// # Errors
    /// The log or the read models cannot be read.
    pub async fn beginning(&self, release: ReleaseId) -> Result<Option<Entry>, AuditError> {
        let about = Wanted { subject: Some(Subject::Release(release)), ..Wanted::default() };
        let Some(first) = self.first(&about, 1).await?.pop() else { return Ok(None) };
        Ok(self.chain_of(first).await?.into_iter().next())
    }

    /// The first signed index that contains `added`.
    async fn shown_by(&self, added: &Recorded<RawEvent>) -> Result<Option<Recorded<RawEvent>>, AuditError> {
        let mut found = None;
        self.each_of(&added.stream, added.revision, |later| {
            let covers = match event::decode(&later.event) {
                Ok(Event::Repository(repository::Event::IndexSigned(index))) => index.covers,
                _ => return true,
            };
            if covers < added.revision {
                return true;
            }
            found = Some(later);
            false
        })
        .await?;
        Ok(found)
    }
}
