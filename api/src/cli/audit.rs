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
    /// Print JSON instead of tables: a line for each event of a list, one object for a story
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum About {
    /// An API or operator token: issued, used, rolled, expired or revoked, and by whom
    Token {
        /// Its id: what stands between `pkd_api_`, `pkd_op_` or `pkd_feed_` and the secret
        id: String,
    },
    /// An access key: the same, what it could reach, and what was fetched with it
    Key {
        /// Its id: the login of HTTP Basic
        id: String,
    },
    /// A release: what asked for it, what became of it, and the signatures that show it
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
    /// Who could enter a repository at a time: every key that worked then
    Access {
        /// <organisation>/<repository>
        repository: String,
        /// When [default: now]
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Most keys that are shown
        #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = limit())]
        limit: u32,
        /// Only keys after this id
        #[arg(long, value_name = "KEY")]
        after: Option<String>,
    },
    /// A package file: where it came from, which machines have it, and which still could get it
    Package {
        /// The file's digest
        sha256: Sha256,
        /// Most keys that are shown
        #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = limit())]
        limit: u32,
        /// Only keys after this id
        #[arg(long, value_name = "KEY")]
        after: Option<String>,
    },
    /// Because of what an event came to be, from the beginning on
    Chain {
        /// The event's id
        event: EventId,
    },
    /// All events that fit, newest first
    Events {
        /// They speak of this: key:<id>, token:<id>, release:<id>, repository:<id>, machine:<name>, package:<sha256>, …
        #[arg(long, value_name = "KIND:ID")]
        about: Option<String>,
        /// Their name, such as keyring.rolled; may be given again
        #[arg(long, value_name = "NAME")]
        name: Vec<String>,
        /// The kind of stream that they are in, such as keyring; may be given again
        #[arg(long, value_name = "KIND")]
        kind: Vec<String>,
        /// The organisation whose they are
        #[arg(long, value_name = "NAME")]
        organisation: Option<String>,
        /// Who wanted them
        #[arg(long, value_name = "ACTOR")]
        actor: Option<String>,
        #[command(flatten)]
        part: Part,
    },
}

/// Which part of a list.
#[derive(Debug, Args)]
struct Part {
    /// Not before this time
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Most events that are shown
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = limit())]
    limit: u32,
    /// Go on after this position, where the page before ended
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// Oldest first
    #[arg(long)]
    oldest_first: bool,
}

/// How many items an answer may have.
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

/// Who can open names and addresses here. Whoever cannot, a copy of the data folder without the master key for one, is answered
/// all the same.
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
    let (organisation, name) = text.split_once('/').ok_or("expected <organisation>/<repository>")?;
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

/// Beside the answer, not in it.
#[expect(clippy::print_stderr, reason = "standard output is the answer")]
fn say_sealed(error: &SecretsError) {
    eprintln!("names and addresses of persons stay sealed: {}", ErrorChain(error));
}

/// Beside the answer, not in it.
#[expect(clippy::print_stderr, reason = "standard output is the answer")]
fn say_behind(behind: Behind) {
    eprintln!("{behind}");
}

/// Beside the answer, which is empty.
#[expect(clippy::print_stderr, reason = "standard output is the list")]
fn say_nothing_fits() {
    eprintln!("no event fits");
}

/// Beside the lines, not among them.
#[expect(clippy::print_stderr, reason = "standard output is the list")]
fn say_more(next: u64) {
    eprintln!("there are more: --after {next}");
}
