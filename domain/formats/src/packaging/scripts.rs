//! Maintainer scripts: which of the six command sections runs when dpkg or rpm calls which script.
//!
//! dpkg passes a word and a version (Debian Policy, chapter 6); rpm passes how many versions of the package will be
//! installed once this step is done.
//!
//! | section            | deb                                            | rpm                |
//! |--------------------|------------------------------------------------|--------------------|
//! | `before_install`   | `preinst install [<old>]`                      | `%pre`, 1          |
//! | `after_install`    | `postinst configure`, of an installation       | `%post`, 1         |
//! | `before_upgrade`   | `preinst upgrade <old>`                        | `%pre`, 2 or more  |
//! | `after_upgrade`    | `postinst configure <old>`, of an upgrade      | `%post`, 2 or more |
//! | `before_uninstall` | `prerm remove`                                 | `%preun`, 0        |
//! | `after_uninstall`  | `postrm remove`                                | `%postun`, 0       |
//!
//! Every other call runs nothing: the old package's `prerm`/`postrm upgrade` and `%preun`/`%postun` 1, every `abort-…`
//! and `failed-upgrade`, `deconfigure`, `disappear`, `triggered`, and `purge` (`remove` came before it).
//!
//! Rules for the cases in between, all of dpkg's:
//! - A package that was removed but not purged and comes back is an installation, for both of its sections. dpkg then
//!   calls `preinst install <old>` and `postinst configure <old>`, and the second looks like an upgrade: `preinst`
//!   leaves a mark for `postinst`, which takes it away once `after_install` has succeeded.
//! - An installation whose `after_install` failed is still to be completed: the next `configure` runs `after_install`
//!   again, also if a newer version was unpacked meanwhile (after its `before_upgrade`: files were there to replace).
//! - Installing the installed version again is an upgrade, for dpkg as for rpm.
//!
//! A failing section stops the installation, upgrade or removal, except that rpm only warns about `%post` and `%postun`.
//!
//! A section's text is between single quotes and runs by `eval` in a separate subshell: it is read only when its
//! case comes, so that a mistake, an `exit` or a `cd` in one section cannot change another. `$1` and `$2` are the script's.

#[cfg(test)]
mod tests;

use super::{accounts::Accounts, spec::ScriptTexts};

/// A package's four scripts; `None` where there is nothing to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MaintainerScripts {
    /// deb `preinst`, rpm `%pre`.
    pub(super) before_unpack: Option<String>,
    /// deb `postinst`, rpm `%post`.
    pub(super) after_unpack: Option<String>,
    /// deb `prerm`, rpm `%preun`.
    pub(super) before_removal: Option<String>,
    /// deb `postrm`, rpm `%postun`.
    pub(super) after_removal: Option<String>,
}

/// Folder in which `preinst` records for `postinst` that a removed package is installed again, in a file per package.
const RETURNING: &str = "/var/lib/pkgdeploy-returning-";

