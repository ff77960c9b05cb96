use std::{
    fs,
    path::{Path, PathBuf},
};

use ::rpm::{BuildConfig, CompressionWithLevel, FileOptions, Package, PackageBuilder};
use domain::digest::Sha256;
use formats::packaging::rpm_header::{self, Headers, Value};
use md5::{Digest as _, Md5};
use tempfile::TempDir;

use super::*;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// An unsigned package with `config`.
    fn build(&self, name: &str, config: BuildConfig) -> PathBuf {
        let mut builder = PackageBuilder::new("hello", "1.0", "MIT", "noarch", "says hello");
        builder.using_config(config.source_date(1_700_000_000_u32).compression(CompressionWithLevel::Gzip(1)));
        let noise = (0_u32..20_000).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<_>>();
        builder.with_file_contents(noise, FileOptions::new("/usr/share/hello/noise")).expect("a file");
        let path = self.path(name);
        builder.build().expect("builds").write_file(&path).expect("writes");
        path
    }

    fn v4(&self) -> PathBuf {
        self.build("unsigned.rpm", BuildConfig::v4())
    }

    fn sign(&self, key: &TestKey, input: &Path, output: &str) -> Result<PathBuf, RpmError> {
        let output = self.path(output);
        key.signer.sign_rpm(input, &output, signed_at()).map(|()| output)
    }

    /// What rpm says of a package when it knows these keys only.
    fn rpm_says(&self, keys: &[&TestKey], package: &Path) -> String {
        let database = tempfile::tempdir_in(self.0.path()).expect("a folder");
        let database = database.path().to_str().expect("a path");
        for key in keys {
            fs::write(self.path("key.asc"), key.certificate().armored()).expect("write");
            let (content, said) = client("rpmkeys", self.0.path(), &["--dbpath", database, "--import", "key.asc"]);
            assert!(content, "{said}");
        }
        client("rpmkeys", self.0.path(), &["--dbpath", database, "-Kv", package.to_str().expect("a path")]).1
    }
}

/// The end of each line that names a signature or a digest.
#[track_caller]
fn all_ok(said: &str, expected: &[&str]) {
    for part in expected {
        assert!(said.lines().any(|line| line.contains(part) && line.ends_with(": OK")), "{part}: {said}");
    }
    assert!(!said.contains("BAD") && !said.contains("NOKEY"), "{said}");
}

const DIGESTS: [&str; 4] = ["Header SHA256 digest", "Header SHA1 digest", "Payload SHA256 digest", "MD5 digest"];

#[test]
fn rpm_accepts_what_the_service_key_signs_in_the_new_and_in_el7s_form() {
    let place = Place::new();
    let signed = place.sign(rsa(), &place.v4(), "signed.rpm").expect("signs");
    let said = place.rpm_says(&[rsa()], &signed);
    all_ok(&said, &DIGESTS);
    all_ok(&said, &["    Header V4 RSA/SHA256 Signature", "    V4 RSA/SHA256 Signature"]);

    let database = place.path("empty");
    let (_, brief) =
        client("rpmkeys", place.0.path(), &["--dbpath", database.to_str().expect("path"), "-K", "signed.rpm"]);
    assert!(brief.contains("SIGNATURES NOT OK"), "without the key: {brief}");
}

#[test]
fn replay_verifies_what_was_signed_and_nothing_else() {
    let place = Place::new();
    for (key, other) in [(rsa(), ed25519()), (ed25519(), rsa())] {
        let signed = place.sign(key, &place.v4(), "signed.rpm").expect("signs");
        key.certificate().verify_rpm(&signed).expect("the key's own signature");
        assert!(matches!(other.certificate().verify_rpm(&signed), Err(RpmError::BadSignature(_))));
        let mut bytes = fs::read(&signed).expect("read");
        let name = bytes.windows(10).rposition(|window| window == b"says hello").expect("the summary");
        bytes[name] ^= 1;
        fs::write(&signed, bytes).expect("write");
        assert!(matches!(key.certificate().verify_rpm(&signed), Err(RpmError::BadSignature(_))));
    }
    assert!(matches!(rsa().certificate().verify_rpm(&place.v4()), Err(RpmError::Unsigned)));
    fs::write(place.path("none.rpm"), b"no rpm").expect("write");
    assert!(matches!(rsa().certificate().verify_rpm(&place.path("none.rpm")), Err(RpmError::Malformed(_))));
}

