use std::fs;

use proptest::prelude::*;

use super::*;

const RELEASE: &str = "Origin: acme\nLabel: acme\nDate: Wed, 15 Nov 2023 22:13:20 UTC\n- dash\nSHA256:\n 00 7 main/x\n";

#[track_caller]
fn gpgv_accepts(key: &TestKey) {
    let folder = tempfile::tempdir().expect("folder");
    let file = |name: &str| folder.path().join(name);
    let signer = &key.signer;
    fs::write(file("key.gpg"), key.certificate().binary()).expect("write");
    fs::write(file("Release"), RELEASE).expect("write");
    fs::write(file("InRelease"), signer.clear_sign(RELEASE, signed_at()).expect("signs")).expect("write");
    fs::write(file("Release.gpg"), signer.detached(RELEASE.as_bytes(), signed_at()).expect("signs")).expect("write");

    let keyring = file("key.gpg");
    let keyring = keyring.to_str().expect("a path");
    let gpgv = |arguments: &[&str]| {
        client("gpgv", folder.path(), &[&["--status-fd", "1", "--keyring", keyring], arguments].concat())
    };
    let valid = format!("VALIDSIG {} 2023-11-15 {}", signer.fingerprint(), signed_at().timestamp());
    for arguments in [&["--output", "text", "InRelease"][..], &["Release.gpg", "Release"]] {
        let (content, said) = gpgv(arguments);
        assert!(content && said.contains(&valid), "{said}");
        let fields =
            said.lines().find(|line| line.contains("VALIDSIG")).expect("a line").split(' ').collect::<Vec<_>>();
        assert_eq!(fields[9], "10", "SHA-512: {said}");
    }
    assert_eq!(fs::read_to_string(file("text")).expect("read"), RELEASE, "gpgv read the text that went in");

    fs::write(file("Release"), RELEASE.replace("acme", "evil")).expect("write");
    let (content, said) = gpgv(&["Release.gpg", "Release"]);
    assert!(!content && said.contains("BADSIG"), "{said}");
}

#[test]
fn gpgv_accepts_what_the_service_key_signs() {
    gpgv_accepts(rsa());
}

#[test]
fn gpgv_accepts_what_the_fast_key_signs() {
    gpgv_accepts(ed25519());
}

#[test]
fn replay_verifies_what_was_signed() {
    for key in [rsa(), ed25519()] {
        let recorded = Certificate::parse(key.certificate().armored()).expect("our own");
        let signed = key.signer.clear_sign(RELEASE, signed_at()).expect("signs");
        assert_eq!(recorded.verify_clear_signed(&signed).expect("ours"), RELEASE);
        let detached = key.signer.detached(b"\0\r\n\xff", signed_at()).expect("signs");
        recorded.verify_detached(b"\0\r\n\xff", &detached).expect("ours");
        assert!(matches!(recorded.verify_detached(b"\0\n\xff", &detached), Err(VerifyError::Bad { .. })));
    }
}

#[test]
fn another_keys_signature_is_refused() {
    let other = generate(Algorithm::Ed25519Legacy, USER_ID, made_at(), None).expect("a key").certificate;
    let signed = ed25519().signer.clear_sign(RELEASE, signed_at()).expect("signs");
    assert!(matches!(other.verify_clear_signed(&signed), Err(VerifyError::Bad { .. })));
    let detached = ed25519().signer.detached(RELEASE.as_bytes(), signed_at()).expect("signs");
    assert!(matches!(other.verify_detached(RELEASE.as_bytes(), &detached), Err(VerifyError::Bad { .. })));
}

#[test]
fn nothing_may_stand_outside_the_signed_block() {
    let certificate = ed25519().certificate();
    let signed = ed25519().signer.clear_sign(RELEASE, signed_at()).expect("signs");
    for forged in [format!("Origin: evil\n{signed}"), format!("{signed}Origin: evil\n"), format!("{signed}{signed}")] {
        assert!(matches!(certificate.verify_clear_signed(&forged), Err(VerifyError::NotASignature { .. })), "{forged}");
    }
    let changed = signed.replace("Label: acme", "Label: evil");
    assert!(matches!(certificate.verify_clear_signed(&changed), Err(VerifyError::Bad { .. })));
}

#[test]
fn a_signature_of_text_is_not_one_of_bytes() {
    let signed = ed25519().signer.clear_sign(RELEASE, signed_at()).expect("signs");
    let at = signed.find("-----BEGIN PGP SIGNATURE").expect("a signature");
    let text = RELEASE.strip_suffix('\n').expect("a line's end");
    let refused = ed25519().certificate().verify_detached(text.as_bytes(), &signed[at..]);
    assert!(matches!(refused, Err(VerifyError::WrongType { .. })), "{refused:?}");
}

