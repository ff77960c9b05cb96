//! `pkgdeploy operator …`.

use std::sync::Arc;

use archive::data_folder::DataFolder;
use audit::operators::{Operators, list};
use chrono::{SecondsFormat, Utc};
use clap::Subcommand;
use domain::{ids::PersonId, recorded::Actor};
use event_log::{
    event_store,
    execute::{Context, Executor},
};
use stores::{personal::Persons, secrets::Secrets};

use super::{Outcome, operator_token::say};
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a person, and print the token that the person logs in with, once
    Add {
        /// What the person is called; sealed in the event log
        #[arg(long)]
        name: String,
        /// Where the person gets mail; sealed in the event log
        #[arg(long)]
        email: String,
    },
    /// Show who is and who was an operator (the server may be running)
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Make a new token for a person, print it, once, and end the older one
    RenewToken {
        /// The person's id, as `list` shows it
        id: PersonId,
    },
    /// End a person's tokens; the person's name stays with what the person did
    Remove {
        /// The person's id, as `list` shows it
        id: PersonId,
    },
    /// End a person's tokens, and make name and e-mail address unreadable, for ever
    ///
    /// The key that they are sealed with in the event log is destroyed. Events, proofs and signatures stay as they are. Backups
    /// made before hold the sealed key: see docs/explanation/personal-data.md.
    Erase {
        /// The person's id, as `list` shows it
        id: PersonId,
    },
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
pub(super) async fn run(command: Command, settings: &Settings) -> Outcome {
    let data = DataFolder::existing(&settings.locations())?;
    // Opened to write, a log would be made where there is none.
    let log = event_store::open_read_only(data.log()).await?;
    let persons = Persons::new(Arc::new(Secrets::open(&data.secrets(), data.master_key())?));
    if let Command::List { json } = command {
        show(&list(log.as_ref(), &persons).await?, json);
        log.close().await;
        return Ok(());
    }
    log.close().await;
    let store = event_store::open(data.log()).await?;
    let _lock = data.lock()?;
    let operators = Operators { executor: Arc::new(Executor::new(store.clone(), Utc::now)), persons };
    let context = Context::of(Actor::CommandLine);
    match command {
        Command::Add { name, email } => {
            let (person, token) = operators.add(&name, &email, &context).await?.value;
            println!("operator: {person}");
            say(&token.text());
        }
        Command::RenewToken { id } => say(&operators.renew_token(id, &context).await?.value.text()),
        Command::Remove { id } => {
            operators.remove(id, &context).await?;
            println!("removed operator {id}");
        }
        Command::Erase { id } => {
            operators.erase(id, &context).await?;
            println!("erased operator {id}");
        }
        Command::List { .. } => {}
    }
    store.close().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
fn show(operators: &[audit::operators::Listed], json: bool) {
    for one in operators {
        let since = one.registered_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        if json {
            let (id, name, email) = (one.person.to_string(), &one.name, &one.email);
            let line = serde_json::json!({
                "id": id, "name": name, "email": email, "registered_at": since, "standing": one.standing,
            });
            println!("{line}");
        } else {
            let email = one.email.as_deref().unwrap_or("-");
            println!("{}  {:<8}  {since}  {}  {email}", one.person, one.standing, one.name);
        }
    }
}
