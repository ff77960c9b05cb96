//! Each limit of a build, hit.

use std::time::Duration;

use super::{Fixture, is_running, until};

#[tokio::test]
async fn a_command_that_fails_fails_the_build_with_its_status_and_last_lines() {
    let fixture = Fixture::running("echo about to fail\nsh -c 'exit 7'\necho unreached");
    let error = fixture.refused().await;
    assert_eq!((error.code(), error.step().to_string().as_str()), ("command_failed", "Building"));
    let text = error.to_string();
    assert!(text.starts_with("build.commands failed (exit status 7)"), "{text}");
    assert!(text.ends_with("\nabout to fail"), "{text}");
}

#[tokio::test]
async fn a_build_that_takes_too_long_is_killed_with_all_its_processes() {
    let mut fixture = Fixture::running("(setsid sleep 4242.17 &) ; sleep 4242.17");
    fixture.settings.limits.wall_time = Duration::from_secs(2);
    let error = fixture.refused().await;
    assert_eq!(error.code(), "timeout", "{error}");
    until("the build's processes end", || !is_running("4242.17")).await;
    assert_eq!(super::jobs_left(&fixture.settings), 0);
}

#[tokio::test]
async fn a_dropped_build_is_killed_with_all_its_processes() {
    let fixture = Fixture::running("sleep 4242.18");
    let started = async {
        until("the build starts", || is_running("4242.18")).await;
    };
    tokio::select! {
        built = fixture.build() => panic!("it must still sleep: {built:?}"),
        () = started => {}
    }
    until("the build's processes end", || !is_running("4242.18")).await;
    assert_eq!(super::jobs_left(&fixture.settings), 0);
}

#[tokio::test]
async fn a_process_that_outlives_its_command_is_dead_before_the_tree_is_read() {
    let mut fixture =
        Fixture::running("setsid sh -c 'while :; do date >>late; done' >/dev/null 2>&1 & sleep 4242.19 & touch early");
    fixture.config.install.copy = vec![super::copy("early", "/opt/early")];
    let built = fixture.built().await;
    assert!(!is_running("4242.19"));
    drop(built);
}

#[tokio::test]
async fn a_fork_bomb_stops_at_the_limit_of_processes() {
    let mut fixture = Fixture::running("i=0; while [ $i -lt 200 ]; do sleep 30 & i=$((i+1)); done");
    fixture.settings.limits.processes = 50;
    let error = fixture.refused().await;
    assert_eq!(error.code(), "command_failed");
    assert!(error.to_string().to_lowercase().contains("fork"), "{error}");
}

#[tokio::test]
async fn a_process_that_takes_too_much_memory_gets_none() {
    let mut fixture = Fixture::running("head -c 600M /dev/zero | tail");
    fixture.settings.limits.memory_bytes = 256 << 20;
    let error = fixture.refused().await;
    assert_eq!(error.code(), "command_failed");
    assert!(error.to_string().contains("memory exhausted"), "{error}");
}

#[tokio::test]
async fn a_build_that_fills_its_disk_is_said_to_have_done_so() {
    for place in [".", "/tmp", "/dev/shm"] {
        let mut fixture = Fixture::running(&format!("head -c 200M /dev/zero >{place}/file"));
        fixture.settings.limits.disk_bytes = 64 << 20;
        let error = fixture.refused().await;
        assert_eq!(error.code(), "disk_full", "{place}: {error}");
    }
}

#[tokio::test]
async fn a_file_is_not_longer_than_its_limit() {
    let mut fixture = Fixture::running("head -c 3M /dev/zero >file");
    fixture.settings.limits.file_bytes = 1 << 20;
    let error = fixture.refused().await;
    assert_eq!(error.code(), "command_failed");
    assert!(error.to_string().contains("signal 25"), "{error}");
}

#[tokio::test]
async fn a_file_descriptor_hog_is_stopped() {
    let mut fixture = Fixture::running("ulimit -n");
    fixture.settings.limits.open_files = 99;
    fixture.built().await;
    assert_eq!(fixture.said(), ["99"]);
}

#[tokio::test]
async fn a_log_does_not_outgrow_its_limit_and_the_build_goes_on() {
    let mut fixture = Fixture::running("yes | head -c 5000000");
    fixture.settings.limits.log_bytes = 10_000;
    fixture.config.install.copy = vec![super::copy("./", "/opt/shop")];
    fixture.built().await;
    let log = fixture.log();
    assert!(log.len() < 10_200, "{}", log.len());
    assert!(log.trim_end().ends_with("[pkgdeploy: the log is cut here, it reached its limit of 10000 bytes]"));
}

#[tokio::test]
async fn the_log_can_be_followed_while_the_build_runs() {
    let fixture = Fixture::running("echo first\nsleep 4242.20");
    let seen = until("the first line is there", || {
        std::fs::read_to_string(fixture.folder.path().join("log")).is_ok_and(|log| log.ends_with("\nfirst\n"))
    });
    tokio::select! {
        built = fixture.build() => panic!("it must still sleep: {built:?}"),
        () = seen => {}
    }
}
