//! Whatever is wrong gets a clear answer, nothing is half-published, and the next release works.

use reqwest::{Method, StatusCode};
use serde_json::json;
use stories::{Answer, Format, MadeProject, Project, Server, StartOptions, Team, packages_index, run_host};

/// A project that is wrong in one way, and how its release must end.
struct Wrong {
    what: &'static str,
    config: &'static str,
    step: &'static str,
    code: &'static str,
    /// In the message for people.
    says: &'static str,
}

const WRONG: [Wrong; 13] = [
    Wrong {
        what: "a config that is no YAML",
        config: "name: [greeting\nformat: deb\n",
        step: "VALIDATE_CONFIG",
        code: "config_invalid",
        says: ".pkgdeploy/config.yml",
    },
    Wrong {
        what: "an unknown key",
        config: "name: greeting\nformat: deb\ndistributoin: debian12\n",
        step: "VALIDATE_CONFIG",
        code: "config_invalid",
        says: ".pkgdeploy/config.yml:3",
    },
    Wrong {
        what: "a key that is there twice",
        config: "name: greeting\nformat: deb\nformat: rpm\n",
        step: "VALIDATE_CONFIG",
        code: "config_invalid",
        says: "twice",
    },
    Wrong {
        what: "a missing name",
        config: "format: deb\n",
        step: "VALIDATE_CONFIG",
        code: "config_invalid",
        says: "name",
    },
    Wrong {
        what: "a forbidden package name",
        config: "name: ../greeting\nformat: deb\n",
        step: "VALIDATE_CONFIG",
        code: "config_invalid",
        says: "name",
    },
    Wrong {
        what: "a source outside of the checkout",
        config: "name: greeting\nformat: deb\ninstall:\n  copy:\n    - source: ../../../etc/passwd\n      destination: /usr/share/x\n",
        step: "VALIDATE_CONFIG",
        code: "config_invalid",
        says: "install.copy[0].source",
    },
    Wrong {
        what: "a destination with ..",
        config: "name: greeting\nformat: deb\ninstall:\n  copy:\n    - source: greeting.txt\n      destination: /usr/../../etc/passwd\n",
        step: "VALIDATE_CONFIG",
        code: "config_invalid",
        says: "install.copy[0].destination",
    },
    Wrong {
        what: "a format without a repository",
        config: "name: greeting\nformat: rpm\n",
        step: "VALIDATE_CONFIG",
        code: "no_repository",
        says: "rpm",
    },
    Wrong {
        what: "a build command that fails",
        config: "name: greeting\nformat: deb\nbuild:\n  commands:\n    - run: echo no luck today; exit 3\n",
        step: "BUILDING",
        code: "command_failed",
        says: "3",
    },
    Wrong {
        what: "a build that takes too long",
        config: "name: greeting\nformat: deb\nbuild:\n  commands:\n    - run: sleep 600\n",
        step: "BUILDING",
        code: "timeout",
        says: "10 s",
    },
    Wrong {
        what: "a file that the build did not make",
        config: "name: greeting\nformat: deb\ninstall:\n  copy:\n    - source: out/greeting\n      destination: /usr/bin/greeting\n",
        step: "BUILDING",
        code: "output_missing",
        says: "out/greeting",
    },
    Wrong {
        what: "a script that is not in the repository",
        config: "name: greeting\nformat: deb\nafter_install:\n  - file: scripts/nowhere.sh\n",
        step: "VALIDATE_CONFIG",
        code: "command_file_unreadable",
        says: "scripts/nowhere.sh",
    },
    Wrong {
        what: "a distribution that the operator does not have",
        config: "name: greeting\nformat: deb\ndistribution: plan9\n",
        step: "SETUP_BUILD",
        code: "unmapped_distribution",
        says: "plan9",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_cannot_be_made_says_why_and_publishes_nothing() {
    let root = stories::client_root();
    let root = root.display();
    let server = Server::start_with(&StartOptions {
        build: format!(
            "time_limit_seconds = 10\nunmapped = \"refuse\"\n[build.rootfs]\nubuntu18 = \"{root}\"\ncentos7 = \"{root}\"\n"
        ),
        ..StartOptions::default()
    });
    let team = server.operator();
    team.create_organisation("acme").await;
    let apt = team.create_repository("acme", "debian", Format::Deb).await;
    for (number, wrong) in WRONG.iter().enumerate() {
        let source =
            Project::new().file(".pkgdeploy/config.yml", wrong.config).file("greeting.txt", "Hello.\n").tag("v1.0.0");
        let project = team.create_project("acme", &format!("wrong-{number}"), &source.source()).await;
        let release = team.release(&project, "v1.0.0").await;
        assert_eq!(release.state(), "FAILED", "{}: {:#}", wrong.what, release.0);
        assert_eq!(
            release.failure(),
            (wrong.step.to_owned(), wrong.code.to_owned()),
            "{}: {:#}",
            wrong.what,
            release.0
        );
        assert!(release.message().contains(wrong.says), "{}: {}", wrong.what, release.message());
        assert_eq!(release.packages(), [], "{}", wrong.what);
        assert_eq!(packages_index(&apt).await, "", "{} published something", wrong.what);
        if wrong.code == "command_failed" {
            let log = team.get(&format!("/api/v1/releases/{}/log", release.id())).await;
            assert!(log.text().contains("no luck today"), "{}", log.text());
        }
    }

    let source = Project::small("greeting").tag("v1.0.0");
    let project = team.create_project("acme", "right", &source.source()).await;
    team.released(&project, "v1.0.0").await;
    assert!(packages_index(&apt).await.contains("Package: greeting\n"), "the next release works");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_of_two_packages_fails_neither_is_published() {
    let bad = "name: greeting\nformat: rpm\nbuild:\n  commands: exit 1\n";
    let source = Project::small("greeting").file(".pkgdeploy/config-rpm.yml", bad).tag("v1.0.0");
    let server = Server::start();
    let team = server.operator();
    team.create_organisation("acme").await;
    let apt = team.create_repository("acme", "debian", Format::Deb).await;
    team.create_repository("acme", "el", Format::Rpm).await;
    let project = team.create_project("acme", "greeting", &source.source()).await;
    assert_eq!(team.release(&project, "v1.0.0").await.state(), "FAILED");
    assert_eq!(packages_index(&apt).await, "");

    // A failed release frees its tag: who repairs the cause may ask again, and gets a release of its own.
    let again = team.release(&project, "v1.0.0").await;
    assert_eq!(again.state(), "FAILED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trigger_answers_every_bad_request_with_a_problem() {
    let source = Project::small("greeting").tag("v1.0.0").tag("release-candidate").tag("v1.1.0");
    let server = Server::start();
    let team = server.operator();
    team.create_organisation("acme").await;
    let apt = team.create_repository("acme", "debian", Format::Deb).await;
    let project = team.create_project("acme", "greeting", &source.source()).await;
    let other = team.create_project("acme", "other", &source.source()).await;
    let too_long = json!({ "tag": "v1".repeat(200) }).to_string();

    for (what, body, status) in [
        ("no such tag", r#"{"tag": "v9.9.9"}"#, StatusCode::NOT_FOUND),
        ("no such version", r#"{"version": "9.9.9"}"#, StatusCode::NOT_FOUND),
        ("a tag that is no version", r#"{"tag": "release-candidate"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("a tag that leaves its folder", r#"{"tag": "../../etc/passwd"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("a tag that is an option", r#"{"tag": "--upload-pack=touch /tmp/x"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("a version that holds a blank", r#"{"version": "1.0 0"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("a tag that is too long", &too_long, StatusCode::UNPROCESSABLE_ENTITY),
        ("a tag and a version", r#"{"tag": "v1.0.0", "version": "1.0.0"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("neither", "{}", StatusCode::UNPROCESSABLE_ENTITY),
        ("no JSON", "v1.0.0", StatusCode::BAD_REQUEST),
        ("nothing", "", StatusCode::BAD_REQUEST),
        ("a number", r#"{"tag": 1}"#, StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        refused(&team.trigger(&project, body, 0).await, status, what);
    }

    let good = r#"{"tag": "v1.0.0"}"#;
    let stranger = MadeProject { api_token: "pkd_api_nobody".to_owned(), ..project.clone() };
    let neighbour = MadeProject { api_token: other.api_token.clone(), ..project.clone() };
    let nowhere = MadeProject { id: "00000000-0000-8000-8000-000000000000".to_owned(), ..project.clone() };
    refused(&Answer::to(team.trigger_request(&project, good, 0)).await, StatusCode::UNAUTHORIZED, "no token");
    refused(&team.trigger(&stranger, good, 0).await, StatusCode::UNAUTHORIZED, "a token that was not issued");
    refused(&team.trigger(&neighbour, good, 0).await, StatusCode::UNAUTHORIZED, "another project's token");
    refused(&team.trigger(&nowhere, good, 0).await, StatusCode::UNAUTHORIZED, "an unknown project");
    let runs = team.graphql("{ releases(organisation: \"acme\", project: \"greeting\", first: 5) { id } }").await;
    assert_eq!(runs["releases"], json!([]), "a refused trigger makes no release");

    released_once(&team, &project).await;
    let same = team.trigger(&project, good, 0).await;
    assert_eq!(same.status, StatusCode::CONFLICT, "a second release of a tag: {}", same.text());
    team.released(&project, "v1.1.0").await;
    let listed = packages_index(&apt).await;
    assert_eq!(listed.matches("Package: greeting\n").count(), 2, "{listed}");
}

/// An idempotency key stands for its release: the same request again is answered 200 with the same release.
async fn released_once(team: &Team, project: &MadeProject) {
    let ask = || {
        let request = team.trigger_request(project, r#"{"version": "1.0.0"}"#, 30).bearer_auth(&project.api_token);
        Answer::to(request.header("Idempotency-Key", "build-17"))
    };
    let first = ask().await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text());
    let again = ask().await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text());
    assert_eq!(first.json()["release"], again.json()["release"]);
    let release = team.end_of(&stories::text(&first.json(), "/release")).await;
    assert_eq!(release.state(), "UPLOADED", "{:#}", release.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_of_a_repository_can_be_read_or_written_by_a_path() {
    let server = Server::start();
    let team = server.operator();
    team.create_organisation("acme").await;
    let apt = team.create_repository("acme", "debian", Format::Deb).await;
    for path in [
        "../../log.sqlite",
        "pool/../../../log.sqlite",
        "pool/..%2f..%2f..%2flog.sqlite",
        "%2e%2e/%2e%2e/etc/passwd",
        "pool//etc/passwd",
    ] {
        let ask = format!(
            "curl -s --path-as-is --noproxy '*' -o /dev/null -w '%{{http_code}}' -u '{}:{}' '{}/{path}'",
            apt.key_id, apt.key_secret, apt.url
        );
        let status = run_host(&ask).text;
        assert!(["400", "401", "404"].contains(&status.as_str()), "{path} answered {status}");
    }
    for file in ["..%2f..%2fgreeting.deb", "%2e%2e", "greeting.txt", "greeting.rpm", "greeting_1.0_all.deb"] {
        let path = format!("/api/v1/repositories/acme/debian/packages/{file}");
        let request = team.request(Method::PUT, &path).bearer_auth(team.token()).body("no package at all");
        let answer = Answer::to(request).await;
        assert!(answer.status.is_client_error(), "{file} answered {}: {}", answer.status, answer.text());
    }
    let unsigned = team.request(Method::PUT, "/api/v1/repositories/acme/debian/packages/x_1_all.deb").body("x");
    refused(&Answer::to(unsigned).await, StatusCode::UNAUTHORIZED, "an upload without a token");
    assert_eq!(packages_index(&apt).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn graphql_refuses_strangers_and_names_that_are_none() {
    let server = Server::start();
    let team = server.operator();
    for token in ["", "pkd_op_nobody"] {
        let request = team.request(Method::POST, "/graphql").bearer_auth(token);
        let answer = Answer::to(request.json(&json!({ "query": "{ organisations { name } }" }))).await;
        let refused = answer.status == StatusCode::UNAUTHORIZED || answer.json().pointer("/errors/0").is_some();
        assert!(refused && !answer.text().contains("acme"), "{}", answer.text());
    }
    for name in ["", "Acme", "a/b", "..", "-a", "a b"] {
        let document = format!("mutation {{ createOrganisation(name: {}) {{ __typename }} }}", json!(name));
        let answer = team.graphql_answer(&document).await;
        assert!(answer.pointer("/errors/0/message").is_some(), "{name:?} was taken: {answer:#}");
    }
}

fn refused(answer: &Answer, status: StatusCode, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    let kind = answer.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert!(kind.starts_with("application/problem+json"), "{what}: {kind}");
    assert!(!answer.code().is_empty(), "{what}");
}
