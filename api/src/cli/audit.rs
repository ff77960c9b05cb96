//! `pkgdeploy audit`.

mod show;

use std::sync::Arc;

use archive::data_folder::DataFolder;
use audit::{Auditor, Behind, FIRST_MAX, Question, Shown, Story, key_or_token, time};
use chrono::Utc;
use clap::{Args, Subcommand, builder::TypedValueParser};
use domain::{
    digest::Sha256,
    error_chain::ErrorChain,
    ids::{AccessKeyId, EventId, ReleaseId, RepositoryId, TokenId},
    recorded::Position,
};
use event_log::event_store;
use projections::audit_index::Page;
use serde::Serialize;
use stores::{
    personal::Persons,
    secrets::{Secrets, SecretsError},
};

use super::Outcome;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    about: About,
    /// Print JSON instead of tables: one line per event of a list, otherwise one object
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum About {
    /// An API or operator token: issued, used, rolled, expired or revoked, and by whom
    Token {
        /// Its id: the part between `pkd_api_`, `pkd_op_` or `pkd_feed_` and the secret
        id: String,
    },
    /// An access key: its history, the packages it had access to, and what was downloaded with it
    Key {
        /// Its id: the login of HTTP Basic
        id: String,
    },
    /// A release: who requested it, its result, and the signed indexes that contain it
    Release {
        /// Its id
        id: ReleaseId,
    },
    /// What an actor did, newest first
    Actor {
        /// person:<id>, operator:<token>, api-token:<token>, access-key:<key>, worker:<name>, ci-job:<repository>, github-webhook or
        /// command-line
        who: String,
        #[command(flatten)]
        part: Part,
    },
    /// Who had access to a repository at a given time: every key that was valid then
    Access {
        /// <organisation>/<repository>
        repository: String,
        /// The time [default: now]
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Maximum number of keys
        #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = limit())]
        limit: u32,
        /// Only keys after this id
        #[arg(long, value_name = "KEY")]
        after: Option<String>,
    },
    /// A package file: its origin, which machines downloaded it, and which keys can still download it
    Package {
        /// The file's digest
        sha256: Sha256,
        /// Maximum number of keys
        #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = limit())]
        limit: u32,
        /// Only keys after this id
        #[arg(long, value_name = "KEY")]
        after: Option<String>,
    },
    /// The causes of an event, from the first on
    Chain {
        /// The event's id
        event: EventId,
    },
    /// All matching events, newest first
    Events {
        /// Only events about this subject: key:<id>, token:<id>, release:<id>, repository:<id>, machine:<name>, package:<sha256>, …
        #[arg(long, value_name = "KIND:ID")]
        about: Option<String>,
        /// Only events of this name, such as keyring.rolled; may be repeated
        #[arg(long, value_name = "NAME")]
        name: Vec<String>,
        /// Only events in streams of this kind, such as keyring; may be repeated
        #[arg(long, value_name = "KIND")]
        kind: Vec<String>,
        /// Only events of this organisation
        #[arg(long, value_name = "NAME")]
        organisation: Option<String>,
        /// Only events caused by this actor
        #[arg(long, value_name = "ACTOR")]
        actor: Option<String>,
        #[command(flatten)]
        part: Part,
    },
}

/// The part of a list to show.
#[derive(Debug, Args)]
struct Part {
    /// Only events at or after this time
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only events before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Maximum number of events
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = limit())]
    limit: u32,
    /// Continue after this position, where the previous page ended
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// Oldest first
    #[arg(long)]
    oldest_first: bool,
}

/// How many items a page may have.
fn limit() -> impl TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(1..=i64::from(FIRST_MAX))
}