#[test]
fn rpm_accepts_what_the_fast_key_signs() {
    let place = Place::new();
    let signed = place.sign(ed25519(), &place.v4(), "signed.rpm").expect("signs");
    let said = place.rpm_says(&[ed25519()], &signed);
    all_ok(&said, &DIGESTS);
    all_ok(&said, &["Header V4 EdDSA/SHA256 Signature"]);
}

#[test]
fn an_unsigned_package_shows_no_signature_so_these_tests_can_fail() {
    let place = Place::new();
    assert!(!place.rpm_says(&[ed25519()], &place.v4()).contains("Signature"));
}

#[test]
fn signing_again_with_another_key_drops_the_older_signatures() {
    let place = Place::new();
    let first = place.sign(rsa(), &place.v4(), "first.rpm").expect("signs");
    let second = place.sign(ed25519(), &first, "second.rpm").expect("signs");
    let said = place.rpm_says(&[ed25519()], &second);
    assert!(!said.contains("RSA") && said.contains("EdDSA"), "{said}");
    let direct = place.sign(ed25519(), &place.path("unsigned.rpm"), "direct.rpm").expect("signs");
    assert_eq!(fs::read(second).expect("read"), fs::read(direct).expect("read"), "nothing of the first stays");
}

#[test]
fn the_same_package_key_and_time_give_the_same_bytes() {
    let place = Place::new();
    let package = place.v4();
    for key in [rsa(), ed25519()] {
        let [once, twice] = ["once.rpm", "twice.rpm"]
            .map(|name| fs::read(place.sign(key, &package, name).expect("signs")).expect("read"));
        assert_eq!(once, twice);
    }
}

#[test]
fn header_payload_and_their_digests_stay_as_they_were() {
    let place = Place::new();
    let unsigned = place.v4();
    let signed = place.sign(rsa(), &unsigned, "signed.rpm").expect("signs");
    let [before, after] = [unsigned, signed].map(|path| Package::open(path).expect("an rpm"));
    assert_eq!(after.header_bytes().expect("bytes"), before.header_bytes().expect("bytes"));
    assert_eq!(after.payload, before.payload);
    for tag in [1000_u32, 269, 273] {
        let [was, is] = [&before, &after].map(|package| package.metadata.signature.entry(tag).expect("there"));
        assert_eq!(is, was, "tag {tag}");
    }
    after.check_digests().expect("digests").result().expect("all good");
}

#[test]
fn a_package_can_be_signed_in_place() {
    let place = Place::new();
    let package = place.v4();
    let elsewhere = fs::read(place.sign(ed25519(), &package, "signed.rpm").expect("signs")).expect("read");
    place.sign(ed25519(), &package, "unsigned.rpm").expect("signs");
    assert_eq!(fs::read(package).expect("read"), elsewhere);
}

#[test]
fn a_package_of_format_6_is_refused_because_most_clients_see_no_signature_in_it() {
    let place = Place::new();
    let package = place.build("six.rpm", BuildConfig::v6());
    assert!(matches!(place.sign(ed25519(), &package, "signed.rpm"), Err(RpmError::NotFormat4)));
}

#[test]
fn a_changed_or_cut_package_is_refused_and_nothing_is_written() {
    let place = Place::new();
    let good = fs::read(place.v4()).expect("read");
    let header_at =
        Package::open(place.path("unsigned.rpm")).expect("rpm").metadata.get_package_segment_offsets().header;
    let header_at = usize::try_from(header_at).expect("small");
    let broken = place.path("broken.rpm");
    let refused = |bytes: &[u8], what: String| {
        fs::write(&broken, bytes).expect("write");
        let error = place.sign(ed25519(), &broken, "out.rpm").expect_err(&what);
        assert!(matches!(error, RpmError::Malformed(_) | RpmError::Damaged { .. }), "{what}: {error}");
        assert!(!place.path("out.rpm").exists());
    };
    for position in (header_at..good.len()).step_by(good.len() / 300) {
        let mut changed = good.clone();
        changed[position] ^= 0x10;
        refused(&changed, format!("byte {position} changed"));
        refused(&good[..position], format!("cut at {position}"));
    }
    for length in 0..header_at {
        refused(&good[..length], format!("cut at {length}"));
    }
    refused(&[good.as_slice(), b"x"].concat(), "longer".to_owned());
}

