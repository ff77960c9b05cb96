use super::*;
use domain::fingerprint::Fingerprint;

fn of(armored: &str, fingerprint: &str) -> TrustedCertificate {
    TrustedCertificate {
        epoch: 1,
        fingerprint: Fingerprint::recorded(fingerprint),
        armored: armored.into(),
        binary: b"packets".into(),
    }
}

const FINGERPRINT: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

#[test]
fn only_one_armored_block_of_printable_ascii_is_a_certificate() {
    let good = format!("{BEGIN}\nabcd\n=x\n{END}");
    let certificate = PublicCertificate::new(&[of(&good, FINGERPRINT)]).expect("a certificate");
    assert_eq!(certificate.armored(), format!("{good}\n"));
    for bad in ["", "abc", &good.replace("abcd", "ab\u{7}"), &format!("{good}\n{good}"), &format!("x\n{good}")] {
        assert!(PublicCertificate::new(&[of(bad, FINGERPRINT)]).is_err(), "{bad}");
    }
    assert!(PublicCertificate::new(&[of(&good, "ABCD")]).is_err());
    assert!(PublicCertificate::new(&[of(&good, &"'".repeat(40))]).is_err());
    assert!(PublicCertificate::new(&[]).is_err());
}

#[test]
fn several_certificates_stand_one_after_the_other_and_the_last_is_the_newest() {
    let good = format!("{BEGIN}\nabcd\n=x\n{END}");
    let newer = TrustedCertificate { epoch: 2, ..of(&good, &"AB".repeat(20)) };
    let both = PublicCertificate::new(&[of(&good, FINGERPRINT), newer]).expect("certificates");
    assert_eq!(both.armored(), format!("{good}\n{good}\n"));
    assert_eq!(&both.binary.bytes[..], b"packetspackets");
    assert_eq!((both.newest().epoch, both.fingerprint()), (2, &Fingerprint::recorded("AB".repeat(20))));
}