/// The scripts that dpkg calls.
pub(super) fn deb(package: &str, texts: &ScriptTexts, accounts: &Accounts) -> MaintainerScripts {
    let mark = format!("{RETURNING}{package}");

    let mut before = Script::new();
    before.section("before_install", texts.before_install.as_deref());
    before.section("before_upgrade", texts.before_upgrade.as_deref());
    let mut install = before.call("before_install");
    if texts.after_install.is_some() || texts.after_upgrade.is_some() {
        install.push(format!("rm -f '{mark}'"));
        install.push(format!("if [ -n \"${{2:-}}\" ]; then : >'{mark}'; fi"));
    }
    let upgrade = before.call("before_upgrade");
    before.case("install | upgrade", &accounts.create());
    before.case("install", &install);
    before.case("upgrade", &upgrade);

    let mut after = Script::new();
    after.section("after_install", texts.after_install.as_deref());
    after.section("after_upgrade", texts.after_upgrade.as_deref());
    if !after.is_empty() {
        let or_nothing = |calls: Vec<String>| calls.into_iter().next().unwrap_or_else(|| ":".to_owned());
        let configure = [
            format!("if [ -z \"${{2:-}}\" ] || [ -e '{mark}' ]; then"),
            format!("    {}", or_nothing(after.call("after_install"))),
            format!("    rm -f '{mark}'"),
            "else".to_owned(),
            format!("    {}", or_nothing(after.call("after_upgrade"))),
            "fi".to_owned(),
        ];
        after.case("configure", &configure);
    }

    let mut before_removal = Script::new();
    before_removal.section("before_uninstall", texts.before_uninstall.as_deref());
    before_removal.case("remove", &before_removal.call("before_uninstall"));

    let mut after_removal = Script::new();
    after_removal.section("after_uninstall", texts.after_uninstall.as_deref());
    after_removal.case("remove", &after_removal.call("after_uninstall"));

    MaintainerScripts {
        before_unpack: before.finish(Some("#!/bin/sh")),
        after_unpack: after.finish(Some("#!/bin/sh")),
        before_removal: before_removal.finish(Some("#!/bin/sh")),
        after_removal: after_removal.finish(Some("#!/bin/sh")),
    }
}

/// The scriptlets that rpm runs with `/bin/sh`.
pub(super) fn rpm(texts: &ScriptTexts, accounts: &Accounts) -> MaintainerScripts {
    let one = |name: &str, text: &Option<String>, case: &str| {
        let mut script = Script::new();
        script.section(name, text.as_deref());
        script.case(case, &script.call(name));
        script.finish(None)
    };
    let installing = |prepare: &[String], install: (&str, &Option<String>), upgrade: (&str, &Option<String>)| {
        let mut script = Script::new();
        script.section(install.0, install.1.as_deref());
        script.section(upgrade.0, upgrade.1.as_deref());
        script.case("*", prepare);
        script.case("1", &script.call(install.0));
        script.case("[2-9] | [1-9][0-9]*", &script.call(upgrade.0));
        script.finish(None)
    };
    MaintainerScripts {
        before_unpack: installing(
            &accounts.create(),
            ("before_install", &texts.before_install),
            ("before_upgrade", &texts.before_upgrade),
        ),
        after_unpack: installing(&[], ("after_install", &texts.after_install), ("after_upgrade", &texts.after_upgrade)),
        before_removal: one("before_uninstall", &texts.before_uninstall, "0"),
        after_removal: one("after_uninstall", &texts.after_uninstall, "0"),
    }
}

/// One script being put together: functions for the sections, then a `case` per call that does something.
struct Script {
    sections: Vec<String>,
    text: String,
    cases: String,
}

impl Script {
    fn new() -> Self {
        Self { sections: Vec::new(), text: String::new(), cases: String::new() }
    }

    fn section(&mut self, name: &str, text: Option<&str>) {
        let Some(text) = text else { return };
        self.sections.push(name.to_owned());
        let quoted = text.replace('\'', r"'\''");
        self.text.push_str(&format!("\n{name}() (\n    eval '\n{quoted}\n'\n)\n"));
    }

    /// The line that runs a section, if the package has it.
    fn call(&self, name: &str) -> Vec<String> {
        self.sections.iter().filter(|section| *section == name).map(|name| format!("{name} \"$@\"")).collect()
    }

    fn case(&mut self, pattern: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        let body: String = lines.iter().flat_map(|line| ["        ", line, "\n"]).collect();
        self.cases.push_str(&format!("\ncase \"$1\" in\n    {pattern})\n{body}        ;;\nesac\n"));
    }

    fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    fn finish(self, shebang: Option<&str>) -> Option<String> {
        if self.cases.is_empty() {
            return None;
        }
        let shebang = shebang.map(|line| format!("{line}\n")).unwrap_or_default();
        Some(format!("{shebang}# Written by pkgdeploy.\nset -e\n{}{}", self.text, self.cases))
    }
}
