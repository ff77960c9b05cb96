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
        assert!(log(other).unwrap_err().contains("another root"), "{other:?}");
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
    for name in ["", "a b", "evil\n\nx", "a\u{2003}b", "a+b"] {
        let refused = cosign(name).unwrap_err();
        assert!(refused.contains("expected a name without spaces, line breaks and plus signs"), "{name:?}: {refused}");
        assert!(!auditor.path("seen").exists(), "nothing is written");
    }
    assert_eq!(cosign("witness.example/w1"), Ok(()));
    assert!(auditor.path("seen").exists());
}
