//! `/audit`: searches the event log by any id, digest or name that an auditor has.

use api_http::problem::Problem;
use askama::Template;
use audit::{AuditError, Auditor, Entry, Question, Shown, key_or_token, who};
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::Html,
};
use domain::{
    digest::Sha256,
    event::{NAMES, Subject},
    ids::{AccessKeyId, EventId, ReleaseId, RepositoryId, TokenId},
    recorded::Position,
};
use projections::audit_index::{Page, Wanted};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    layout::{Layout, Section, SiteInfo, show},
    problem::{PageProblem, bad_query},
    show::Moment,
};

/// Events on a page.
const EVENTS_SHOWN: usize = 50;
/// Keys on a page.
const KEYS_SHOWN: u32 = 100;
/// The maximum number of subjects that one line shows.
const SUBJECTS_SHOWN: usize = 4;
/// How many characters of an id are shown. The link contains the whole id.
const ID_SHOWN_CHARS: usize = 13;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    #[serde(default)]
    q: String,
    before: Option<u64>,
}

/// A link to another search: its text and its query.
struct Link {
    words: String,
    search: String,
}

struct EventRow {
    name: String,
    at: Moment,
    by: String,
    /// The IP address of the request.
    origin: Option<String>,
    /// The query that finds everything this actor did.
    actor: String,
    /// The query that finds the event's causes.
    id: String,
    subjects: Vec<Link>,
    payload: String,
}

struct EventPart {
    heading: &'static str,
    rows: Vec<EventRow>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    layout: Layout,
    q: String,
    /// The query, encoded for a URL.
    address: String,
    story: Shown,
    parts: Vec<EventPart>,
    is_empty: bool,
    is_newest: bool,
    older: Option<u64>,
}

impl From<AuditError> for PageProblem {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Log(error) => Self(error.into()),
            error => Self(Problem::internal("read the event log")(error.into())),
        }
    }
}

/// `GET /audit`.
pub(super) async fn audit(
    State(site): State<SiteInfo>,
    State(auditor): State<Auditor>,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Result<Html<String>, PageProblem> {
    let Query(query) = query.map_err(|error| bad_query(error.body_text()))?;
    let layout = Layout::of(&site, "Audit", Section::Audit);
    let q = query.q.trim();
    let found = match answer(&auditor, &layout, q, query.before).await {
        // An unknown id is a search without results.
        Err(Miss::Audit(AuditError::Unknown(_))) => Found::default(),
        Err(Miss::Audit(error)) => return Err(error.into()),
        Err(Miss::NotUnderstood(why)) => return Err(bad_query(why)),
        Ok(found) => found,
    };
    let Found { story, parts, older } = found;
    show(&AuditPage {
        is_empty: story.is_empty() && parts.iter().all(|(_, entries)| entries.is_empty()),
        parts: parts.into_iter().map(|(heading, entries)| part(heading, &entries, &layout)).collect(),
        address: in_address(q),
        q: q.to_owned(),
        is_newest: query.before.is_none(),
        layout,
        story,
        older,
    })
}

/// The result of a search.
#[derive(Default)]
struct Found {
    story: Shown,
    parts: Vec<(&'static str, Vec<Entry>)>,
    older: Option<u64>,
}

enum Miss {
    Audit(AuditError),
    NotUnderstood(String),
}

impl From<AuditError> for Miss {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Invalid(error) => Self::NotUnderstood(error.to_string()),
            error => Self::Audit(error),
        }
    }
}

/// The meanings that `q` may have, the most likely first.
async fn answer(auditor: &Auditor, layout: &Layout, q: &str, before: Option<u64>) -> Result<Found, Miss> {
    let auditor = auditor.up_to_date().await?;
    let id = q.split_once(':').filter(|(kind, _)| matches!(*kind, "key" | "token" | "release" | "package"));
    let bare = id.map_or(q, |(_, id)| id);
    if let Ok(sha256) = bare.parse::<Sha256>() {
        return Ok(auditor.package(sha256, layout.now(), None, KEYS_SHOWN).await?.into());
    }
    if let Some((organisation, name)) = q.split_once('/')
        && let (Ok(organisation), Ok(name)) = (organisation.parse(), name.parse())
    {
        let repository = RepositoryId::named(&organisation, &name);
        let access = auditor.access(repository, layout.now(), None, KEYS_SHOWN).await?;
        let mut found = events(auditor, &about(Subject::Repository(repository)), before).await?;
        found.story = (&access).into();
        return Ok(found);
    }
    if let Ok(id) = key_or_token(bare) {
        return by_id(auditor, id).await;
    }
    let question = match q {
        "" => Question::default(),
        q if NAMES.contains(&q) => Question { names: vec![q.to_owned()], ..Question::default() },
        q if who(q).is_ok() => Question { actor: Some(q.to_owned()), ..Question::default() },
        q if q.contains(':') => Question { about: Some(q.to_owned()), ..Question::default() },
        q => Question { kinds: vec![q.to_owned()], ..Question::default() },
    };
    let wanted = auditor.wanted(&question).await?;
    Ok(events(auditor, &wanted, before).await?)
}

/// The event, release, access key or token with this id.
async fn by_id(auditor: &Auditor, id: Uuid) -> Result<Found, Miss> {
    if auditor.event(EventId(id)).await?.is_some() {
        let chain = auditor.chain(EventId(id)).await?;
        let followed = auditor.followed(EventId(id), EVENTS_SHOWN).await?;
        let parts = vec![("Causes", chain), ("Effects", followed)];
        return Ok(Found { parts, ..Found::default() });
    }
    match auditor.key(AccessKeyId(id)).await {
        Err(AuditError::Unknown(_)) => {}
        story => return Ok(story?.into()),
    }
    match auditor.token(TokenId(id)).await {
        Err(AuditError::Unknown(_)) => {}
        story => return Ok(story?.into()),
    }
    Ok(auditor.release(ReleaseId(id)).await?.into())
}

fn about(subject: Subject) -> Wanted {
    Wanted { subject: Some(subject), ..Wanted::default() }
}

async fn events(auditor: &Auditor, wanted: &Wanted, before: Option<u64>) -> Result<Found, AuditError> {
    let page = Page { after: before.map(Position), newest_first: true, limit: EVENTS_SHOWN };
    let found = auditor.page(wanted, page).await?;
    Ok(Found { story: Shown::default(), parts: vec![("Events, newest first", found.events)], older: found.next })
}

impl<S> From<S> for Found
where
    for<'a> Shown: From<&'a S>,
    S: audit::Story,
{
    fn from(story: S) -> Self {
        let shown = Shown::from(&story);
        Self { story: shown, parts: story.lists(), older: None }
    }
}

fn part(heading: &'static str, entries: &[Entry], layout: &Layout) -> EventPart {
    let row = |entry: &Entry| EventRow {
        name: entry.name.clone(),
        at: layout.moment(entry.at),
        by: entry.by.clone(),
        origin: entry.origin.clone(),
        actor: in_address(&entry.person.as_ref().map_or(entry.actor.clone(), |person| format!("person:{person}"))),
        id: entry.id.clone(),
        subjects: entry.subjects.iter().take(SUBJECTS_SHOWN).map(|subject| link(subject)).collect(),
        payload: entry.payload.get().to_owned(),
    };
    EventPart { heading, rows: entries.iter().map(row).collect() }
}

fn link(subject: &str) -> Link {
    let (kind, id) = subject.split_once(':').unwrap_or(("", subject));
    let short: String = id.chars().take(ID_SHOWN_CHARS).collect();
    Link { words: format!("{kind} {short}"), search: in_address(subject) }
}

fn in_address(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
