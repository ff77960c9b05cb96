use super::*;
use crate::{
    aggregate::fold,
    config::Architecture,
    digest::Sha256,
    package::{DebFacts, Facts, Format},
    release::commands::SETUPS_MAX,
    testing::given,
};

const CONFIG: &str = ".pkgdeploy/config.yml";

fn origin() -> Origin {
    let tag: TagName = "v1.0".parse().expect("a tag");
    Origin {
        organisation: "acme".parse().expect("a name"),
        project: ProjectId(uuid::Uuid::from_u128(1)),
        version: ReleaseVersion::from_tag(&tag).expect("a version"),
        tag,
    }
}

fn received() -> Event {
    let Origin { organisation, project, tag, version } = origin();
    Event::Received { organisation, project, tag, version }
}

fn commit(digits: &str) -> CommitId {
    format!("{digits:0>40}").parse().expect("a commit")
}

fn checked_out() -> Event {
    Event::CodeCheckedOut { commit: commit("c0ffee"), committed_at: DateTime::UNIX_EPOCH }
}

fn planned() -> Vec<PlannedPackage> {
    vec![PlannedPackage {
        config: CONFIG.into(),
        name: "hello".parse().expect("a name"),
        format: Format::Deb,
        architecture: Architecture::Bits64,
        distribution: "debian12".into(),
    }]
}

fn validated() -> Event {
    Event::ConfigValidated { packages: planned() }
}

fn built_package() -> BuiltPackage {
    BuiltPackage {
        file_name: "hello_1.0_amd64.deb".into(),
        sha256: Sha256::of(b"deb"),
        size_bytes: 3,
        log: Sha256::of(b"log"),
    }
}

fn built() -> Event {
    Event::PackageBuilt { config: CONFIG.into(), built: built_package() }
}

fn package() -> Package {
    Package {
        file_name: "hello_1.0_amd64.deb".into(),
        sha256: Sha256::of(b"deb"),
        size_bytes: 3,
        facts: Facts::Deb(DebFacts {
            package: "hello".into(),
            version: "1.0".into(),
            architecture: "amd64".into(),
            control: "Package: hello".into(),
        }),
    }
}

fn ready() -> Event {
    Event::PackageReady { config: CONFIG.into(), package: package(), key_fingerprint: None }
}

fn repository() -> RepositoryId {
    RepositoryId(uuid::Uuid::from_u128(9))
}

fn uploaded() -> Event {
    Event::PackageUploaded { config: CONFIG.into(), repository: repository() }
}

fn failed() -> Event {
    Event::Failed { step: Step::Building, code: "timeout".into(), message: "too slow".into(), log: None }
}

fn until_uploaded() -> [Event; 7] {
    [received(), Event::BuildSlotGranted, checked_out(), validated(), built(), ready(), uploaded()]
}

fn record_ready() -> Command {
    Command::RecordReady { config: CONFIG.into(), package: Box::new(package()), key_fingerprint: None }
}

#[test]
fn a_release_is_received_once() {
    given::<Release>([]).when(Command::Receive(origin())).then([received()]);
    given::<Release>([received()]).when(Command::Receive(origin())).then_nothing();
}

#[test]
fn code_is_checked_out_only_with_a_build_slot() {
    let checkout = || Command::RecordCheckout { commit: commit("c0ffee"), committed_at: DateTime::UNIX_EPOCH };
    given::<Release>([received()]).when(checkout()).refused(Refusal::TooEarly("it has no build slot"));
    given::<Release>([received(), Event::BuildSlotGranted]).when(checkout()).then([checked_out()]);
}

#[test]
fn a_commit_is_pinned_for_ever() {
    let other = Command::RecordCheckout { commit: commit("bad"), committed_at: DateTime::UNIX_EPOCH };
    given::<Release>([received(), Event::BuildSlotGranted, checked_out()]).when(other).then_nothing();
}

#[test]
fn configs_are_validated_after_the_checkout() {
    let record = || Command::RecordConfig { packages: planned() };
    given::<Release>([received()]).when(record()).refused(Refusal::TooEarly("its code is not checked out"));
    given::<Release>([received(), Event::BuildSlotGranted, checked_out()]).when(record()).then([validated()]);
}

#[test]
fn only_planned_packages_are_built() {
    let record = |config: &str| Command::RecordBuilt { config: config.into(), built: built_package() };
    let steps = [received(), Event::BuildSlotGranted, checked_out(), validated()];
    given::<Release>(steps.clone()).when(record(CONFIG)).then([built()]);
    given::<Release>(steps).when(record("other.yml")).refused(Refusal::NoSuchPackage("other.yml".into()));
}