pub(super) async fn run(Audit { about, json }: Audit, settings: &Settings) -> Outcome {
    let data = DataFolder::existing(&settings.locations())?;
    let log = event_store::open_read_only(data.log()).await?;
    let auditor = Auditor::beside(log, &data.read_models(), &data.key_usage(), persons(&data)).await?;
    if let Some(behind) = auditor.caught_up().await? {
        say_behind(behind);
    }
    match about {
        About::Token { id } => answer(auditor.token(TokenId(key_or_token(&id)?)).await?, json),
        About::Key { id } => answer(auditor.key(AccessKeyId(key_or_token(&id)?)).await?, json),
        About::Release { id } => answer(auditor.release(id).await?, json),
        About::Actor { who: text, part } => {
            events(&auditor, Question { actor: Some(text), ..Question::default() }, part, json).await
        }
        About::Access { repository, at, limit, after } => {
            let at = at.map(|text| time("--at", &text)).transpose()?.unwrap_or_else(Utc::now);
            let after = after.map(|text| key_or_token(&text)).transpose()?.map(AccessKeyId);
            answer(auditor.access(named(&repository)?, at, after, limit).await?, json)
        }
        About::Package { sha256, limit, after } => {
            let after = after.map(|text| key_or_token(&text)).transpose()?.map(AccessKeyId);
            answer(auditor.package(sha256, Utc::now(), after, limit).await?, json)
        }
        About::Chain { event } => list(&auditor.chain(event).await?, None, json),
        About::Events { about, name, kind, organisation, actor, part } => {
            let question = Question { about, names: name, kinds: kind, organisation, actor, from: None, until: None };
            events(&auditor, question, part, json).await
        }
    }
}

/// The keys that unseal names and addresses. Without them, for example in a copy of the data folder without the master key, they
/// stay sealed, and everything else is shown.
fn persons(data: &DataFolder) -> Option<Persons> {
    match Secrets::existing(&data.secrets(), data.master_key()) {
        Ok(secrets) => secrets.map(|secrets| Persons::new(Arc::new(secrets))),
        Err(error) => {
            say_sealed(&error);
            None
        }
    }
}

async fn events(auditor: &Auditor, question: Question, part: Part, json: bool) -> Outcome {
    let Part { from, until, limit, after, oldest_first } = part;
    let wanted = auditor.wanted(&Question { from, until, ..question }).await?;
    let page = Page { after: after.map(Position), newest_first: !oldest_first, limit: limit as usize };
    let found = auditor.page(&wanted, page).await?;
    list(&found.events, found.next, json)
}

fn named(text: &str) -> Result<RepositoryId, Box<dyn std::error::Error + Send + Sync>> {
    let (organisation, name) = text
        .split_once('/')
        .ok_or_else(|| format!("\"{text}\" is not a repository: expected <organisation>/<repository>"))?;
    Ok(RepositoryId::named(&organisation.parse()?, &name.parse()?))
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
fn answer<S: Serialize + Story>(story: S, json: bool) -> Outcome
where
    for<'a> Shown: From<&'a S>,
{
    match json {
        true => println!("{}", serde_json::to_string(&story)?),
        false => print!("{}", show::story(&Shown::from(&story), story.lists())),
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
fn list(entries: &[audit::Entry], next: Option<u64>, json: bool) -> Outcome {
    if json {
        for entry in entries {
            println!("{}", entry.line());
        }
    } else if entries.is_empty() {
        say_nothing_fits();
    } else {
        print!("{}", show::events("", entries));
    }
    if let Some(next) = next {
        say_more(next);
    }
    Ok(())
}

/// On standard error, so that it is not part of the output.
#[expect(clippy::print_stderr, reason = "standard output is the answer")]
fn say_sealed(error: &SecretsError) {
    eprintln!("cannot show the names and addresses of persons: {}", ErrorChain(error));
}

/// On standard error, so that it is not part of the output.
#[expect(clippy::print_stderr, reason = "standard output is the answer")]
fn say_behind(behind: Behind) {
    eprintln!("{behind}");
}

/// On standard error; the output is empty.
#[expect(clippy::print_stderr, reason = "standard output is the list")]
fn say_nothing_fits() {
    eprintln!("no event matches");
}

/// On standard error, so that it is not part of the lines.
#[expect(clippy::print_stderr, reason = "standard output is the list")]
fn say_more(next: u64) {
    eprintln!("there are more: continue with --after {next}");
}
