#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
//! What the commands say of files that are not what they are given as.

use std::{fs, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::Parser as _;
use ed25519_dalek::{Signer as _, SigningKey};
use tempfile::TempDir;

use crate::{Cli, note, run, tree};

const LOG: &str = "packages.example.org/log/acme";

/// A folder with what a server answered about a log, all signed with its own key.
struct Auditor {
    folder: TempDir,
    server: SigningKey,
}

impl Auditor {
    fn new() -> Self {
        let auditor = Self { folder: tempfile::tempdir().unwrap(), server: SigningKey::from_bytes(&[1; 32]) };
        let public = auditor.server.verifying_key();
        let id = hex::encode(note::key_id(LOG, note::ED25519, public.as_bytes()));
        let public = BASE64_STANDARD.encode([&[note::ED25519][..], public.as_bytes()].concat());
        auditor.put("key", &format!("{LOG}+{id}+{public}\n"));
        auditor.put("witness.key", &"w".repeat(32));
        auditor
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The checkpoint of a log that has these entries and no other.
    fn sign(&self, name: &str, entries: &[&str]) {
        let mut tree = tree::Growing::default();
        entries.iter().for_each(|entry| tree.add(tree::leaf(entry.as_bytes())));
        let text = format!("{LOG}\n{}\n{}\n", entries.len(), BASE64_STANDARD.encode(tree.root()));
        let id = note::key_id(LOG, note::ED25519, self.server.verifying_key().as_bytes());
        let signature = [&id[..], &self.server.sign(text.as_bytes()).to_bytes()].concat();
        self.put(name, &format!("{text}\n— {LOG} {}\n", BASE64_STANDARD.encode(signature)));
    }

    /// What a command says; file names are those of the folder.
    fn says(&self, command: &str, options: &[(&str, &str)], files: &[&str]) -> Result<(), String> {
        let mut words =
            vec!["pkgdeploy-verify".into(), command.into(), "--key".into(), self.path("key").into_os_string()];
        for (option, value) in options {
            words.push(format!("--{option}").into());
            words.push(if *option == "name" { value.into() } else { self.path(value).into_os_string() });
        }
        words.extend(files.iter().map(|file| self.path(file).into_os_string()));
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        run(cli.command).map_err(|error| error.to_string())
    }
}

#[test]
fn a_log_is_all_of_its_lines_and_no_line_more() {
    let auditor = Auditor::new();
    let log = |lines: &str| {
        auditor.put("lines", lines);
        auditor.says("log", &[("checkpoint", "checkpoint")], &["lines"])
    };
    auditor.sign("checkpoint", &["a", "b", "c"]);
    assert_eq!(log("a\nb\nc\n"), Ok(()));
    assert_eq!(log("a\nb\nc"), Ok(()), "the last line may end with the file");
    for more in ["a\nb\nc\n{\"forged\":1}\n", "a\nb\nc\nforged", "a\nb\nc\na\nb\nc\n", "a\nb\nc\n\n"] {
        let refused = log(more).unwrap_err();
        assert!(refused.contains("line 4 is one too many") && refused.contains("3 entries"), "{more:?}: {refused}");
        assert!(refused.contains("head -n 3") && refused.contains("newer checkpoint"), "{refused}");
    }
    assert!(log("a\nb\n").unwrap_err().contains("2 lines"));
    for other in ["a\nc\nb\n", "a\r\nb\r\nc\r\n", "a\nb\n\n"] {
        assert!(log(other).unwrap_err().contains("another Merkle root"), "{other:?}");
    }
}

#[test]
fn a_witness_has_a_name_that_a_signed_note_can_bear() {
    let auditor = Auditor::new();
    auditor.sign("checkpoint", &["a"]);
    let cosign = |name: &str| {
        let options = [("witness-key", "witness.key"), ("name", name), ("state", "seen")];
        auditor.says("witness", &options, &["checkpoint"])
    };
    for name in ["", "a b", "evil\n\nx", "a\u{2003}b", "a+b", "a\u{1}b"] {
        let refused = cosign(name).unwrap_err();
        assert!(
            refused.contains("expected a name without spaces, line breaks, control characters and plus signs"),
            "{name:?}: {refused}"
        );
        assert!(!auditor.path("seen").exists(), "nothing is written");
    }
    assert_eq!(cosign("witness.example/w1"), Ok(()));
    assert!(auditor.path("seen").exists());
}

/// A log of five entries that grew, and another that has its first two entries only.
const GROWN: [&str; 5] = ["a", "b", "c", "d", "e"];
const FORKED: [&str; 5] = ["a", "b", "x", "d", "e"];

fn hash(entry: &str) -> tree::Hash {
    tree::leaf(entry.as_bytes())
}

impl Auditor {
    /// Checkpoints of three, four and five entries, and the server's proofs between them.
    fn of_a_log_that_grew() -> Self {
        let auditor = Self::new();
        for (name, size) in [("three", 3), ("four", 4), ("five", 5)] {
            auditor.sign(name, &GROWN[..size]);
        }
        let [a, b, c, d, e] = GROWN.map(hash);
        let (first, second) = (tree::node(a, b), tree::node(c, d));
        // RFC 6962, 2.1.2: PROOF(3, D[4]), PROOF(3, D[5]), PROOF(4, D[5]).
        auditor.prove("3-4", (3, 4), &[c, d, first]);
        auditor.prove("3-5", (3, 5), &[c, d, first, e]);
        auditor.prove("4-5", (4, 5), &[e]);
        auditor.prove("5-5", (5, 5), &[]);
        auditor.prove("damaged", (3, 5), &[c, d, second, e]);
        auditor
    }

    fn prove(&self, name: &str, (from, to): (u64, u64), path: &[tree::Hash]) {
        let path: Vec<String> = path.iter().map(hex::encode).collect();
        let proof = serde_json::json!({ "log": LOG, "from": from, "to": to, "path": path });
        self.put(name, &proof.to_string());
    }

    #[track_caller]
    fn refuses(said: Result<(), String>, expected: &str, calls_it_a_fork: bool) {
        let refused = said.unwrap_err();
        assert!(refused.contains(expected), "expected {expected:?}: {refused}");
        assert_eq!(refused.contains("fork"), calls_it_a_fork, "{refused}");
    }
}

#[test]
fn a_fork_is_called_one_and_what_is_none_is_named() {
    let auditor = Auditor::of_a_log_that_grew();
    let check = |older, newer, proof| auditor.says("consistency", &[("proof", proof)], &[older, newer]);
    for (older, newer, proof) in
        [("three", "four", "3-4"), ("three", "five", "3-5"), ("four", "five", "4-5"), ("five", "five", "5-5")]
    {
        assert_eq!(check(older, newer, proof), Ok(()), "{proof}");
    }
    Auditor::refuses(
        check("three", "five", "3-4"),
        "the proof is from 3 to 4 entries, and the checkpoints have 3 and 5",
        false,
    );
    Auditor::refuses(check("four", "five", "3-5"), "ask for …/proof/consistency?from=4&to=5", false);
    Auditor::refuses(check("five", "five", "3-5"), "the checkpoints have 5 and 5", false);
    Auditor::refuses(check("five", "three", "3-5"), "has 3 entries, fewer than the older one's 5", false);
    Auditor::refuses(check("three", "five", "damaged"), "the proof does not lead to", true);
    auditor.put("other", r#"{"log": "elsewhere.example/log/acme", "from": 3, "to": 5, "path": []}"#);
    Auditor::refuses(check("three", "five", "other"), "the proof belongs to elsewhere.example/log/acme", false);

    auditor.sign("forked three", &FORKED[..3]);
    auditor.sign("forked five", &FORKED);
    Auditor::refuses(check("forked three", "five", "3-5"), "it is a fork", true);
    Auditor::refuses(check("forked five", "five", "3-5"), "it is a fork", true);
}

#[test]
fn a_witness_tells_an_older_checkpoint_from_a_fork() {
    let auditor = Auditor::of_a_log_that_grew();
    let cosign = |checkpoint, proof: Option<&str>| {
        let mut options = vec![("witness-key", "witness.key"), ("name", "witness.example"), ("state", "seen")];
        options.extend(proof.map(|proof| ("proof", proof)));
        let before = fs::read(auditor.path("seen")).ok();
        let said = auditor.says("witness", &options, &[checkpoint]);
        assert!(said.is_ok() || fs::read(auditor.path("seen")).ok() == before, "what was refused is not kept");
        said
    };
    assert_eq!(cosign("four", None), Ok(()));
    assert_eq!(cosign("four", None), Ok(()), "the same one again needs no proof");
    Auditor::refuses(cosign("three", None), "has 3 entries, fewer than", false);
    Auditor::refuses(cosign("three", Some("3-4")), "has 3 entries, fewer than", false);
    Auditor::refuses(cosign("five", None), "--proof", false);
    Auditor::refuses(cosign("five", Some("3-5")), "the proof is from 3 to 5", false);
    auditor.sign("forked four", &FORKED[..4]);
    Auditor::refuses(cosign("forked four", None), "it is a fork", true);
    assert_eq!(cosign("five", Some("4-5")), Ok(()));
}