#[test]
fn a_package_is_built_before_it_is_ready_and_ready_before_it_is_uploaded() {
    let steps = [received(), Event::BuildSlotGranted, checked_out(), validated(), built()];
    given::<Release>(steps[..4].to_vec()).when(record_ready()).refused(Refusal::TooEarly("the package is not built"));
    given::<Release>(steps.clone()).when(record_ready()).then([ready()]);
    given::<Release>(steps)
        .when(Command::RecordUploaded { config: CONFIG.into(), repository: repository() })
        .refused(Refusal::TooEarly("the package is not ready"));
}

#[test]
fn a_step_recorded_twice_is_recorded_once() {
    given::<Release>(until_uploaded()).when(record_ready()).then_nothing();
    given::<Release>(until_uploaded())
        .when(Command::RecordUploaded { config: CONFIG.into(), repository: repository() })
        .then_nothing();
}

#[test]
fn a_release_is_uploaded_when_every_package_is_in_a_repository() {
    let steps = until_uploaded();
    given::<Release>(steps[..6].to_vec())
        .when(Command::Finish)
        .refused(Refusal::TooEarly("a package is in no repository"));
    let release = given::<Release>(steps).when(Command::Finish).then([Event::Uploaded]);
    assert_eq!(release, Release::Uploaded);
}

#[test]
fn a_release_without_packages_is_never_uploaded() {
    given::<Release>([received()]).when(Command::Finish).refused(Refusal::TooEarly("a package is in no repository"));
}

#[test]
fn a_running_release_can_fail_or_be_cancelled_once() {
    let fail = || Command::Fail { step: Step::Building, code: "timeout".into(), message: "too slow".into(), log: None };
    given::<Release>([received()]).when(fail()).then([failed()]);
    given::<Release>([received(), failed()]).when(fail()).refused(Refusal::Ended);
    given::<Release>([received()]).when(Command::Cancel).then([Event::Cancelled]);
    given::<Release>([received(), Event::Cancelled]).when(Command::Cancel).then_nothing();
}

#[test]
fn a_release_cannot_be_stopped_once_it_is_being_uploaded() {
    let steps = until_uploaded();
    given::<Release>(steps[..5].to_vec()).when(Command::Cancel).then([Event::Cancelled]);
    given::<Release>(steps[..6].to_vec()).when(Command::Cancel).refused(Refusal::Uploading);
    given::<Release>(steps).when(Command::Cancel).refused(Refusal::Uploading);
}

#[test]
fn a_build_that_never_ends_is_not_begun_for_ever() {
    let set_up = || Event::BuildSetUp { config: CONFIG.into(), root: "rootfs debian12".into() };
    let record = || Command::RecordSetup { config: CONFIG.into(), root: "rootfs debian12".into() };
    let mut steps = until_uploaded()[..4].to_vec();
    for _ in 0..SETUPS_MAX {
        given::<Release>(steps.clone()).when(record()).then([set_up()]);
        steps.push(set_up());
    }
    given::<Release>(steps.clone()).when(record()).refused(Refusal::TooManyAttempts(CONFIG.into()));
    steps.push(built());
    given::<Release>(steps).when(record()).then_nothing();
}

#[test]
fn a_release_knows_the_step_it_is_at() {
    let steps = until_uploaded();
    let expected = [
        Step::WaitingForBuildSlot,
        Step::CheckoutCode,
        Step::ValidateConfig,
        Step::Building,
        Step::Building,
        Step::Uploading,
        Step::Uploading,
    ];
    for (seen, step) in (1..).zip(expected) {
        let release = fold::<Release>(steps[..seen].to_vec());
        assert_eq!(release.running().map(Running::step), Some(step), "after {seen} events");
    }
}

#[test]
fn a_message_is_cut_to_its_limit() {
    let message = "ä".repeat(MESSAGE_MAX_CHARS + 1);
    let command = Command::Fail { step: Step::Building, code: "timeout".into(), message, log: None };
    let cut = Event::Failed {
        step: Step::Building,
        code: "timeout".into(),
        message: "ä".repeat(MESSAGE_MAX_CHARS),
        log: None,
    };
    given::<Release>([received()]).when(command).then([cut]);
}

#[test]
fn an_ended_release_stays_ended() {
    let mut steps = until_uploaded().to_vec();
    steps.push(Event::Uploaded);
    given::<Release>(steps.clone()).when(Command::Finish).then_nothing();
    given::<Release>(steps).when(Command::Cancel).refused(Refusal::Ended);
}

#[test]
fn nothing_happens_to_an_unknown_release() {
    given::<Release>([]).when(Command::GrantBuildSlot).refused(Refusal::Unknown);
}
