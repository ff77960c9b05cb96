//! Where the clusters of a process lie, and what takes them away when it ends.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use crate::account::Account;

/// Waits for the end of its input, which is the end of this process, and then stops every cluster and removes all.
const KEEPER: &str = r#"
trap '' INT TERM HUP
cat >/dev/null
for running in "$1"/*/postmaster.pid; do
    [ -e "$running" ] && kill -QUIT "$(head -n 1 "$running")"
done
sleep 0.2
rm -rf "$1"
"#;

/// The folder of all clusters of this process.
pub(crate) struct Home {
    pub(crate) account: Account,
    pub(crate) folder: PathBuf,
    programs: PathBuf,
    /// A cluster that never ran: a copy of it is made faster than another one.
    pub(crate) template: PathBuf,
    _keeper: Child,
}

impl Home {
    pub(crate) fn get() -> &'static Self {
        static HOME: OnceLock<Home> = OnceLock::new();
        HOME.get_or_init(Self::make)
    }

    fn make() -> Self {
        let account = Account::choose();
        let folder =
            tempfile::Builder::new().prefix("pkgdeploy-postgres-").tempdir().expect("a temporary folder").keep();
        account.own(&folder);
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let home = Self {
            template: folder.join("template"),
            programs: programs(),
            account,
            folder,
            _keeper: keeper.expect("sh starts"),
        };
        let mut initdb = home.program("initdb");
        initdb.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        run(initdb.arg("--wal-segsize=1").arg("--pgdata").arg(&home.template));
        home
    }

    /// One of PostgreSQL's programs, run by the account.
    pub(crate) fn program(&self, name: &str) -> Command {
        self.account.command(self.programs.join(name).to_str().expect("a plain path"))
    }
}

/// The newest version's programs; Debian keeps the server's out of the path.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest =
        versions.map(|entry| entry.path()).filter(|path| number(path).is_some()).max_by_key(|path| number(path));
    newest.expect("PostgreSQL is installed below /usr/lib/postgresql (apt-get install postgresql)").join("bin")
}

/// Runs a program that must succeed; what it says is shown only if it does not.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
