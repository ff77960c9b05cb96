//! How many events a second go through the projectors: each alone, and all of them at the same time, as `verify` runs them.
//! Everything is rendered and every signed index compared on the way.
//!
//! `scripts/bench/replay.sh` makes a log and runs it. `cargo bench -p api --bench replay -- <data folder> [<runs> [<projector>|all …]]`
//! takes one that is there. The CPU time is that of all threads; the fastest of the runs is printed.
#![allow(clippy::expect_used, reason = "a benchmark may fail by panicking")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use composition::every_projector;
use domain::{event::Codec, recorded::Position};
use event_log::event_store::{EventStore, Filter, sqlite::ReadOnlySqliteEventStore};
use projections::projector::MakeProjector;
use projections::{projector::Projector, read_models::ReadModels, runner::Replay};
use sqlx::SqliteConnection;
use stores::blobs::Blobs;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RUNS: usize = 3;
const PAGE_EVENTS: u32 = 4_000;
/// What `/proc/<pid>/stat` counts in, on every Linux of today.
const TICK: Duration = Duration::from_millis(10);

/// What one run took.
#[derive(Clone, Copy)]
struct Took {
    wall: Duration,
    cpu: Duration,
}

#[tokio::main]
async fn main() {
    // Cargo says `--bench` too.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let data = PathBuf::from(arguments.next().expect("the folder of the data: see the top of this file"));
    let runs = arguments.next().map_or(RUNS, |runs| runs.parse().expect("a number of runs"));
    let log: Arc<dyn EventStore> =
        Arc::new(ReadOnlySqliteEventStore::open(&data.join("log.sqlite")).await.expect("a log"));
    let blobs = Blobs::local(data.join("blobs")).expect("a folder of blobs");
    let head = log.head().await.expect("a log that can be read");
    println!(
        "{head} events; fastest of {runs}\n\n{:<14} {:>8} {:>8} {:>10} {:>12}",
        "", "wall s", "CPU s", "events/s", "CPU us/event"
    );

    let mut fastest = None;
    for _ in 0..runs {
        better(&mut fastest, decoded(log.as_ref(), head).await);
    }
    print("decoded alone", head, fastest);
    let only: Vec<String> = arguments.collect();
    let names: Vec<&str> = every_projector(blobs.clone()).into_iter().map(|(name, _)| name).collect();
    let wanted =
        |name: &Option<&str>| only.is_empty() || only.iter().any(|only| Some(only.as_str()) == name.or(Some("all")));
    for name in names.iter().map(|name| Some(*name)).chain([None]).filter(wanted) {
        let mut fastest = None;
        for _ in 0..runs {
            better(&mut fastest, replayed(&log, &blobs, head, name).await);
        }
        print(name.unwrap_or("all together"), head, fastest);
    }
}

/// The log read and decoded, and nothing else.
async fn decoded(log: &dyn EventStore, head: Position) -> Took {
    let started = Started::now();
    let mut after = Position(0);
    while after < head {
        let page = log.read_all(after, &Filter::all(), PAGE_EVENTS).await.expect("a page");
        for stored in &page.events {
            Codec::default().decode(&stored.event).expect("an event");
        }
        after = page.next;
    }
    started.took()
}

/// The whole log through the projector called `only`, or through all of them.
async fn replayed(log: &Arc<dyn EventStore>, blobs: &Blobs, head: Position, only: Option<&str>) -> Took {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let mut lanes = Vec::new();
    for (name, make) in every_projector(blobs.clone()) {
        if only.is_none_or(|only| only == name) {
            lanes.push(lane(scratch.path(), name, make).await);
        }
    }
    let started = Started::now();
    let mut replay = Replay::open(log.clone(), lanes).await.expect("a replay");
    for health in replay.run(|_| head, |_| {}).await.expect("the end of the log") {
        assert_eq!((health.position, health.stopped), (head, None), "projector {}", health.name);
    }
    started.took()
}

async fn lane(scratch: &Path, name: &str, make: MakeProjector) -> (SqliteConnection, Box<dyn Projector>) {
    let file = scratch.join(format!("{name}.sqlite"));
    let ReadModels { writer, readers } = ReadModels::scratch(file).await.expect("scratch read models");
    (writer, make(readers))
}

fn better(fastest: &mut Option<Took>, took: Took) {
    if fastest.is_none_or(|fastest| took.wall < fastest.wall) {
        *fastest = Some(took);
    }
}

fn print(what: &str, head: Position, took: Option<Took>) {
    let Some(Took { wall, cpu }) = took else { return };
    let (wall, cpu, events) = (wall.as_secs_f64(), cpu.as_secs_f64(), head.0 as f64);
    println!("{what:<14} {wall:>8.2} {cpu:>8.2} {:>10.0} {:>12.1}", events / wall, cpu * 1e6 / events);
}

/// A run that has begun.
struct Started {
    at: Instant,
    cpu: Duration,
}

impl Started {
    fn now() -> Self {
        Self { at: Instant::now(), cpu: cpu() }
    }

    fn took(self) -> Took {
        Took { wall: self.at.elapsed(), cpu: cpu() - self.cpu }
    }
}

/// The CPU time of this process so far. Source: proc(5), fields 14 and 15 of `/proc/self/stat`.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc");
    let (_, fields) = stat.rsplit_once(") ").expect("the name in brackets");
    let ticks = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u32>().expect("a number of ticks"));
    TICK * ticks.sum::<u32>()
}
