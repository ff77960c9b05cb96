//! Stories as facts, tables and lists of events: what the command line and the pages both show.

use chrono::{DateTime, Utc};

use super::{Access, Acted, Entry, KeyStory, PackageStory, ReleaseStory, TokenStory};

/// The facts of an answer, and its tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Names and values.
    pub facts: Vec<(&'static str, String)>,
    /// What there is many of.
    pub tables: Vec<Table>,
}

/// Rows below names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// What the rows are.
    pub heading: &'static str,
    /// What is in each column.
    pub columns: Vec<&'static str>,
    /// As many cells in each as there are columns.
    pub rows: Vec<Vec<String>>,
    /// The cell after which to go on; none if there is nothing more.
    pub next: Option<String>,
}

/// An answer that has lists of events.
pub trait Story {
    /// Each with its heading.
    fn lists(self) -> Vec<(&'static str, Vec<Entry>)>;
}

impl Shown {
    /// There is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.tables.is_empty()
    }

    fn of<const N: usize>(facts: [(&'static str, Option<String>); N]) -> Self {
        let facts = facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Self { facts, tables: Vec::new() }
    }

    fn table<const N: usize>(
        mut self,
        heading: &'static str,
        columns: [&'static str; N],
        rows: impl Iterator<Item = [String; N]>,
        next: Option<&String>,
    ) -> Self {
        let rows: Vec<_> = rows.map(Vec::from).collect();
        if !rows.is_empty() {
            self.tables.push(Table { heading, columns: columns.to_vec(), rows, next: next.cloned() });
        }
        self
    }
}

/// A time as it stands in tables.
#[must_use]
pub fn when(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn ends(at: Option<DateTime<Utc>>, because: Option<&str>) -> String {
    let end = |at| format!("{} ({})", when(at), because.unwrap_or("ended").replace('_', " "));
    at.map_or_else(|| "not yet".to_owned(), end)
}

fn times(used: Option<&Acted>) -> String {
    match used {
        Some(Acted { events, first_at: Some(first), last_at: Some(last) }) => {
            format!("{events} times, {} to {}", when(*first), when(*last))
        }
        _ => "never".to_owned(),
    }
}

fn issued(at: DateTime<Utc>, by: Option<&String>) -> String {
    format!("{} by {}", when(at), or_unknown(by))
}

fn or_unknown(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "?".to_owned())
}

impl From<&TokenStory> for Shown {
    fn from(story: &TokenStory) -> Self {
        Self::of([
            ("token", Some(format!("{} ({} token)", story.token, story.kind))),
            ("project", story.project.clone()),
            ("whose", story.holder.clone()),
            ("name", story.name.clone()),
            ("issued", story.issued_at.map(|at| issued(at, story.issued_by.as_ref()))),
            ("ends", Some(ends(story.ends_at, story.ends_because.as_deref()))),
            ("successor", story.successor.clone()),
            ("changed things", Some(times(Some(&story.used)))),
        ])
    }
}

impl Story for TokenStory {
    fn lists(self) -> Vec<(&'static str, Vec<Entry>)> {
        vec![("What happened to it", self.events), ("What it did last", self.actions)]
    }
}

impl From<&KeyStory> for Shown {
    fn from(story: &KeyStory) -> Self {
        let fetched = story.fetched.iter();
        Self::of([
            ("key", Some(format!("{} ({}, {})", story.key, story.kind, story.name))),
            ("opens", Some(format!("{}, {} packages", story.repository, story.packages))),
            ("generation", Some(story.generation.to_string())),
            ("issued", Some(issued(story.issued_at, story.issued_by.as_ref()))),
            ("ends", Some(ends(story.ends_at, story.ends_because.as_deref()))),
            ("follows", story.follows.clone()),
            ("successor", story.successor.clone()),
            ("enrolled with", story.enrolled_with.clone()),
            ("used", Some(times(story.used.as_ref()))),
        ])
        .table(
            "What was fetched with it",
            ["package", "times", "first", "last"],
            fetched.map(|f| [f.sha256.clone(), f.times.to_string(), when(f.first_at), when(f.last_at)]),
            None,
        )
    }
}

impl Story for KeyStory {
    fn lists(self) -> Vec<(&'static str, Vec<Entry>)> {
        vec![("What happened to it", self.events)]
    }
}

impl From<&ReleaseStory> for Shown {
    fn from(story: &ReleaseStory) -> Self {
        Self::of([
            ("release", Some(story.release.clone())),
            ("project", story.project.clone()),
            ("tag", story.tag.clone()),
            ("version", story.version.clone()),
        ])
    }
}

impl Story for ReleaseStory {
    fn lists(self) -> Vec<(&'static str, Vec<Entry>)> {
        vec![
            ("Because of", self.chain),
            ("What happened to it", self.events),
            ("Signed indexes that show it first", self.published),
        ]
    }
}

impl From<&Access> for Shown {
    fn from(access: &Access) -> Self {
        let row = |key: &super::Entrant| {
            let (generation, issued) = (key.generation.to_string(), when(key.issued_at));
            let ends = ends(key.ends_at, key.ends_because.as_deref());
            [key.key.clone(), key.kind.clone(), key.name.clone(), generation, issued, ends]
        };
        Self::of([
            ("repository", Some(access.repository.clone())),
            ("at", Some(when(access.at))),
            ("keys that worked", Some(access.keys.to_string())),
        ])
        .table(
            "Who could enter",
            ["key", "kind", "name", "generation", "issued", "ends"],
            access.entrants.iter().map(row),
            access.next.as_ref(),
        )
    }
}

impl Story for Access {
    fn lists(self) -> Vec<(&'static str, Vec<Entry>)> {
        Vec::new()
    }
}

impl From<&PackageStory> for Shown {
    fn from(story: &PackageStory) -> Self {
        let held = story.repositories.iter().map(|held| {
            let state = if held.is_newest { "newest" } else { "past alone" };
            let keys = format!("{} ({} of a machine)", held.keys, held.machines);
            [held.repository.clone(), held.file_name.clone(), when(held.since), state.to_owned(), keys]
        });
        let fetched = story.fetched.iter().map(|f| {
            let works = if f.still_works { "works" } else { "ended" };
            [
                f.key.clone(),
                or_unknown(f.kind.as_ref()),
                or_unknown(f.name.as_ref()),
                works.to_owned(),
                f.times.to_string(),
                when(f.first_at),
                when(f.last_at),
            ]
        });
        Self::of([("package", Some(story.sha256.clone()))])
            .table("Where it is", ["repository", "file", "since", "state", "keys that could get it now"], held, None)
            .table(
                "Who fetched it",
                ["key", "kind", "name", "key now", "times", "first", "last"],
                fetched,
                story.next.as_ref(),
            )
    }
}

impl Story for PackageStory {
    fn lists(self) -> Vec<(&'static str, Vec<Entry>)> {
        vec![("What happened to it", self.events)]
    }
}
