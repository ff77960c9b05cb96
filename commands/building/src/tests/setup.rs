//! `build.requires`, `build.user`, `build.directory`.

use std::{collections::BTreeMap, fs, sync::Arc};

use domain::config::Command;
use formats::packaging::tree::Content;
use tokio::time::Instant;

use super::{Fixture, copy, write};
use crate::{
    Root,
    error::Exit,
    layers::Layers,
    log::BuildLog,
    namespace::PROGRAM_PATH,
    sandbox::{RunAs, Sandbox, Script, Unfinished},
};

/// What `text` says when root of a fresh sandbox runs it.
pub(super) async fn as_root(fixture: &Fixture, text: &str) -> String {
    let sandbox = sandbox(fixture).await;
    run(fixture, &sandbox, text).await.expect("it runs");
    fixture.log().lines().filter(|line| !line.contains("cannot ")).collect::<Vec<_>>().join("\n")
}

async fn sandbox(fixture: &Fixture) -> Sandbox {
    let settings = Arc::new(fixture.settings.clone());
    fs::create_dir_all(&settings.jobs).expect("the jobs' folder");
    let root = Root::Host { distribution: "test".to_owned() };
    let layers = Layers::open(settings.jobs.join("job"), &root, &settings.hidden, 1 << 28).await.expect("a job");
    let deadline = Instant::now() + settings.limits.wall_time;
    Sandbox { layers, settings, deadline }
}

async fn run(fixture: &Fixture, sandbox: &Sandbox, text: &str) -> Result<Exit, Unfinished> {
    let mut log = BuildLog::open(&fixture.folder.path().join("log"), 1 << 20).expect("a log");
    let script = Script {
        name: "test.sh",
        text: &format!("set +e\n{text}"),
        run_as: RunAs::Root,
        directory: "/",
        environment: &BTreeMap::from([("PATH".to_owned(), PROGRAM_PATH.to_owned())]),
        checkout: None,
        destdir: false,
    };
    sandbox.run(&script, &mut log).await
}

#[tokio::test]
async fn a_link_left_at_a_mount_point_does_not_lead_the_next_script_out() {
    for trap in [
        "mv /run /was; ln -s /oldroot/etc /run",
        "rm -rf /run/*; mv /run/pkgdeploy /was; mv /run /gone; ln -s /etc /run",
    ] {
        let fixture = Fixture::new();
        let sandbox = sandbox(&fixture).await;
        run(&fixture, &sandbox, trap).await.expect("it runs");
        let refused = run(&fixture, &sandbox, "true").await.expect_err("there is a link");
        assert!(format!("{refused:?}").contains("/run is a symbolic link"), "{refused:?}");
    }
}

#[tokio::test]
async fn required_packages_are_installed_for_the_build_alone() {
    assert!(!fs::exists("/usr/bin/hello").expect("a path"), "this test needs a machine without the package hello");
    let mut fixture = Fixture::running("hello; id -u");
    fixture.config.build.requires = vec!["hello".to_owned()];
    fixture.built().await;
    assert!(fixture.log().contains("\nHello, world!\n60600\n"), "{}", fixture.log());
    assert!(!fs::exists("/usr/bin/hello").expect("a path"));
}

#[tokio::test]
async fn a_package_that_cannot_be_installed_fails_the_setup() {
    let mut fixture = Fixture::new();
    fixture.config.build.requires = vec!["http://127.0.0.1:9/no-such_1_all.deb".to_owned()];
    let error = fixture.refused().await;
    assert_eq!((error.code(), error.step().to_string().as_str()), ("requires_failed", "Setup build"), "{error}");
    assert!(error.to_string().contains("127.0.0.1"), "the log's end says why: {error}");
}

#[tokio::test]
async fn the_build_user_and_group_are_made_and_own_the_checkout() {
    let mut fixture =
        Fixture::running("id -un; id -gn; stat -c '%U:%G %a' . file; touch file; ls -ld $HOME | cut -d' ' -f3");
    write(&fixture.checkout().join("file"), "x");
    fixture.config.build.user = Some("crafter".to_owned());
    fixture.config.build.group = Some("crafters".to_owned());
    fixture.config.build.directory = Some("/opt/shop".to_owned());
    fixture.built().await;
    let owners = ["crafter", "crafters", "crafter:crafters 755", "crafter:crafters 644", "crafter"];
    assert_eq!(fixture.said(), owners);
}

#[tokio::test]
async fn root_is_no_build_user() {
    let mut fixture = Fixture::running("id");
    fixture.config.build.user = Some("root".to_owned());
    let error = fixture.refused().await;
    assert_eq!(error.code(), "setup_failed");
    assert!(error.to_string().contains("must not be root"), "{error}");
}

#[tokio::test]
async fn a_build_does_not_stand_among_files_of_the_root() {
    let mut fixture = Fixture::running("true");
    fixture.config.build.directory = Some("/usr/share".to_owned());
    let error = fixture.refused().await;
    assert_eq!(error.code(), "setup_failed");
    assert!(error.to_string().contains("/usr/share already holds files"), "{error}");
}

#[tokio::test]
async fn a_build_directory_behind_a_link_is_refused() {
    let mut fixture = Fixture::running("true");
    fixture.config.build.directory = Some("/var/run/shop".to_owned());
    let error = fixture.refused().await;
    assert_eq!(error.code(), "setup_failed");
    assert!(error.to_string().contains("/var/run is a symbolic link"), "{error}");
}

#[tokio::test]
async fn an_unmapped_distribution_is_refused_where_the_operator_says_so() {
    let mut fixture = Fixture::running("true");
    fixture.settings.roots.unmapped = crate::Unmapped::Refuse;
    assert_eq!(fixture.refused().await.code(), "unmapped_distribution");
}

#[tokio::test]
async fn a_virtualenv_made_at_the_build_directory_ships_to_the_same_path() {
    let mut fixture = Fixture::running(
        "/usr/bin/python3 -m venv --without-pip env\nenv/bin/python -c 'import sys; print(sys.prefix)'",
    );
    fixture.config.build.directory = Some("/opt/shop".to_owned());
    fixture
        .config
        .build
        .commands
        .push(Command::Run("test \"$(head -n 1 env/bin/activate.csh | wc -l)\" = 1".to_owned()));
    fixture.config.install.copy = vec![copy("./", "/opt/shop")];
    let built = fixture.built().await;
    assert_eq!(fixture.said(), ["/opt/shop/env"]);
    let entries = &built.tree.entries;
    let Content::File { source, .. } = &entries["/opt/shop/env/bin/activate"].content else { panic!("a file") };
    assert!(fs::read_to_string(source).expect("the file").contains("/opt/shop/env"));
    assert_eq!(entries["/opt/shop/env/bin/python3"].content, Content::Symlink("/usr/bin/python3".to_owned()));
    assert_eq!(entries["/opt/shop"].mode, 0o755);
}
