use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::*;
use crate::{
    fingerprint::Fingerprint,
    ids::ReleaseId,
    names::SnapshotName,
    package::{DebFacts, Facts},
    testing::given,
};

fn create() -> Command {
    Command::Create {
        organisation: "acme".parse().expect("a name"),
        name: "apt".parse().expect("a name"),
        format: Format::Deb,
    }
}

fn created() -> Event {
    Event::Created {
        organisation: "acme".parse().expect("a name"),
        name: "apt".parse().expect("a name"),
        format: Format::Deb,
        origin: "acme".into(),
        label: "acme/apt".into(),
        codename: "stable".into(),
    }
}

fn deb(version: &str, bytes: &[u8]) -> Package {
    Package {
        file_name: format!("hello_{version}_amd64.deb"),
        sha256: Sha256::of(bytes),
        size_bytes: bytes.len() as u64,
        facts: Facts::Deb(DebFacts {
            package: "hello".into(),
            version: version.into(),
            architecture: "amd64".into(),
            control: format!("Package: hello\nVersion: {version}\nArchitecture: amd64"),
        }),
    }
}

fn added(version: &str) -> Event {
    Event::PackageAdded { package: deb(version, version.as_bytes()), release: None, key_fingerprint: None }
}

fn add(version: &str, bytes: &[u8]) -> Command {
    Command::AddPackage { package: Box::new(deb(version, bytes)), release: None, key_fingerprint: None }
}

fn index(covers: u64, second: i64) -> SignedIndex {
    SignedIndex {
        covers: Revision(covers),
        published_at: DateTime::from_timestamp(second, 0).expect("a time"),
        signed: IndexFile {
            path: "dists/stable/Release".into(),
            sha256: Sha256::of(b"Release"),
            size_bytes: 7,
            stored: Stored::Blob,
        },
        signatures: vec![],
        files: vec![],
        key_fingerprint: "AB".into(),
        renderer: 1,
        stated: Box::default(),
        co_signers: vec![],
    }
}

#[test]
fn a_repository_fixes_the_words_apt_shows_when_it_is_created() {
    let repository = given::<Repository>([]).when(create()).then([created()]);
    assert_eq!(repository.format(), Some(Format::Deb));
}

#[test]
fn a_name_is_taken_once() {
    given::<Repository>([created()]).when(create()).refused(Refusal::NameTaken);
}

#[test]
fn nothing_enters_an_unknown_repository() {
    given::<Repository>([]).when(add("1.0", b"1.0")).refused(Refusal::Unknown);
}

#[test]
fn a_package_is_added_once_however_often_it_is_offered() {
    given::<Repository>([created()]).when(add("1.0", b"1.0")).then([added("1.0")]);
    given::<Repository>([created(), added("1.0")]).when(add("1.0", b"1.0")).then_nothing();
}

#[test]
fn a_package_names_the_release_that_built_it() {
    let release = Some(ReleaseId(uuid::Uuid::from_u128(7)));
    let package = deb("1.0", b"1.0");
    given::<Repository>([created()])
        .when(Command::AddPackage { package: Box::new(package.clone()), release, key_fingerprint: None })
        .then([Event::PackageAdded { package, release, key_fingerprint: None }]);
}

#[test]
fn the_same_version_with_other_bytes_is_refused() {
    given::<Repository>([created(), added("1.0")]).when(add("1.0", b"other")).refused(Refusal::PackageDiffers {
        name: "hello".into(),
        version: "1.0".into(),
        architecture: "amd64".into(),
        present: Sha256::of(b"1.0"),
    });
}

#[test]
fn an_apt_repository_takes_no_rpm() {
    let mut rpm = deb("1.0", b"1.0");
    rpm.facts = Facts::Rpm(Box::new(crate::package::testing::rpm_facts("hello", "1.0")));
    given::<Repository>([created()])
        .when(Command::AddPackage { package: Box::new(rpm), release: None, key_fingerprint: None })
        .refused(Refusal::WrongFormat { expected: Format::Deb, actual: Format::Rpm });
}

#[test]
fn an_index_is_recorded_for_the_state_it_covers() {
    let repository = given::<Repository>([created(), added("1.0")])
        .when(Command::RecordIndexSigned(index(2, 10)))
        .then([Event::IndexSigned(index(2, 10))]);
    assert_eq!(repository.last_signed.map(|last| last.covers), Some(Revision(2)));
}

