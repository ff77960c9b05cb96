//! What is left when the server dies in the middle of a build.

use std::{
    env, fs,
    process::{Command, Stdio},
};

use super::{Fixture, is_running, jobs_left, until};
use crate::Builder;

const FOLDER: &str = "PKGDEPLOY_TEST_CRASHING_FOLDER";

/// The server that is killed: the test below runs this one in a separate process.
#[tokio::test]
async fn a_build_that_sleeps_until_its_server_is_killed() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let mut fixture = Fixture::running("(setsid sleep 4242.21 &); sleep 4242.21");
    fixture.settings.jobs = folder.into();
    panic!("it was not killed: {:?}", fixture.build().await);
}

#[tokio::test]
async fn a_killed_server_leaves_no_process_and_no_mount_and_the_next_one_sweeps_its_folders() {
    let fixture = Fixture::new();
    let jobs = &fixture.settings.jobs;
    let mut server = Command::new(env::current_exe().expect("this test's program"))
        .args(["--exact", "tests::crash::a_build_that_sleeps_until_its_server_is_killed", "--nocapture"])
        .env(FOLDER, jobs)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    until("the build runs", || is_running("4242.21")).await;
    server.kill().expect("it is killed");
    server.wait().expect("it is dead");

    until("the build's processes end", || !is_running("4242.21")).await;
    assert_eq!(jobs_left(&fixture.settings), 1, "its folder is left");
    let name = jobs.display().to_string();
    assert!(!fs::read_to_string("/proc/self/mountinfo").expect("the mounts").contains(&name), "nothing is mounted");
    until("its disk image is released", || {
        let devices = Command::new("losetup")
            .args(["--list", "--noheadings", "--output", "BACK-FILE"])
            .output()
            .expect("losetup");
        !String::from_utf8_lossy(&devices.stdout).contains(&name)
    })
    .await;
    Builder::new(fixture.settings.clone()).expect("the next server starts");
    assert_eq!(jobs_left(&fixture.settings), 0);
}
