//! Documents and names stay true: paths and links exist, decisions are listed, modules and events are in the glossary, and the
//! words that were given up do not come back.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The folders of the top level: text between backquotes that begins with one of them is a path.
const TOP_LEVEL: [&str; 8] =
    ["api/", "commands/", "docs/", "domain/", "migrations/", "projections/", "scripts/", "tests/"];

/// Folders whose files are not written by hand, or never change.
const LEFT_OUT: [&str; 3] = ["target", "golden", "sample-data"];
/// What is searched for words.
const TEXT_FILES: [&str; 8] = ["rs", "md", "sql", "html", "sh", "py", "toml", "yml"];

/// Names that are not used, what to write instead, and how often they still stand in the sources: lower a number when you
/// remove some, and never raise one. Underscores and capitals separate the words of a name.
const GIVEN_UP_NAMES: [(&str, &str, usize); 19] = [
    ("rope", "segmented file", 0),
    ("ropes", "segmented files", 0),
    ("shelf", "served index", 0),
    ("shelves", "served indexes", 0),
    ("engines", "renderer cache", 0),
    ("board", "dashboard", 0),
    ("boards", "dashboards", 0),
    ("mint", "issue", 0),
    ("minted", "issued", 0),
    ("wish", "command", 0),
    ("wishes", "commands", 0),
    ("door", "session guard, access", 0),
    ("doors", "session guard, access", 0),
    ("heir", "successor", 0),
    ("crossing", "grace window", 0),
    ("deeds", "actions", 0),
    ("workshop", "build environment", 0),
    ("bringing", "blob fetcher", 0),
    ("sights", "last seen", 0),
];

/// Phrases that are not used, in the same form. They are looked for in prose: `is_none` is not "is none".
const GIVEN_UP_PHRASES: [(&str, &str, usize); 21] = [
    ("anew", "again", 0),
    ("whoever", "the client, the operator, anyone who", 0),
    ("nobody", "no client, no operator", 0),
    ("somebody", "a person, another writer", 0),
    ("told", "reported, informed", 0),
    ("tells of", "reports", 0),
    ("told of", "reported", 0),
    ("is none", "is not a …, there is no …", 0),
    ("are none", "are not …, there are no …", 0),
    ("knocks", "repeats", 0),
    ("came of it", "result", 0),
    ("comes of it", "result", 0),
    ("bears", "has", 0),
    ("bore", "had", 0),
    ("broke off", "was interrupted", 0),
    ("breaks off", "is interrupted", 0),
    ("handed out", "given, published", 0),
    ("hands out", "gives, publishes", 0),
    ("whose word", "which … is trusted", 0),
    ("spoken of", "named", 0),
    ("speaks of", "is about", 0),
];

/// Where such a word is right: a file or folder, the word, and the reason.
const ALLOWED: [(&str, &str, &str); 15] = [
    ("api/serving/src/installers/install.sh", "whoever", "another text is another version of every installer"),
    ("tests/tests/stories/words.rs", "*", "the list itself"),
    ("docs/decisions/", "*", "decisions keep the words of their time"),
    ("migrations/event_log/", "*", "a migration that was applied never changes: databases hold its checksum"),
    ("domain/formats/src/segmented_file/", "rope", "the first line of recorded manifests"),
    ("domain/src/repository/events.rs", "rope", "the recorded name of a segmented file"),
    ("domain/src/event/blobs", "rope", "the recorded name of a segmented file"),
    ("api/verify/src/read_models.rs", "board", "the name of a projector in read models of older programs"),
    ("tests/tests/stories/installing.rs", "board", "the sample is a notice board"),
    ("tests/postgres/src/", "nobody", "the user of that name"),
    ("commands/building/src/setup/tests.rs", "nobody", "the user of that name"),
    ("scripts/", "is none", "Python compares with None"),
    ("tests/tests/stories/", "nobody", "an organisation of that name, which does not exist"),
    ("sample/", "board", "the sample is a notice board"),
    ("scripts/sample/", "board", "the sample is a notice board"),
];

/// Names of modules that every programmer knows, so that the glossary need not list them.
const TECHNICAL: &str = "apt client, bulk, by hash, changes, diff, difference, edge, fold, lib, list, listed, load, locate, \
    mentions, number, progress, proofs, publish, queries, record, release rows, replay, resigning, rows, runner, search, \
    secrets, signable, slot, testing, tests, upcasting, writes";