#[test]
fn a_package_may_arrive_while_the_index_before_it_is_signed() {
    given::<Repository>([created(), added("1.0"), added("2.0")])
        .when(Command::RecordIndexSigned(index(2, 10)))
        .then([Event::IndexSigned(index(2, 10))]);
}

#[test]
fn of_two_signers_the_second_is_superseded() {
    given::<Repository>([created(), Event::IndexSigned(index(1, 10))])
        .when(Command::RecordIndexSigned(index(1, 11)))
        .refused(Refusal::IndexSuperseded);
}

#[test]
fn an_index_never_covers_what_has_not_happened() {
    given::<Repository>([created()]).when(Command::RecordIndexSigned(index(2, 10))).refused(Refusal::IndexAhead);
}

#[test]
fn two_indexes_never_share_a_second() {
    given::<Repository>([created(), Event::IndexSigned(index(1, 10)), added("1.0")])
        .when(Command::RecordIndexSigned(index(3, 10)))
        .refused(Refusal::IndexNotLater);
}

#[test]
fn a_signature_does_not_change_the_content() {
    let repository = crate::aggregate::fold::<Repository>([created(), added("1.0"), Event::IndexSigned(index(2, 10))]);
    assert_eq!(repository.content_revision(), Revision(2));
}

#[test]
fn the_name_of_a_repositorys_installer_is_kept_for_its_installer() {
    let mut package = deb("99.0", b"99.0");
    if let Facts::Deb(facts) = &mut package.facts {
        facts.package = "pkgdeploy-acme-apt".into();
    }
    let package = Box::new(package);
    given::<Repository>([created()])
        .when(Command::AddPackage { package: package.clone(), release: None, key_fingerprint: None })
        .refused(Refusal::InstallersName("pkgdeploy-acme-apt".into()));
    given::<Repository>([created()])
        .when(Command::AddInstaller { package: package.clone(), key_fingerprint: None })
        .then([Event::PackageAdded { package: *package, release: None, key_fingerprint: None }]);
}

fn signed_by_two(covers: u64, second: i64) -> SignedIndex {
    let co_signers = vec![CoSigner { key_fingerprint: "CD".into(), epoch: 2, signature: None }];
    SignedIndex { co_signers, ..index(covers, second) }
}

#[test]
fn the_same_state_is_signed_again_by_other_keys_and_never_twice_by_the_same() {
    let signed = || [created(), Event::IndexSigned(index(1, 10))];
    given::<Repository>(signed())
        .when(Command::RecordIndexSigned(signed_by_two(1, 11)))
        .then([Event::IndexSigned(signed_by_two(1, 11))]);
    given::<Repository>(signed())
        .when(Command::RecordIndexSigned(signed_by_two(1, 10)))
        .refused(Refusal::IndexNotLater);
    given::<Repository>([created(), Event::IndexSigned(signed_by_two(1, 10))])
        .when(Command::RecordIndexSigned(signed_by_two(1, 11)))
        .refused(Refusal::IndexSuperseded);
}

#[test]
fn other_keys_are_no_reason_to_sign_an_older_state() {
    given::<Repository>([created(), added("1.0"), Event::IndexSigned(index(2, 10))])
        .when(Command::RecordIndexSigned(signed_by_two(1, 11)))
        .refused(Refusal::IndexSuperseded);
}

fn create_yum() -> Event {
    match created() {
        Event::Created { organisation, name, origin, label, codename, .. } => {
            Event::Created { organisation, name, origin, label, codename, format: Format::Rpm }
        }
        other => other,
    }
}

fn rpm(version: &str, bytes: &[u8]) -> Package {
    let facts = Facts::Rpm(Box::new(crate::package::testing::rpm_facts("hello", version)));
    Package { facts, ..deb(version, bytes) }
}

fn added_rpm(version: &str, key: Option<&str>) -> Event {
    let package = rpm(version, version.as_bytes());
    Event::PackageAdded { package, release: None, key_fingerprint: key.map(Fingerprint::from) }
}

fn resign(version: &str, replaces: &[u8], bytes: &[u8]) -> Command {
    let package = Box::new(rpm(version, bytes));
    Command::ResignPackage { replaces: Sha256::of(replaces), package, key_fingerprint: "CD".into() }
}

