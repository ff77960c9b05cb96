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
    /// Add an operator, and print the operator's token, once
    Add {
        /// The person's name; encrypted in the event log
        #[arg(long)]
        name: String,
        /// The person's e-mail address; encrypted in the event log
        #[arg(long)]
        email: String,
    },
    /// List current and former operators (the server may be running)
    List {
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Create and print a new token for an operator, and revoke the old one
    RenewToken {
        /// The person's id, as `list` shows it
        id: PersonId,
    },
    /// Revoke an operator's tokens; the name stays in the log
    Remove {
        /// The person's id, as `list` shows it
        id: PersonId,
    },
    /// Revoke an operator's tokens, and permanently erase the name and e-mail address
    ///
    /// Destroys the key that encrypts them in the event log. Events, proofs and signatures do not change. Earlier backups still
    /// contain the sealed key: see docs/explanation/personal-data.md.
    Erase {
        /// The person's id, as `list` shows it
        id: PersonId,
    },
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
pub(super) async fn run(command: Command, settings: &Settings) -> Outcome {
    let data = DataFolder::existing(&settings.locations())?;
    // Opening it for writing would create a missing log.
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
