use std::fs;

use super::*;
use crate::generate::USER_ID_MAX_BYTES;

/// gpg's own view of a certificate: the fields of its machine-readable listing, by record type.
fn listing(certificate: &Certificate) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("key.asc"), certificate.armored()).expect("write");
    let arguments = ["--batch", "--with-colons", "--show-keys", "key.asc"];
    let (content, said) = client("gpg", folder.path(), &arguments);
    assert!(content, "{said}");
    said.lines().map(|line| line.split(':').map(str::to_owned).collect()).collect()
}

/// Packets in armor that says they are a public key.
fn enarmored(folder: &Path, packets: &[u8]) -> String {
    fs::write(folder.join("packets"), packets).expect("write");
    client("gpg", folder, &["--batch", "--yes", "-o", "armored", "--enarmor", "packets"]);
    let armored = fs::read_to_string(folder.join("armored")).expect("gpg armors anything");
    armored.replace("ARMORED FILE", "PUBLIC KEY BLOCK")
}

#[track_caller]
fn is_one_primary_key_that_certifies_and_signs(key: &TestKey, algorithm: &str, bits: &str) {
    let records = listing(key.certificate());
    let of = |kind: &str| records.iter().filter(|record| record[0] == kind).collect::<Vec<_>>();
    let [primary] = of("pub")[..] else { panic!("expected one primary key: {records:?}") };
    assert_eq!((primary[3].as_str(), primary[2].as_str()), (algorithm, bits));
    assert_eq!(primary[5], made_at().timestamp().to_string(), "made when the caller said");
    assert_eq!(primary[6], "", "never expires");
    assert_eq!(primary[11], "scSC", "signs and certifies, and nothing else");
    assert!(of("sub").is_empty(), "no subkey");
    let [uid] = of("uid")[..] else { panic!("expected one user id: {records:?}") };
    assert_eq!(uid[9].replace("\\x3a", ":"), USER_ID);
    assert_eq!(of("fpr")[0][9], key.certificate().fingerprint().as_str());
}

#[test]
fn a_service_key_is_one_rsa_4096_primary_key() {
    is_one_primary_key_that_certifies_and_signs(rsa(), "1", "4096");
}

#[test]
fn a_fast_key_is_one_eddsa_primary_key() {
    is_one_primary_key_that_certifies_and_signs(ed25519(), "22", "255");
}

#[test]
fn a_fingerprint_is_full_and_upper_case() {
    let fingerprint = ed25519().certificate().fingerprint();
    assert_eq!(fingerprint.as_str().len(), 40);
    assert!(fingerprint.as_str().chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()), "{fingerprint}");
    assert_eq!(ed25519().signer.fingerprint(), fingerprint);
}

#[test]
fn the_binary_certificate_is_the_armored_one_without_its_armor() {
    let folder = tempfile::tempdir().expect("folder");
    for key in [rsa(), ed25519()] {
        fs::write(folder.path().join("key.asc"), key.certificate().armored()).expect("write");
        let (content, said) =
            client("gpg", folder.path(), &["--batch", "--yes", "-o", "key.gpg", "--dearmor", "key.asc"]);
        assert!(content, "{said}");
        assert_eq!(fs::read(folder.path().join("key.gpg")).expect("read"), key.certificate().binary());
    }
}

#[test]
fn a_recorded_certificate_is_read_again() {
    for key in [rsa(), ed25519()] {
        let read = Certificate::parse(key.certificate().armored()).expect("our own");
        assert_eq!(read.armored(), key.certificate().armored());
        assert_eq!(read.fingerprint(), key.certificate().fingerprint());
    }
}

#[test]
fn a_certificate_with_another_keys_name_under_it_is_refused() {
    let mut packets = ed25519().certificate().binary().to_vec();
    let at = packets.windows(4).position(|window| window == b"Acme").expect("the user id");
    packets[at] = b'B';
    let folder = tempfile::tempdir().expect("folder");
    let forged = enarmored(folder.path(), &packets);
    assert!(matches!(Certificate::parse(&forged), Err(VerifyError::NotACertificate(_))));
}

#[test]
fn what_is_no_certificate_is_refused() {
    for text in ["", "no key", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n"] {
        assert!(matches!(Certificate::parse(text), Err(VerifyError::NotACertificate(_))), "{text}");
    }
    let signature = ed25519().signer.detached(b"x", signed_at()).expect("signs");
    assert!(matches!(Certificate::parse(&signature), Err(VerifyError::NotACertificate(_))));
}

#[test]
fn a_cut_secret_key_is_refused() {
    let secret = &ed25519().generated.secret;
    for length in 0..secret.len() {
        assert!(Signer::load(&secret[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_changed_secret_key_is_refused_or_still_the_same_key() {
    let secret = &ed25519().generated.secret;
    for position in 0..secret.len() {
        let mut changed = secret.to_vec();
        changed[position] ^= 1;
        // The signature's unhashed part and the packets' lengths may be written in several ways.
        if let Ok(signer) = Signer::load(&changed) {
            assert_eq!(signer.fingerprint(), ed25519().certificate().fingerprint(), "byte {position}");
            assert!(signer.detached(b"x", signed_at()).is_ok(), "byte {position}");
        }
    }
}

#[test]
fn a_key_without_a_name_is_refused() {
    let primary_packet_only = &ed25519().certificate().binary()[..53];
    let folder = tempfile::tempdir().expect("folder");
    let armored = enarmored(folder.path(), primary_packet_only);
    assert!(matches!(Certificate::parse(&armored), Err(VerifyError::NotACertificate(_))));
}

#[test]
fn a_name_that_cannot_stand_on_a_key_is_refused() {
    let longest = "a".repeat(USER_ID_MAX_BYTES);
    assert!(generate(Algorithm::Ed25519Legacy, &longest, made_at(), None).is_ok());
    for name in [String::new(), "two\nlines".to_owned(), format!("{longest}a")] {
        let refused = generate(Algorithm::Ed25519Legacy, &name, made_at(), None);
        assert!(matches!(refused, Err(SigningError::UserId)), "{name:?}");
    }
}

#[test]
fn a_key_is_never_shown_by_debug() {
    let shown = format!("{:?}", rsa().signer);
    assert!(shown.contains(rsa().signer.fingerprint().as_str()) && shown.len() < 100, "{shown}");
}

#[test]
fn a_keys_end_is_in_its_certificate_for_gpg_too() {
    let day = chrono::TimeDelta::days(1);
    let key = generate(Algorithm::Ed25519Legacy, USER_ID, made_at(), Some(day)).expect("a key");
    assert_eq!(key.certificate.expires_at(), Some(made_at() + day));
    assert_eq!(ed25519().certificate().expires_at(), None);
    let records = listing(&key.certificate);
    let primary = records.iter().find(|record| record[0] == "pub").expect("a primary key");
    assert_eq!(primary[6], (made_at() + day).timestamp().to_string());
    for bad in [chrono::TimeDelta::zero(), -day, chrono::TimeDelta::days(365 * 200)] {
        let refused = generate(Algorithm::Ed25519Legacy, USER_ID, made_at(), Some(bad)).err();
        assert!(matches!(refused, Some(SigningError::Life { .. })), "{bad}");
    }
}
