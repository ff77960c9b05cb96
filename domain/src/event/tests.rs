//! Every stored shape ever written must decode for ever: one golden file for each. Never change a golden file;
//! a new shape gets a new schema version and a new file.

use std::collections::BTreeSet;

use chrono::DateTime;
use uuid::Uuid;

use super::{
    DecodeError, Event, NAMES, decode, encode,
    upcasting::{RELEASED, newest_version},
};
use crate::{
    account, ci_proof,
    config::Architecture,
    delivery,
    digest::Sha256,
    ids::{AccessKeyId, PersonId, ProjectId, ReleaseId, RepositoryId, SecretId, TokenId},
    keyring, organisation,
    package::{
        Changelog, Comparison, DebFacts, Dependency, Facts, FileKind, FileList, Format, Package, PackagedFile,
        testing::rpm_facts,
    },
    personal::Personal,
    project,
    recorded::{RawEvent, Revision},
    release, repository, signing_key,
    version::ReleaseVersion,
};

/// The event in each golden file.
pub(super) fn golden() -> Vec<(&'static str, &'static str, Event)> {
    macro_rules! golden {
        ($($file:literal => $event:expr),+ $(,)?) => {
            vec![$(($file, include_str!(concat!("golden/", $file, ".json")), Event::from($event))),+]
        };
    }
    golden! {
        "account.registered.v1" => account::Event::Registered { name: personal(), email: personal() },
        "account.removed.v1" => account::Event::Removed,
        "account.person_erased.v1" => account::Event::PersonErased,
        "account.token_issued.v1" => account::Event::TokenIssued { token: TokenId(id(1)), secret_sha256: digest() },
        "account.token_revoked.v1" => account::Event::TokenRevoked { token: TokenId(id(1)) },
        "organisation.created.v1" => organisation::Event::Created { name: name() },
        "organisation.build_slots_set.v1" => organisation::Event::BuildSlotsSet { slots: 3 },
        "organisation.feed_token_issued.v1" => organisation::Event::FeedTokenIssued {
            token: TokenId(id(1)),
            secret_sha256: digest(),
            name: name(),
        },
        "organisation.feed_token_revoked.v1" => organisation::Event::FeedTokenRevoked { token: TokenId(id(1)) },
        "project.added.v1" => project::Event::Added {
            organisation: name(),
            name: name(),
            source: "https://example.org/acme.git".into(),
            trigger: project::Trigger::ApiEndpoint,
        },
        "project.api_token_issued.v1" => project::Event::ApiTokenIssued {
            token: TokenId(id(1)),
            secret_sha256: digest(),
            name: None,
            scopes: project::Scopes::default(),
            expires_at: None,
            job: None,
        },
        "project.api_token_issued.v1.named" => project::Event::ApiTokenIssued {
            token: TokenId(id(1)),
            secret_sha256: digest(),
            name: Some(name()),
            scopes: project::Scopes::release(),
            expires_at: Some(time()),
            job: Some(job()),
        },
        "project.api_token_rolled.v1" => project::Event::ApiTokenRolled {
            old: TokenId(id(1)),
            token: TokenId(id(6)),
            secret_sha256: digest(),
            old_works_until: Some(time()),
        },
        "project.api_token_grace_closed.v1" => project::Event::ApiTokenGraceClosed { token: TokenId(id(1)) },
        "project.api_token_revoked.v1" => project::Event::ApiTokenRevoked { token: TokenId(id(1)) },
        "project.trigger_chosen.v1" => project::Event::TriggerChosen { trigger: project::Trigger::GithubWebhook },
        "project.tag_pattern_set.v1" => project::Event::TagPatternSet { pattern: "v*".parse().expect("a pattern") },
        "project.tag_deleted.v1" => project::Event::TagDeleted { tag: name() },
        "project.tags_known.v1" => project::Event::TagsKnown { tags: vec![name()], is_complete: true },
        "project.triggers_refused.v1" => project::Event::TriggersRefused {
            reason: project::TriggerRefused::WrongSignature,
            count: 3,
            first_at: time(),
            last_at: time(),
        },
        "project.github_connected.v1" => project::Event::GithubConnected {
            repository_id: 7,
            full_name: "acme/web".parse().expect("a name"),
            api_url: project::ApiUrl::default(),
            credential: Some(SecretId(id(7))),
        },
        "project.github_disconnected.v1" => project::Event::GithubDisconnected,
        "project.webhook_secret_issued.v1" => project::Event::WebhookSecretIssued { secret: SecretId(id(8)) },
        "project.webhook_registered.v1" => project::Event::WebhookRegistered { hook_id: 9, secret: SecretId(id(8)) },
        "project.webhook_removed.v1" => project::Event::WebhookRemoved { hook_id: 9 },
        "project.deploy_key_installed.v1" => project::Event::DeployKeyInstalled {
            deploy_key_id: 10,
            secret: SecretId(id(9)),
            public_key: "ssh-ed25519 AAAA pkgdeploy".into(),
        },
        "project.deploy_key_removed.v1" => project::Event::DeployKeyRemoved { deploy_key_id: 10 },
        "project.github_step_failed.v1" => project::Event::GithubStepFailed {
            step: project::GithubStep::RegisterWebhook,
            code: "unreachable".into(),
            message: "GitHub does not answer".into(),
        },
        "project.github_step_recovered.v1" => project::Event::GithubStepRecovered { step: project::GithubStep::ListTags },
        "project.commit_status_reported.v1" => project::Event::CommitStatusReported {
            release: ReleaseId(id(2)),
            commit: "c0ffee0000c0ffee0000c0ffee0000c0ffee0000".parse().expect("a commit"),
            state: project::CommitState::Success,
        },
        "project.ci_identity_trusted.v1" => project::Event::CiIdentityTrusted(project::CiTrust {
            repository_id: 7,
            owner_id: 8,
            ref_pattern: project::CI_REF_PATTERN_DEFAULT.parse().expect("a pattern"),
            audience: Some("https://packages.example.com".into()),
        }),
        "project.ci_identity_distrusted.v1" => project::Event::CiIdentityDistrusted,
        "delivery.received.v1" => received(delivery::Outcome::Tag { tag: name() }),
        "delivery.received.v1.ignored" => received(delivery::Outcome::Ignored { reason: delivery::Ignored::OtherTrigger }),
        "delivery.received.v1.ping" => received(delivery::Outcome::Ping),
        "delivery.received.v1.tag_deleted" => received(delivery::Outcome::TagDeleted { tag: name() }),
        "ci-proof.spent.v1" => ci_proof::Event::Spent {
            issuer: "https://token.actions.githubusercontent.com".into(),
            project: ProjectId(id(3)),
            job: job(),
            token: TokenId(id(1)),
        },
        "project.trigger_accepted.v1" => project::Event::TriggerAccepted {
            tag: name(),
            version: version(),
            release: ReleaseId(id(2)),
            idempotency_key: Some("ci-42".into()),
        },
        "project.tag_freed.v1" => project::Event::TagFreed { tag: name(), release: ReleaseId(id(2)) },
        "release.received.v1" => release::Event::Received {
            organisation: name(),
            project: ProjectId(id(3)),
            tag: name(),
            version: version(),
        },
        "release.build_slot_granted.v1" => release::Event::BuildSlotGranted,
        "release.code_checked_out.v1" => release::Event::CodeCheckedOut {
            commit: "c0ffee0000c0ffee0000c0ffee0000c0ffee0000".parse().expect("a commit"),
            committed_at: time(),
        },
        "release.config_validated.v1" => release::Event::ConfigValidated {
            packages: vec![release::PlannedPackage {
                config: ".pkgdeploy/config.yml".into(),
                name: name(),
                format: Format::Deb,
                architecture: Architecture::Bits64,
                distribution: "debian12".into(),
            }],
        },
        "release.build_set_up.v1" => release::Event::BuildSetUp {
            config: ".pkgdeploy/config.yml".into(),
            root: "rootfs debian12".into(),
        },
        "release.package_built.v1" => release::Event::PackageBuilt {
            config: ".pkgdeploy/config.yml".into(),
            built: release::BuiltPackage {
                file_name: "acme_1.0_amd64.deb".into(),
                sha256: digest(),
                size_bytes: 3,
                log: digest(),
            },
        },
        "release.package_ready.v1" => release::Event::PackageReady {
            config: ".pkgdeploy/config.yml".into(),
            package: deb(),
            key_fingerprint: Some("AB".into()),
        },
        "release.package_uploaded.v1" => release::Event::PackageUploaded {
            config: ".pkgdeploy/config.yml".into(),
            repository: RepositoryId(id(4)),
        },
        "release.uploaded.v1" => release::Event::Uploaded,
        "release.failed.v1" => release::Event::Failed {
            step: release::Step::Building,
            code: "timeout".into(),
            message: "too slow".into(),
            log: Some(digest()),
        },
        "release.cancelled.v1" => release::Event::Cancelled,
        "repository.created.v1" => repository::Event::Created {
            organisation: name(),
            name: name(),
            format: Format::Rpm,
            origin: "acme".into(),
            label: "acme/acme".into(),
            codename: "stable".into(),
        },
        "repository.package_added.v1" => repository::Event::PackageAdded { package: rpm(), release: Some(ReleaseId(id(2))), key_fingerprint: None },
        "repository.package_added.signed.v1" => repository::Event::PackageAdded {
            package: rpm(),
            release: None,
            key_fingerprint: Some("AB".into()),
        },
        "repository.package_resigned.v1" => repository::Event::PackageResigned {
            replaces: digest(),
            package: rpm(),
            key_fingerprint: "CD".into(),
        },
        "repository.package_yanked.v1" => repository::Event::PackageYanked {
            sha256: digest(),
            reason: "it deletes mail".parse().expect("a reason"),
            policy: repository::YankPolicy::Hide,
        },
        "repository.package_restored.v1" => repository::Event::PackageRestored { sha256: digest() },
        "repository.yank_policy_set.v1" => repository::Event::YankPolicySet { policy: repository::YankPolicy::Keep },
        "repository.snapshot_taken.v1" => repository::Event::SnapshotTaken { name: name(), published_at: time() },
        "repository.snapshot_removed.v1" => repository::Event::SnapshotRemoved { name: name() },
        "repository.index_signed.v1" => repository::Event::IndexSigned(repository::SignedIndex {
            covers: Revision(7),
            published_at: time(),
            signed: index_file("dists/stable/Release", repository::Stored::Blob),
            signatures: vec![index_file("dists/stable/InRelease", repository::Stored::Blob)],
            files: vec![
                index_file("dists/stable/main/binary-amd64/Packages", repository::Stored::Unserved),
                index_file("dists/stable/main/binary-amd64/Packages.gz", repository::Stored::Segmented(digest())),
            ],
            key_fingerprint: "AB".into(),
            renderer: 1,
            stated: Box::default(),
            co_signers: vec![],
        }),
        "repository.index_signed.by_two_keys.v1" => repository::Event::IndexSigned(repository::SignedIndex {
            covers: Revision(7),
            published_at: time(),
            signed: index_file("repodata/repomd.xml", repository::Stored::Blob),
            signatures: vec![index_file("repodata/repomd.xml.asc", repository::Stored::Blob)],
            files: vec![],
            key_fingerprint: "AB".into(),
            renderer: 1,
            stated: Box::default(),
            co_signers: vec![repository::CoSigner {
                key_fingerprint: "CD".into(),
                epoch: 2,
                signature: Some(index_file("key/2/repodata/repomd.xml.asc", repository::Stored::Blob)),
            }],
        }),
        "repository.index_signed.stating.v1" => repository::Event::IndexSigned(repository::SignedIndex {
            covers: Revision(7),
            published_at: time(),
            signed: index_file("repodata/repomd.xml", repository::Stored::Blob),
            signatures: vec![index_file("repodata/repomd.xml.asc", repository::Stored::Blob)],
            files: vec![],
            key_fingerprint: "AB".into(),
            renderer: 1,
            stated: Box::new(repository::Stated {
                snapshots: Some("https://example.org/apt/acme/web/at/@SNAPSHOTID@/".into()),
                checkpoint: Some("example.org/log/acme\n7\nAAAA\n\n— example.org/log/acme AAAA\n".into()),
            }),
            co_signers: vec![repository::CoSigner {
                key_fingerprint: "CD".into(),
                epoch: 2,
                signature: Some(index_file("key/2/repodata/repomd.xml.asc", repository::Stored::Blob)),
            }],
        }),
        "keyring.access_key_issued.v1" => keyring::Event::AccessKeyIssued {
            key: AccessKeyId(id(5)),
            name: name(),
            secret_sha256: digest(),
            kind: keyring::NamedKind::Shared,
            expires_at: None,
            enrols_max: None,
        },
        "keyring.access_key_issued.v1.enrolment" => keyring::Event::AccessKeyIssued {
            key: AccessKeyId(id(5)),
            name: name(),
            secret_sha256: digest(),
            kind: keyring::NamedKind::Enrolment,
            expires_at: Some(time()),
            enrols_max: Some(100),
        },
        "keyring.access_key_revoked.v1" => keyring::Event::AccessKeyRevoked { key: AccessKeyId(id(5)) },
        "keyring.rolled.v1" => keyring::Event::Rolled { generation: 2, keys: successors() },
        "keyring.grace_opened.v1" => keyring::Event::GraceOpened {
            generation: 2,
            until: time(),
            successors: successors(),
        },
        "keyring.key_renewed.v1" => keyring::Event::KeyRenewed {
            old: AccessKeyId(id(5)),
            new: AccessKeyId(id(6)),
            secret_sha256: digest(),
        },
        "keyring.machine_moved.v1" => keyring::Event::MachineMoved { key: AccessKeyId(id(6)) },
        "keyring.grace_closed.v1" => keyring::Event::GraceClosed {
            generation: 2,
            because: keyring::WindowEnd::EveryoneMoved,
        },
        "keyring.sealed_keys_deleted.v1" => keyring::Event::SealedKeysDeleted { generation: 2 },
        "keyring.installer_published.v1" => keyring::Event::InstallerPublished {
            number: 3,
            sha256: digest(),
            generation: 2,
            content: digest(),
        },
        "keyring.machine_enrolled.v1" => keyring::Event::MachineEnrolled {
            enrolment: AccessKeyId(id(5)),
            key: AccessKeyId(id(6)),
            machine: "web-1.example.com".parse().expect("a name"),
            secret_sha256: digest(),
            replaces: vec![],
        },
        "keyring.machine_enrolled.v1.again" => keyring::Event::MachineEnrolled {
            enrolment: AccessKeyId(id(5)),
            key: AccessKeyId(id(7)),
            machine: "web-1.example.com".parse().expect("a name"),
            secret_sha256: digest(),
            replaces: vec![AccessKeyId(id(6))],
        },
        "signing-key.generated.v1" => signing_key::Event::Generated {
            fingerprint: "AB".into(),
            certificate: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n".into(),
            expires_at: None,
        },
        "signing-key.generated.expiring.v1" => signing_key::Event::Generated {
            fingerprint: "AB".into(),
            certificate: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n".into(),
            expires_at: Some(time()),
        },
        "signing-key.next_announced.v1" => signing_key::Event::NextAnnounced {
            fingerprint: "CD".into(),
            epoch: 2,
            certificate: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n".into(),
            secret: SecretId(id(6)),
            expires_at: Some(time()),
        },
        "signing-key.overlap_began.v1" => signing_key::Event::OverlapBegan { fingerprint: "CD".into() },
        "signing-key.cut_over.v1" => signing_key::Event::CutOver { fingerprint: "CD".into(), replaced: "AB".into() },
        "signing-key.retired.v1" => signing_key::Event::Retired { fingerprint: "AB".into() },
        "signing-key.destroyed.v1" => signing_key::Event::Destroyed { fingerprint: "AB".into() },
        "signing-key.compromised.v1" => signing_key::Event::Compromised {
            fingerprint: "AB".into(),
            replaced_by: "CD".into(),
        },
        "signing-key.log_key_made.v1" => signing_key::Event::LogKeyMade {
            host: "packages.example.org".into(),
            public_key: digest().to_string(),
        },
        "signing-key.expiry_near.v1" => signing_key::Event::ExpiryNear { fingerprint: "AB".into(), days_left: 30 },
    }
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn personal() -> Personal {
    Personal { person: PersonId(id(11)), sealed: "AAAA".into() }
}

fn digest() -> Sha256 {
    Sha256::of(b"")
}

fn time() -> DateTime<chrono::Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("a time")
}

