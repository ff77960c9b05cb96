//! Formats answers as aligned tables.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use audit::{Entry, Shown, Table, when};

/// The maximum width of a column, in characters. The last column may be wider.
const COLUMN_MAX_CHARS: usize = 64;
/// The maximum number of subjects in a line.
const SUBJECTS_SHOWN: usize = 4;

/// All lines of an answer.
pub(super) fn story(shown: &Shown, lists: Vec<(&'static str, Vec<Entry>)>) -> String {
    let width = shown.facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, value) in &shown.facts {
        let _ = writeln!(text, "{name:<width$}  {value}");
    }
    for rows in &shown.tables {
        text.push_str(&table(rows));
        if let Some(next) = &rows.next {
            let _ = writeln!(text, "there are more: continue with --after {next}");
        }
    }
    for (heading, entries) in lists {
        text.push_str(&events(heading, &entries));
    }
    text
}

/// A list of events.
pub(super) fn events(heading: &'static str, entries: &[Entry]) -> String {
    let row = |entry: &Entry| {
        let subjects: Vec<&str> = entry.subjects.iter().take(SUBJECTS_SHOWN).map(String::as_str).collect();
        let (position, by) = (entry.position.to_string(), entry.by.clone());
        let origin = entry.origin.clone().unwrap_or_default();
        vec![position, when(entry.at), entry.name.clone(), by, origin, entry.id.clone(), subjects.join(" ")]
    };
    table(&Table {
        heading,
        columns: vec!["position", "time (UTC)", "event", "by", "from", "id", "about"],
        rows: entries.iter().map(row).collect(),
        next: None,
    })
}

/// Makes each column as wide as its widest text. Empty if there are no rows.
fn table(Table { heading, columns, rows, .. }: &Table) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let shown = |text: &str| text.chars().take(COLUMN_MAX_CHARS).collect::<String>();
    let names: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    let lines = || std::iter::once(&names).chain(rows);
    let width = |column: usize| lines().map(|row| shown(&row[column]).chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = if heading.is_empty() { String::new() } else { format!("\n{heading}\n") };
    for row in lines() {
        let mut line = String::new();
        for (place, cell) in row.iter().enumerate() {
            if place + 1 == row.len() {
                line.push_str(cell);
            } else {
                let _ = write!(line, "{:<width$}  ", shown(cell), width = widths[place]);
            }
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