#[test]
fn a_package_that_is_signed_again_replaces_its_old_file() {
    let package = rpm("1.0", b"new");
    let resigned = Event::PackageResigned { replaces: Sha256::of(b"1.0"), package, key_fingerprint: "CD".into() };
    let repository = given::<Repository>([create_yum(), added_rpm("1.0", Some("AB")), added_rpm("2.0", None)])
        .when(resign("1.0", b"1.0", b"new"))
        .then([resigned.clone()]);
    assert_eq!(repository.content_revision(), Revision(4), "clients have to see it");
    assert!(!repository.bears_signature_of(Some(&"AB".into())));
    assert_eq!(repository.signed_by(Some(&"CD".into()), 10), [Sha256::of(b"new")]);
    assert_eq!(repository.signed_by(None, 10), [Sha256::of(b"2.0")], "the first key's, by its silence");
    assert_eq!(repository.signed_by(None, 0), [], "no more than asked for");
    given::<Repository>([create_yum(), added_rpm("1.0", Some("AB")), resigned])
        .when(resign("1.0", b"1.0", b"new"))
        .then_nothing();
}

#[test]
fn only_present_packages_are_signed_again() {
    let there = || [create_yum(), added_rpm("1.0", Some("AB"))];
    let not_there = Refusal::NotThere(Sha256::of(b"other"));
    given::<Repository>(there()).when(resign("1.0", b"other", b"new")).refused(not_there);
    let not_there = Refusal::NotThere(Sha256::of(b"2.0"));
    given::<Repository>(there()).when(resign("2.0", b"2.0", b"new")).refused(not_there);
    given::<Repository>([]).when(resign("1.0", b"1.0", b"new")).refused(Refusal::Unknown);
    given::<Repository>([created()])
        .when(resign("1.0", b"1.0", b"new"))
        .refused(Refusal::WrongFormat { expected: Format::Deb, actual: Format::Rpm });
}

fn name(text: &str) -> SnapshotName {
    text.parse().expect("a name")
}

fn second(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).expect("a time")
}

fn take(text: &str, at: i64) -> Command {
    Command::TakeSnapshot { name: name(text), published_at: second(at) }
}

fn taken(text: &str, at: i64) -> Event {
    Event::SnapshotTaken { name: name(text), published_at: second(at) }
}

/// Published at 10 and at 20.
fn twice_published() -> Vec<Event> {
    vec![created(), Event::IndexSigned(index(1, 10)), added("1.0"), Event::IndexSigned(index(3, 20))]
}

fn and(mut events: Vec<Event>, more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    events.extend(more);
    events
}

#[test]
fn a_snapshot_gives_a_publication_a_name_once() {
    let repository = given::<Repository>(twice_published()).when(take("golden", 10)).then([taken("golden", 10)]);
    assert_eq!(repository.content_revision(), Revision(3), "clients see the same as before");
    let named = || and(twice_published(), [taken("golden", 10)]);
    given::<Repository>(named()).when(take("golden", 10)).then_nothing();
    given::<Repository>(named()).when(take("silver", 10)).then([taken("silver", 10)]);
    let refusal = Refusal::SnapshotNameTaken { name: name("golden"), published_at: second(10) };
    given::<Repository>(named()).when(take("golden", 20)).refused(refusal);
}

#[test]
fn only_a_publication_can_be_given_a_name() {
    given::<Repository>(twice_published()).when(take("golden", 15)).refused(Refusal::NotPublished(second(15)));
    given::<Repository>([created()]).when(take("golden", 10)).refused(Refusal::NotPublished(second(10)));
    given::<Repository>([]).when(take("golden", 10)).refused(Refusal::Unknown);
}

#[test]
fn a_removed_name_is_never_given_to_another_publication() {
    let remove = || Command::RemoveSnapshot { name: name("golden") };
    let removed = || Event::SnapshotRemoved { name: name("golden") };
    given::<Repository>(and(twice_published(), [taken("golden", 10)])).when(remove()).then([removed()]);
    let removed_snapshot = || and(twice_published(), [taken("golden", 10), removed()]);
    given::<Repository>(removed_snapshot()).when(remove()).then_nothing();
    let refusal = Refusal::SnapshotNameTaken { name: name("golden"), published_at: second(10) };
    given::<Repository>(removed_snapshot()).when(take("golden", 20)).refused(refusal);
    given::<Repository>(removed_snapshot()).when(take("golden", 10)).then([taken("golden", 10)]);
    given::<Repository>(twice_published()).when(remove()).refused(Refusal::NoSuchSnapshot(name("golden")));
}