#[test]
fn no_signature_header_makes_the_reader_panic() {
    let place = Place::new();
    let good = fs::read(place.v4()).expect("read");
    let broken = place.path("broken.rpm");
    // The counts, and the index of five tags.
    for position in 96..192 {
        for value in [0, 0xff] {
            let mut changed = good.clone();
            changed[position] = value;
            fs::write(&broken, &changed).expect("write");
            let _ = place.sign(ed25519(), &broken, "out.rpm");
        }
    }
}

/// A package with these values in its headers, and no payload.
fn bare(signatures: Vec<(u32, Value)>, main: Vec<(u32, Value)>) -> Vec<u8> {
    let signatures = rpm_header::build(62, signatures).expect("short");
    let padding = vec![0; rpm_header::padding(&signatures)];
    [rpm_header::lead("bare").to_vec(), signatures, padding, rpm_header::build(63, main).expect("short")].concat()
}

#[test]
fn a_payload_that_no_digest_speaks_for_is_not_signed() {
    let place = Place::new();
    let package = place.path("bare.rpm");
    // A digest of an algorithm that is not checked does not count.
    for main in [vec![], vec![(5092, Value::Text("00".to_owned())), (5093, Value::Int32(vec![10]))]] {
        fs::write(&package, bare(vec![], main)).expect("write");
        assert!(matches!(place.sign(ed25519(), &package, "out.rpm"), Err(RpmError::NoPayloadDigest)));
    }
}

#[test]
fn a_package_of_el7s_builder_is_signed_by_its_md5_and_keeps_its_unpacked_size() {
    let place = Place::new();
    let package = place.path("old.rpm");
    let md5 = Md5::digest(rpm_header::build(63, vec![]).expect("short")).to_vec();
    let of = |md5: Vec<u8>| bare(vec![(1004, Value::Bytes(md5)), (1007, Value::Int32(vec![4711]))], vec![]);
    fs::write(&package, of(md5.clone())).expect("write");
    let signed = place.sign(ed25519(), &package, "signed.rpm").expect("signs");
    let mut signed = fs::File::open(signed).expect("open");
    let header = Headers::read(&mut signed).expect("our own").signature;
    assert_eq!(header.numbers(1007).expect("good"), [4711]);
    assert_eq!(header.binary(1004).expect("good"), Some(md5.as_slice()));

    fs::write(&package, of(vec![0; 16])).expect("write");
    assert!(matches!(place.sign(ed25519(), &package, "out.rpm"), Err(RpmError::Damaged { digest: "MD5" })));
}

/// A key for one test, made once: `signed_at` is a day after it.
const FIXED_KEY: &str = "c558046553f10016092b06010401da470f010107403dad014bfc14fcf721a3237e79a0de8b10ba8ffa38c76169b5d6b7f3f0\
    c5f4e6000100fc2310305e9439512d8f3c47b9bc37ede5ed81473ec223aff18437d77d0c3c9f0f07cd2541636d6520506163\
    6b61676573203c7061636b616765734061636d652e6578616d706c653ec27b04131608002305826553f100162104ff215da7\
    321b640b5103c27a1cbfd621de9ae7c5021b03021901000a09101cbfd621de9ae7c5f48e00fe3592274d7e58cda48eded5b4\
    2802f2fc591a70e713a502b6b318ad5fe4bf83640100e39c1e51606cc6956d974382dec9c0f6e690e78b581f0d0ed1d20e3b\
    e809650b";

#[test]
fn the_bytes_of_a_signed_package_stay_the_same() {
    let place = Place::new();
    let md5 = Md5::digest(rpm_header::build(63, vec![]).expect("short")).to_vec();
    let unsigned = bare(vec![(1004, Value::Bytes(md5)), (1007, Value::Int32(vec![4711]))], vec![]);
    fs::write(place.path("unsigned.rpm"), unsigned).expect("write");
    let signer = Signer::load(&hex::decode(FIXED_KEY).expect("hexadecimal")).expect("a key");
    signer.sign_rpm(&place.path("unsigned.rpm"), &place.path("signed.rpm"), signed_at()).expect("signs");
    let digest = Sha256::of(&fs::read(place.path("signed.rpm")).expect("read"));
    assert_eq!(digest.to_string(), "5dbfe35ef5926094b551ff1cbd3d2a36c07a469cfe1b00543ebce33b860bd11f");
}
