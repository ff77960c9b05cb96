use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

fn run(script: &str) -> (bool, String) {
    let output = std::process::Command::new("sh").args(["-e", "-c", script]).output().expect("sh runs");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn each_command_is_shown_and_shares_a_shell_with_the_others() {
    let commands = ["cd /usr", "x='it''s'\necho \"$x $PWD\""].map(|text| Command::Run(text.to_owned()));
    let script = compose(&commands, Path::new("/")).expect("a script");
    let (_, said) = run(&script);
    assert_eq!(said, "$ cd /usr\n$ x='it''s'\n> echo \"$x $PWD\"\nits /usr\n");
}

#[test]
fn an_exit_in_a_command_file_does_not_end_the_build_but_a_failure_does() {
    let checkout = TempDir::new().expect("a temporary folder");
    fs::write(checkout.path().join("good.sh"), "#!/bin/sh\necho good\nexit 0\n").expect("a file");
    fs::write(checkout.path().join("bad.sh"), "false\necho unreached").expect("a file");
    let file = |name: &str| Command::File(name.to_owned());
    let script = compose(&[file("good.sh"), Command::Run("echo next".into()), file("bad.sh")], checkout.path());
    let (success, said) = run(&script.expect("a script"));
    assert!(!success);
    assert_eq!(said, "$ sh -e good.sh\ngood\n$ echo next\nnext\n$ sh -e bad.sh\n");
}

#[test]
fn a_command_file_is_a_bounded_regular_file_of_the_checkout() {
    let checkout = TempDir::new().expect("a temporary folder");
    symlink("/etc/passwd", checkout.path().join("link")).expect("a link");
    let long = fs::File::create(checkout.path().join("long")).expect("a file");
    long.set_len(COMMAND_FILE_MAX_BYTES + 1).expect("its length");
    for file in ["link", "long", "nothing", "../x", "."] {
        let refusal = compose(&[Command::File(file.into())], checkout.path()).expect_err(file);
        assert_eq!(refusal.code(), "command_file_unreadable");
    }
}