#[test]
fn a_repository_has_a_limit_of_names() {
    let full = (0..SNAPSHOT_NAMES_MAX).map(|n| taken(&format!("n{n}"), 10));
    let full = || and(twice_published(), full.clone());
    given::<Repository>(full()).when(take("one-more", 10)).refused(Refusal::TooManySnapshots);
    given::<Repository>(full()).when(take("n0", 10)).then_nothing();
    let removed = Event::SnapshotRemoved { name: name("n0") };
    given::<Repository>(and(full(), [removed])).when(take("one-more", 10)).refused(Refusal::TooManySnapshots);
}

fn reason(text: &str) -> YankReason {
    text.parse().expect("a reason")
}

fn yank(bytes: &[u8]) -> Command {
    Command::YankPackage { sha256: Sha256::of(bytes), reason: reason("it deletes mail") }
}

fn yanked(bytes: &[u8], policy: YankPolicy) -> Event {
    Event::PackageYanked { sha256: Sha256::of(bytes), reason: reason("it deletes mail"), policy }
}

fn restore(bytes: &[u8]) -> Command {
    Command::RestorePackage { sha256: Sha256::of(bytes) }
}

fn restored(bytes: &[u8]) -> Event {
    Event::PackageRestored { sha256: Sha256::of(bytes) }
}

#[test]
fn a_yank_hides_unless_the_repository_keeps_what_is_yanked() {
    let there = || vec![created(), added("1.0")];
    let hidden = given::<Repository>(there()).when(yank(b"1.0")).then([yanked(b"1.0", YankPolicy::Hide)]);
    assert_eq!(hidden.content_revision(), Revision(3), "clients have to see it");
    let set = Event::YankPolicySet { policy: YankPolicy::Keep };
    given::<Repository>(there()).when(Command::SetYankPolicy { policy: YankPolicy::Keep }).then([set.clone()]);
    given::<Repository>(there()).when(Command::SetYankPolicy { policy: YankPolicy::Hide }).then_nothing();
    let marked = given::<Repository>(and(there(), [set])).when(yank(b"1.0")).then([yanked(b"1.0", YankPolicy::Keep)]);
    assert_eq!(marked.content_revision(), Revision(2), "the index stays as it was");
}

#[test]
fn a_package_is_yanked_for_one_reason_and_only_if_it_is_there() {
    let hidden = || vec![created(), added("1.0"), yanked(b"1.0", YankPolicy::Hide)];
    given::<Repository>(hidden()).when(yank(b"1.0")).then_nothing();
    let other = Command::YankPackage { sha256: Sha256::of(b"1.0"), reason: reason("another") };
    given::<Repository>(hidden()).when(other).refused(Refusal::YankedAlready(reason("it deletes mail")));
    given::<Repository>(hidden()).when(yank(b"2.0")).refused(Refusal::NotThere(Sha256::of(b"2.0")));
    given::<Repository>(hidden()).when(restore(b"2.0")).refused(Refusal::NotThere(Sha256::of(b"2.0")));
}

#[test]
fn what_was_yanked_comes_back_by_being_restored_and_in_no_other_way() {
    let hidden = || vec![created(), added("1.0"), yanked(b"1.0", YankPolicy::Hide)];
    let refusal = || Refusal::Yanked {
        name: "hello".into(),
        version: "1.0".into(),
        architecture: "amd64".into(),
        reason: reason("it deletes mail"),
    };
    given::<Repository>(hidden()).when(add("1.0", b"1.0")).refused(refusal());
    given::<Repository>(hidden()).when(add("1.0", b"other")).refused(refusal());
    let back = given::<Repository>(hidden()).when(restore(b"1.0")).then([restored(b"1.0")]);
    assert_eq!(back.content_revision(), Revision(4));
    given::<Repository>(and(hidden(), [restored(b"1.0")])).when(restore(b"1.0")).then_nothing();
    given::<Repository>(and(hidden(), [restored(b"1.0")])).when(add("1.0", b"1.0")).then_nothing();
    let marked = vec![created(), added("1.0"), yanked(b"1.0", YankPolicy::Keep)];
    given::<Repository>(marked).when(add("1.0", b"1.0")).then_nothing();
}

