//! A Python project is shipped with the virtualenv it was built in.

use stories::{Format, Machine, Project, Server, StartOptions};

const CONFIG: &str = "\
name: greeter
format: deb
distribution: debian12
build:
  directory: /opt/greeter
  user: maker
  group: maker
  commands:
    - run: python3 -m venv env
    - run: env/bin/pip install --no-index --no-build-isolation .
install:
  requires:
    - python3
  user: greeter
  group: greeters
  copy:
    - source: ./
      destination: /opt/greeter/
      permissions: 755
";

const SETUP: &str = "\
from setuptools import setup

setup(name='greeter', version='1.0', py_modules=['greeter'], entry_points={'console_scripts': ['greet = greeter:main']})
";

const GREETER: &str = "\
import sys


def main():
    print(f'Hello from {sys.prefix}.')
";

#[tokio::test(flavor = "multi_thread")]
async fn a_virtualenv_made_at_the_build_directory_runs_there_after_installation() {
    let project = Project::new()
        .file(".pkgdeploy/config.yml", CONFIG)
        .file("setup.py", SETUP)
        .file("greeter.py", GREETER)
        .tag("v1.0.0");
    // Built on the very system it is installed on, as a virtualenv must be.
    let root = stories::client_root();
    let server = Server::start_with(&StartOptions {
        build: format!("unmapped = \"refuse\"\n[build.rootfs]\ndebian12 = \"{}\"", root.display()),
        ..StartOptions::default()
    });
    let team = server.operator();
    team.create_organisation("acme").await;
    let made = team.create_project("acme", "greeter", &project.source()).await;
    let apt = team.create_repository("acme", "debian", Format::Deb).await;
    team.released(&made, "v1.0.0").await;

    let machine = Machine::new();
    machine.ok(&apt.install);
    machine.ok("apt-get update; apt-get install -y greeter");
    assert_eq!(machine.ok("/opt/greeter/env/bin/greet"), "Hello from /opt/greeter/env.\n");
    let owners = machine.ok("stat -c '%U:%G %a' /opt/greeter/greeter.py /opt/greeter/env/bin/greet");
    assert_eq!(owners, "greeter:greeters 755\ngreeter:greeters 755\n");
    machine.ok("getent passwd greeter; getent group greeters");
}
