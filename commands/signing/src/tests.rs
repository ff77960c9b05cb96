//! Tests against the clients themselves: gpg, gpgv and rpm verify the signatures.

mod armor;
mod keys;
mod rpm;
mod text;

use std::{path::Path, process::Command, sync::OnceLock};

use chrono::{DateTime, Days, Utc};

use super::*;

/// A key with its loaded half: checking a key takes longer than signing with it.
struct TestKey {
    generated: GeneratedKey,
    signer: Signer,
}

impl TestKey {
    fn make(algorithm: Algorithm) -> Self {
        let generated = generate(algorithm, USER_ID, made_at(), None).expect("a key");
        let signer = Signer::load(&generated.secret).expect("our own key");
        Self { generated, signer }
    }

    fn certificate(&self) -> &Certificate {
        &self.generated.certificate
    }
}

const USER_ID: &str = "Acme Packages <packages@acme.example>";

/// When the keys of these tests were made.
fn made_at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("a time")
}

/// When these tests sign.
fn signed_at() -> DateTime<Utc> {
    made_at().checked_add_days(Days::new(1)).expect("a time")
}

/// The key for most tests: made and used in no time.
fn ed25519() -> &'static TestKey {
    static KEY: OnceLock<TestKey> = OnceLock::new();
    KEY.get_or_init(|| TestKey::make(Algorithm::Ed25519Legacy))
}

/// The key that real repositories use; made once, because it takes seconds.
fn rsa() -> &'static TestKey {
    static KEY: OnceLock<TestKey> = OnceLock::new();
    KEY.get_or_init(|| TestKey::make(Algorithm::Rsa4096))
}

/// Runs a client and returns whether it succeeded, and all its output.
#[track_caller]
fn client(program: &str, folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("GNUPGHOME", folder)
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"));
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