fn name<N: std::str::FromStr<Err: std::fmt::Debug>>() -> N {
    "acme".parse().expect("a name")
}

fn successors() -> Vec<keyring::Successor> {
    let (old, new) = (AccessKeyId(id(5)), AccessKeyId(id(6)));
    let shared = keyring::Successor {
        old,
        new,
        name: name(),
        kind: keyring::NamedKind::Shared,
        secret_sha256: digest(),
        expires_at: None,
        enrols_max: None,
    };
    let enrolment = keyring::Successor {
        old: AccessKeyId(id(7)),
        new: AccessKeyId(id(8)),
        kind: keyring::NamedKind::Enrolment,
        expires_at: Some(time()),
        enrols_max: Some(3),
        ..shared.clone()
    };
    vec![shared, enrolment]
}

fn job() -> project::CiJob {
    project::CiJob {
        repository_id: 7,
        git_ref: "refs/tags/v1".into(),
        workflow_ref: "acme/web/.github/workflows/release.yml@refs/tags/v1".into(),
        jti_sha256: digest(),
    }
}

fn received(outcome: delivery::Outcome) -> delivery::Event {
    delivery::Event::Received {
        project: ProjectId(id(3)),
        delivery: "72d3162e-cc78-11e3-81ab-4c9367dc0958".parse().expect("a name"),
        hook_event: "create".into(),
        repository_id: Some(7),
        outcome,
    }
}