#[test]
fn a_text_that_clients_would_read_otherwise_is_refused() {
    for (text, line_at_fault) in
        [("", 1), ("a", 1), ("a\nb", 2), ("a\r\n", 1), ("a\rb\n", 1), ("a\nb \n", 2), ("a\nb\t\nc\n", 2)]
    {
        let refused = ed25519().signer.clear_sign(text, signed_at());
        assert!(
            matches!(refused, Err(SigningError::Text { line, .. }) if line == line_at_fault),
            "{text:?} {refused:?}"
        );
    }
}

#[test]
fn the_same_text_and_time_have_the_same_signature() {
    for key in [rsa(), ed25519()] {
        let once = key.signer.clear_sign(RELEASE, signed_at()).expect("signs");
        assert_eq!(key.signer.clear_sign(RELEASE, signed_at()).expect("signs"), once);
        assert_ne!(key.signer.clear_sign(RELEASE, made_at()).expect("signs"), once);
    }
}

#[test]
fn a_signature_is_never_older_than_its_key_nor_after_openpgps_last_second() {
    let signer = &ed25519().signer;
    let early = made_at() - chrono::TimeDelta::seconds(1);
    assert!(matches!(signer.detached(b"x", early), Err(SigningError::OlderThanItsKey { .. })));
    let last = DateTime::from_timestamp(u32::MAX.into(), 0).expect("a time");
    assert!(signer.detached(b"x", last).is_ok());
    let after = last + chrono::TimeDelta::seconds(1);
    assert!(matches!(signer.detached(b"x", after), Err(SigningError::Time { .. })));
}

static CLEAR_SIGNED: OnceLock<String> = OnceLock::new();

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_text_of_whole_lines_is_read_as_it_was_signed(lines in prop::collection::vec("(-|- |=)?[ -~é]{0,20}[!-~]", 1..6)) {
        let text = lines.join("\n") + "\n";
        let signed = ed25519().signer.clear_sign(&text, signed_at()).expect("signs");
        prop_assert_eq!(ed25519().certificate().verify_clear_signed(&signed).expect("ours"), text);
    }

    #[test]
    fn no_text_makes_the_verifier_panic(text in "\\PC{0,200}", cut in 0..400_usize) {
        let certificate = ed25519().certificate();
        let signed = CLEAR_SIGNED.get_or_init(|| ed25519().signer.clear_sign(RELEASE, signed_at()).expect("signs"));
        let head = signed.get(..cut).unwrap_or(signed);
        for text in [text.clone(), format!("{head}{text}")] {
            // Without its very last characters it is still whole; then nothing but the signed text comes out.
            if let Ok(read) = certificate.verify_clear_signed(&text) {
                prop_assert_eq!(read, RELEASE);
            }
            prop_assert!(certificate.verify_detached(b"x", &text).is_err());
        }
    }
}

#[test]
fn a_text_signed_by_two_keys_is_valid_for_clients_that_know_one_of_them() {
    let other = TestKey::make(Algorithm::Ed25519Legacy);
    let signers = [&rsa().signer, &other.signer];
    let text = "Origin: acme\nSuite: stable\n";
    let both = clear_sign(&signers, text, signed_at()).expect("signed");
    let detached_both = detached(&signers, text.as_bytes(), signed_at()).expect("signed");
    assert_eq!(detached_both.matches("BEGIN PGP SIGNATURE").count(), 1, "{detached_both}");
    for key in [rsa(), &other] {
        assert_eq!(key.certificate().verify_clear_signed(&both).expect("good"), text);
        key.certificate().verify_detached(text.as_bytes(), &detached_both).expect("good");
        let folder = tempfile::tempdir().expect("folder");
        for (name, bytes) in [
            ("key.gpg", key.certificate().binary()),
            ("InRelease", both.as_bytes()),
            ("Release", text.as_bytes()),
            ("Release.gpg", detached_both.as_bytes()),
        ] {
            std::fs::write(folder.path().join(name), bytes).expect("written");
        }
        // gpgv is not content with a signature whose key it lacks; apt is, which looks for a good one.
        for arguments in [&["InRelease"][..], &["Release.gpg", "Release"]] {
            let arguments = [&["--status-fd", "1", "--keyring", "./key.gpg"], arguments].concat();
            let (_, said) = client("gpgv", folder.path(), &arguments);
            let good = format!("VALIDSIG {}", key.certificate().fingerprint());
            assert!(said.contains(&good) && said.contains("NO_PUBKEY"), "{said}");
        }
    }
    let stranger = TestKey::make(Algorithm::Ed25519Legacy);
    assert!(stranger.certificate().verify_clear_signed(&both).is_err());
    assert!(stranger.certificate().verify_detached(text.as_bytes(), &detached_both).is_err());
}