#[test]
fn a_repositorys_own_installer_is_not_yanked() {
    let mut package = deb("1.0", b"1.0");
    if let Facts::Deb(facts) = &mut package.facts {
        facts.package = "pkgdeploy-acme-apt".into();
    }
    let installer = Event::PackageAdded { package, release: None, key_fingerprint: None };
    let refusal = Refusal::InstallersName("pkgdeploy-acme-apt".into());
    given::<Repository>([created(), installer]).when(yank(b"1.0")).refused(refusal);
}

#[test]
fn a_hidden_package_is_signed_again_only_once_it_is_restored() {
    let hidden = || vec![create_yum(), added_rpm("1.0", Some("AB")), yanked(b"1.0", YankPolicy::Hide)];
    let repository = crate::aggregate::fold::<Repository>(hidden());
    assert!(!repository.bears_signature_of(Some(&"AB".into())));
    assert_eq!(repository.signed_by(Some(&"AB".into()), 10), []);
    given::<Repository>(hidden()).when(resign("1.0", b"1.0", b"new")).refused(Refusal::NotThere(Sha256::of(b"1.0")));
    let repository = crate::aggregate::fold::<Repository>(and(hidden(), [restored(b"1.0")]));
    assert!(repository.bears_signature_of(Some(&"AB".into())));
    assert_eq!(repository.signed_by(Some(&"AB".into()), 10), [Sha256::of(b"1.0")]);
}

#[test]
fn a_reason_is_one_line() {
    let long = "ä".repeat(YANK_REASON_MAX_CHARS);
    for good in ["CVE-2026-1", "löscht Post", long.as_str()] {
        assert!(good.parse::<YankReason>().is_ok(), "{good}");
    }
    let longer = format!("{long}a");
    for bad in ["", " ", " a", "a\n", "a\r\nX-Evil: 1", "a\0b", longer.as_str()] {
        assert!(bad.parse::<YankReason>().is_err(), "{bad:?}");
    }
}

/// Repositories may hold a million packages: what touches one of them must not walk through the others.
#[test]
fn yanking_and_signing_again_every_package_takes_a_small_multiple_of_adding_them() {
    const PACKAGES: usize = 10_000;
    const BATCH: usize = 256;
    const TIMES_SLOWER_MAX: u32 = 12;
    // Processor time of this thread: what else the machine does is not in it.
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("it counts from zero");
    let version = |number: usize| format!("1.{number}");
    let mut repository = given::<Repository>([created()]).when(add("0", b"0")).then([added("0")]);

    let start = now();
    for number in 0..PACKAGES {
        repository.evolve(&added(&version(number)));
    }
    let adding = now() - start;

    let start = now();
    for number in 0..PACKAGES {
        let sha256 = Sha256::of(version(number).as_bytes());
        let reason = "wrong".parse::<YankReason>().expect("a reason");
        let events = repository.decide(Command::YankPackage { sha256, reason }).expect("it may be yanked");
        repository.evolve(&events[0]);
        repository.evolve(&Event::PackageRestored { sha256 });
    }
    let yanking = now() - start;

    let start = now();
    let mut resigned = 0;
    loop {
        let batch = repository.signed_by(None, BATCH);
        if batch.is_empty() {
            break;
        }
        for replaces in batch {
            let (identity, _) = repository.packages.in_file(replaces).expect("it is there");
            let version = identity.version.clone();
            let package = deb(&version, format!("{version} again").as_bytes());
            repository.evolve(&Event::PackageResigned { replaces, package, key_fingerprint: "CD".into() });
            resigned += 1;
        }
    }
    let signing = now() - start;

    assert_eq!(resigned, PACKAGES + 1);
    assert!(yanking < TIMES_SLOWER_MAX * adding, "adding took {adding:?}, yanking {yanking:?}");
    assert!(signing < TIMES_SLOWER_MAX * adding, "adding took {adding:?}, signing again {signing:?}");
}

#[test]
fn a_repository_weighs_what_its_packages_take() {
    const PACKAGES: usize = 1_000;
    let mut repository = Repository::default();
    let empty = repository.weight_bytes();
    let mut texts = 0;
    for number in 0..PACKAGES {
        let event = added(&format!("1.{number}"));
        let Event::PackageAdded { package, .. } = &event else { unreachable!("it was added") };
        texts += package.name().len() + package.version().len() + package.architecture().len();
        repository.evolve(&event);
    }
    let weight = repository.weight_bytes() - empty;
    assert!(weight > texts + PACKAGES * size_of::<Sha256>(), "{weight} bytes");
    assert!(weight < PACKAGES * 1024, "{weight} bytes");
}