#[test]
fn every_path_in_architecture_md_exists() {
    let text = read(&root().join("ARCHITECTURE.md"));
    // Patterns (`config*.yml`) name no one file.
    let is_path = |word: &&str| TOP_LEVEL.iter().any(|folder| word.starts_with(folder)) && !word.contains('*');
    let paths: Vec<&str> = text.split('`').skip(1).step_by(2).filter(is_path).collect();
    assert!(paths.len() > 100, "the paths are found: {paths:?}");
    let missing: Vec<&str> = paths.into_iter().filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names files that do not exist: {missing:#?}");
}

#[test]
fn every_link_in_a_document_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    for document in files(&["md"]) {
        let text = read(&document);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.contains("://") && !link.contains(char::is_whitespace)) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let file = if path.is_empty() { document.clone() } else { document.with_file_name("").join(path) };
            let has_heading = || heading.is_empty() || anchors(&read(&file)).contains(heading);
            if !file.exists() || !has_heading() {
                broken.push(format!("{}: {link}", shown(&document)));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
}

#[test]
fn every_decision_is_in_the_index() {
    let folder = root().join("docs/decisions");
    let index = read(&folder.join("README.md"));
    let names = fs::read_dir(&folder).expect("the decisions").map(|entry| entry.expect("a file").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name != "README.md");
    let unlisted: Vec<String> = names.filter(|name| !index.contains(&format!("({name})"))).collect();
    assert!(unlisted.is_empty(), "add a line to docs/decisions/README.md: {unlisted:#?}");
}

#[test]
fn every_module_of_projections_and_every_kind_of_event_is_in_the_glossary() {
    let glossary = words_of_glossary();
    let is_known = |name: &str| {
        let name = name.replace(['_', '-'], " ");
        let name = name.trim_end_matches(" tests").trim_end_matches('s');
        let is_technical = TECHNICAL.split(", ").any(|known| known.trim_end_matches('s') == name);
        is_technical || glossary.iter().any(|known| known.starts_with(name))
    };
    let of_projections = |file: &PathBuf| shown(file).starts_with("projections/") && !shown(file).contains("/tests/");
    let modules = files(&["rs"]).into_iter().filter(of_projections);
    let modules = modules.filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned()));
    let golden = fs::read_dir(root().join("domain/src/event/golden")).expect("golden files");
    let golden = golden.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned());
    let kinds = golden.filter_map(|name| Some(name.split_once('.')?.0.to_owned()));
    let unknown: BTreeSet<String> = modules.chain(kinds).filter(|name| !is_known(name)).collect();
    assert!(unknown.is_empty(), "names that domain/README.md does not explain: {unknown:#?}");
}

#[test]
fn words_that_were_given_up_do_not_come_back() {
    let mut found = Vec::new();
    let texts: Vec<(String, String)> = files(&TEXT_FILES).iter().map(|file| (shown(file), read(file))).collect();
    for (given_up, separated) in [(&GIVEN_UP_NAMES[..], true), (&GIVEN_UP_PHRASES[..], false)] {
        let texts: Vec<_> = texts.iter().map(|(name, text)| (name, words(text, separated))).collect();
        for (word, instead, left) in given_up {
            let is_allowed = |name: &str| {
                ALLOWED.iter().any(|(path, allowed, _)| name.starts_with(path) && ["*", word].contains(allowed))
            };
            let times = |(name, text): &(&String, String)| {
                let times = text.matches(&format!(" {} ", word.replace(' ', "  "))).count();
                (times > 0 && !is_allowed(name)).then(|| (times, (*name).clone()))
            };
            let places: Vec<(usize, String)> = texts.iter().filter_map(times).collect();
            let total: usize = places.iter().map(|(times, _)| times).sum();
            if total > *left {
                found.push(format!("{word}: {total} times, at most {left}; write: {instead}. It is in {places:?}"));
            }
        }
    }
    assert!(found.is_empty(), "words that were given up: {found:#?}");
}

/// The first column of the glossary's tables, split at commas.
fn words_of_glossary() -> BTreeSet<String> {
    let glossary = read(&root().join("domain/README.md"));
    let rows = glossary.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    rows.flat_map(|(first, _)| first.split(", ")).map(str::to_lowercase).collect()
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
    headings.map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

/// The text in lower case, each word between single blanks; `separated`: names fall into their words.
fn words(text: &str, separated: bool) -> String {
    let (mut spaced, mut was_lower) = (String::from(" "), false);
    for c in text.chars() {
        let is_of_word = c.is_alphanumeric() || c == '\'' || (c == '_' && !separated);
        if (separated && was_lower && c.is_uppercase() || !is_of_word) && !spaced.ends_with(' ') {
            spaced.push(' ');
        }
        if is_of_word {
            spaced.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    // Words that follow each other share no blank.
    let spaced = format!("{} ", spaced.trim_end()).replace(' ', "  ");
    // This is as everyone writes it.
    spaced.replace(" there  is  none ", "  ").replace(" there  are  none ", "  ")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// The file's path from the top level.
fn shown(file: &Path) -> String {
    file.strip_prefix(root()).expect("a file of ours").to_string_lossy().into_owned()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Every file of the workspace with one of these endings.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("a file").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                let is_left_out = name.starts_with('.') || LEFT_OUT.contains(&&*name);
                folders.extend((!is_left_out).then_some(path));
            } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
                found.push(path);
            }
        }
    }
    found
}
