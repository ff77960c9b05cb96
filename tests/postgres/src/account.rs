//! Whom the server runs as.

use std::process::{Command, Stdio};

/// An account that is not root's; none if the tests do not run as root either.
#[derive(Debug, Clone)]
pub(crate) struct Account(Option<Ids>);

#[derive(Debug, Clone, Copy)]
struct Ids {
    user: u32,
    group: u32,
}

impl Account {
    pub(crate) fn choose() -> Self {
        if id("-u", None) == Some(0) {
            let ids = ["postgres", "nobody"]
                .into_iter()
                .find_map(|name| Some(Ids { user: id("-u", Some(name))?, group: id("-g", Some(name))? }));
            return Self(Some(ids.expect("there is a user postgres or nobody")));
        }
        Self(None)
    }

    /// The program, run by this account. It says nothing to the test's terminal.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = match self.0 {
            None => Command::new(program),
            Some(Ids { user, group }) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
                command.arg(program);
                command
            }
        };
        command.current_dir("/").stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
        command
    }

    /// Gives it a folder.
    pub(crate) fn own(&self, folder: &std::path::Path) {
        if let Some(Ids { user, group }) = self.0 {
            std::os::unix::fs::chown(folder, Some(user), Some(group)).expect("root gives folders away");
        }
    }
}

fn id(what: &str, name: Option<&str>) -> Option<u32> {
    let output = Command::new("id").arg(what).args(name).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