fn version() -> ReleaseVersion {
    ReleaseVersion::from_tag(&"v1.0-rc1".parse().expect("a tag")).expect("a version")
}

fn deb() -> Package {
    Package {
        file_name: "acme_1.0_amd64.deb".into(),
        sha256: digest(),
        size_bytes: 3,
        facts: Facts::Deb(DebFacts {
            package: "acme".into(),
            version: "1.0".into(),
            architecture: "amd64".into(),
            control: "Package: acme\nVersion: 1.0".into(),
        }),
    }
}

fn rpm() -> Package {
    let mut facts = rpm_facts("acme", "1.0");
    let dependency =
        |comparison, evr: &str| Dependency { name: "libacme".into(), comparison, evr: evr.into(), pre: true };
    facts.requires = vec![dependency(None, ""), dependency(Some(Comparison::Ge), "1:2.0-1")];
    facts.files = FileList::Inline(vec![
        PackagedFile { path: "/usr/bin/acme".into(), kind: FileKind::File },
        PackagedFile { path: "/var/lib/acme".into(), kind: FileKind::Dir },
    ]);
    facts.changelogs = vec![Changelog { author: "Ann".into(), date: 1, text: "- first".into() }];
    Package {
        file_name: "acme-1.0-1.x86_64.rpm".into(),
        sha256: digest(),
        size_bytes: 3,
        facts: Facts::Rpm(Box::new(facts)),
    }
}

