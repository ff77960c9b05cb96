//! What follows from a delivery with a good signature. Pure: the same delivery always gives the same result.

use api_http::problem::Problem;
use domain::{
    delivery::{Ignored, Outcome},
    names::TagName,
    project::Trigger,
    version::ReleaseVersion,
};
use projections::credentials::Webhook;

use super::payload::Payload;

/// The prefix of a tag's ref.
const TAGS: &str = "refs/tags/";
/// The prefix of a branch's ref.
const BRANCHES: &str = "refs/heads/";

/// The decision for a project with this webhook.
pub(super) fn judge(webhook: &Webhook, hook_event: &str, payload: &Payload) -> Result<Outcome, Problem> {
    let repository_id = payload.repository.as_ref().map(|repository| repository.id);
    if repository_id.is_some_and(|id| id != webhook.repository_id) {
        return Ok(ignored(Ignored::OtherRepository));
    }
    if hook_event == "ping" {
        return Ok(Outcome::Ping);
    }
    if webhook.trigger != Trigger::GithubWebhook {
        return Ok(ignored(Ignored::OtherTrigger));
    }
    let reported = match hook_event {
        "create" | "delete" => of_ref_type(payload, hook_event == "delete")?,
        "push" => of_push(payload)?,
        "release" => of_release(payload)?,
        _ => return Ok(ignored(Ignored::UnknownEvent)),
    };
    if repository_id.is_none() {
        return Err(missing("repository.id"));
    }
    Ok(match reported {
        Content::Nothing(reason) => ignored(reason),
        Content::Tag { name, deleted } => of_tag(webhook, name, deleted),
    })
}

/// What a delivery reports.
enum Content<'a> {
    Tag { name: &'a str, deleted: bool },
    Nothing(Ignored),
}

fn of_ref_type(payload: &Payload, deleted: bool) -> Result<Content<'_>, Problem> {
    let name = payload.git_ref.as_deref();
    match payload.ref_type.as_deref() {
        Some("tag") => Ok(Content::Tag { name: name.ok_or_else(|| missing("ref"))?, deleted }),
        Some("branch" | "repository") => Ok(Content::Nothing(Ignored::Branch)),
        _ => Err(missing("ref_type")),
    }
}

fn of_push(payload: &Payload) -> Result<Content<'_>, Problem> {
    let git_ref = payload.git_ref.as_deref().ok_or_else(|| missing("ref"))?;
    if let Some(name) = git_ref.strip_prefix(TAGS) {
        return Ok(Content::Tag { name, deleted: payload.deleted });
    }
    let is_branch = git_ref.starts_with(BRANCHES);
    Ok(Content::Nothing(if is_branch { Ignored::Branch } else { Ignored::UnknownEvent }))
}

fn of_release(payload: &Payload) -> Result<Content<'_>, Problem> {
    match payload.action.as_deref() {
        Some("published") => {
            let release = payload.release.as_ref().ok_or_else(|| missing("release.tag_name"))?;
            Ok(Content::Tag { name: &release.tag_name, deleted: false })
        }
        Some(_) => Ok(Content::Nothing(Ignored::UnpublishedRelease)),
        None => Err(missing("action")),
    }
}

fn of_tag(webhook: &Webhook, name: &str, deleted: bool) -> Outcome {
    let Ok(tag) = name.parse::<TagName>() else { return ignored(Ignored::InvalidTag) };
    if !webhook.tag_pattern.matches(tag.as_str()) {
        return ignored(Ignored::PatternMismatch);
    }
    if ReleaseVersion::from_tag(&tag).is_err() {
        return ignored(Ignored::NoVersion);
    }
    if deleted { Outcome::TagDeleted { tag } } else { Outcome::Tag { tag } }
}

fn ignored(reason: Ignored) -> Outcome {
    Outcome::Ignored { reason }
}

fn missing(member: &str) -> Problem {
    Problem::BadRequest(format!("the webhook payload lacks \"{member}\", which this kind of event always has"))
}
