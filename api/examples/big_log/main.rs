//! Makes a large and truthful log, with the blobs that it names and a signing key: what `verify`, benchmarks and audits are
//! measured on.
//!
//! `cargo run --example big_log -- --data <folder> --events 100000 --publications 2000`. Events are made of the domain's own
//! types and appended through the port; indexes are rendered by the real projector and signed by the real publisher. Time
//! is made up: a log of years is written in minutes. Packages are not: their blobs are a few bytes with the right digest, so
//! no client can install them.

mod log;
mod machines;
mod releases;

use std::{
    error::Error,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use chrono::{DateTime, TimeDelta, Utc};
use clap::Parser;
use commands::{publishing::Publisher, signing_keys::Making};
use composition::{Core, CoreSettings};
use domain::{
    ids::{OrganisationId, RepositoryId, TokenId},
    organisation,
    package::Format,
    recorded::Actor,
    repository,
};
use event_log::event_store::{EventStore, LogReader, sqlite::SqliteEventStore};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use signing::Algorithm;
use stores::key_usage::KeyUsage;

use self::{log::Log, machines::Machines, releases::Project};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Repositories that are published at the same time, as the server does it.
const PUBLISHED_AT_ONCE: usize = 4;
/// The share of events about releases. The rest are about access keys.
const OF_RELEASES: f64 = 0.6;
/// Repositories of one organisation.
const REPOSITORIES_EACH: usize = 2;
/// When the made-up history begins: 2023-01-01.
static NOW_MICROS: AtomicI64 = AtomicI64::new(1_672_531_200_000_000);

#[derive(Parser)]
struct Arguments {
    /// The data folder to make. It must not hold a log yet.
    #[arg(long)]
    data: PathBuf,
    /// About how many events.
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// How many signed indexes.
    #[arg(long, default_value_t = 2_000)]
    publications: u64,
    /// How many repositories, each with a project that releases into it.
    #[arg(long, default_value_t = 20)]
    repositories: usize,
    /// How many machines each repository has.
    #[arg(long, default_value_t = 200)]
    machines: usize,
    /// How many packages each machine has fetched; written to uses.sqlite.
    #[arg(long, default_value_t = 0)]
    fetches: usize,
}

/// A repository with those who release into it and fetch from it.
struct Tenant {
    project: Project,
    machines: Machines,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    std::fs::create_dir_all(&arguments.data)?;
    let at = |name: &str| arguments.data.join(name);
    if at("log.sqlite").exists() {
        return Err(format!("{} holds a log already: give an empty folder", arguments.data.display()).into());
    }
    let started = Instant::now();
    let store = Arc::new(SqliteEventStore::open(&at("log.sqlite")).await?);
    let making = Making { algorithm: Algorithm::Rsa4096, user_id: "pkgdeploy (big log)".into(), valid_for: None };
    let settings = CoreSettings::below(&arguments.data, making, "packages.example.org");
    let (core, runner) = Core::open(store.clone(), now, settings).await?;
    let projecting = tokio::spawn(runner.run());
    let statements = core.statements("https://packages.example.org".parse()?);
    let Core { executor, blobs, signing_keys, progress, projected, .. } = core;
    let publisher = Publisher {
        executor,
        blobs: blobs.clone(),
        keys: signing_keys,
        candidates: Arc::new(projected.repositories),
        statements: Arc::new(statements),
    };

    let mut log = Log::new(store.clone());
    let mut tenants = found(&mut log, &arguments);
    let rounds = (arguments.publications / arguments.repositories as u64).max(1);
    let shares = Shares::of(&arguments);
    for round in 1..=rounds {
        for Tenant { project, machines } in &mut tenants {
            project.release(&mut log, &blobs, shares.releases).await?;
            machines.live_on(&mut log, shares.keyring_events);
        }
        log.flush().await?;
        progress.wait_for(store.head().await?).await?;
        tick(TimeDelta::minutes(1));
        let due = tenants.iter().map(|tenant| publisher.publish(tenant.project.repository));
        stream::iter(due).buffer_unordered(PUBLISHED_AT_ONCE).try_for_each(|_wait| async { Ok(()) }).await?;
        for tenant in &tenants {
            log.appended_by_another("repository", tenant.project.repository.0);
        }
        if round % 10 == 0 || round == rounds {
            let events = store.head().await?;
            println!("round {round} of {rounds}: {events} events in {:.0} s", started.elapsed().as_secs_f64());
        }
    }
    if arguments.fetches > 0 {
        fetch(&arguments, &tenants).await?;
    }
    projecting.abort();
    store.close().await;
    Ok(())
}

/// How many events of each sort a round brings to one repository.
struct Shares {
    releases: usize,
    keyring_events: usize,
}

impl Shares {
    fn of(Arguments { events, publications, .. }: &Arguments) -> Self {
        let (events, publications) = (*events as f64, (*publications).max(1) as f64);
        let releases = ((events * OF_RELEASES / publications - 1.0) / releases::EVENTS_EACH).round().max(1.0);
        let keyring_events = (events / publications - 1.0 - releases * releases::EVENTS_EACH).round().max(0.0);
        Self { releases: releases as usize, keyring_events: keyring_events as usize }
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(NOW_MICROS.load(Ordering::Relaxed)).expect("a time of this century")
}

/// Lets made-up time pass.
fn tick(by: TimeDelta) -> DateTime<Utc> {
    NOW_MICROS.fetch_add(by.num_microseconds().expect("a short time"), Ordering::Relaxed);
    now()
}

/// The organisations, and in each its repositories with all that belongs to them.
fn found(log: &mut Log, arguments: &Arguments) -> Vec<Tenant> {
    let operator = Actor::Operator { token: TokenId(log.id()) };
    let mut tenants = Vec::new();
    for n in 0..arguments.repositories {
        let organisation = format!("org-{}", n / REPOSITORIES_EACH).parse().expect("a name");
        if n.is_multiple_of(REPOSITORIES_EACH) {
            let id = OrganisationId::named(&organisation);
            let created = organisation::Event::Created { name: organisation.clone() };
            log.push("organisation", id.0, vec![created.into()], &operator, None);
        }
        let name = format!("debian-{n}").parse().expect("a name");
        let repository = RepositoryId::named(&organisation, &name);
        let created = repository::Event::Created {
            origin: organisation.to_string(),
            label: format!("{organisation}/{name}"),
            codename: "stable".into(),
            organisation: organisation.clone(),
            name,
            format: Format::Deb,
        };
        log.push("repository", repository.0, vec![created.into()], &operator, None);
        let project = Project::add(log, organisation, n, repository, &operator);
        let machines = Machines::begin(log, repository, arguments.machines, &operator);
        tenants.push(Tenant { project, machines });
    }
    tenants
}

/// Every machine's newest key fetched the newest packages of its repository, now.
async fn fetch(arguments: &Arguments, tenants: &[Tenant]) -> Outcome<()> {
    let (key_usage, counting) = KeyUsage::open(arguments.data.join("uses.sqlite"), Utc::now).await?;
    let counting = tokio::spawn(counting);
    for Tenant { project, machines } in tenants {
        for key in machines.keys() {
            for sha256 in project.packages.iter().rev().take(arguments.fetches) {
                key_usage.used(key, Some(*sha256), Utc::now());
            }
            key_usage.flush().await?;
        }
    }
    drop(key_usage);
    counting.await?;
    Ok(())
}