fn index_file(path: &str, stored: repository::Stored) -> repository::IndexFile {
    repository::IndexFile { path: path.into(), sha256: digest(), size_bytes: 3, stored }
}

#[test]
fn every_stored_shape_decodes_for_ever() {
    for (file, text, event) in golden() {
        let raw: RawEvent = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(decode(&raw).unwrap_or_else(|error| panic!("{file}: {error}")), event, "{file}");
    }
}

#[test]
fn every_event_is_written_as_its_newest_golden_file_says() {
    for (file, text, event) in golden() {
        let raw: RawEvent = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let written = encode(&event);
        if raw.schema_version < written.schema_version {
            continue;
        }
        let shown = serde_json::to_string(&written).expect("JSON");
        assert_eq!(written, raw, "{file} should hold\n{shown}");
    }
}

#[test]
fn every_version_of_every_event_has_a_golden_file() {
    let mut covered = BTreeSet::new();
    for (file, text, _) in golden() {
        let raw: RawEvent = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(file.starts_with(&raw.name) && file.contains(&format!(".v{}", raw.schema_version)), "{file}");
        covered.insert((raw.name, raw.schema_version));
    }
    for name in NAMES {
        for version in 1..=newest_version(RELEASED, name) {
            assert!(covered.contains(&((*name).to_owned(), version)), "{name} of version {version} has no golden file");
        }
    }
}

