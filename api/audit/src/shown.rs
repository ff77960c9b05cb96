//! Renders answers as facts, tables and lists of events, for the command line and the pages.

use chrono::{DateTime, Utc};

use super::{Access, Acted, Entry, KeyStory, PackageStory, ReleaseStory, TokenStory};

/// The facts and tables of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Names and values.
    pub facts: Vec<(&'static str, String)>,
    /// The tables.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The table's heading.
    pub heading: &'static str,
    /// The columns' headings.
    pub columns: Vec<&'static str>,
    /// The rows, with one cell for each column.
    pub rows: Vec<Vec<String>>,
    /// The cursor of the next page. `None` on the last page.
    pub next: Option<String>,
}

/// An answer with lists of events.
pub trait Story {
    /// The lists with their headings.
    fn lists(self) -> Vec<(&'static str, Vec<Entry>)>;
}

impl Shown {
    /// Whether the answer is empty.
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

/// Formats a time for tables.
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
            ("changes made", Some(times(Some(&story.used)))),
        ])
    }
}

impl Story for TokenStory {
    fn lists(self) -> Vec<(&'static str, Vec<Entry>)> {
        vec![("History", self.events), ("Latest actions", self.actions)]
    }
}

impl From<&KeyStory> for Shown {
    fn from(story: &KeyStory) -> Self {
        let fetched = story.fetched.iter();
        Self::of([
            ("key", Some(format!("{} ({}, {})", story.key, story.kind, story.name))),
            ("gives access to", Some(format!("{}, {} packages", story.repository, story.packages))),
            ("generation", Some(story.generation.to_string())),
            ("issued", Some(issued(story.issued_at, story.issued_by.as_ref()))),
            ("ends", Some(ends(story.ends_at, story.ends_because.as_deref()))),
            ("follows", story.follows.clone()),
            ("successor", story.successor.clone()),
            ("enrolled with", story.enrolled_with.clone()),
            ("used", Some(times(story.used.as_ref()))),
        ])
        .table(
            "Downloads with it",
            ["package", "times", "first", "last"],
            fetched.map(|f| [f.sha256.clone(), f.times.to_string(), when(f.first_at), when(f.last_at)]),
            None,
        )
    }
}

impl Story for KeyStory {
    fn lists(self) -> Vec<(&'static str, Vec<Entry>)> {
        vec![("History", self.events)]
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
        vec![("Causes", self.chain), ("History", self.events), ("First signed indexes that contain it", self.published)]
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
            ("valid keys", Some(access.keys.to_string())),
        ])
        .table(
            "Who had access",
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
            let state = if held.is_newest { "newest" } else { "earlier versions only" };
            let keys = format!("{} ({} machine keys)", held.keys, held.machines);
            [held.repository.clone(), held.file_name.clone(), when(held.since), state.to_owned(), keys]
        });
        let fetched = story.fetched.iter().map(|f| {
            let works = if f.still_works { "valid" } else { "ended" };
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
            .table(
                "Repositories",
                ["repository", "file", "since", "state", "keys that can download it now"],
                held,
                None,
            )
            .table(
                "Downloads",
                ["key", "kind", "name", "key now", "times", "first", "last"],
                fetched,
                story.next.as_ref(),
            )
    }
}

impl Story for PackageStory {
    fn lists(self) -> Vec<(&'static str, Vec<Entry>)> {
        vec![("History", self.events)]
    }
}