#[test]
fn every_file_of_the_golden_corpus_is_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/event/golden");
    let files = std::fs::read_dir(folder).expect("the corpus").map(|entry| {
        let name = entry.expect("a file").file_name().into_string().expect("a name");
        name.strip_suffix(".json").unwrap_or(&name).to_owned()
    });
    let read: BTreeSet<String> = golden().into_iter().map(|(file, _, _)| file.to_owned()).collect();
    assert_eq!(files.collect::<BTreeSet<_>>(), read);
}

#[test]
fn a_name_of_a_newer_version_is_unknown_rather_than_wrong() {
    let raw = |name: &str, schema_version| RawEvent { name: name.into(), schema_version, payload: "{}".into() };
    for raw in [raw("release.teleported", 1), raw("nonsense", 1)] {
        assert!(matches!(decode(&raw), Err(DecodeError::Unknown { .. })), "{raw:?}");
    }
}

#[test]
fn a_newer_shape_of_a_known_name_is_not_taken_for_the_one_known() {
    let raw = RawEvent { name: "release.uploaded".into(), schema_version: 2, payload: "{}".into() };
    assert!(matches!(decode(&raw), Err(DecodeError::Newer { schema_version: 2, newest: 1, .. })));
    let never = RawEvent { schema_version: 0, ..raw };
    assert!(matches!(decode(&never), Err(DecodeError::Malformed { .. })));
}

#[test]
fn a_damaged_payload_is_malformed() {
    let raw = RawEvent { name: "organisation.created".into(), schema_version: 1, payload: "{\"name\":3}".into() };
    assert!(matches!(decode(&raw), Err(DecodeError::Malformed { .. })));
}
